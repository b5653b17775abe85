from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from hypothesis import given
from hypothesis import strategies as st

from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.ledger.paths import below, successor

digits = st.text("0123456789", min_size=1, max_size=18)


@given(digits, digits)
def test_successor_bounds_exactly_what_starts_with_the_path(path, other):
    behind = successor(path)
    assert (path <= other and (behind is None or other < behind)) == other.startswith(path)


@pytest.mark.parametrize(
    ("path", "expected"), [("33", "34"), ("09", "10"), ("1299", "1300"), ("9", None), ("99", None)]
)
def test_successor(path, expected):
    assert successor(path) == expected


@pytest.mark.parametrize("path", ["3x", "３３", "33%", " 33"])
def test_only_digits_are_paths(path):
    with pytest.raises(ValueError, match="digits"):
        below(path)


def test_within_is_the_subtree(add):
    for path in ("33", "3306", "330603", "34", "3406", "99", "9901"):
        add(path)

    def within(path):
        return list(Entry.objects.within(path).order_by("id").values_list("place_path", flat=True))

    assert within("33") == ["33", "3306", "330603"]
    assert within("3306") == ["3306", "330603"]
    assert within("99") == ["99", "9901"]
    assert len(within("")) == 7
    assert within("35") == []


def test_filters_of_the_audit_list(add, change, django_assert_num_queries):
    clerk = get_user_model().objects.create_user("clerk")
    city = add("3306", by=clerk)
    change(city)
    add("34")
    found = Entry.objects.matching(by=clerk.pk)
    assert [entry.place_path for entry in found] == ["3306"]
    assert Entry.objects.matching(event="places.ProfileSet").get().seq == 2
    assert Entry.objects.matching(noun="places.Place", object_id=city.pk).count() == 2
    assert Entry.objects.matching(path="33").count() == 2
    newest = Entry.objects.matching(noun="places.Place").newest_first()
    assert [entry.place_path for entry in newest] == ["34", "3306", "3306"]
    assert [entry.pk for entry in Entry.objects.newest_first(before=newest[0].pk)] == [newest[1].pk, newest[2].pk]
    with django_assert_num_queries(1):
        timeline = list(Entry.objects.about_any([("places.Place", city.pk), ("cases.Case", 1)]))
    assert [entry.seq for entry in timeline] == [1, 2]
    assert list(Entry.objects.about_any([])) == []
