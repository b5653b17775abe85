"""Finding the same matter again, signing, forgetting."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st

from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.privacy.actions import erase_due
from gongzhi.ground.refusals import Refusal
from gongzhi.understand.cases import actions as cases
from gongzhi.understand.cases.merging import merge_cases
from gongzhi.understand.duplicates import grams
from gongzhi.understand.duplicates.actions import find_apart, sign
from gongzhi.understand.duplicates.finding import like_case, like_text
from gongzhi.understand.duplicates.grams import KEPT, likenesses, marked, pack, shared_words, signature
from gongzhi.understand.duplicates.jobs import count_grams, sign_missing
from gongzhi.understand.duplicates.models import Frequencies, Posting, Signature, unpack

pytestmark = pytest.mark.django_db

TOLD = "东区三号楼下的垃圾桶满了三天，没人来清，味道很大，苍蝇很多。"
AGAIN = "三号楼下面垃圾桶满了，三天没人来清，苍蝇很多！"
OTHER = "请问老年证在哪里办，需要带什么材料？"


@pytest.fixture(autouse=True)
def _no_counts_of_others() -> Any:
    grams.forget()
    yield
    grams.forget()


# --- arithmetic -------------------------------------------------------------------------------------------------------


@settings(deadline=None)  # the first one waits for a table
@given(st.text(max_size=300), st.text(max_size=300))
def test_likeness_is_a_symmetric_share(one: str, other: str) -> None:
    grams._checked = 1e12  # no look into the database here
    forth, back, self_like = likenesses(one, [other])[0], likenesses(other, [one])[0], likenesses(one, [one])[0]
    assert 0 <= forth <= 1
    assert forth == pytest.approx(back)
    assert self_like == pytest.approx(1.0 if grams.means_something(grams.grams_of(one)).any() else 0.0)


@settings(deadline=None)  # the first one waits for a table
@given(st.text(max_size=300))
def test_a_signature_is_few_whole_numbers_and_always_the_same(text: str) -> None:
    grams._checked = 1e12
    made = signature(text)
    assert len(made) == len(set(made)) <= KEPT
    assert all(-(2**31) <= one < 2**31 for one in made)
    assert unpack(pack(made)) == made == signature(text)


def test_punctuation_width_and_case_do_not_count() -> None:
    assert likenesses("路灯（3号）坏了，ABC！", ["路灯(3号)坏了 abc"])[0] == pytest.approx(1.0)


@pytest.mark.parametrize("text", ["", "，。！", "灯", "😀", "\ud800", "长" * 100_000])
def test_odd_texts_are_compared_too(text: str) -> None:
    assert len(likenesses(text, [TOLD, text, ""])) == 3
    signature(text)
    marked(text, TOLD)


def test_the_words_that_both_have_are_marked() -> None:
    runs = marked(TOLD, AGAIN)
    assert "".join(run for run, _both in runs) == TOLD
    assert any("垃圾桶满了" in run for run, both in runs if both)
    assert not any("味道很大" in run for run, both in runs if both)
    assert "苍蝇很多" in " ".join(shared_words(TOLD, AGAIN))


# --- finding ----------------------------------------------------------------------------------------------------------


def test_the_same_matter_is_found_and_another_is_not(report: Any, town: Any, moment: Any) -> None:
    _m, case = report(text=TOLD)
    report(text=OTHER, category="")
    [like] = like_text(AGAIN, now=moment.now, place_path=town.grid.path, category_id=case.category_id)
    assert like.case_id == case.pk
    assert like.likeness > 0.35
    assert (like.near, like.same_category, like.days) == (True, True, 0)
    assert like_text("完全另外一回事", now=moment.now) == []
    assert like_text("", now=moment.now) == []


def test_courtesy_makes_nothing_alike(report: Any, town: Any, moment: Any) -> None:
    report(text="路灯不亮，请尽快处理，谢谢！")
    assert likenesses("井盖松了，请尽快处理，谢谢！", ["路灯不亮，请尽快处理，谢谢！"]) == [0.0]
    assert like_text("井盖松了，请尽快处理，谢谢！", now=moment.now) == []
    assert shared_words("井盖松了，请尽快处理", "路灯不亮，请尽快处理") == []
    assert signature("谢谢") == []
    assert likenesses("谢谢", ["谢谢"]) == [0.0]


def test_distance_and_days(report: Any, town: Any, moment: Any) -> None:
    report(text=TOLD, point=(116.3260, 40.0030))
    moment.now += timedelta(days=3)
    [like] = like_text(AGAIN, now=moment.now, point=(116.3280, 40.0030))
    assert 160 < like.metres < 180
    assert (like.days, like.near) == (3, True)
    [far] = like_text(AGAIN, now=moment.now, point=(116.4280, 40.0030))
    assert not far.near
    assert far.score < like.score


def test_few_words_are_enough_nearby(report: Any, town: Any, moment: Any) -> None:
    _m, case = report(text="路灯不亮了。", category="facilities.lighting", point=(116.3260, 40.0030))
    given = {"now": moment.now, "category_id": case.category_id}
    words = "我们这里的路灯不亮好几天，晚上走路很害怕"
    assert likenesses(words, ["路灯不亮了。"])[0] < 0.35
    assert [like.case_id for like in like_text(words, point=(116.3261, 40.0031), **given)] == [case.pk]
    assert like_text(words, point=(116.4260, 40.0030), **given) == []


def test_what_was_merged_leads_to_the_case_that_is_handled(report: Any, town: Any, moment: Any) -> None:
    _a, source = report(text=TOLD)
    _b, target = report(text=OTHER)
    merge_cases(source_id=source.pk, target_id=target.pk, by=town.clerk, now=moment.now)
    [like] = like_text(AGAIN, now=moment.now)
    assert (like.case_id, like.told_by) == (target.pk, source.pk)


def test_found_apart_is_not_proposed_again(report: Any, town: Any, moment: Any) -> None:
    (_a, one), (_b, two) = report(text=TOLD), report(text=AGAIN)
    assert [like.case_id for like in like_case(one, now=moment.now)] == [two.pk]
    for who in (town.other_clerk, town.worker):
        with pytest.raises(Refusal):
            find_apart(case_id=one.pk, other_id=two.pk, by=who, now=moment.now)
    find_apart(case_id=two.pk, other_id=one.pk, by=town.clerk, now=moment.now)
    find_apart(case_id=one.pk, other_id=two.pk, by=town.clerk, now=moment.now)
    assert like_case(one, now=moment.now) == like_case(two, now=moment.now) == []
    assert Entry.objects.filter(event="duplicates.FoundApart").count() == 1


def test_a_look_costs_few_statements(report: Any, town: Any, moment: Any) -> None:
    for number in range(12):
        report(text=f"{TOLD}第{number}次说。")
    like_text(AGAIN, now=moment.now, place_path=town.grid.path)
    with CaptureQueriesContext(connection) as asked:
        found = like_text(AGAIN, now=moment.now, place_path=town.grid.path)
    assert len(found) == 10
    assert len(asked) <= 5, [query["sql"][:100] for query in asked]


# --- signing and forgetting -------------------------------------------------------------------------------------------


def test_a_case_is_signed_once_and_forgotten_after_the_window(report: Any, town: Any, moment: Any) -> None:
    message, case = report(text=TOLD)
    assert Posting.objects.filter(message_id=message.pk).count() == KEPT
    assert sign([case.pk], now=moment.now) == 0
    cases.withdraw_case(message=message, now=moment.now)
    erase_due(now=moment.now + timedelta(days=89))
    assert Signature.objects.filter(case=case).exists()
    erase_due(now=moment.now + timedelta(days=91))
    assert not Signature.objects.filter(case=case).exists()
    assert not Posting.objects.filter(message_id=message.pk).exists()
    # It ended longer ago than the window: nothing is written of it again.
    assert sign([case.pk], now=moment.now + timedelta(days=91)) == 0


def test_what_came_before_this_room_is_signed_by_the_clock(report: Any, town: Any, moment: Any) -> None:
    report(text=TOLD)
    Signature.objects.all().delete()
    assert not Posting.objects.exists()
    assert sign_missing(now=moment.now) == 1
    assert sign_missing(now=moment.now) == 0


def test_counting_makes_common_words_weigh_less(report: Any, town: Any, moment: Any) -> None:
    _m, case = report(text=TOLD)
    for number in range(6):
        report(text=f"苍蝇很多，{number}号楼。")
    before = likenesses("苍蝇很多", [TOLD])[0]
    assert not count_grams(now=moment.now)
    assert count_grams(now=moment.now, anyway=True)
    assert count_grams(now=moment.now, anyway=True)
    assert Frequencies.objects.count() == 1
    assert likenesses("苍蝇很多", [TOLD])[0] < before
    # What was signed by other counts is found all the same.
    assert case.pk in [like.case_id for like in like_text(AGAIN, now=moment.now)]
