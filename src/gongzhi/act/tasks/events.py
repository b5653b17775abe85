"""What a task says."""

from django.utils.translation import gettext_lazy as _

from gongzhi.ground.ledger.events import Event


class TaskOpened(Event):
    label = _("Work order written")
    task_id: int
    case_id: int


class TaskAccepted(Event):
    label = _("Work order accepted")
    task_id: int
    case_id: int


class TaskReported(Event):
    label = _("Work reported as done")
    task_id: int
    case_id: int
    photos: int = 0
    part_id: int | None = None  # of a co-handler


class TaskReturned(Event):
    label = _("Returned as not ours")
    task_id: int
    case_id: int
    part_id: int | None = None


class TaskCancelled(Event):
    label = _("Work order cancelled")
    task_id: int
    case_id: int


class TaskClockChanged(Event):
    label = _("Deadline follows the case")
    task_id: int
    case_id: int
