"""What the search says: that somebody looked, never for what."""

from django.utils.translation import gettext_lazy as _

from gongzhi.ground.ledger.events import Event


class CallerLookedUp(Event):
    """Somebody asked for the earlier cases behind a telephone number that they were told."""

    label = _("Searched by telephone")
    search_id: int
    found: int
