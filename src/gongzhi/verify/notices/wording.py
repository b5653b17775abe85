"""The words of a notice, made when it is sent, in the reporter's language. Never what the matter is about.

Whoever looks over somebody's shoulder at a telephone reads a number and a step; the rest stands behind the link.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from gongzhi.ground.access.roles import Role
from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.places.models import Place
from gongzhi.sense.channels.follow import token_of
from gongzhi.sense.channels.models import Message
from gongzhi.understand.cases.models import Case
from gongzhi.verify.notices.models import Kind, Notice, Way


@dataclass(frozen=True)
class Told:
    """What is sent."""

    subject: str
    text: str


def words_of(notices: Sequence[Notice], message: Message, case: Case | None) -> Told:
    """One text for one or several steps that one reporter is told at once."""
    with translation.override(message.language or settings.LANGUAGE_CODE):
        entries = Entry.objects.in_bulk([notice.entry_id for notice in notices])
        lines = [line_of(notice, case, entries.get(notice.entry_id)) for notice in notices]
        asks = any(notice.kind == Kind.ASKED for notice in notices)
        link = link_of(message)
        name = str(settings.GONGZHI_NAME) or _("Gongzhi")
        subject = _("Your report %(number)s: %(line)s") % {"number": message.number, "line": lines[-1]}
        if notices[0].way == Way.SMS:
            parts = [_("[%(name)s] Your report %(number)s:") % {"name": name, "number": message.number}, *lines]
            if asks:
                parts.append(_("Reply 1 if it helped, 2 if not. (11 also says satisfied, 12 partly, 13 not.)"))
            return Told(subject, " ".join([*parts, link]))
        parts = [_("Good day,"), _("about your report %(number)s:") % {"number": message.number}, *lines]
        if asks:
            parts.append(_("Please answer on your follow page; one click is enough."))
        parts += [
            _("Everything about it stands here: %(link)s") % {"link": link},
            _("On that page you can also say that you want no more messages."),
            name,
        ]
        return Told(subject, "\n\n".join(parts))


def link_of(message: Message) -> str:
    """The follow page with its whole address."""
    return settings.GONGZHI_ADDRESS.rstrip("/") + reverse("portal:follow", kwargs={"token": token_of(message)})


def line_of(notice: Notice, case: Case | None, entry: Entry | None) -> str:
    """One step in one sentence."""
    data: dict[str, Any] = entry.data if entry is not None else {}
    match notice.kind:
        case Kind.RECEIVED:
            return _("We have received it.")
        case Kind.ASSIGNED:
            place_id = data.get("place_id")
            place = Place.objects.filter(pk=place_id).first() if place_id is not None else None
            role = data.get("role", "")
            who = str(Role(role).label) if role in Role.values else ""
            if place is not None and who:
                who = _("%(role)s, %(place)s") % {"role": who, "place": place.name}
            if case is not None and case.due_at is not None:
                return _("%(who)s takes care of it, by %(moment)s.") % {"who": who, "moment": _moment(case.due_at)}
            return _("%(who)s takes care of it.") % {"who": who}
        case Kind.PAUSED:
            if case is not None and case.review_on is not None:
                return _("It has to wait; we look at it again on %(day)s.") % {
                    "day": date_format(case.review_on, "DATE_FORMAT")
                }
            return _("It has to wait.")
        case Kind.RESUMED:
            return _("It goes on.")
        case Kind.EXTENDED:
            if case is not None and case.due_at is not None:
                return _("It takes longer than promised: by %(moment)s. The reason stands on the page.") % {
                    "moment": _moment(case.due_at)
                }
            return _("It takes longer than promised. The reason stands on the page.")
        case Kind.JOINED:
            return _("Others reported the same; it is handled together, and you are told everything.")
        case Kind.SEPARATED:
            return _("It is handled on its own again.")
        case Kind.ASKED:
            return _("It is reported as done. Did it help?")
        case Kind.CLOSED:
            return _("It is closed. If it comes back, tell us on the page.")
        case Kind.REOPENED:
            return _("It is taken up again.")
        case Kind.REFERRED:
            return _("Somebody else is responsible; where to turn stands on the page.")
        case Kind.REPLIED:
            return _("There is news about what many people here have reported; it stands on the page.")
        case Kind.EXCLUDED:
            return _("A higher post has found it to lie beyond what can be done here; the reason stands on the page.")
        case _:
            return _("There is news; it stands on the page.")


def _moment(moment: datetime) -> str:
    local = timezone.localtime(moment)
    return _("%(day)s, %(time)s") % {"day": date_format(local, "MONTH_DAY_FORMAT"), "time": local.strftime("%H:%M")}
