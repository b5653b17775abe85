"""What the loop keeps is about work, not about people."""

from gongzhi.ground.privacy import declare

declare(
    harmless=[
        "loop.Job.task",
        "loop.Job.args",  # ids
        "loop.Job.state",
        "loop.Job.key",
        "loop.Job.worker",  # machine, process
        "loop.Job.error",  # kind and place of the error, never its message (queue.describe)
        "loop.Job.result",  # what a task answers: numbers and codes
        "loop.Delivery.wire",
        "loop.Schedule.name",
    ]
)
