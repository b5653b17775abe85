"""What a resident is shown of others' reports while writing, and joining one."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from django.db.models import F

from gongzhi.ground.access.models import Tally
from gongzhi.sense.channels.follow import token_of
from gongzhi.sense.channels.models import Message
from gongzhi.understand.cases import actions as cases
from gongzhi.understand.cases import tree
from gongzhi.understand.cases.models import Case, Category, Voice
from tests.scenes import LITTER

pytestmark = pytest.mark.django_db

TOLD = "东区三号楼下的垃圾桶满了三天，没人来清，味道很大，赵阿姨说苍蝇很多。"
AGAIN = "三号楼下面垃圾桶满了，三天没人来清，苍蝇很多！"
ASK = "/report/neighbours/"


@pytest.fixture
def known(report: Any, town: Any) -> Case:
    _message, case = report(text=TOLD, address="三号楼二单元门口", name="赵阿姨", phone="13800000000")
    for number in range(11):
        report(text=f"我也是{number}。", joins=case.number)
    case.refresh_from_db()
    assert case.voice_count == 12
    return case


@pytest.fixture
def ask(client: Any, town: Any, moment: Any) -> Any:
    def ask(**changes: Any) -> str:
        given = {"text": AGAIN, "category": LITTER, "place": town.community.pk, **changes}
        answer = client.post(ASK, {name: value for name, value in given.items() if value is not None})
        assert answer.status_code == 200
        assert "no-store" in answer["Cache-Control"]
        return answer.content.decode()

    return ask


def tokens(page: str) -> list[str]:
    return [one for one in re.findall(r'name="joins" value="([^"]+)"', page) if one != "no"]


def test_neighbours_are_counted_and_nothing_they_said_is_shown(known: Case, ask: Any, town: Any) -> None:
    page = ask()
    assert "reported by 12 people" in page
    assert town.community.name in page
    assert "since 2026-11-18" in page
    assert len(tokens(page)) == 1
    # Four characters in a row of anything the others wrote, their names, numbers and the exact place stay out.
    hidden = [TOLD, known.summary, known.address, "赵阿姨", "13800000000"]
    pieces = {one[start : start + 4] for one in hidden for start in range(max(1, len(one) - 3))}
    shown = re.sub(r"<[^>]+>", " ", page)
    assert not [piece for piece in pieces if piece in shown]
    assert known.number not in page
    assert town.grid.name not in shown
    assert "img" not in page


@pytest.mark.parametrize(
    "changes",
    [
        {"text": ""},
        {"text": "灯"},
        {"text": "长" * 100_000},
        {"text": AGAIN + "\x00"},
        {"text": "请问老年证在哪里办理？", "category": ""},
        {"place": None},
        {"place": "x"},
        {"place": 10**20},
        {"place": None, "lon": "nan", "lat": "40"},
        {"place": None, "lon": "999", "lat": "40"},
        {"place": None, "lon": "116.9", "lat": "40.9"},
    ],
)
def test_nothing_is_shown_without_words_and_a_place_nearby(known: Case, ask: Any, changes: Any) -> None:
    assert tokens(ask(**changes)) == []


def test_elsewhere_is_not_nearby(known: Case, ask: Any, town: Any) -> None:
    assert tokens(ask(place=town.other_community.pk)) == []


def test_matters_between_people_are_never_shown(known: Case, ask: Any, town: Any) -> None:
    parent = Category.objects.get(code=LITTER.partition(".")[0])
    Category.objects.filter(pk=parent.pk).update(private=True, version=F("version") + 1)
    tree.forget()
    assert tokens(ask()) == []
    tree.forget()


def test_what_has_ended_or_is_not_sorted_is_not_shown(known: Case, ask: Any, done: Any, report: Any) -> None:
    Case.objects.filter(pk=known.pk).update(category=None)
    assert tokens(ask()) == []
    _message, checked = done(text=TOLD)
    assert checked.state == "to_check"
    assert tokens(ask()) == []


def test_too_many_questions_get_a_clear_answer(client: Any, known: Any, town: Any, moment: Any, settings: Any) -> None:
    given = {"text": AGAIN, "place": town.community.pk}
    codes = set()
    for _ in range(400):
        answer = client.post(ASK, given)
        codes.add(answer.status_code)
        if answer.status_code == 429:
            break
    assert codes == {200, 429}
    assert Tally.objects.exists()


def send(client: Any, town: Any, **changes: Any) -> tuple[Any, Message]:
    given = {
        "text": AGAIN, "category": LITTER, "place": town.community.pk, "answer_by": "link", "key": uuid.uuid4().hex,
        **changes,
    }  # fmt: skip
    answer = client.post("/report/", given)
    assert answer.status_code == 302, answer.content.decode()[:3000]
    return answer, Message.objects.order_by("-pk")[0]


def test_joining_while_writing(known: Case, ask: Any, client: Any, town: Any, deliver: Any, moment: Any) -> None:
    [token] = tokens(ask())
    answer, message = send(client, town, joins=token)
    deliver(now=moment.now)
    assert message.voice.case_id == known.pk
    assert Case.objects.get(pk=known.pk).voice_count == 13
    page = client.get(answer["Location"]).content.decode()
    assert "12 neighbours reported" in page
    followed = client.get(f"/follow/{token_of(message)}/").content.decode()
    assert "You joined a matter that neighbours had reported" in followed
    assert "12 neighbours reported the same" in followed
    assert AGAIN.rstrip("！") in followed
    assert TOLD not in followed
    # From now on they are told what happens to it.
    cases.dispatch_case(case_id=known.pk, category=LITTER, by=town.clerk, now=moment.now)
    deliver(now=moment.now)
    assert "It is now with" in client.get(f"/follow/{token_of(message)}/").content.decode()


@pytest.mark.parametrize("joins", ["no", "x", "x" * 200, "1:1:1", "261118-0000000"])
def test_a_wrong_or_refused_proposal_opens_a_case(
    known: Case, client: Any, town: Any, deliver: Any, moment: Any, joins: str
) -> None:
    _answer, message = send(client, town, joins=joins)
    deliver(now=moment.now)
    assert message.voice.case.number == message.number


def test_without_scripts_there_is_one_step_more(known: Case, client: Any, town: Any, deliver: Any, moment: Any) -> None:
    answer, message = send(client, town)
    deliver(now=moment.now)
    page = client.get(answer["Location"]).content.decode()
    [token] = tokens(page)
    joined = client.post(f"/received/{token_of(message)}/join/", {"joins": token})
    assert joined["Location"] == f"/follow/{token_of(message)}/"
    deliver(now=moment.now)
    voice = Voice.objects.get(message=message)
    assert (voice.case_id, voice.first_case.state) == (known.pk, "merged")
    followed = client.get(joined["Location"]).content.decode()
    assert "handled together with what others reported" in followed
    assert tokens(client.get(answer["Location"]).content.decode()) == []
    # "No, mine is another matter", said after sending.
    answer, other = send(client, town, text="另外一件：三号楼下面垃圾桶满了，三天没人来清。")
    deliver(now=moment.now)
    stays = client.post(f"/received/{token_of(other)}/join/", {"joins": "no"})
    assert tokens(client.get(stays["Location"]).content.decode()) == []
    assert other.voice.case.number == other.number


def test_one_of_many_withdraws_and_reads_so(
    known: Case, ask: Any, client: Any, town: Any, deliver: Any, moment: Any
) -> None:
    [token] = tokens(ask())
    _answer, message = send(client, town, joins=token)
    deliver(now=moment.now)
    assert client.post(f"/follow/{token_of(message)}/withdraw/").status_code == 302
    page = client.get(f"/follow/{token_of(message)}/").content.decode()
    assert "others still wait for it" in page
    assert "/withdraw/" not in page
    known.refresh_from_db()
    assert (known.state, known.voice_count) == ("new", 12)
