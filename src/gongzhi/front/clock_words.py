"""Deadlines in words: "due in 2 hours", "3 days late", and the colour that goes with them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from gongzhi.front.templatetags.gongzhi import CLOCK_ICONS, icon

MINUTE: Final = 60
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR


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
        drawing = icon(CLOCK_ICONS.get(self.colour, "clock"))
        if self.due is None:
            return format_html('<span class="clock clock--{}">{} <span>{}</span></span>', shown, drawing, self.words)
        local = timezone.localtime(self.due)
        return format_html(
            '<span class="clock clock--{}">{} <span>{}</span> <time class="clock__date" datetime="{}">{}</time></span>',
            shown,
            drawing,
            self.words,
            local.isoformat(timespec="seconds"),
            f"{local.month}-{local.day} {local:%H:%M}",
        )


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
