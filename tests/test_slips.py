"""Late cases go up by themselves, slips are answered, and the first contact has its own clock."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from gongzhi.ground.ledger.verify import verify
from gongzhi.ground.refusals import NotThere, Refusal
from gongzhi.ground.rules.actions import override
from gongzhi.understand.cases import actions as cases
from gongzhi.understand.cases import contact, escalation
from gongzhi.understand.cases.models import Case, Slip
from tests.scenes import LITTER

pytestmark = pytest.mark.django_db


@pytest.fixture
def late(assigned, moment):
    """A case of the grid worker, an hour of work after its deadline."""
    message, case = assigned()
    moment.now = case.escalate_at
    return message, case


def slips(case):
    return [
        (slip.step, slip.role, slip.supervisor_role, slip.supervisor_place.name)
        for slip in case.slips.order_by("step").select_related("supervisor_place")
    ]


def test_a_late_case_goes_up_one_step_at_a_time(late, town, moment):
    _message, case = late
    assert escalation.escalate(now=moment.now - timedelta(seconds=1)) == 0
    assert escalation.escalate(now=moment.now) == 1
    assert escalation.escalate(now=moment.now) == 0
    case.refresh_from_db()
    assert (case.escalation, case.slips.get().number) == (1, f"{case.number}-1")
    seen = [case.escalate_at]
    while case.escalate_at is not None:
        escalation.escalate(now=case.escalate_at)
        case.refresh_from_db()
        seen.append(case.escalate_at)
    assert slips(case) == [
        (1, "grid_worker", "community_secretary", "东区社区"),
        (2, "grid_worker", "street_leader", "清华园街道"),
        (3, "grid_worker", "street_leader", "清华园街道"),
    ]
    assert case.escalation == 3
    given = ("places.Place", "cases.Category")
    assert not [found for found in verify(now=moment.now) if not found.subject.startswith(given)]


def test_how_many_steps_is_a_rule_of_the_place(assigned, town, moment):
    override(
        place=town.community, key="cases.escalation_steps", value=["2 natural_hours"],
        valid_from=moment.now.date() - timedelta(days=1), reason="test", by=None, now=moment.now,
    )  # fmt: skip
    _message, case = assigned()
    assert case.escalate_at == case.due_at + timedelta(hours=2)
    escalation.escalate(now=case.escalate_at)
    case.refresh_from_db()
    assert (case.escalation, case.escalate_at) == (1, None)
    override(
        place=town.community, key="cases.escalation_steps", value=[], valid_from=moment.now.date(), reason="test",
        by=None, now=moment.now,
    )  # fmt: skip
    _message, case = assigned()
    assert case.escalate_at is None


def test_the_street_is_asked_by_its_leader_and_a_department_by_the_street(assigned, town, moment):
    for role, place, asked_by in (
        ("street_clerk", town.street, ["street_leader", "street_leader"]),
        ("department_officer", town.county, ["street_leader", "street_leader"]),
        ("community_secretary", town.community, ["street_leader", "street_leader"]),
        ("property_manager", town.community, ["community_secretary", "street_leader"]),
    ):
        _message, case = assigned()
        cases.assign_case(case_id=case.pk, role=role, place_id=place.pk, by=town.street_clerk, now=moment.now)
        for _step in range(2):
            case.refresh_from_db()
            escalation.escalate(now=case.escalate_at)
        assert [slip[2] for slip in slips(case)] == asked_by, role
        Case.objects.filter(pk=case.pk).update(escalate_at=None)


def test_more_time_begins_anew_and_a_pause_stops_it(late, town, moment):
    _message, case = late
    escalation.escalate(now=moment.now)
    cases.extend_deadline(case_id=case.pk, amount=8, reason="缺零件", by=town.secretary, now=moment.now)
    case.refresh_from_db()
    assert (case.escalation, case.escalate_at > case.due_at) == (0, True)
    on = moment.now.date() + timedelta(days=3)
    cases.pause_case(case_id=case.pk, kind="deferred", reason="等资金", review_on=on, by=town.clerk, now=moment.now)
    case.refresh_from_db()
    assert (case.escalate_at, case.pause_kind) == (None, "deferred")
    assert cases.resume_overdue(now=moment.now + timedelta(days=3)) == 0  # somebody looks on that day …
    assert cases.resume_overdue(now=moment.now + timedelta(days=4)) == 1  # … or it runs again by itself
    case.refresh_from_db()
    assert (case.state, case.pause_kind) == ("assigned", "")
    assert case.escalate_at > case.due_at


def test_what_has_ended_is_not_asked_for(late, town, moment, deliver):
    message, case = late
    escalation.escalate(now=moment.now)
    cases.withdraw_case(message=message, now=moment.now)
    case.refresh_from_db()
    assert (case.escalate_at, case.slips.get().state) == (None, "dropped")
    assert escalation.escalate(now=moment.now + timedelta(days=30)) == 0


def test_the_late_post_answers_and_nobody_else(late, town, moment):
    _message, case = late
    escalation.escalate(now=moment.now)
    slip = case.slips.get()
    given = {"slip_id": slip.pk, "now": moment.now}
    for who, status in ((town.secretary, 403), (town.leader, 403), (town.stranger, 404), (town.other_worker, 404)):
        with pytest.raises((Refusal, NotThere)) as refusal:
            escalation.answer_slip(**given, answer="等配件，明天修好", by=who)
        assert refusal.value.status == status
    with pytest.raises(Refusal) as refusal:
        escalation.answer_slip(**given, answer="好", by=town.worker)
    assert refusal.value.field == "answer"
    escalation.answer_slip(**given, answer="等配件，明天修好", by=town.second_worker)  # a colleague of the same post
    slip.refresh_from_db()
    assert (slip.state, slip.answered_by) == ("answered", town.second_worker)
    with pytest.raises(Refusal):
        escalation.answer_slip(**given, answer="等配件，明天修好", by=town.worker)


def test_many_late_cases_are_taken_in_few_statements(report, town, moment, django_assert_max_num_queries):
    for number in range(30):
        report(text=f"第{number}件：垃圾没人清。")
    with django_assert_max_num_queries(16):
        assert escalation.escalate(now=moment.now + timedelta(days=2)) == 30
    assert Slip.objects.filter(role="community_clerk", supervisor_role="community_secretary").count() == 30


def test_the_database_knows_slips(late, moment):
    _message, case = late
    escalation.escalate(now=moment.now)
    slip = case.slips.get()
    with pytest.raises(IntegrityError), transaction.atomic():
        Slip.objects.filter(pk=slip.pk).update(state="nonsense")
    slip.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        slip.save()


# --- urgency --------------------------------------------------------------------------------------------------------


def test_what_is_urgent_is_due_sooner_and_never_later(report, town, moment):
    _message, case = report(category="")
    given = {"case_id": case.pk, "by": town.clerk, "now": moment.now}
    ordinary = cases.sort_case(**given, category="environment.bulky").due_at
    urgent = cases.sort_case(**given, category="environment.bulky", urgency="urgent").due_at
    danger = cases.sort_case(**given, category="environment.bulky", urgency="danger").due_at
    assert danger == moment.now + timedelta(hours=2) < urgent < ordinary
    litter = cases.sort_case(**given, category=LITTER, urgency="urgent")
    assert litter.deadline_rule == "cases.deadline.litter"  # four working hours are less than a day
    with pytest.raises(Refusal):
        cases.sort_case(**given, category=LITTER, urgency="panic")


# --- contact --------------------------------------------------------------------------------------------------------


def test_the_first_contact_has_a_clock_of_its_own(assigned, town, moment):
    message, case = assigned()
    assert case.contact_due_at == case.opened_at + timedelta(hours=24)
    _other, quiet = assigned(answer_by="none")
    assert quiet.contact_due_at is None
    given = {"case_id": case.pk, "now": moment.now}
    for wrong, field in (({"way": "phone", "text": " "}, "text"), ({"way": "wrote", "text": "您好"}, "way")):
        with pytest.raises(Refusal) as refusal:
            contact.contact_reporter(**given, **wrong, by=town.worker)
        assert refusal.value.field == field
    contact.contact_reporter(**given, way="phone", text="电话说明情况", by=town.worker)
    case.refresh_from_db()
    assert case.contacted_at == moment.now
    moment.now += timedelta(hours=1)
    contact.contact_reporter(case_id=case.pk, way="page", text="明天来修", by=town.clerk, now=moment.now)
    case.refresh_from_db()
    assert case.contacted_at == moment.now - timedelta(hours=1)  # the first counts
    contact.write_back(message=message, text="我下午在家", now=moment.now)
    assert list(case.replies.order_by("pk").values_list("way", flat=True)) == ["phone", "page", "wrote"]
    with pytest.raises((Refusal, NotThere)):
        contact.contact_reporter(**given, way="phone", text="您好", by=town.officer)


def test_a_reporter_writes_so_often_and_while_it_is_open(assigned, moment):
    message, case = assigned()
    for number in range(contact.MOST):
        contact.write_back(message=message, text=f"补充{number}", now=moment.now)
    with pytest.raises(Refusal) as refusal:
        contact.write_back(message=message, text="再补充", now=moment.now)
    assert refusal.value.status == 429
    other, _case = assigned()
    cases.withdraw_case(message=other, now=moment.now)
    with pytest.raises(Refusal):
        contact.write_back(message=other, text="再补充", now=moment.now)
    assert case.replies.count() == contact.MOST


# --- through the doors ----------------------------------------------------------------------------------------------


def test_a_slip_in_the_browser(late, town, moment, as_user):
    _message, case = late
    escalation.escalate(now=moment.now)
    slip = case.slips.get()
    client = as_user(town.worker)
    assert slip.number in client.get("/staff/").content.decode()
    assert slip.number in client.get("/staff/slips/").content.decode()
    assert "Please answer" in client.get(f"/staff/slips/{slip.pk}/").content.decode()
    assert slip.number in client.get(f"/staff/slips/{slip.pk}/sheet/").content.decode()
    assert client.post(f"/staff/slips/{slip.pk}/", {"answer": ""}).status_code == 422
    secretary = as_user(town.secretary)
    assert slip.number in secretary.get("/staff/slips/?show=ours").content.decode()
    assert secretary.post(f"/staff/slips/{slip.pk}/", {"answer": "等配件，明天修好"}).status_code == 403
    client = as_user(town.worker)
    assert client.post(f"/staff/slips/{slip.pk}/", {"answer": "等配件，明天修好"}).status_code == 303
    assert "等配件，明天修好" in as_user(town.secretary).get(f"/staff/slips/{slip.pk}/").content.decode()
    assert as_user(town.other_worker).get(f"/staff/slips/{slip.pk}/").status_code == 404


def test_talking_with_the_reporter_in_the_browser(assigned, town, as_user, moment):
    from gongzhi.sense.channels.follow import token_of

    message, case = assigned()
    moment.now += timedelta(hours=16)  # the next day, on which the first contact is due
    assert case.summary in as_user(town.clerk).get("/staff/cases/?clock=contact").content.decode()
    client = as_user(town.worker)
    given = {"way": "page", "text": "明天上午来修。", "version": case.version}
    assert client.post(f"/staff/cases/{case.number}/contact/", {**given, "text": ""}).status_code == 422
    assert client.post(f"/staff/cases/{case.number}/contact/", given).status_code == 303
    assert (
        client.post(f"/staff/cases/{case.number}/contact/", {**given, "way": "phone", "text": "内部"}).status_code
        == 303
    )
    link = f"/follow/{token_of(message)}/"
    client = as_user(None)
    page = client.get(link).content.decode()
    assert "明天上午来修。" in page
    assert "内部" not in page
    assert client.post(f"{link}write/", {"text": ""}).status_code == 422
    assert client.post(f"{link}write/", {"text": "我下午在家"}).status_code == 302
    assert "我下午在家" in client.get(link).content.decode()
    assert "我下午在家" in as_user(town.clerk).get(f"/staff/cases/{case.number}/beside/").content.decode()
