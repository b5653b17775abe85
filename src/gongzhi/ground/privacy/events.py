"""What privacy says."""

from django.utils.translation import gettext_lazy as _

from gongzhi.ground.ledger.events import Event


class PersonalDataRevealed(Event):
    label = _("Personal data looked at")
    model: str
    object_id: int
    field: str


class PersonalDataErased(Event):
    label = _("Personal data erased")
    model: str
    field: str
    rows: int


class TableTakenOut(Event):
    label = _("Table taken out of the house")
    what: str
    form: str
    rows: int
    asked: tuple[str, ...]  # the filters, each as "name=value"
