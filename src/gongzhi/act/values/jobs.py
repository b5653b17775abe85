"""What the schedule does for values."""

from gongzhi.act.values.actions import settle_unopposed

__all__ = ["settle_unopposed"]
