from __future__ import annotations

import pytest

from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.privacy.actions import lookups_about, reveal
from gongzhi.ground.privacy.models import Reveal
from gongzhi.ground.privacy.tests.models import Letter
from gongzhi.ground.refusals import Refusal


@pytest.fixture
def letter(town):
    return Letter.objects.create(phone="138 0013 8000", remark="ill mother", place_path=town.here.path + "001")


def test_a_look_is_recorded_and_the_person_can_see_it(town, letter, now):
    assert reveal(letter, "phone", by=town.clerk, reason=" call  back ", now=now) == "138 0013 8000"
    look = lookups_about("privacy.Letter", letter.pk).get()
    assert (look.field, look.reason, look.at) == ("phone", "call back", now)
    assert str(look.post) == f"{look.post.get_role_display()}, Place {town.here.path}"
    entry = Entry.objects.about(look).get()
    assert (entry.event, entry.by_id, entry.post_id) == ("privacy.PersonalDataRevealed", town.clerk.pk, look.post_id)
    assert entry.place_path == letter.place_path
    assert entry.data == {"model": "privacy.Letter", "object_id": letter.pk, "field": "phone"}
    assert not lookups_about("privacy.Letter", letter.pk + 1).exists()


@pytest.mark.parametrize(
    ("who", "reason", "status"),
    [
        ("clerk", "", 422),
        ("clerk", " a b ", 422),
        ("clerk", "x" * 201, 422),
        ("chief", "call back", 403),
        ("neighbour", "call back", 403),
    ],
)
def test_a_refused_look_shows_and_leaves_nothing(town, letter, now, who, reason, status):
    with pytest.raises(Refusal) as refused:
        reveal(letter, "phone", by=getattr(town, who), reason=reason, now=now)
    assert refused.value.status == status
    assert "138" not in str(refused.value)
    assert not Reveal.objects.exists()


def test_only_sealed_fields_are_revealed(town, letter, now):
    with pytest.raises(TypeError):
        reveal(letter, "body", by=town.clerk, reason="call back", now=now)


def test_the_newest_look_stands_first(town, letter, now):
    for field in ("phone", "remark"):
        reveal(letter, field, by=town.clerk, reason="call back", now=now)
    assert [look.field for look in lookups_about("privacy.Letter", letter.pk)] == ["remark", "phone"]
