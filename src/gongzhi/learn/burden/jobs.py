"""What the schedule does for the burden meter."""

from gongzhi.learn.burden.actions import count_burden

__all__ = ["count_burden"]
