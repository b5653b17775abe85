"""Conditions for lists: what the words mean, to be combined with reach and any other filter in one statement."""

from __future__ import annotations

import re
from typing import Final

from django.db.models import Q

from gongzhi.understand.search.marks import Marks
from gongzhi.understand.search.models import Question
from gongzhi.understand.search.spelling import ask

# Six digits of the day, and as many of the serial as somebody remembers.
_NUMBER: Final = re.compile(r"\s*([0-9]{6})(?:\s*[-‐–—－]\s*([0-9]{0,7})|([0-9]{1,7})?)\s*")
NOTHING: Final = Q(pk__in=[])


def matching(words: str, *marks: Marks) -> Q:
    """Which cases the words mean: a condition on ``Case``. ``marks`` say again what other conditions of the list ask
    (one of each group must be there), so that PostgreSQL finds few among many in its index.

    Every word must be there; words in quotation marks stand side by side. A case number is found by its beginning.
    No words mean every case; words without a letter or digit in them mean none.
    """
    if not words.strip():
        return Q()
    number = _NUMBER.fullmatch(words)
    if number is not None:
        return Q(number__startswith=f"{number[1]}-{number[2] or number[3] or ''}")
    question = ask(words)
    if not question:
        return NOTHING
    return Q(words__words__answers=Question(tuple(question), tuple(group for group in marks if group)))
