"""A select that is drawn without a template for each option: lists of places and categories are long."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from typing import Any

from django import forms
from django.forms.utils import flatatt
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe


def _options(choices: Iterable[Any], chosen: str) -> Iterator[str]:
    for value, label in choices:
        if isinstance(label, list | tuple):
            yield f'<optgroup label="{escape(str(value))}">{"".join(_options(label, chosen))}</optgroup>'
        else:
            value = "" if value is None else str(value)
            mark = " selected" if value == chosen else ""
            yield f'<option value="{escape(value)}"{mark}>{escape(str(label))}</option>'


class PlainSelect(forms.Select):
    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        shown = "" if value is None else str(value)
        described = self.build_attrs(self.attrs, {**(attrs or {}), "name": name})
        options = "".join(_options(self.choices, shown))
        return format_html("<select{}>{}</select>", flatatt(described), mark_safe(options))  # noqa: S308 - escaped
