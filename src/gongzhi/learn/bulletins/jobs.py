"""What the schedule does for bulletins."""

from gongzhi.learn.bulletins.actions import make_missing

__all__ = ["make_missing"]
