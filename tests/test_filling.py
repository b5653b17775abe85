"""Pouring rows in gives what saving them one by one gives."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, transaction

from gongzhi.ground.filling import build, pour
from gongzhi.sense.channels.models import Channel, Message
from gongzhi.understand.cases.models import Case, State, Voice

pytestmark = pytest.mark.django_db


def message(number: int, town: Any, now: Any) -> Message:
    return Message(
        number=f"261118-{number:07d}",
        channel=Channel.IMPORT,
        received_at=now,
        text="路灯不亮\t了\\N\n第二行",
        answers={"floor": 3, "words": ["好"]},
        place=town.grid,
        place_path=town.grid.path,
        lon=116.3,
        lat=40.0,
        reporter_name="赵先生",
        reporter_phone="13800000000",
    )


def test_poured_rows_are_like_saved_ones(town: Any, now: Any) -> None:
    saved = message(1, town, now)
    saved.save()
    poured = [message(number, town, now) for number in (2, 3)]
    pour(Message, poured)
    assert [row.pk for row in poured] == [saved.pk + 1, saved.pk + 2]
    assert not poured[0]._state.adding
    one, two = Message.objects.get(pk=saved.pk), Message.objects.get(pk=poured[0].pk)
    for field in Message._meta.concrete_fields:
        if field.name not in ("id", "uid", "number", "reporter_name", "reporter_phone", "reporter_email"):
            assert getattr(one, field.attname) == getattr(two, field.attname), field.name
    assert two.reporter_name.open() == "赵先生"
    assert bytes(one.reporter_phone_index or b"") == bytes(two.reporter_phone_index or b"") != b""
    after = message(4, town, now)
    after.save()
    assert after.pk == poured[1].pk + 1  # the counter has moved on


def test_checks_hold_for_poured_rows(town: Any, now: Any) -> None:
    first = message(1, town, now)
    pour(Message, [first])
    for wrong in (message(1, town, now), Case(number="x", state="nothing", place=town.grid, opened_at=now)):
        with pytest.raises(IntegrityError), transaction.atomic():
            pour(type(wrong), [wrong])
    lead = {"lead_role": "community_clerk", "lead_place": town.community}
    case = Case(number="y", state=State.NEW, place=town.grid, place_path=town.grid.path, opened_at=now, **lead)
    pour(Case, [case])
    pour(Voice, [Voice(case=case, first_case=case, message=first)])
    assert Case.objects.get().voices.get().message == first
    pour(Case, [])


def test_a_row_that_was_built_is_like_a_made_one(town: Any, now: Any) -> None:
    given = {"number": "261118-0000009", "channel": Channel.IMPORT, "received_at": now, "text": "路灯不亮"}
    given |= {"place_id": town.grid.pk, "place_path": town.grid.path}
    made, built = Message(**given), build(Message, {**given, "reporter_phone": "13800000000"})
    assert built._state.adding
    for field in Message._meta.concrete_fields:
        if field.name not in ("uid", "reporter_phone"):
            assert getattr(built, field.attname) == getattr(made, field.attname), field.name
    assert built.uid != made.uid
    assert str(built.reporter_phone) == "138****0000"
    assert built.place == town.grid
    built.save()
    assert Message.objects.get().reporter_phone.open() == "13800000000"
    case = build(Case, {"number": "z", "place_id": town.grid.pk})
    assert (case.state, case.category, case.voice_count) == (State.NEW, None, 1)
    assert case.get_state_display() == "New"
