"""Forms for taking in tables: the upload, and what the columns mean."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from django import forms
from django.forms import BoundField
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext

from gongzhi.front.workbench.forms.selects import PlainSelect
from gongzhi.ground.places.coordinates import System
from gongzhi.ground.places.models import Place
from gongzhi.sense.channels import mapping
from gongzhi.sense.channels.importing import values_of
from gongzhi.sense.channels.models import BulkImport, Channel
from gongzhi.sense.channels.models import Mapping as SavedMapping
from gongzhi.understand.cases.tree import leaves

SINGLE = (
    "external_id",
    "received_at",
    "category",
    "place",
    "lon",
    "lat",
    "name",
    "phone",
    "channel",
    "status",
    "closed_at",
    "outcome",
)
_MOST_JOINED = 10
_NEEDED = frozenset({"received_at", "text_0"})
_FORM_EXAMPLES = (
    ("%m/%d/%Y %I:%M:%S %p", "12/31/2026 05:30:00 PM"),
    ("%m/%d/%Y %H:%M:%S", "12/31/2026 17:30:00"),
    ("%m/%d/%Y %H:%M", "12/31/2026 17:30"),
    ("%m/%d/%Y", "12/31/2026"),
    ("%d/%m/%Y %H:%M:%S", "31/12/2026 17:30:00"),
    ("%d/%m/%Y %H:%M", "31/12/2026 17:30"),
    ("%d/%m/%Y", "31/12/2026"),
    ("%d.%m.%Y %H:%M", "31.12.2026 17:30"),
    ("%d.%m.%Y", "31.12.2026"),
)


class UploadForm(forms.Form):
    file = forms.FileField(
        label=_("Table"),
        help_text=_("CSV (UTF-8, UTF-16 or GB18030) or XLSX without macros. The first row names the columns."),
        max_length=200,
        error_messages={"empty": _("This file is empty."), "required": _("Choose a file.")},
    )
    source = forms.CharField(
        label=_("Which system does it come from?"),
        help_text=_("A short name, always the same for the same system: it is how rows are recognised next time."),
        max_length=40,
    )
    place = forms.ChoiceField(
        label=_("For which place?"), help_text=_("Rows that lie elsewhere are refused."), widget=PlainSelect
    )
    mapping = forms.ChoiceField(
        label=_("What do the columns mean?"),
        help_text=_("You can look at it and change it in the next step."),
        required=False,
        widget=PlainSelect,
    )

    def __init__(self, *args: Any, places: Sequence[Place], **more: Any) -> None:
        super().__init__(*args, **more)
        self.places = {place.path: place for place in places}
        self.saved = {saved.name: saved for saved in SavedMapping.objects.order_by("name")[:200]}
        self._choices("place", [(place.path, place.name) for place in places])
        self._choices(
            "mapping", [("", _t("Guess from the names of the columns")), *((name, name) for name in self.saved)]
        )

    def _choices(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101
        field.choices = choices

    @property
    def columns(self) -> dict[str, Any] | None:
        chosen = self.cleaned_data.get("mapping")
        return dict(self.saved[chosen].columns) if chosen else None


class ColumnsForm(forms.Form):
    """What each column of one table means. What the screen does not offer is kept as the mapping has it."""

    def __init__(self, *args: Any, bulk: BulkImport, on: date, **more: Any) -> None:
        super().__init__(*args, **more)
        self.header: list[str] = bulk.layout["header"]
        self.kept: dict[str, Any] = copy.deepcopy(bulk.columns)
        rules: dict[str, Any] = {
            name: {"column": rule} if isinstance(rule, str) else dict(rule)
            for name, rule in (self.kept.get("fields") or {}).items()
            if rule
        }
        self.rules = rules
        columns = [("", "—"), *((name, name) for name in self.header)]
        for name in mapping.FIELDS:
            if name in mapping.JOINED:
                chosen = self._columns_of(name)
                for step in range(min(max(2, len(chosen) + 1), _MOST_JOINED)):
                    self._select(
                        f"{name}_{step}",
                        mapping.label(name) if not step else _t("and then"),
                        columns,
                        chosen[step] if step < len(chosen) else "",
                    )
            else:
                self._select(name, mapping.label(name), columns, next(iter(self._columns_of(name)), ""))
        self._time_fields()
        self._select("coordinates", _t("Coordinates are"), System.choices, self.kept.get("coordinates") or "wgs84")
        self._select(
            "place_by",
            _t("A place is named by its"),
            [("code", _t("Code")), ("name", pgettext("of a thing", "Name"))],
            (rules.get("place") or {}).get("by") or "code",
        )
        self.tables: list[tuple[str, str, list[tuple[str, int, str]]]] = []  # (field, label, [(value, count, input)])
        self._value_tables(bulk, on)

    def _columns_of(self, name: str) -> list[str]:
        rule = self.rules.get(name) or {}
        if rule.get("template"):
            return []
        found = rule.get("columns") or ([rule["column"]] if rule.get("column") else [])
        return [column for column in found if column in self.header]

    def _select(self, name: str, label: str, choices: Any, initial: str) -> None:
        self.fields[name] = forms.ChoiceField(
            label=label, choices=choices, initial=initial, required=name in _NEEDED, widget=PlainSelect
        )

    def _time_fields(self) -> None:
        current = (self.rules.get("received_at") or {}).get("format") or ""
        current = current[0] if isinstance(current, list) and current else current
        forms_known = [("", _t("As usual here (2026-12-31 17:30, 2026年12月31日 …)")), *_FORM_EXAMPLES]
        if current and current not in dict(forms_known):
            forms_known.append((current, current))
        self._select("format", _t("Times are written like"), forms_known, str(current))
        self.fields["zone"] = forms.CharField(
            label=_t("Time zone"),
            required=False,
            max_length=40,
            initial=(self.rules.get("received_at") or {}).get("zone") or "Asia/Shanghai",
        )

    def _value_tables(self, bulk: BulkImport, on: date) -> None:
        categories: list[Any] = [("", _t("Leave it to the desk"))]
        categories += [
            (top.name, [(top.code, top.name), *((node.code, node.name) for node in below)]) for top, below in leaves(on)
        ]
        offers: dict[str, list[Any]] = {
            "category": categories,
            "channel": [(value, label) for value, label in Channel.choices],
            "status": [("open", _t("Still open")), ("closed", _t("Closed"))],
        }
        for name, choices in offers.items():
            column = next(iter(self._columns_of(name)), "")
            if not column or not bulk.file:
                continue
            known = (self.rules.get(name) or {}).get("values") or {}
            otherwise = str((self.rules.get(name) or {}).get("otherwise") or "")
            lines = []
            for step, (value, count) in enumerate(values_of(bulk, column)):
                chosen = str(known.get(value, otherwise))
                offered = choices
                if chosen and chosen not in _flat(choices):
                    offered = [*choices, (chosen, chosen)]
                self._select(f"v_{name}_{step}", value, offered, chosen)
                lines.append((value, count, f"v_{name}_{step}"))
            self.tables.append((name, mapping.label(name), lines))

    # for the page --------------------------------------------------------------------------------------------------

    def groups(self) -> Iterator[tuple[str, list[BoundField]]]:
        """The fields in the order in which somebody thinks of them."""
        text = [name for name in self.fields if name.startswith("text_")]
        address = [name for name in self.fields if name.startswith("address_")]
        yield _t("What and when"), self._bound("external_id", *text, "received_at", "format", "zone")
        yield _t("Where"), self._bound("place", "place_by", *address, "lon", "lat", "coordinates")
        yield _t("About what, from whom"), self._bound("category", "channel", "name", "phone")
        yield _t("What became of it"), self._bound("status", "closed_at", "outcome")

    def value_tables(self) -> Iterator[tuple[str, list[tuple[int, BoundField]]]]:
        for _name, label, lines in self.tables:
            yield label, [(count, self[field]) for _value, count, field in lines]

    def _bound(self, *names: str) -> list[BoundField]:
        return [self[name] for name in names]

    # the mapping that was filled in --------------------------------------------------------------------------------

    def columns(self) -> dict[str, Any]:
        data = self.cleaned_data
        fields: dict[str, Any] = {}
        for name in mapping.FIELDS:
            rule = dict(self.rules.get(name) or {})
            if name in mapping.JOINED:
                chosen = [data[key] for key in data if key.startswith(f"{name}_") and data[key]]
                if not chosen and rule.get("template"):
                    fields[name] = rule
                    continue
            else:
                chosen = [data[name]] if data[name] else []
            if not chosen:
                continue
            if chosen != self._columns_of(name):
                for key in ("values", "otherwise", "by", "template", "format"):
                    rule.pop(key, None)  # they spoke of another column
            rule.pop("column", None)
            rule.pop("columns", None)
            fields[name] = {**({"column": chosen[0]} if len(chosen) == 1 else {"columns": chosen}), **rule}
            if name == "text" and len(chosen) > 1:
                fields[name].setdefault("join", "; ")
        for name in ("received_at", "closed_at"):
            if name in fields:
                fields[name].pop("format", None)
                if data["format"]:
                    fields[name]["format"] = data["format"]
                fields[name]["zone"] = data["zone"].strip() or "Asia/Shanghai"
        if "place" in fields and not fields["place"].get("values"):
            fields["place"]["by"] = data["place_by"] or "code"
        self._take_values(fields, data)
        return {**self.kept, "coordinates": data["coordinates"] or "wgs84", "fields": fields}

    def _take_values(self, fields: dict[str, Any], data: Mapping[str, Any]) -> None:
        for name, _label, lines in self.tables:
            if name not in fields or fields[name].get("column") != next(iter(self._columns_of(name)), ""):
                continue
            known = dict(fields[name].get("values") or {})
            for value, _count, key in lines:
                known[value] = data.get(key, "")
            fields[name]["values"] = known
            fields[name].setdefault("otherwise", {"status": "open", "channel": "import"}.get(name, ""))


def _flat(choices: Sequence[Any]) -> set[str]:
    found: set[str] = set()
    for value, label in choices:
        if isinstance(label, list):
            found |= _flat(label)
        else:
            found.add(str(value))
    return found
