"""What the schedule does for whistles."""

from gongzhi.act.whistles.actions import remind_late

__all__ = ["remind_late"]
