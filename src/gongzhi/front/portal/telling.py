"""What the reporter is told first: who does what by when; and the list of what is kept about them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from gongzhi.front.clock_words import moment_words, running_clock
from gongzhi.front.story import Matter, position_words
from gongzhi.ground.privacy.declarations import Personal
from gongzhi.ground.rules.actions import rule
from gongzhi.understand.cases.models import Case
from gongzhi.understand.cases.models import State as CaseState
from gongzhi.understand.cases.referrals import BASIS, WHERE_TO
from gongzhi.understand.cases.rulings import objection_until
from gongzhi.verify.checks.models import State as CheckState

CLOSED_WORDS: Final = {
    Case.ClosedAs.HELPED: gettext_lazy("You told us that it helped."),
    Case.ClosedAs.VERIFIED: gettext_lazy("Another post than the one that did the work has verified it."),
    Case.ClosedAs.UNREACHABLE: gettext_lazy("Another post has verified it; we could not reach you."),
}


def next_step(matter: Matter | None, now: datetime, message_id: int | None = None) -> dict[str, Any]:
    """Who does what by when, in one sentence: the first thing on the follow page."""
    if matter is None:
        return {"title": _("We are reading your report"), "words": _("Reload this page in a moment.")}
    case = matter.case
    if matter.voice is not None and matter.voice.withdrawn_at is not None:
        return {"title": _("You withdrew this matter"), "done": True}
    lead = position_words(case.lead_role, case.lead_place.name) if case.lead_role and case.lead_place else ""
    match case.state:
        case CaseState.NEW:
            return {"title": _("We are finding out who can help"), **until(case.due_at, case.yellow_at, now)}
        case CaseState.ASSIGNED:
            return {"title": _("%(who)s takes care of it") % {"who": lead}, **until(case.due_at, case.yellow_at, now)}
        case CaseState.PAUSED:
            return {"title": _("The clock stands still"), "words": case.pause_reason, "review_on": case.review_on}
        case CaseState.TO_CHECK:
            check = matter.check
            answered = check is not None and message_id is not None and matter.answer_of(check, message_id) is not None
            if check is not None and check.state == CheckState.ASKED and answered:
                return {
                    "title": _("Thank you for your answer"),
                    "words": _("Others reported the same. We are waiting for their answers too."),
                }
            if check is not None and check.state == CheckState.ASKED:
                told = {"title": _("Did it help? Please tell us")}
                if check.answer_until is not None:
                    told["words"] = _("If we hear nothing by %(moment)s, another post looks.") % {
                        "moment": moment_words(check.answer_until, now)
                    }
                return told
            return {"title": _("Somebody else is checking whether it is done")}
        case CaseState.REFERRED:
            until_when = objection_until(case)
            referred: dict[str, Any] = {
                "title": _("We may not take this up: %(kind)s") % {"kind": case.get_referral_display()},
                "words": case.outcome,
                "where_to": WHERE_TO.get(case.referral, ""),
                "basis": BASIS,
                "done": True,
            }
            if until_when is not None and now <= until_when:
                referred["object_until"] = until_when
            return referred
        case CaseState.CLOSED:
            words = CLOSED_WORDS.get(Case.ClosedAs(case.closed_as)) if case.closed_as else None
            return {
                "title": _("This matter is closed"),
                "words": words or case.get_closed_as_display(),
                "done": True,
            }
        case _:
            return {"title": _("You withdrew this matter"), "done": True}


def until(due: datetime | None, yellow: datetime | None, now: datetime) -> dict[str, Any]:
    """By when, as people say it, and what is left of the time."""
    if due is None:
        return {}
    return {"by": moment_words(due, now), "clock": running_clock(due, yellow, now)}


# How a field is called when we speak to the person it is about. The others are called what the model calls them.
_CALLED: Final[dict[str, Promise]] = {
    "channels.Message.text": gettext_lazy("What you told us"),
    "channels.Message.answers": gettext_lazy("Your answers to the questions"),
    "channels.Message.address": gettext_lazy("The address or landmark"),
    "channels.Message.reporter_name": gettext_lazy("Your name"),
    "channels.Message.reporter_phone": gettext_lazy("Your telephone number"),
    "channels.Photo.upload": gettext_lazy("Your photos, as you sent them"),
    "channels.Photo.large": gettext_lazy("Your photos, without where and when"),
    "channels.Photo.small": gettext_lazy("Your photos, without where and when"),
    "channels.Ending.words": gettext_lazy("The outcome in words"),
    "channels.BulkImport.file": gettext_lazy("Tables from other systems"),
    "cases.Case.summary": gettext_lazy("The matter in one line"),
    "cases.Case.address": gettext_lazy("The address or landmark"),
    "cases.Case.outcome": gettext_lazy("The outcome in words"),
    "tasks.Task.words": gettext_lazy("What was done, in words"),
    "tasks.TaskPhoto.large": gettext_lazy("Photos of the work done"),
    "tasks.TaskPhoto.small": gettext_lazy("Photos of the work done"),
    "checks.Check.words": gettext_lazy("Your answer whether it helped"),
    "checks.Answer.words": gettext_lazy("Your answer whether it helped"),
}


def kept(declared: Iterable[Personal], on: date) -> list[dict[str, Any]]:
    """The declarations as rows for a reader: what they gave first, and the same thing said once."""
    order = {label: place for place, label in enumerate(_CALLED)}
    rows: dict[tuple[str, ...], dict[str, Any]] = {}
    for one in sorted(declared, key=lambda one: order.get(one.label, len(order))):
        days = int(rule(one.keep_days, path="", on=on)) if isinstance(one.keep_days, str) else one.keep_days
        row = {
            "what": str(_CALLED.get(one.label) or one.model_field().verbose_name),
            "why": str(one.why),
            "basis": str(one.basis),
            "span": span_words(days) if days else str(one.until),
            "sealed": one.data_class == "sensitive",
        }
        rows.setdefault(tuple(str(value) for value in row.values()), row)
    return list(rows.values())


def span_words(days: int) -> str:
    """For how long something is kept after its end: whole years as years."""
    if days % 365 == 0:
        years = days // 365
        return ngettext("%(count)d year after the end", "%(count)d years after the end", years) % {"count": years}
    return ngettext("%(count)d day after the end", "%(count)d days after the end", days) % {"count": days}
