"""What the notices say."""

from django.utils.translation import gettext_lazy as _

from gongzhi.ground.ledger.events import Event


class NoticesStopped(Event):
    label = _("The reporter wants no more messages")
    message_id: int
