"""A bulletin as tables of words and numbers: what page, letter and spreadsheet all show."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from gongzhi.ground.access.roles import Role
from gongzhi.learn.bulletins.figures import month_before, period_of, year_before
from gongzhi.learn.bulletins.models import Bulletin
from gongzhi.sense.channels.models import Channel
from gongzhi.understand.cases.models import Category
from gongzhi.understand.cases.tree import category_by_code
from gongzhi.verify.checks.rates import Kind, Rates


@dataclass(frozen=True)
class Cell:
    """A number, and the query of the case list behind it."""

    value: int | float | str | None
    query: str = ""
    share: bool = False  # shown as a percentage

    @property
    def is_number(self) -> bool:
        return not isinstance(self.value, str)

    def __str__(self) -> str:
        if self.value is None:
            return _("no data")
        return f"{100 * float(self.value):.1f} %" if self.share else str(self.value)


@dataclass
class Table:
    """One table: its title, what stands over the columns, the rows."""

    name: str
    title: str
    heads: list[str]
    rows: list[list[Cell]] = field(default_factory=list)


def month_words(month: date) -> str:
    return date_format(month, "YEAR_MONTH_FORMAT")


def title_of(bulletin: Bulletin) -> str:
    return _("Bulletin on residents’ demands, %(place)s, %(month)s") % {
        "place": bulletin.figures["place"]["name"],
        "month": month_words(bulletin.month),
    }


def change(now: int, then: int | None) -> str:
    """How much more or less, in percent; "no data" where there was nothing to compare with."""
    if then is None:
        return _("no data")
    if then == 0:
        return "0 %" if now == 0 else _("none before")
    return f"{100 * (now - then) / then:+.1f} %"


def sentence_of(bulletin: Bulletin) -> str:
    """The month in one sentence."""
    figures = bulletin.figures
    return _(
        "In %(month)s %(total)d demands were received (against the month before: %(before)s; against the year before: "
        "%(year)s), and %(closed)d cases were closed."
    ) % {
        "month": month_words(bulletin.month),
        "total": figures["total"],
        "before": change(figures["total"], figures["before"]),
        "year": change(figures["total"], figures["year"]),
        "closed": figures["closed_in_month"],
    }


def tables_of(bulletin: Bulletin) -> list[Table]:
    """Everything the bulletin says, in the reader's language."""
    figures = bulletin.figures
    return [
        _overview(figures),
        _rates(figures),
        _channels(figures),
        _kinds(figures),
        _groups(figures),
        _units(figures),
        _hot(figures),
        _largest(figures),
        _themes(figures),
    ]


def _query(figures: dict[str, Any], **more: Any) -> str:
    query = {"place": figures["place"]["path"], "from": figures["from"], "to": figures["to"], **more}
    return urlencode({name: value for name, value in query.items() if value is not None})


def _received(figures: dict[str, Any], count: int, **more: Any) -> Cell:
    return Cell(count, _query(figures, **{"state": "all", **more}))


def _then(figures: dict[str, Any], name: str, month: date) -> Cell:
    """The number of another month, and its cases."""
    period = period_of(month)
    return Cell(
        figures[name],
        _query({**figures, "from": period.since, "to": period.until}, state="all") if figures[name] is not None else "",
    )


def _overview(figures: dict[str, Any]) -> Table:
    total, month = figures["total"], date.fromisoformat(figures["month"])
    return Table(
        "overview",
        _("Overview"),
        [
            _("Figure"),
            _("This month"),
            _("The month before"),
            _("The year before"),
            _("Month on month"),
            _("Year on year"),
        ],
        [
            [
                Cell(_("Demands received")),
                _received(figures, total),
                _then(figures, "before", month_before(month)),
                _then(figures, "year", year_before(month)),
                Cell(change(total, figures["before"])),
                Cell(change(total, figures["year"])),
            ],
            [Cell(_("of these closed")), _received(figures, figures["received_closed"], state="closed"), *_blank(4)],
            [Cell(_("of these still open")), _received(figures, figures["received_open"], state=None), *_blank(4)],
            [Cell(_("of these imported as closed")), Cell(figures["imported"]), *_blank(4)],
            [
                Cell(_("Closed in this month")),
                Cell(figures["closed_in_month"], _query(figures, rate=Kind.CLOSED.value)),
                *_blank(4),
            ],
        ],
    )


def _blank(count: int) -> list[Cell]:
    return [Cell("")] * count


