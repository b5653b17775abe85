"""What valued work keeps about people, and for how long."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from gongzhi.ground.privacy import DataClass, Personal, declare

_AGREED = _("work of the committee, by an agreement that its meeting adopted")
_WORK = _("to say what the work is, who does it and by when")
_FAIR = _("to give each score its reason, and each objection its answer")


def _kept(field: str, why: str | Promise, clock: str, days: int = 1095) -> Personal:
    model, _dot, name = field.rpartition(".")
    return Personal(model, name, why=why, basis=_AGREED, data_class=DataClass.INTERNAL, clock=clock, keep_days=days)


declare(
    _kept("values.Agreement.meeting", _WORK, "ends_on", 3650),
    _kept("values.Item.title", _WORK, "ended_at"),
    _kept("values.Item.done_when", _WORK, "ended_at"),
    _kept("values.Item.origin", _WORK, "ended_at"),
    _kept("values.Item.report", _WORK, "ended_at"),
    _kept("values.Item.end_words", _WORK, "ended_at"),
    _kept("values.Turn.words", _WORK, "item__ended_at"),
    _kept("values.Score.reason", _FAIR, "item__ended_at"),
    _kept("values.Objection.words", _FAIR, "item__ended_at"),
    _kept("values.Objection.answer", _FAIR, "item__ended_at"),
    harmless={
        "values.Agreement.place_path",
        "values.Item.place_path",
        "values.Item.state",
        "values.Objection.outcome",
    },
)
