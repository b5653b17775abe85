"""The category tree as data: any number of levels, questions, conditions, and what happens when it changes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gongzhi.ground.ledger.verify import verify
from gongzhi.ground.refusals import Refusal
from gongzhi.sense.channels.actions import Draft, receive_message
from gongzhi.sense.channels.follow import token_of
from gongzhi.sense.channels.models import Message
from gongzhi.understand.cases import tree
from gongzhi.understand.cases.loading import load_categories, packaged
from gongzhi.understand.cases.models import Case, Category, Question
from gongzhi.understand.cases.questions import check_answer, check_answers, told
from tests.scenes import LITTER, WORDS

pytestmark = pytest.mark.django_db

DEEP = [
    {"code": "a", "name_zh": "甲", "name_en": "A", "deadline": "cases.deadline.ordinary", "role": "grid_worker",
     "opens_zh": "看得见", "opens_en": "it can be seen", "closes_en": "it is gone", "closes_zh": "没了",
     "questions": [{"code": "days", "kind": "number", "zh": "几天", "en": "Days?"},
                   {"code": "why", "zh": "为什么", "en": "Why?"}]},
    {"code": "a.b", "name_zh": "乙", "name_en": "B", "private": True},
    {"code": "a.b.c", "name_zh": "丙", "name_en": "C",
     "questions": [{"code": "why", "zh": "究竟为什么", "en": "Why indeed?", "required": True}]},
    {"code": "a.b.c.d", "name_zh": "丁", "name_en": "D", "deadline": "cases.deadline.complex",
     "closes_en": "D is gone"},
    {"code": "a.b.c.d.e", "name_zh": "戊", "name_en": "E",
     "questions": [{"code": "which", "kind": "some", "zh": "哪些", "en": "Which?",
                    "choices": [{"key": "x", "zh": "叉", "en": "Cross"}, {"key": "y", "zh": "勾", "en": "Tick"}]}]},
]  # fmt: skip


@pytest.fixture
def deep(town: Any, now: Any) -> Category:
    """The fifth level of a tree."""
    load_categories(DEEP, now=now)
    return Category.objects.get(code="a.b.c.d.e")


def test_five_levels(deep: Category, town: Any, now: Any, deliver: Any) -> None:
    on = now.date()
    assert verify(now=now) == []
    assert [node.code for node in tree.lineage(deep)] == ["a.b.c.d.e", "a.b.c.d", "a.b.c", "a.b", "a"]
    assert tree.deadline_rule_of(deep) == "cases.deadline.complex"
    assert [question.code for question in tree.questions_of(deep, on)] == ["days", "why", "which"]
    assert {question.code: question.label_en for question in tree.questions_of(deep, on)}["why"] == "Why indeed?"
    assert tree.is_private(deep)
    assert not tree.is_private(tree.category_by_code("a"))
    assert tree.condition(deep, "closes_when") == "D is gone"
    assert tree.condition(deep, "opens_when") == "it can be seen"
    assert b"a.b.c.d.e" in tree.as_json("en", on)[0]
    receive_message(Draft(text=WORDS, category="a.b.c.d.e", place=town.grid), by=None, now=now)
    deliver(now=now)
    case = Case.objects.get()
    assert case.category == deep
    assert case.deadline_rule == "cases.deadline.complex"


def test_answers_by_kind(deep: Category, now: Any) -> None:
    on = now.date()
    assert check_answers(deep, {"days": "３", "why": " 风大 ", "which": ["y", "x"]}, on) == {
        "days": 3, "why": "风大", "which": ["x", "y"],
    }  # fmt: skip
    for wrong, beside in (
        ({"days": "三天", "why": "x"}, "q_days"),
        ({"days": "nan", "why": "x"}, "q_days"),
        ({"days": "1e99", "why": "x"}, "q_days"),
        ({"why": "长" * 501}, "q_why"),
        ({"why": "  "}, "q_why"),
        ({"why": "x", "which": ["z"]}, "q_which"),
        ({"why": "x", "other": "y"}, "answers"),
        ({"why": ["x", "y"]}, "q_why"),
    ):
        with pytest.raises(Refusal) as refusal:
            check_answers(deep, wrong, on)
        assert (refusal.value.field, refusal.value.status) == (beside, 422), wrong


def test_days(town: Any) -> None:
    day = Question(kind="day", code="since", label_en="Since?")
    assert check_answer(day, "2026-11-01") == "2026-11-01"
    for wrong in ("2026-02-30", "yesterday", "0001-01-01", "9999-01-01"):
        with pytest.raises(Refusal):
            check_answer(day, wrong)


@given(
    kind=st.sampled_from(Question.Kind.values),
    value=st.one_of(st.none(), st.text(), st.integers(), st.floats(), st.dates(), st.lists(st.text(), max_size=3)),
)
@settings(max_examples=300, deadline=None)
def test_any_answer_is_kept_or_refused(kind: str, value: Any) -> None:
    question = Question(kind=kind, code="x", label_en="X", choices=[{"key": "0", "zh": "零", "en": "Zero"}])
    try:
        kept = check_answer(question, value)
    except Refusal:
        return
    assert check_answer(question, kept) == kept  # what is kept is in its final form
    assert "\x00" not in str(kept)


def test_the_public_form_asks_checks_and_shows(client: Any, town: Any, moment: Any, deliver: Any, as_user: Any) -> None:
    piece = client.get(f"/questions/?category={LITTER}").content.decode()
    assert 'name="q_days"' in piece
    assert client.get("/questions/?category=no.such").status_code == 404
    fields = {"text": WORDS, "category": LITTER, "answer_by": "none", "key": "k1", "place": town.community.pk}
    first = client.post("/report/", {**fields, "asked": ""})  # a browser without scripts: it is asked now
    assert first.status_code == 422
    page = first.content.decode()
    assert "Not sent yet" in page
    assert f'name="asked" value="{LITTER}"' in page
    assert not Message.objects.exists()
    wrong = client.post("/report/", {**fields, "asked": LITTER, "q_days": "many"})
    assert wrong.status_code == 422
    assert 'id="id_q_days_error"' in wrong.content.decode()
    sent = client.post("/report/", {**fields, "asked": LITTER, "q_days": "4", "q_kind": ["leaves", "household"]})
    assert sent.status_code == 302
    message = Message.objects.get()
    assert message.answers == {"days": 4, "kind": ["household", "leaves"]}
    deliver(now=moment.now)
    follow = client.get(f"/follow/{token_of(message)}/").content.decode()
    assert "Household rubbish, Branches and leaves" in follow
    case = as_user(town.clerk).get(f"/staff/cases/{message.number}/").content.decode()
    assert "For how many days has it lain there?" in case
    assert "It is done when" not in case
    assert "Done when" in case
    assert "Taken up when" in as_user(town.clerk).get(f"/staff/inbox/{message.number}/").content.decode()


def test_the_desk_asks_too(town: Any, as_user: Any) -> None:
    clerk = as_user(town.clerk)
    fields = {
        "channel": "phone", "text": WORDS, "category": LITTER, "answer_by": "none", "key": "k2",
        "place": town.community.path,
    }  # fmt: skip
    assert "Not taken in yet" in clerk.post("/staff/enter/", {**fields, "asked": ""}).content.decode()
    assert clerk.post("/staff/enter/", {**fields, "asked": LITTER, "q_days": "2"}).status_code == 303
    assert Message.objects.get().answers == {"days": 2}


def test_a_question_that_must_be_answered(client: Any, deep: Category, moment: Any, town: Any) -> None:
    fields = {"text": WORDS, "category": "a.b.c", "answer_by": "none", "key": "k3"}
    assert "Please answer this question." in client.post("/report/", fields).content.decode()
    assert client.post("/report/", {**fields, "q_why": "because"}).status_code == 302


def test_answers_too_many_or_too_long(town: Any, now: Any) -> None:
    for answers in ({"x": "长" * 1001}, {str(n): "x" for n in range(51)}, {"x": {"deep": 1}}, {"x" * 41: "y"}):
        with pytest.raises(Refusal) as refusal:
            receive_message(Draft(text=WORDS, answers=answers), by=None, now=now)
        assert refusal.value.status == 422
    message = receive_message(Draft(text=WORDS, answers={"x": "a\x00b"}), by=None, now=now)
    assert Message.objects.get(pk=message.pk).answers == {"x": "ab"}


def test_a_newer_product_brings_questions_and_conditions_to_an_older_house(town: Any, now: Any) -> None:
    """As an installation of the release before would have it: nodes without questions, conditions, or marks."""
    Question.objects.all().delete()
    blank = {"opens_when_zh": "", "opens_when_en": "", "closes_when_zh": "", "closes_when_en": "", "private": False}
    Category.objects.update(**blank)
    load_categories(now=now)
    rows = packaged("categories.yaml")["categories"]
    assert Question.objects.count() == sum(len(row.get("questions", ())) for row in rows) > 20
    assert Category.objects.get(code=LITTER).closes_when_zh
    private = set(Category.objects.filter(private=True).values_list("code", flat=True))
    assert {"neighbours.dispute", "care.abuse"} <= private
    entries = Question.objects.get(category__code=LITTER, code="days").version
    load_categories(now=now)
    assert Question.objects.get(category__code=LITTER, code="days").version == entries


def test_a_retired_category_leads_to_its_successor(town: Any, moment: Any, deliver: Any, report: Any) -> None:
    _message, old = report()
    new = Category.objects.get(code="environment.bins")
    yesterday = moment.now.date() - timedelta(days=1)
    Category.objects.filter(code=LITTER).update(retired_on=yesterday, successor=new)
    tree.forget()
    _message, case = report(text="又是垃圾，昨天停用的类别。")  # another system still sends the old code
    assert case.category == new
    old.refresh_from_db()
    assert old.category is not None
    assert old.category.code == LITTER
    assert told("environment.litter", {"days": 3}) == [("For how many days has it lain there?", "3")]
