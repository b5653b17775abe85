"""What the schedule does for checks."""

from gongzhi.verify.checks.actions import move_unanswered

__all__ = ["move_unanswered"]
