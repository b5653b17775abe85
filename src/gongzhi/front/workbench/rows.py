"""Cases as the lists show them: every word made here, once, so that a template only prints."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from html import escape
from typing import Final

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gongzhi.front.clock_words import case_clock
from gongzhi.front.story import position_words
from gongzhi.front.templatetags.gongzhi import tag
from gongzhi.ground.places.models import Level
from gongzhi.sense.channels.models import Channel
from gongzhi.understand.cases.models import RUNNING, Case, CaseQuerySet, State
from gongzhi.understand.cases.tree import category_by_id

STATE_TAGS: Final = {
    State.NEW: ("blue", "inbox"),
    State.ASSIGNED: ("", "hand"),
    State.PAUSED: ("", "pause"),
    State.TO_CHECK: ("amber", "eye"),
    State.CLOSED: ("green", "check"),
    State.WITHDRAWN: ("", "undo"),
    State.MERGED: ("", "link"),
    State.REFERRED: ("", "external"),
}
_COLUMNS: Final = (
    "number",
    "summary",
    "state",
    "category_id",
    "placed",
    "place__name",
    "place__level",
    "place__parent__name",
    "lead_role",
    "lead_place__name",
    "opened_at",
    "due_at",
    "yellow_at",
    "review_on",
    "closed_at",
    "extensions",
    "version",
    "urgency",
    "channel",
    "voice_count",
    "reopened",
    "lon",
    "lat",
)
URGENCY_TAGS: Final = {Case.Urgency.URGENT: ("amber", "warning"), Case.Urgency.DANGER: ("red", "warning")}

# What a list can show beside the number, in this order; and what it shows when nobody has chosen.
COLUMNS: Final = (
    ("matter", gettext_lazy("Matter")),
    ("urgency", gettext_lazy("Urgency")),
    ("category", gettext_lazy("Category")),
    ("place", gettext_lazy("Where")),
    ("lead", gettext_lazy("With")),
    ("state", gettext_lazy("State")),
    ("clock", gettext_lazy("Deadline")),
    ("opened", gettext_lazy("Received")),
    ("channel", gettext_lazy("Channel")),
    ("voices", gettext_lazy("Voices")),
    ("reopened", gettext_lazy("Reopened")),
)
USUAL: Final = ("matter", "category", "place", "lead", "state", "clock")
COLUMNS_COOKIE: Final = "columns"


def columns_of(request: HttpRequest) -> list[str]:
    """The columns that this person has chosen on this device, in the order of the list."""
    chosen = set(request.COOKIES.get(COLUMNS_COOKIE, "").split("."))
    return [name for name, _label in COLUMNS if name in chosen] or list(USUAL)


def heads_of(columns: Sequence[str]) -> dict[str, str]:
    """What stands over the number and these columns."""
    labels = dict(COLUMNS)
    return {"number": _("No."), **{name: str(labels[name]) for name in columns}}


@dataclass(slots=True)
class CaseRow:
    number: str
    url: str
    summary: str
    state: str
    state_words: str
    state_html: SafeString
    category: str
    place: str
    lead: str
    clock_words: str
    clock_html: SafeString
    opened_at: datetime
    due_at: datetime | None
    review_on: date | None
    extensions: int
    version: int
    urgency: str
    urgency_html: SafeString
    channel: str
    voices: int
    reopened: int
    lon: float | None
    lat: float | None

    @property
    def runs(self) -> bool:
        return self.state in RUNNING

    @property
    def opened(self) -> str:
        local = timezone.localtime(self.opened_at)
        return f"{local:%Y-%m-%d %H:%M}"


_CELLS: Final[Mapping[str, Callable[[CaseRow], str]]] = {
    "matter": lambda row: _matter(row, bare=False),
    "urgency": lambda row: row.urgency_html,
    "category": lambda row: escape(row.category),
    "place": lambda row: escape(row.place),
    "lead": lambda row: escape(row.lead),
    "state": lambda row: row.state_html,
    "clock": lambda row: row.clock_html,
    "opened": lambda row: row.opened,
    "channel": lambda row: escape(row.channel),
    "voices": lambda row: str(row.voices),
    "reopened": lambda row: str(row.reopened),
}


def table_rows(
    rows: Sequence[CaseRow],
    heads: Mapping[str, str],
    *,
    tick: str = "",
    ticked: Container[str] = (),
) -> SafeString:
    """The body of the list as markup. Written here and not in a template: fifty rows cost a template 4 ms.

    ``heads`` says which columns, and what stands over each (on a phone it stands beside each value). ``tick`` is
    what a box before the row is called ("choose %(number)s"); its value names the case and the version that was seen.
    """
    cells = [(f'<td data-label="{escape(words)}">', _CELLS[name]) for name, words in heads.items() if name != "number"]
    if "matter" in heads:
        at = list(heads).index("matter") - 1
        bare = "urgency" in heads
        cells[at] = (f'<td class="matter" data-label="{escape(heads["matter"])}">', lambda row: _matter(row, bare))
    lines = []
    for row in rows:
        box = tick_box(row, tick, ticked) if tick else ""
        shown = "".join(f"{opening}{cell(row)}</td>" for opening, cell in cells)
        lines.append(
            f"<tr>{box and f'<td class=tick-cell>{box}</td>'}"
            f'<th scope="row" class="keep"><a href="{row.url}">{row.number}</a></th>{shown}</tr>'
        )
    return mark_safe("\n".join(lines))  # noqa: S308 - every word is escaped above


def _matter(row: CaseRow, bare: bool) -> str:
    """The matter opens the case too, for who reads and clicks; the keyboard has the number for that."""
    words = f'<a href="{row.url}" tabindex="-1">{escape(row.summary)}</a>'
    return words if bare or not row.urgency_html else f"{row.urgency_html} {words}"


def tick_box(row: CaseRow, words: str, ticked: Container[str] = ()) -> SafeString:
    """The box by which a row is chosen for something that is done to many."""
    mark = " checked" if row.number in ticked else ""
    label = escape(words % {"number": row.number})
    return mark_safe(  # noqa: S308 - a number, a version, and words that were escaped
        f'<label class="tick-box"><input type="checkbox" name="case" value="{row.number}:{row.version}" data-tick'
        f'{mark}><span class="visually-hidden">{label}</span></label>'
    )


def state_tag(state: str) -> SafeString:
    colour, drawing = STATE_TAGS[State(state)]
    return tag(State(state).label, colour, drawing)


def urgency_tag(urgency: str) -> SafeString:
    """Nothing for an ordinary case."""
    if urgency not in URGENCY_TAGS:
        return mark_safe("")
    colour, drawing = URGENCY_TAGS[Case.Urgency(urgency)]
    return tag(Case.Urgency(urgency).label, colour, drawing)


def place_words(name: str, level: str, above: str | None) -> str:
    """A grid is said with its community, unless its name says it already."""
    if level == Level.GRID and above and not name.startswith(_stem(above)):
        return f"{above} · {name}"
    return name


def _stem(name: str) -> str:
    """The name of a community without the committee that it is called after in the national table."""
    for tail in ("居民委员会", "村民委员会", "居委会", "村委会"):
        if name.endswith(tail) and len(name) > len(tail) + 1:
            return name[: -len(tail)]
    return name


def category_words(pk: int | None) -> str:
    node = category_by_id(pk)
    return node.name if node is not None else _("not sorted yet")


def found_first(cases: CaseQuerySet) -> CaseQuerySet:
    """A page of cases, found before it is read: which ones an index alone can tell, and only those are fetched.

    Asked in one go, a database fetches every case that it looks at: thousands, when few of the newest fit.
    """
    if not cases.query.is_sliced:
        return cases
    return Case.objects.filter(pk__in=cases.values("pk")).order_by(*cases.query.order_by)


def case_rows(cases: CaseQuerySet, now: datetime) -> list[CaseRow]:
    prefix = reverse("workbench:cases")
    tags = {state: (str(State(state).label), state_tag(state)) for state in State.values}
    urgencies = {urgency: urgency_tag(urgency) for urgency in Case.Urgency.values}
    channels = {key: str(label) for key, label in Channel.choices}
    nobody, somewhere = _("nobody yet"), _("place not known")
    rows = []
    for (
        number,
        summary,
        state,
        category_id,
        placed,
        place,
        level,
        above,
        lead_role,
        lead_place,
        opened_at,
        due_at,
        yellow_at,
        review_on,
        closed_at,
        extensions,
        version,
        urgency,
        channel,
        voices,
        reopened,
        lon,
        lat,
    ) in found_first(cases).values_list(*_COLUMNS):
        clock = case_clock(state=state, due=due_at, yellow=yellow_at, review_on=review_on, closed_at=closed_at, now=now)
        words, drawn = tags[state]
        rows.append(
            CaseRow(
                number=number,
                url=f"{prefix}{number}/",
                summary=summary,
                state=state,
                state_words=words,
                state_html=drawn,
                category=category_words(category_id),
                place=place_words(place, level, above) if placed else somewhere,
                lead=position_words(lead_role, lead_place) if lead_role and lead_place else nobody,
                clock_words=clock.words,
                clock_html=clock.html,
                opened_at=opened_at,
                due_at=due_at,
                review_on=review_on,
                extensions=extensions,
                version=version,
                urgency=urgency,
                urgency_html=urgencies[urgency],
                channel=channels[channel],
                voices=voices,
                reopened=reopened,
                lon=lon,
                lat=lat,
            )
        )
    return rows
