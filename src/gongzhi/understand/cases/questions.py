"""Answers to what a category asks: checked by kind when they come in, told in words when somebody reads them."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from gongzhi.ground.refusals import Refusal
from gongzhi.understand.cases.models import Category, Question
from gongzhi.understand.cases.tree import category_by_code, lineage, questions_of, tree

LONGEST_ANSWER: Final = 500
LARGEST_NUMBER: Final = 10**12


def field_of(question: Question) -> str:
    """The name of the question in forms and refusals."""
    return f"q_{question.code}"


def check_answers(category: Category | None, given: Mapping[str, Any], on: date) -> dict[str, Any]:
    """The answers as they are kept, by the codes of the questions; what was left empty is left out.

    Raises Refusal (422) beside the first question (``q_<code>``) whose answer is missing or of the wrong kind, and for
    an answer to something that this category does not ask.
    """
    questions = {question.code: question for question in questions_of(category, on)}
    unknown = next((code for code in given if code not in questions), None)
    if unknown is not None:
        raise Refusal(
            _("This category does not ask “%(code)s”.") % {"code": str(unknown)[:40]}, field="answers", status=422
        )
    kept: dict[str, Any] = {}
    for code, question in questions.items():
        value = check_answer(question, given.get(code))
        if value not in ("", [], None):
            kept[code] = value
        elif question.required:
            raise Refusal(
                _("Please answer: %(question)s") % {"question": question.label}, field=field_of(question), status=422
            )
    return kept


def check_answer(question: Question, value: Any) -> Any:
    """One answer as it is kept; "" when there is none."""
    if question.kind == Question.Kind.SOME:
        several = value if isinstance(value, list | tuple) else [value]
        chosen = {_plain(one) for one in several} - {""}
        offered = [choice["key"] for choice in question.choices]
        if not chosen <= set(offered):
            raise _wrong(question, _("This choice is not offered. Please choose from the list."))
        return [key for key in offered if key in chosen]
    if isinstance(value, list | tuple):
        if len(value) > 1:
            raise _wrong(question, _("One answer, please."))
        value = value[0] if value else ""
    words = _plain(value)
    if not words:
        return ""
    match question.kind:
        case Question.Kind.NUMBER:
            return _number(question, words)
        case Question.Kind.DAY:
            return _day(question, words)
        case Question.Kind.ONE:
            if words not in {choice["key"] for choice in question.choices}:
                raise _wrong(question, _("This choice is not offered. Please choose from the list."))
            return words
        case _:
            if len(words) > LONGEST_ANSWER:
                raise _wrong(question, _("At most %(most)d characters, please.") % {"most": LONGEST_ANSWER})
            return words


def _wrong(question: Question, reason: str) -> Refusal:
    return Refusal(reason, field=field_of(question), status=422)


def _plain(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, date):
        return value.isoformat()
    return str(value).replace("\x00", "").strip()


def _number(question: Question, words: str) -> int | float:
    """Also in full-width digits, as Chinese keyboards write them."""
    try:
        number = Decimal(unicodedata.normalize("NFKC", words).replace(",", ""))
    except InvalidOperation:
        raise _wrong(question, _("This is not a number.")) from None
    if not number.is_finite() or abs(number) > LARGEST_NUMBER:
        raise _wrong(question, _("This is not a number."))
    return int(number) if number == number.to_integral_value() else round(float(number), 6)


def _day(question: Question, words: str) -> str:
    try:
        day = date.fromisoformat(unicodedata.normalize("NFKC", words))
    except ValueError:
        day = date.min
    if not 1900 <= day.year <= 2200:
        raise _wrong(question, _("This is not a day. Write it like 2026-11-22."))
    return day.isoformat()


def told(category: str, answers: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(question, answer) in words, in the order of asking. Retired questions and categories are still known."""
    if not isinstance(answers, Mapping) or not answers:
        return []
    node = category_by_code(category)
    known: dict[str, Question] = {}
    for one in reversed(lineage(node) if node is not None else []):
        known |= {question.code: question for question in tree().questions.get(one.pk, [])}
    told = [(question.label, _words(question, answers[code])) for code, question in known.items() if code in answers]
    return told + [(code, str(value)) for code, value in answers.items() if code not in known]


def _words(question: Question, value: Any) -> str:
    if question.kind not in (Question.Kind.ONE, Question.Kind.SOME):
        return str(value)
    language = "zh" if (get_language() or "zh").startswith("zh") else "en"
    names = {choice["key"]: choice.get(language) or choice["key"] for choice in question.choices}
    several = value if isinstance(value, list) else [value]
    return _(", ").join(names.get(str(one), str(one)) for one in several)
