"""From looking to the answer: who may, what is asked, what stays out."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from gongzhi.ground.access.roles import Role
from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.ledger.verify import verify
from gongzhi.ground.refusals import NotThere, Refusal
from gongzhi.sense.channels.actions import Draft, receive_message
from gongzhi.understand.cases.models import Case, Category
from gongzhi.understand.cases.tree import forget
from gongzhi.understand.themes import actions as themes
from gongzhi.understand.themes.brief import brief_of, quotable
from gongzhi.understand.themes.models import MOVES, Move, Quote, State, Survey, Theme
from tests.scenes import LITTER
from tests.town import make_place, make_user

pytestmark = pytest.mark.django_db

COLD = (
    "暖气片一直是凉的，室温只有十四度，老人冻感冒了。请打13800138000。",
    "供暖以来暖气片一直是凉的，室温十四度。",
    "暖气不热，室温只有十四度，供热公司不管。我叫王小明。",
    "我家暖气片是凉的，室温才十四度，供热公司说是管道问题。",
)
OTHERS = ("请问居住证怎么办理？", "门口的井盖有异响。", "感谢网格员帮忙。", "公厕没有洗手液。", "流浪猫没人管。")


@pytest.fixture
def winter(town, moment, deliver):
    """Four demands about cold rooms in two communities, and five others."""
    for number, text in enumerate((*COLD, *OTHERS)):
        place = town.grid if number % 2 else town.other_grid
        now = moment.now - timedelta(days=number)
        receive_message(Draft(text=text, category=LITTER, place=place), by=None, now=now)
    deliver(now=moment.now)
    return list(Case.objects.filter(voices__message__text__in=COLD).order_by("pk"))


@pytest.fixture
def look(town, moment):
    def look(**fields):
        given = {"place": town.street, "days": 90, "by": town.street_clerk, "now": moment.now, **fields}
        survey = themes.start_survey(**given)
        themes.run_survey(survey_id=survey.pk, now=moment.now)
        return Survey.objects.get(pk=survey.pk)

    return look


@pytest.fixture
def proposed(winter, look):
    assert look().found == 1
    return Theme.objects.get()


@pytest.fixture
def owned(proposed, town, moment):
    themes.confirm_theme(theme_id=proposed.pk, name="供暖不热", by=town.street_clerk, now=moment.now)
    return themes.assign_theme(
        theme_id=proposed.pk, role="department_officer", place_id=town.county.pk, by=town.street_clerk, now=moment.now
    )


def test_what_belongs_together_is_proposed(proposed, winter, moment):
    assert set(proposed.theme_cases.values_list("case_id", flat=True)) == {case.pk for case in winter}
    assert (proposed.state, proposed.size) == (State.PROPOSED, 4)
    survey = proposed.survey
    assert (survey.read, survey.left_out, survey.state) == (9, 0, "done")
    assert themes.run_survey(survey_id=survey.pk, now=moment.now) == 1
    assert Theme.objects.count() == 1


def test_what_is_known_is_not_proposed_again(proposed, look, town, moment):
    assert look().found == 0
    themes.drop_theme(theme_id=proposed.pk, reason="不是同一件事", by=town.street_clerk, now=moment.now)
    assert look().found == 0


def test_where_and_what_is_looked_at(winter, look, town):
    assert look(place=town.community, by=town.secretary).read == 4
    assert look(days=3).read == 3
    assert look(category="environment").read == 9
    assert look(category="market").read == 0


def test_matters_between_people_stay_out(winter, look, town, moment):
    private = Category.objects.filter(parent__isnull=False).exclude(code__startswith="environment").first()
    Category.objects.filter(pk=private.pk).update(private=True)
    forget()
    Case.objects.filter(pk=winter[0].pk).update(category=private)
    assert look().read == 8
    with pytest.raises(Refusal) as refusal:
        themes.open_theme(
            place=town.street, name="邻里", numbers=[winter[0].number], by=town.street_clerk, now=moment.now
        )
    assert refusal.value.field == "cases"
    forget()


@pytest.mark.parametrize("fields", [{"days": 0}, {"days": 401}, {"category": "no.such"}])
def test_wrong_looks(look, fields):
    with pytest.raises(Refusal) as refusal:
        look(**fields)
    assert refusal.value.status == 422
    assert not Survey.objects.exists()


def test_who_may_look(look, town):
    for by in (town.clerk, town.worker, town.officer, town.desk, town.stranger):
        with pytest.raises(Refusal) as refusal:
            look(by=by)
        assert refusal.value.status == 403
    with pytest.raises(Refusal):
        look(place=town.street, by=town.secretary)


def test_one_waits_for_the_look_that_runs(town, moment):
    given = {"place": town.street, "days": 30, "by": town.street_clerk, "now": moment.now}
    themes.start_survey(**given)
    with pytest.raises(Refusal):
        themes.start_survey(**given)


def test_more_than_fits_at_once_is_cut_and_said(winter, look, monkeypatch):
    monkeypatch.setattr(themes, "MOST_AT_ONCE", 5)
    survey = look()
    assert (survey.read, survey.left_out) == (5, 4)


def test_confirming_and_changing(proposed, winter, report, town, moment):
    _message, another = report(text="楼道里很冷，暖气也不热。")
    given = {"theme_id": proposed.pk, "by": town.street_clerk, "now": moment.now}
    themes.confirm_theme(**given, name="  供暖 不热 ")
    themes.add_cases(**given, numbers=[another.number])
    themes.take_out_cases(**given, case_ids=[winter[0].pk])
    theme = Theme.objects.get()
    assert (theme.name, theme.size) == ("供暖 不热", 4)
    for numbers in ([], [another.number], ["261118-9999999"], ["x" * 40]):
        with pytest.raises(Refusal) as refusal:
            themes.add_cases(**given, numbers=numbers)
        assert refusal.value.field == "cases"
    with pytest.raises(Refusal):
        themes.take_out_cases(**given, case_ids=list(theme.theme_cases.values_list("case_id", flat=True)))
    with pytest.raises(Refusal):
        themes.take_out_cases(**given, case_ids=[winter[0].pk])
    assert verify(now=moment.now) == []


@pytest.mark.parametrize("name", ["", " ", "x", "长" * 81, "王先生家不热", "3号楼2单元501不热", "找13800138000"])
def test_a_name_says_nothing_personal(proposed, town, moment, name):
    with pytest.raises(Refusal) as refusal:
        themes.confirm_theme(theme_id=proposed.pk, name=name, by=town.street_clerk, now=moment.now)
    assert refusal.value.field == "name"


def test_by_hand(winter, town, moment):
    theme = themes.open_theme(
        place=town.street,
        name="供暖不热",
        numbers=[case.number for case in winter[:2]],
        by=town.street_clerk,
        now=moment.now,
    )
    assert (theme.state, theme.size, theme.survey) == (State.CONFIRMED, 2, None)
    elsewhere = make_place("110108015", "town", "上庄镇", town.county)
    with pytest.raises(Refusal):
        themes.open_theme(
            place=elsewhere,
            name="不热",
            numbers=[winter[0].number],
            by=make_user("l", "马", (Role.STREET_LEADER, elsewhere)),
            now=moment.now,
        )


def test_quotes_are_masked_whoever_types_them(proposed, winter, town, moment):
    given = {"theme_id": proposed.pk, "case_id": winter[0].pk, "by": town.street_clerk, "now": moment.now}
    quote = themes.choose_quote(**given, text="我叫王小明，电话13800138000，室温十四度。")
    assert "王小明" not in quote.text
    assert "1380" not in quote.text
    assert "十四度" in quote.text
    for text in ("", "  ", "长" * 301):
        with pytest.raises(Refusal):
            themes.choose_quote(**given, text=text)
    with pytest.raises(Refusal):
        themes.choose_quote(**{**given, "case_id": 999_999}, text="室温十四度。")
    themes.take_out_quote(quote_id=quote.pk, by=town.street_clerk, now=moment.now)
    assert not Quote.objects.filter(taken_out_at__isnull=True).exists()
    with pytest.raises(Refusal):
        themes.take_out_quote(quote_id=quote.pk, by=town.street_clerk, now=moment.now)


def test_what_is_offered_for_quoting_is_masked(proposed):
    offered = " ".join(row["text"] for row in quotable(proposed))
    assert "13800138000" not in offered
    assert "王小明" not in offered
    assert "十四度" in offered


def test_a_case_that_leaves_takes_its_quotes_along(proposed, winter, town, moment):
    given = {"theme_id": proposed.pk, "by": town.street_clerk, "now": moment.now}
    themes.choose_quote(**given, case_id=winter[0].pk, text="室温十四度。")
    themes.take_out_cases(**given, case_ids=[winter[0].pk])
    assert Quote.objects.get().taken_out_at is not None


def test_the_owner_reads_and_answers(owned, town, moment):
    assert owned.due_at > moment.now
    assert Theme.objects.visible_to(town.officer).exists()
    assert not Theme.objects.visible_to(town.property_manager).exists()
    for by, status in ((town.street_clerk, 403), (town.clerk, 404)):
        with pytest.raises(Refusal) as refusal:
            themes.answer_theme(theme_id=owned.pk, outcome="已更换主管道，室温达标。", by=by, now=moment.now)
        assert refusal.value.status == status
    for outcome in ("好了", "长" * 1001, "请联系刘主任13800138000。"):
        with pytest.raises(Refusal) as refusal:
            themes.answer_theme(theme_id=owned.pk, outcome=outcome, by=town.officer, now=moment.now)
        assert refusal.value.field == "outcome"
    themes.answer_theme(theme_id=owned.pk, outcome="已更换主管道，室温达标。", by=town.officer, now=moment.now)
    entry = Entry.objects.get(event="themes.ThemeAnswered")
    assert entry.data == {"theme_id": owned.pk, "cases": 4}
    with pytest.raises(Refusal):
        themes.answer_theme(theme_id=owned.pk, outcome="再说一遍也没用。", by=town.officer, now=moment.now)
    with pytest.raises(Refusal):
        themes.rename_theme(theme_id=owned.pk, name="别的", by=town.street_clerk, now=moment.now)


def test_the_owner_changes_nothing(owned, winter, town, moment):
    given = {"theme_id": owned.pk, "by": town.officer, "now": moment.now}
    for what in (
        lambda: themes.rename_theme(**given, name="别的名字"),
        lambda: themes.take_out_cases(**given, case_ids=[winter[0].pk]),
        lambda: themes.choose_quote(**given, case_id=winter[0].pk, text="室温十四度。"),
    ):
        with pytest.raises(Refusal) as refusal:
            what()
        assert refusal.value.status == 403


def test_before_it_is_given_the_owner_sees_nothing(proposed, town):
    assert not Theme.objects.visible_to(town.officer).exists()
    assert not Theme.objects.visible_to(town.clerk).exists()
    assert Theme.objects.visible_to(town.street_clerk).exists()


@pytest.mark.parametrize(
    ("role", "place", "due", "beside"),
    [
        ("department_officer", "county", 0, "due_on"),
        ("grid_worker", "grid", 5, "owner"),
        ("department_officer", "street", 5, "owner"),
    ],
)
def test_wrong_owners(proposed, town, moment, role, place, due, beside):
    themes.confirm_theme(theme_id=proposed.pk, name="供暖不热", by=town.street_clerk, now=moment.now)
    with pytest.raises(Refusal) as refusal:
        themes.assign_theme(
            theme_id=proposed.pk,
            role=role,
            place_id=getattr(town, place).pk,
            due_on=moment.now.date() + timedelta(days=due),
            by=town.street_clerk,
            now=moment.now,
        )
    assert refusal.value.field == beside


def test_the_brief_counts_anew(owned, moment):
    brief = brief_of(owned, moment.now)
    assert (brief.cases, brief.voices, brief.open) == (4, 4, 4)
    assert sum(week.count for week in brief.weeks) == 4
    assert {row.name for row in brief.places} == {"东区第一网格", "西区第一网格"}
    assert max(week.share for week in brief.weeks) == 1


def test_no_step_without_the_one_before(proposed, town, moment):
    given = {"theme_id": proposed.pk, "by": town.street_clerk, "now": moment.now}
    with pytest.raises(Refusal):
        themes.assign_theme(**given, role="department_officer", place_id=town.county.pk)
    themes.drop_theme(**given, reason="不是一件事")
    for what in (
        lambda: themes.confirm_theme(**given, name="供暖不热"),
        lambda: themes.drop_theme(**given, reason="再来"),
        lambda: themes.rename_theme(**given, name="别的"),
    ):
        with pytest.raises(Refusal):
            what()
    with pytest.raises(NotThere):
        themes.confirm_theme(theme_id=999_999, name="无", by=town.street_clerk, now=moment.now)


def test_the_table_of_moves():
    ends = {State.ANSWERED, State.DROPPED}
    assert not [move for move in Move if MOVES[move][0] & ends]
    assert {move for move in Move if MOVES[move][1] == State.ANSWERED} == {Move.ANSWER}


def test_the_database_refuses_what_the_actions_refuse(owned):
    rows = Theme.objects.filter(pk=owned.pk)
    for fields in (
        {"state": "lost"}, {"state": "answered"}, {"state": "dropped"}, {"owner_role": ""}, {"due_at": None},
        {"confirmed_at": None},
    ):  # fmt: skip
        with pytest.raises(IntegrityError), transaction.atomic():
            rows.update(**fields)
