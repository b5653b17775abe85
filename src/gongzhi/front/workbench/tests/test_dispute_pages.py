"""The pages of a dispute: the mediator's, the papers, and that nobody else finds any of it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gongzhi.act.disputes import actions as disputes
from gongzhi.act.disputes.links import token_of
from gongzhi.act.disputes.models import Dispute
from gongzhi.ground.access.roles import Role
from gongzhi.ground.ledger.models import Entry
from gongzhi.understand.cases import actions as cases
from gongzhi.understand.cases.models import Case, Category
from tests.town import make_user

pytestmark = pytest.mark.django_db

COMPLAINANT, NEIGHBOUR = "秦告发", "尤对门"
REPORT = "楼上尤对门半夜拖椅子，秦告发受不了了。"


@pytest.fixture
def leader(town):
    return make_user("leader", "马主任", (Role.STREET_LEADER, town.street))


@pytest.fixture
def case(report, town, moment):
    _message, case = report(text=REPORT, name=COMPLAINANT, phone="13800000001")
    private = Category.objects.filter(private=True).first()
    cases.sort_case(case_id=case.pk, category=private.code, by=town.secretary, now=moment.now)
    return Case.objects.get(pk=case.pk)


@pytest.fixture
def given(town, case):
    return {
        "place": town.community.path,
        "kind": "neighbours",
        "subject": "夜间噪音",
        "facts": REPORT,
        "case": case.number,
        "reporter": "on",
        "name_1": COMPLAINANT,
        "phone_1": "13800000001",
        "side_1": "applicant",
        "name_2": NEIGHBOUR,
        "phone_2": "13800000002",
        "side_2": "respondent",
    }


@pytest.fixture
def dispute(given, town, as_user):
    answer = as_user(town.secretary).post("/staff/disputes/new/", given)
    assert answer.status_code == 302, answer.content.decode()[:3000]
    return Dispute.objects.get()


def do(visitor, dispute, act, **fields):
    return visitor.post(f"/staff/disputes/{dispute.pk}/do/{act}/", fields)


def parties(dispute):
    return list(dispute.parties.order_by("number"))


def test_from_the_case(given, case, town, as_user):
    secretary = as_user(town.secretary)
    part = secretary.get(f"/staff/cases/{case.number}/related/").content.decode()
    assert f"/staff/disputes/new/?case={case.number}" in part
    form = secretary.get(f"/staff/disputes/new/?case={case.number}").content.decode()
    assert 'name="subject" maxlength="120"' in form
    assert f'value="{case.summary}"' not in form, "the subject is read by the other side"
    assert secretary.get("/staff/disputes/new/?case=261118-9999999").status_code == 404
    assert secretary.post("/staff/disputes/new/", {**given, "name_2": ""}).status_code == 422
    assert secretary.post("/staff/disputes/new/", {**given, "subject": ""}).status_code == 422
    assert secretary.post("/staff/disputes/new/", {**given, "place": "9"}).status_code == 422
    assert not Dispute.objects.exists()


def test_nobody_else_finds_it_and_no_count_tells(dispute, case, town, as_user, leader):
    second = make_user("mediator2", "石调解", (Role.MEDIATOR, town.community))
    for user in (town.clerk, town.worker, town.street_clerk, town.desk, town.officer, town.property_manager, second):
        visitor = as_user(user)
        for url in (f"/staff/disputes/{dispute.pk}/", f"/staff/disputes/{dispute.pk}/sheet/application/"):
            assert visitor.get(url).status_code == 404, user
        assert do(visitor, dispute, "risk").status_code == 404
        listed = visitor.get("/staff/disputes/")
        assert listed.status_code == (200 if user == second else 404)
        assert dispute.subject not in listed.content.decode()
        related = visitor.get(f"/staff/cases/{case.number}/related/")
        if related.status_code == 200:
            assert dispute.number not in related.content.decode()
            assert "Disputes" not in related.content.decode().split("<main")[-1]
    assert as_user(town.clerk).get("/staff/disputes/").status_code == 404
    page = as_user(leader).get(f"/staff/disputes/{dispute.pk}/").content.decode()
    assert COMPLAINANT not in page
    assert REPORT not in page
    assert "秦**" in page
    assert token_of(parties(dispute)[0]) not in page, "links are the mediator's to give"
    assert as_user(leader).get(f"/staff/disputes/{dispute.pk}/sheet/links/").status_code == 404
    assert do(as_user(leader), dispute, "risk").status_code == 403


def test_the_whole_way_on_paper(dispute, town, as_user, moment):
    secretary = as_user(town.secretary)
    assert REPORT in secretary.get(f"/staff/disputes/{dispute.pk}/").content.decode()
    for party in parties(dispute):
        for act in ("consent", "choose", "named"):
            assert do(secretary, dispute, act, party=party.pk).status_code == 302
    first, second = parties(dispute)
    at = (moment.now + timedelta(minutes=10)).strftime("%Y-%m-%dT%H:%M")
    assert do(secretary, dispute, "meet", at=at, site="调解室", parties=[first.pk, second.pk]).status_code == 302
    assert do(secretary, dispute, "meet", at="x", site="", parties=[]).status_code == 422
    moment.now += timedelta(minutes=15)
    secretary = as_user(town.secretary)
    meeting = dispute.meetings.get()
    assert do(secretary, dispute, "hold", meeting=meeting.pk, minutes="", came=[]).status_code == 422
    held = {"meeting": meeting.pk, "minutes": "双方各让一步。", "came": [first.pk, second.pk]}
    assert do(secretary, dispute, "hold", **held).status_code == 302
    day = (moment.now + timedelta(days=5)).strftime("%Y-%m-%d")
    terms = {"content": "铺设地垫，晚十点后不拖家具。", "who_1": "2", "what_1": "铺设地垫", "due_1": day}
    assert do(secretary, dispute, "agree", **{**terms, "due_1": ""}).status_code == 422
    assert do(secretary, dispute, "agree", **terms).status_code == 302
    agreement = dispute.agreements.get()
    for party in (first, second):
        assert do(secretary, dispute, "sign", party=party.pk, agreement=agreement.pk).status_code == 302
    obligation = agreement.obligations.get()
    assert do(secretary, dispute, "court", court="asked", on=moment.now.strftime("%Y-%m-%d")).status_code == 302
    assert do(secretary, dispute, "obligation", obligation=obligation.pk, done="yes").status_code == 302
    assert do(secretary, dispute, "finish", told="").status_code == 302
    page = secretary.get(f"/staff/disputes/{dispute.pk}/").content.decode()
    assert "Carried out" in page
    assert "双方各让一步" in page
    for what in ("application", "record", "agreement", "links"):
        assert secretary.get(f"/staff/disputes/{dispute.pk}/sheet/{what}/").status_code == 200
    assert secretary.get(f"/staff/disputes/{dispute.pk}/sheet/will/").status_code == 404


def test_ids_of_another_dispute_are_not_there(dispute, town, as_user, moment):
    other = disputes.open_dispute(
        place=town.community,
        kind="other",
        subject="别的",
        facts="别的事",
        parties=[disputes.NewParty("甲乙", "applicant"), disputes.NewParty("丙丁", "respondent")],
        by=town.secretary,
        now=moment.now,
    )
    secretary = as_user(town.secretary)
    foreign = parties(other)[0].pk
    for act in ("consent", "named", "refuse", "choose"):
        assert do(secretary, dispute, act, party=foreign).status_code == 404
    for fields in ({"party": "x"}, {"party": "9" * 30}, {}, {"party": "-1"}):
        assert do(secretary, dispute, "consent", **fields).status_code == 404
    assert do(secretary, dispute, "nonsense").status_code == 404


def test_full_names_need_a_reason(dispute, town, as_user):
    secretary = as_user(town.secretary)
    url = f"/staff/disputes/{dispute.pk}/sheet/application/"
    assert COMPLAINANT not in secretary.get(url).content.decode().replace(REPORT, "")
    assert secretary.post(url, {"reason": "x"}).status_code == 422
    page = secretary.post(url, {"reason": "打印申请书"}).content.decode().replace(REPORT, "")
    assert COMPLAINANT in page
    assert Entry.objects.filter(event="privacy.PersonalDataRevealed").count() == 4
    assert do(secretary, dispute, "reveal", reason="").status_code == 422
    assert "13800000001" in do(secretary, dispute, "reveal", reason="打电话约时间").content.decode()


def test_the_page_asks_the_database_little(dispute, town, as_user, django_assert_max_num_queries):
    secretary = as_user(town.secretary)
    for url, most in (("/staff/disputes/", 12), (f"/staff/disputes/{dispute.pk}/", 26)):
        secretary.get(url)
        with django_assert_max_num_queries(most):
            secretary.get(url)


def test_markup_is_shown_as_words(given, town, as_user):
    hostile = "<script>alert(1)</script>{{7*7}}"
    as_user(town.secretary).post(
        "/staff/disputes/new/", {**given, "subject": hostile, "facts": hostile, "name_2": hostile}
    )
    dispute = Dispute.objects.get()
    for url in (
        f"/staff/disputes/{dispute.pk}/",
        "/staff/disputes/",
        f"/staff/disputes/{dispute.pk}/sheet/application/",
    ):
        assert "<script>alert" not in as_user(town.secretary).get(url).content.decode()
