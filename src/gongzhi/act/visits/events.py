"""What a visit says. Never whom it was paid to."""

from django.utils.translation import gettext_lazy as _

from gongzhi.ground.ledger.events import Event


class VisitPlanned(Event):
    label = _("Visit planned")
    visit_id: int


class VisitMade(Event):
    label = _("Visit made")
    visit_id: int
    promised: bool


class VisitDropped(Event):
    label = _("Visit no longer needed")
    visit_id: int


class PromiseKept(Event):
    label = _("Promise kept")
    visit_id: int
