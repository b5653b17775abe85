"""Tags of the house: icons, states and clocks, each with its word. Built in: no ``{% load %}`` needed."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import pgettext

from gongzhi.sense.channels.models import Channel, Recording
from gongzhi.understand.cases.questions import told
from gongzhi.understand.cases.tree import condition

register = template.Library()

# A state's colour is never alone: each brings its icon.
STATE_ICONS: Final = {"green": "check", "amber": "clock", "red": "warning", "blue": "info", "": "chevron-right"}
CLOCK_ICONS: Final = {"green": "clock", "amber": "clock", "red": "warning", "still": "pause", "done": "check"}
MESSAGE_ICONS: Final = {"success": "check", "warning": "warning", "error": "stop", "info": "info", "debug": "info"}


@register.simple_tag
@lru_cache(maxsize=1000)  # a page has some thirty, always the same
def icon(name: str, extra: str = "") -> SafeString:
    """A drawing from the sprite. It says nothing to a screen reader: the word stands beside it."""
    return format_html(
        '<svg class="icon{}" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        f" {extra}" if extra else "",
        static("gongzhi/icons.svg"),
        name,
    )


@register.simple_tag
def tag(words: Any, state: str = "", drawing: str = "") -> SafeString:
    """A state in words: ``{% tag case.get_state_display "amber" %}``."""
    return format_html(
        '<span class="tag{}">{}{}</span>',
        f" tag--{state}" if state else "",
        icon(drawing or STATE_ICONS.get(state, "info")) if drawing or state else "",
        words,
    )


@register.inclusion_tag("pieces/clock.html")
def clock(state: str, words: Any, due: Any = None) -> dict[str, Any]:
    """What is left of the time: state (green, amber, red, still, done), in words, and the date it falls on."""
    return {
        "colour": "green" if state == "done" else state,
        "drawing": CLOCK_ICONS.get(state, "clock"),
        "words": words,
        "due": due,
    }


@register.inclusion_tag("pieces/field.html")
def field(bound: Any, hint: Any = "", source: Any = "") -> dict[str, Any]:
    """One form field with label, hint, source of what is filled in, and errors."""
    return {"field": bound, "hint": hint, "source": source}


@register.filter
def in_a_row(entries: Iterable[Any]) -> str:
    """Entries one after the other, as the language writes a list: ``{{ names|in_a_row }}``."""
    return pgettext("between the entries of a list", ", ").join(str(one) for one in entries)


@register.filter
def message_icon(level: str) -> str:
    """The icon of one of django's messages, by its level."""
    return MESSAGE_ICONS.get(level, "info")


@register.inclusion_tag("pieces/answers.html")
def answers(message: Any) -> dict[str, Any]:
    """What a message answered to the questions of its category. Costs no query."""
    return {"answers": told(message.category, message.answers) if message is not None else []}


@register.inclusion_tag("pieces/recordings.html")
def recordings(*told: Any) -> dict[str, Any]:
    """The voice notes of messages (or lists of them). Asks the database only for what staff sent from the field."""
    each = [one for given in told for one in (given if isinstance(given, list | tuple) else [given])]
    field_ones = [message.pk for message in each if message is not None and message.channel == Channel.FIELD]
    found = Recording.objects.filter(message__in=field_ones).exclude(file="") if field_ones else ()
    return {"recordings": found}


@register.filter
def opens_when(category: Any) -> str:
    """When a matter is taken up under this category."""
    return condition(category or None, "opens_when")


@register.filter
def closes_when(category: Any) -> str:
    """When a matter of this category may be called done."""
    return condition(category or None, "closes_when")


@register.filter
def choice_widget(bound: Any) -> bool:
    """Whether the field is a set of radio buttons or check boxes, which needs a legend and not a label."""
    return bool(getattr(bound.field.widget, "use_fieldset", False)) or bound.widget_type in {
        "radioselect",
        "checkboxselectmultiple",
    }
