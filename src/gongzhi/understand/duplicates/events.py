"""What the search for duplicates says."""

from django.utils.translation import gettext_lazy as _

from gongzhi.ground.ledger.events import Event


class FoundApart(Event):
    """A person has looked: these two are not the same matter."""

    label = _("Found not to be the same")
    case_id: int
    other_id: int
