"""What there is to learn from: closed cases whose category a person has confirmed, in the reporters' words."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from gongzhi.understand.cases.models import State, Voice
from gongzhi.understand.suggestions.training import Example

MOST = 200_000


def own_examples(most: int = MOST) -> Iterator[tuple[Example, datetime]]:
    """The newest closed and confirmed cases with their opening messages, the oldest of them first."""
    voices = Voice.objects.filter(
        joined_at__isnull=True,
        case__state=State.CLOSED,
        case__sorted_at__isnull=False,
        case__category__isnull=False,
        case__category__retired_on__isnull=True,
    ).exclude(message__text="")
    newest = voices.order_by("-case__opened_at", "-case_id").values_list(
        "message__text", "case__category__code", "case__opened_at"
    )[:most]
    for text, code, opened_at in reversed(list(newest)):
        yield Example(text, code), opened_at
