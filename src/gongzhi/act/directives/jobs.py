"""What the schedule does for directives."""

from gongzhi.act.directives.actions import carry_over, send_due_rounds
from gongzhi.act.directives.ladder import take_steps

__all__ = ["carry_over", "send_due_rounds", "take_steps"]
