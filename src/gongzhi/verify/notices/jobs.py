"""What the schedule does for notices."""

from gongzhi.verify.notices.sending import send_waiting

__all__ = ["send_waiting"]
