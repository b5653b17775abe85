"""What the schedule does for cases."""

from gongzhi.understand.cases.actions import resume_overdue
from gongzhi.understand.cases.escalation import escalate

__all__ = ["escalate", "resume_overdue"]
