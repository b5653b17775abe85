"""What the schedule does for household points."""

from gongzhi.act.points.actions import book_ended, turn_years

__all__ = ["book_ended", "turn_years"]