def _rates(figures: dict[str, Any]) -> Table:
    month, before, year = (Rates(**figures["rates"][name]) for name in ("month", "before", "year"))

    def counted(kind: Kind) -> Cell:
        return Cell(getattr(month, kind.value), _query(figures, rate=kind.value))

    def row(words: str, part: Kind, whole: Kind, name: str) -> list[Cell]:
        shares = [Cell(getattr(one, name), share=True) for one in (month, before, year)]
        return [Cell(words), counted(whole), counted(part), *shares]

    table = Table(
        "rates",
        _("Three rates"),
        [_("Rate"), _("Cases counted"), _("of these"), _("This month"), _("The month before"), _("The year before")],
        [
            row(_("Response: contacted in time"), Kind.CONTACT_IN_TIME, Kind.CONTACT_DUE, "response"),
            row(_("Resolution: it helped"), Kind.HELPED, Kind.ANSWERED, "resolution"),
            row(_("Satisfaction: satisfied"), Kind.SATISFIED, Kind.RATED, "satisfaction"),
        ],
    )
    for words, kind in (
        (_("Nobody could be reached (counted apart)"), Kind.UNREACHABLE),
        (_("Seen on site only (counted apart)"), Kind.SEEN),
        (_("Beyond duty after review (outside the rates)"), Kind.EXCLUDED),
    ):
        table.rows.append([Cell(words), counted(kind), *_blank(4)])
    return table


def _channels(figures: dict[str, Any]) -> Table:
    rows = [
        [
            Cell(str(Channel(code).label) if code in Channel.values else code),
            _received(figures, count, channel=code),
            _share(count, figures),
        ]
        for code, count in figures["channels"]
    ]
    return Table("channels", _("By channel"), [_("Channel"), _("How many"), _("Share")], rows)


def _share(count: int, figures: dict[str, Any]) -> Cell:
    return Cell(count / figures["total"] if figures["total"] else None, share=True)


def _kinds(figures: dict[str, Any]) -> Table:
    words = {value: str(label) for value, label in Category.Kind.choices} | {"": _("not sorted yet")}
    rows = [[Cell(words.get(kind, kind)), Cell(count), _share(count, figures)] for kind, count in figures["kinds"]]
    return Table("kinds", _("By type"), [_("Type"), _("How many"), _("Share")], rows)


def _name(code: str) -> str:
    node = category_by_code(code) if code else None
    return node.name if node is not None else code or _("not sorted yet")


def _groups(figures: dict[str, Any]) -> Table:
    rows = [
        [Cell(_name(code)), _received(figures, count, category=code or "unsorted"), _share(count, figures)]
        for code, count in figures["groups"]
    ]
    return Table("groups", _("By category"), [_("Category"), _("How many"), _("Share")], rows)


def _units(figures: dict[str, Any]) -> Table:
    rows = []
    for unit in figures["units"]:
        if unit["role"] in Role.values and unit["place_id"] is not None:
            words = _("%(role)s, %(place)s") % {"role": Role(unit["role"]).label, "place": unit["place"]}
            position = f"{unit['role']}@{unit['place_id']}"
            behind = _received(figures, unit["count"], unit=position)
            closed = _received(figures, unit["closed"], unit=position, state="closed")
        else:
            words, behind, closed = _("nobody yet"), Cell(unit["count"]), Cell(unit["closed"])
        rows.append([Cell(words), behind, closed])
    return Table("units", _("By responsible post"), [_("Post"), _("How many"), _("Closed")], rows)


def _hot(figures: dict[str, Any]) -> Table:
    rows = [
        [
            Cell(place),
            Cell(_name(one["code"])),
            _received(figures, one["count"], category=one["code"]),
            Cell(one["before"]),
            Cell(change(one["count"], one["before"])),
        ]
        for place, one in enumerate(figures["hot"], 1)
    ]
    heads = ["", _("Category"), _("This month"), _("The month before"), _("Month on month")]
    return Table("hot", _("What most was reported about"), heads, rows)


def _largest(figures: dict[str, Any]) -> Table:
    rows = [
        [Cell(one["number"], f"q={one['number']}&state=all"), Cell(_name(one["code"])), Cell(one["voices"])]
        for one in figures["largest"]
    ]
    heads = [_("Case"), _("Category"), _("People who reported it")]
    return Table("largest", _("What most people reported together"), heads, rows)


def _themes(figures: dict[str, Any]) -> Table:
    rows = [[Cell(one["name"]), Cell(one["size"])] for one in figures["themes"]]
    return Table("themes", _("Themes"), [_("Theme"), _("Demands behind it")], rows)
