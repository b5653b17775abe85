"""Deadlines in words: "due in 2 hours", "3 days late", and the colour that goes with them."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from datetime import date, datetime
from html import escape
from typing import Final

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from gongzhi.front.templatetags.gongzhi import CLOCK_ICONS, icon

MINUTE: Final = 60
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR


@functools.cache
def _drawing(name: str) -> SafeString:
    return icon(name)


@dataclass(frozen=True, slots=True)
class Clock:
    """What the clock of a matter shows: colour (green, amber, red, still, done), words, and the moment meant."""

    colour: str
    words: str
    due: datetime | None = None

    @property
    def html(self) -> SafeString:
        """The same markup as the tag ``clock``, without a template: a list draws fifty of them."""
        shown = "green" if self.colour == "done" else self.colour
        drawing = _drawing(CLOCK_ICONS.get(self.colour, "clock"))
        html = f'<span class="clock clock--{shown}">{drawing} <span>{escape(self.words)}</span>'
        if self.due is not None:
            local = timezone.localtime(self.due)
            date = f"{local.month}-{local.day} {local:%H:%M}"
            html += f' <time class="clock__date" datetime="{local.isoformat(timespec="seconds")}">{date}</time>'
        return mark_safe(html + "</span>")  # noqa: S308 - the words are escaped, the rest is ours


def span_words(seconds: float) -> str:
    """A length of time as people say it: minutes below an hour, hours below a day, then days."""
    if seconds < HOUR:
        count = max(1, round(seconds / MINUTE))
        return ngettext("%(count)d minute", "%(count)d minutes", count) % {"count": count}
    if seconds < DAY:
        count = round(seconds / HOUR)
        return ngettext("%(count)d hour", "%(count)d hours", count) % {"count": count}
    count = round(seconds / DAY)
    return ngettext("%(count)d day", "%(count)d days", count) % {"count": count}


def due_words(due: datetime, now: datetime) -> str:
    """ "due in 2 hours", "due tomorrow", "3 days late"."""
    seconds = (due - now).total_seconds()
    if seconds < 0:
        return _("%(span)s late") % {"span": span_words(-seconds)}
    days = (timezone.localdate(due) - timezone.localdate(now)).days
    if seconds < 12 * HOUR or days == 0:
        return _("due in %(span)s") % {"span": span_words(seconds)}
    if days == 1:
        return _("due tomorrow")
    return ngettext("due in %(count)d day", "due in %(count)d days", days) % {"count": days}


def moment_words(moment: datetime, now: datetime) -> str:
    """A moment as people say it: "today, 17:00", "Thursday, 17:00" within a week, "29 November, 23:59" later."""
    local, today = timezone.localtime(moment), timezone.localdate(now)
    days = (local.date() - today).days
    if days in (0, 1):
        day = _("today") if days == 0 else _("tomorrow")
    elif 1 < days < 7:
        day = date_format(local, "l")
    else:
        day = date_format(local, "MONTH_DAY_FORMAT" if local.year == today.year else "DATE_FORMAT")
    return _("%(day)s, %(time)s") % {"day": day, "time": local.strftime("%H:%M")}


def day_words(day: date, now: datetime) -> str:
    """A day as people say it: today, tomorrow, in 3 days, 2 days ago."""
    days = (day - timezone.localdate(now)).days
    if days == 0:
        return _("today")
    if days == 1:
        return _("tomorrow")
    if days > 0:
        return ngettext("in %(count)d day", "in %(count)d days", days) % {"count": days}
    return ngettext("%(count)d day ago", "%(count)d days ago", -days) % {"count": -days}


def running_clock(due: datetime | None, yellow: datetime | None, now: datetime) -> Clock:
    """The clock of something that has to be done by a moment."""
    if due is None:
        return Clock("still", _("no deadline"))
    if due < now:
        return Clock("red", due_words(due, now), due)
    return Clock("amber" if yellow is not None and yellow <= now else "green", due_words(due, now), due)


def case_clock(
    *,
    state: str,
    due: datetime | None,
    yellow: datetime | None,
    review_on: date | None,
    closed_at: datetime | None,
    now: datetime,
) -> Clock:
    """The clock of a case in whatever state it is."""
    match state:
        case "new" | "assigned":
            return running_clock(due, yellow, now)
        case "paused":
            if review_on is None:
                return Clock("still", _("paused"))
            words = _("paused, look again %(day)s") % {"day": day_words(review_on, now)}
            return Clock("amber" if review_on <= timezone.localdate(now) else "still", words)
        case "to_check":
            return Clock("still", _("done, being checked"))
        case "closed" if closed_at is not None:
            return Clock("done", _("closed %(day)s") % {"day": day_words(timezone.localdate(closed_at), now)})
        case _:
            return Clock("still", _("ended"))
