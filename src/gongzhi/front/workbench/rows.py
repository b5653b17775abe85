"""Cases as the lists show them: every word made here, once, so that a template only prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from html import escape
from typing import Final

from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from gongzhi.front.clock_words import case_clock
from gongzhi.front.story import position_words
from gongzhi.front.templatetags.gongzhi import tag
from gongzhi.ground.places.models import Level
from gongzhi.understand.cases.models import RUNNING, CaseQuerySet, State
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
)


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

    @property
    def runs(self) -> bool:
        return self.state in RUNNING

    @property
    def opened(self) -> str:
        local = timezone.localtime(self.opened_at)
        return f"{local:%Y-%m-%d %H:%M}"


def table_rows(rows: Sequence[CaseRow], heads: Mapping[str, str]) -> SafeString:
    """The body of the list as markup. Written here and not in a template: fifty rows cost a template 4 ms.

    ``heads`` says, for each column, what stands over it (on a phone it stands beside each value).
    """
    label = {name: escape(words) for name, words in heads.items()}
    return mark_safe(  # noqa: S308 - every word is escaped here
        "\n".join(
            f'<tr><th scope="row" class="keep"><a href="{row.url}">{row.number}</a></th>'
            f'<td data-label="{label["matter"]}">{escape(row.summary)}</td>'
            f'<td data-label="{label["category"]}">{escape(row.category)}</td>'
            f'<td data-label="{label["place"]}">{escape(row.place)}</td>'
            f'<td data-label="{label["lead"]}">{escape(row.lead)}</td>'
            f'<td data-label="{label["state"]}">{row.state_html}</td>'
            f'<td data-label="{label["clock"]}">{row.clock_html}</td></tr>'
            for row in rows
        )
    )


def state_tag(state: str) -> SafeString:
    colour, drawing = STATE_TAGS[State(state)]
    return tag(State(state).label, colour, drawing)


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


def case_rows(cases: CaseQuerySet, now: datetime) -> list[CaseRow]:
    prefix = reverse("workbench:cases")
    tags = {state: (str(State(state).label), state_tag(state)) for state in State.values}
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
    ) in cases.values_list(*_COLUMNS):
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
            )
        )
    return rows
