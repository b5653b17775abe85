"""What the schedule does for digests."""

from datetime import datetime, timedelta
from typing import Final

from gongzhi.learn.digests.models import Digest, Sending
from gongzhi.learn.digests.sending import send_digests

__all__ = ["forget_sent", "send_digests"]

KEPT: Final = timedelta(days=62)


def forget_sent(*, now: datetime) -> int:
    """What was sent two months ago is nobody's business any more; addresses of closed accounts are erased."""
    gone, _ = Sending.objects.filter(due_at__lt=now - KEPT).delete()
    for digest in Digest.objects.filter(user__is_active=False).exclude(email=None, phone=None)[:500]:
        digest.email = digest.phone = ""
        digest.save(update_fields=["email", "phone"])
    return gone
