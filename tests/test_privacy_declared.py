"""Personal data has no default: every text-like field is declared personal or harmless, exactly once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from django.apps import apps
from django.db.models import CheckConstraint, Q

from gongzhi.ground.privacy import DataClass
from gongzhi.ground.privacy.actions import erase_due
from gongzhi.ground.privacy.declarations import every_harmless, every_personal, problems, undeclared
from gongzhi.ground.privacy.fields import SealedTextField


def test_every_text_like_field_is_declared():
    missing = undeclared()
    assert not missing, "declare these in the room's privacy.py:\n" + "\n".join(missing)


def test_the_declarations_are_right():
    """Known fields, each once, with purpose, basis and an end; clocks run; nothing erasable stands in RECORDED."""
    assert not problems(), "\n".join(problems())


def test_sealed_fields_are_not_called_harmless():
    harmless = set(every_harmless())
    for model in apps.get_models():
        for field in model._meta.local_concrete_fields:
            if isinstance(field, SealedTextField):
                assert f"{model._meta.label}.{field.name}" not in harmless


def test_identity_numbers_are_sensitive_and_sealed():
    for one in every_personal():
        field = one.model_field()
        if isinstance(field, SealedTextField) and field.mask == "identity":
            assert one.data_class == DataClass.SENSITIVE
        if "identity" in one.field:
            assert isinstance(field, SealedTextField), one.label


@pytest.mark.django_db
def test_the_retention_job_can_ask_for_every_field():
    """Each clock is valid SQL on this database, with its joins and locks."""
    now = datetime(2026, 11, 20, tzinfo=UTC)
    asked = {due.personal.label for due in erase_due(now=now)}
    assert asked == {one.label for one in every_personal() if one.keep_days is not None}


def _insisted_on(condition: Q) -> Iterator[str]:
    """The fields that a condition wants not to be blank: ``~Q(words="")``."""
    for child in condition.children:
        if isinstance(child, Q):
            yield from _insisted_on(child)
        elif condition.negated and child[1] in ("", b""):
            yield child[0]


def test_no_constraint_insists_on_words_that_are_erased_one_day():
    """The actions ask for a reason when it is given; a constraint would stop the retention job years later."""
    held = []
    for one in every_personal():
        if one.keep_days is None or one.whole_row:
            continue
        for constraint in one.model_class()._meta.constraints:
            condition = constraint.condition if isinstance(constraint, CheckConstraint) else None
            if isinstance(condition, Q) and one.field in set(_insisted_on(condition)):
                held.append(f"{one.label}: {constraint.name}")
    assert not held, "\n".join(held)
