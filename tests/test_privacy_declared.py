"""Personal data has no default: every text-like field is declared personal or harmless, exactly once."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.apps import apps

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
