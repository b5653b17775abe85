"""The screens of many voices: proposals, comparing, merging, taking apart, another caller."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gongzhi.sense.channels.models import Message
from gongzhi.understand.cases.merging import merge_cases
from gongzhi.understand.cases.models import Case, Voice
from gongzhi.understand.duplicates.models import Apart
from tests.scenes import LITTER

pytestmark = pytest.mark.django_db

TOLD = "东区三号楼下的垃圾桶满了三天，没人来清，味道很大，苍蝇很多。"
AGAIN = "三号楼下面垃圾桶满了，三天没人来清，苍蝇很多！"


@pytest.fixture
def two(assigned: Any, report: Any) -> tuple[Case, Case]:
    """An older case that is being handled, and a new one that tells the same."""
    _m, older = assigned(text=TOLD)
    _n, newer = report(text=AGAIN, name="钱先生", phone="13900000000")
    return older, newer


def fresh(case: Case) -> Case:
    return Case.objects.get(pk=case.pk)


def test_proposals_tell_why(two: Any, as_user: Any, town: Any) -> None:
    older, newer = two
    client = as_user(town.clerk)
    page = client.get(f"/staff/cases/{newer.number}/similar/").content.decode()
    assert "<h1>" in page
    for words in (
        "May be the same matter",
        "at the same place",
        "the same subject",
        "within a day",
        "苍蝇很多</mark>",
    ):
        assert words in page
    assert f"Merge: keep {older.number}" in page
    part = client.get(f"/staff/cases/{newer.number}/similar/", headers={"hx-request": "true"}).content.decode()
    assert "<h1>" not in part
    assert "May be the same matter" in part
    # The same from the inbox and from the page of the case, without their waiting for it.
    for place in (f"/staff/inbox/{newer.number}/", f"/staff/cases/{newer.number}/"):
        assert f"/staff/cases/{newer.number}/similar/" in client.get(place).content.decode()


def test_merge_with_one_press_and_undo(two: Any, as_user: Any, town: Any, deliver: Any, moment: Any) -> None:
    older, newer = two
    client = as_user(town.clerk)
    page = client.get(f"/staff/cases/{newer.number}/similar/{older.number}/").content.decode()
    assert "<mark class" in page
    assert "Merge, and handle this one" in page
    answer = client.post(f"/staff/cases/{newer.number}/similar/{older.number}/", {"keep": older.number})
    assert (answer.status_code, answer["Location"]) == (303, f"/staff/cases/{older.number}/")
    deliver(now=moment.now)
    kept = client.get(f"/staff/cases/{older.number}/").content.decode()
    assert "Another case was merged into this one" in kept
    assert AGAIN in kept
    assert f"No. {newer.number}" in kept
    gone = client.get(f"/staff/cases/{newer.number}/").content.decode()
    assert "Handled with another case" in gone
    assert f"/staff/cases/{older.number}/" in gone
    assert AGAIN in gone
    voices = client.get(f"/staff/cases/{older.number}/voices/").content.decode()
    assert f"merged from {newer.number}" in voices
    assert "13900000000" not in voices
    assert "钱先生" not in voices
    form = client.get(f"/staff/cases/{newer.number}/unmerge/")
    assert "handled on its own again" in form.content.decode()
    answer = client.post(f"/staff/cases/{newer.number}/unmerge/", {"version": fresh(newer).version})
    assert answer.status_code == 303
    assert (fresh(newer).state, fresh(older).voice_count) == ("new", 1)
    assert client.post(f"/staff/cases/{newer.number}/unmerge/", {"version": fresh(newer).version}).status_code == 409


def test_merge_by_number(two: Any, as_user: Any, town: Any) -> None:
    older, newer = two
    client = as_user(town.clerk)
    address = f"/staff/cases/{newer.number}/merge/"
    for target in ("", "000000-0000000", "x" * 15, "'; --"):
        answer = client.post(address, {"target": target, "version": newer.version})
        assert answer.status_code == 422, target
        assert 'id="mergeform_target_error"' in answer.content.decode()
    itself = client.post(address, {"target": newer.number, "version": newer.version})
    assert itself.status_code == 422
    assert "into itself" in itself.content.decode()
    stale = client.post(address, {"target": older.number, "version": newer.version + 5})
    assert stale.status_code == 409
    answer = client.post(address, {"target": older.number, "version": newer.version})
    assert (answer.status_code, fresh(newer).merged_into_id) == (303, older.pk)
    # The contradiction: the other one into this one.
    answer = client.post(
        f"/staff/cases/{older.number}/merge/", {"target": newer.number, "version": fresh(older).version}
    )
    assert answer.status_code == 409
    assert "was merged into this case" in answer.content.decode()


def test_contradictions_on_the_page_that_compares(two: Any, done: Any, as_user: Any, town: Any) -> None:
    older, newer = two
    client = as_user(town.clerk)
    _m, checked = done(text="另一件。")
    address = f"/staff/cases/{newer.number}/similar/{checked.number}/"
    answer = client.post(address, {"keep": checked.number})
    assert answer.status_code == 409
    assert "being checked" in answer.content.decode()
    for keep in ("", "x", older.number):
        assert client.post(address, {"keep": keep}).status_code == 422
    assert client.get(f"/staff/cases/{newer.number}/similar/{newer.number}/").status_code == 200
    assert client.post(f"/staff/cases/{newer.number}/similar/{newer.number}/apart/").status_code == 422
    assert (
        client.post(f"/staff/cases/{newer.number}/similar/{newer.number}/", {"keep": newer.number}).status_code == 422
    )


def test_not_the_same_is_remembered(two: Any, as_user: Any, town: Any) -> None:
    older, newer = two
    client = as_user(town.clerk)
    answer = client.post(f"/staff/cases/{newer.number}/similar/{older.number}/apart/")
    assert (answer.status_code, answer["Location"]) == (303, f"/staff/inbox/{newer.number}/")
    assert Apart.objects.count() == 1
    for one in two:
        assert "Nothing like it was found" in client.get(f"/staff/cases/{one.number}/similar/").content.decode()


def test_only_what_one_may_read_is_proposed(two: Any, report: Any, as_user: Any, town: Any) -> None:
    older, newer = two
    _m, there = report(text=AGAIN, place=town.other_grid)
    page = as_user(town.other_clerk).get(f"/staff/cases/{there.number}/similar/").content.decode()
    assert older.number not in page
    assert newer.number not in page
    assert as_user(town.other_clerk).get(f"/staff/cases/{there.number}/similar/{older.number}/").status_code == 404
    # A grid worker reads and compares, and leaves the deciding to the desk.
    page = as_user(town.worker).get(f"/staff/cases/{newer.number}/similar/").content.decode()
    assert "May be the same matter" in page
    assert "Merge: keep" not in page
    client = as_user(town.worker)
    assert (
        client.post(f"/staff/cases/{newer.number}/similar/{older.number}/", {"keep": older.number}).status_code == 403
    )
    assert client.post(f"/staff/cases/{newer.number}/similar/{older.number}/apart/").status_code == 404


def test_another_caller_about_the_same(two: Any, as_user: Any, town: Any, deliver: Any, moment: Any) -> None:
    older, _newer = two
    client = as_user(town.clerk)
    address = f"/staff/cases/{older.number}/voices/add/"
    assert client.get(address).status_code == 200
    given = {"version": older.version, "channel": "phone", "text": "我也是来说垃圾的。", "answer_by": "phone",
             "key": uuid.uuid4().hex}  # fmt: skip
    wrong = client.post(address, given)
    assert wrong.status_code == 422
    assert "leave a number" in wrong.content.decode()
    answer = client.post(address, {**given, "phone": "13700000000"})
    assert answer.status_code == 303
    deliver(now=moment.now)
    message = Message.objects.order_by("-pk")[0]
    assert (message.voice.case_id, fresh(older).voice_count) == (older.pk, 2)
    assert answer["Location"] == f"/staff/enter/{message.number}/"
    assert client.get(answer["Location"]).status_code == 200
    # Its number is that of a voice and not of a case; the reveal page can speak of either.
    page = client.get(f"/staff/cases/{older.number}/reveal/?message={message.pk}").content.decode()
    assert f'name="message" value="{message.pk}"' in page
    assert client.get(f"/staff/cases/{older.number}/reveal/?message=99999999999999999999").status_code == 200


def test_the_desk_is_shown_it_while_entering(two: Any, as_user: Any, town: Any, deliver: Any, moment: Any) -> None:
    older, _newer = two
    client = as_user(town.clerk)
    given = {"text": AGAIN, "category": LITTER, "place": town.grid.path}
    page = client.post("/staff/enter/similar/", given).content.decode()
    assert f'name="joins" value="{older.number}"' in page
    for odd in (
        {},
        {"text": "灯"},
        {"text": "x" * 100_000, "lon": "nan", "lat": "1", "place": "x", "category": "x" * 500},
    ):
        assert client.post("/staff/enter/similar/", odd).status_code == 200
    form = {**given, "channel": "phone", "answer_by": "none", "key": uuid.uuid4().hex, "joins": older.number}
    assert client.post("/staff/enter/", form).status_code == 303
    deliver(now=moment.now)
    assert Voice.objects.order_by("-pk")[0].case_id == older.pk
    # Somebody else's number, or none of these: a case of its own.
    for joins in ("no", "000000-0000000"):
        client.post("/staff/enter/", {**form, "key": uuid.uuid4().hex, "joins": joins})
        deliver(now=moment.now)
        voice = Voice.objects.order_by("-pk")[0]
        assert voice.case.number == voice.message.number


def test_a_case_with_very_many_voices(assigned: Any, town: Any, as_user: Any, moment: Any, deliver: Any) -> None:
    _m, case = assigned(text=TOLD)
    messages = Message.objects.bulk_create(
        [
            Message(number=f"v{number}", channel="web", received_at=moment.now, text=f"第{number}位：{TOLD}")
            for number in range(300)
        ]
    )
    Voice.objects.bulk_create(
        [Voice(case=case, first_case=case, message=one, joined_at=moment.now) for one in messages]
    )
    Case.objects.filter(pk=case.pk).update(voice_count=301)
    client = as_user(town.clerk)
    for address, most in ((f"/staff/cases/{case.number}/", 13), (f"/staff/cases/{case.number}/voices/", 8)):
        client.get(address)
        with CaptureQueriesContext(connection) as asked:
            page = client.get(address).content.decode()
        said = [query["sql"][:120] for query in asked if not query["sql"].startswith(("SAVEPOINT", "RELEASE"))]
        assert len(said) <= most, said
        assert page.count("东区三号楼") <= 60
    assert "All 301 who reported it" in client.get(f"/staff/cases/{case.number}/").content.decode()
    assert "301 voices" in page


def test_a_merged_matter_is_told_to_its_reporter(two: Any, town: Any, client: Any, deliver: Any, moment: Any) -> None:
    from gongzhi.sense.channels.follow import token_of

    older, newer = two
    merge_cases(source_id=newer.pk, target_id=older.pk, by=town.clerk, now=moment.now)
    deliver(now=moment.now)
    message = Voice.objects.get(first_case=newer).message
    page = client.get(f"/follow/{token_of(message)}/").content.decode()
    assert "handled together with what others reported" in page
    assert "1 neighbour reported the same" in page
    assert TOLD not in page
