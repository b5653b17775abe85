"""What the schedule does for disputes."""

from gongzhi.act.disputes.actions import remind_obligations

__all__ = ["remind_obligations"]
