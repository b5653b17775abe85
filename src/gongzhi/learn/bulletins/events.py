"""What the bulletins say."""

from datetime import date

from django.utils.translation import gettext_lazy as _

from gongzhi.ground.ledger.events import Event


class BulletinMade(Event):
    label = _("Monthly bulletin made")
    bulletin_id: int
    place_id: int
    month: date
    revision: int
