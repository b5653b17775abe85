"""Suggestions: made for each new case, never applied, and measured by what people decide."""

from __future__ import annotations

import pytest

from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.places.models import Place
from gongzhi.sense.channels.actions import Draft, receive_message
from gongzhi.sense.channels.models import Message
from gongzhi.understand.cases import actions as cases
from gongzhi.understand.cases.models import Case
from gongzhi.understand.cases.tree import category_by_code, category_by_id
from gongzhi.understand.suggestions.accuracy import accuracy_for
from gongzhi.understand.suggestions.gazetteer import places_in
from gongzhi.understand.suggestions.models import Suggestion
from gongzhi.understand.suggestions.reading import read_text

pytestmark = pytest.mark.django_db

MANHOLE = "昨天晚上8点东区社区门口的井盖不见了，学府路甲17号院，连续三天没人管。"


@pytest.fixture
def told(town, now, deliver):
    def tell(text, **more):
        message = receive_message(Draft(text=text, **{"place": town.grid, **more}), by=None, now=now)
        deliver(now=now)
        return Case.objects.get(voices__message=message)

    return tell


def test_a_new_case_gets_a_suggestion_with_reasons_and_nothing_is_applied(told, town):
    case = told(MANHOLE)
    kept = Suggestion.objects.get(case=case)
    text = Message.objects.get(voice__case=case).text
    assert kept.category.code == "roads.manhole"
    assert kept.confidence > 0.3
    assert any("井盖" in text[start:end] for start, end in kept.spans)
    assert kept.urgency == "urgent"
    assert kept.place_id == town.community.pk
    assert [text[one[0] : one[1]] for one in kept.times] == ["昨天晚上8点", "连续三天"]
    assert case.category is None
    assert case.urgency == "normal"
    assert case.sorted_at is None
    assert case.place_id == town.grid.pk
    assert not Entry.objects.about(case).filter(event__startswith="suggestions").exists()


def test_not_a_word_of_the_text_is_kept(told):
    case = told(MANHOLE)
    row = str(Suggestion.objects.filter(case=case).values().get())
    assert not [word for word in ("井盖", "学府", "昨天", "不见") if word in row]


def test_a_decision_is_remembered_and_the_last_one_counts(told, town, now, deliver):
    case = told(MANHOLE)
    for code, right in (("environment.litter", False), ("roads.manhole", True)):
        cases.sort_case(case_id=case.pk, category=code, urgency="urgent", by=town.clerk, now=now)
        deliver(now=now)
        kept = Suggestion.objects.get(case=case)
        assert (kept.was_right, kept.confirmed.code) == (right, code)
        assert kept.confirmed_at is not None
        assert kept.urgency_was_right is True
    assert Case.objects.get(pk=case.pk).urgency == "urgent"
    cases.mark_urgency(case_id=case.pk, urgency="danger", by=town.clerk, now=now)
    deliver(now=now)
    assert Suggestion.objects.get(case=case).urgency_was_right is False


def test_sorting_without_a_word_about_urgency_leaves_it(told, town, now, deliver):
    case = told("路灯不亮")
    cases.sort_case(case_id=case.pk, category="facilities.lighting", by=town.clerk, now=now)
    deliver(now=now)
    assert Case.objects.get(pk=case.pk).urgency == "normal"
    assert Suggestion.objects.get(case=case).urgency_was_right is None


def test_accuracy_counts_what_was_confirmed_within_reach(told, town, now, deliver):
    right, wrong = told(MANHOLE), told("小区垃圾桶满了没人清运，味道很大")
    told("还没有人看过的一件")
    for case, code in ((right, "roads.manhole"), (wrong, "roads.manhole")):
        cases.sort_case(case_id=case.pk, category=code, by=town.clerk, now=now)
    deliver(now=now)
    seen = accuracy_for(town.clerk)
    assert (seen.confirmed, seen.right.part, seen.right.whole) == (2, 1, 2)
    assert sum(band.right.whole for band in seen.bands) == 2
    manhole = next(one for one in seen.categories if one.category.code == "roads.manhole")
    assert (manhole.suggested.part, manhole.suggested.whole) == (1, 1)
    assert (manhole.found.part, manhole.found.whole) == (1, 2)
    assert accuracy_for(town.other_clerk).confirmed == 0
    assert accuracy_for(town.stranger).right.percent is None


def test_a_retired_or_unknown_category_is_never_suggested(told, now):
    node = category_by_code("roads.manhole")
    type(node).objects.filter(pk=node.pk).update(retired_on=now.date(), version=node.version + 1)
    from gongzhi.understand.cases.tree import forget

    forget()
    try:
        reading = read_text(MANHOLE, "110108014001001", now)
        assert "roads.manhole" not in [one.code for one, _share in reading.ranked]
    finally:
        forget()


def test_a_category_that_nobody_has_learnt_comes_by_its_keywords(town, now):
    from gongzhi.understand.cases.models import Category
    from gongzhi.understand.cases.tree import forget

    top = Category.objects.get(code="roads")
    Category.objects.create(
        code="roads.drones", parent=top, name_zh="无人机", name_en="Drones", keywords=["无人机"], position=999
    )
    forget()
    try:
        reading = read_text("无人机嗡嗡", "", now)
        assert "roads.drones" in [one.code for one, _share in reading.ranked]
    finally:
        Category.objects.filter(code="roads.drones").delete()
        forget()


@pytest.mark.parametrize("text", ["。", "🙂🙂🙂", "<script>alert(1)</script>", "a" * 4000, "路" * 4000])
def test_strange_texts_are_read_without_complaint(told, text):
    if any(character.isprintable() for character in text):
        case = told(text)
        kept = Suggestion.objects.get(case=case)
        assert kept.category is None or category_by_id(kept.category_id) is not None


def test_places_by_full_name_short_form_and_nearness(town):
    text = "清华园街道西区那边，学府路甲17号院3号楼2单元，马路边"
    named = places_in(text, town.grid.path)
    assert {Place.objects.get(pk=one.place_id).name for one in named if one.place_id} == {"清华园街道", "西区社区"}
    roads = [text[one.start : one.end] for one in named if one.place_id is None]
    assert "3号楼2单元" in roads
    assert not [one for one in roads if one.endswith("马路")]
    assert places_in("東區社區", town.grid.path)[0].place_id == town.community.pk
    assert places_in("什么也没说", "") == []
