"""What digests say."""

from django.utils.translation import gettext_lazy as _

from gongzhi.ground.ledger.events import Event


class RhythmChosen(Event):
    label = _("Rhythm of reminders chosen")
    user_id: int
    rhythm: str
