"""Late cases go up by themselves, slips are answered, and the first contact has its own clock."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from gongzhi.act.tasks import actions as tasks
from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.ledger.verify import verify
from gongzhi.ground.refusals import NotThere, Refusal
from gongzhi.ground.rules.actions import override
from gongzhi.ground.rules.spans import Span
from gongzhi.understand.cases import actions as cases
from gongzhi.understand.cases import contact, escalation, parts, rulings
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
    with django_assert_max_num_queries(18):  # two of them: is a part late, or a ruling?
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


# --- parts and rulings ----------------------------------------------------------------------------------------------


@pytest.fixture
def late_part(assigned, town, moment, deliver):
    """A part of the property manager, an hour of work after its deadline; the case itself has more time."""
    _message, case = assigned()
    part = parts.ask_part(
        case_id=case.pk, role="property_manager", place_id=town.community.pk, need="开地下室的门",
        span=Span(1, "working_hours"), by=town.worker, now=moment.now,
    )  # fmt: skip
    deliver(now=moment.now)
    moment.now = part.escalate_at
    return case, part


@pytest.fixture
def late_ruling(assigned, town, moment, deliver):
    """A question whose it is, an hour of work after it should have been answered. The worker has sent it back."""
    _message, case = assigned()
    tasks.return_task(task_id=case.tasks.get().pk, reason="树是园林的", by=town.worker, now=moment.now)
    deliver(now=moment.now)
    ruling = case.rulings.get()
    moment.now = ruling.escalate_at
    return case, ruling


def wrong(moment):
    given = ("places.Place", "cases.Category")
    return [found for found in verify(now=moment.now) if not found.subject.startswith(given)]


def climb(thing):
    """Every step that is left."""
    while thing.escalate_at is not None:
        escalation.escalate(now=thing.escalate_at)
        thing.refresh_from_db()


def test_a_late_part_goes_up_by_itself_and_the_case_does_not(late_part, town, moment):
    case, part = late_part
    assert escalation.escalate(now=moment.now - timedelta(seconds=1)) == 0
    assert escalation.escalate(now=moment.now) == 1
    assert escalation.escalate(now=moment.now) == 0
    part.refresh_from_db()
    case.refresh_from_db()
    slip = part.slips.get()
    assert (part.escalation, case.escalation, slip.number, slip.case) == (1, 0, f"{case.number}-1", case)
    assert (slip.role, slip.place, slip.supervisor_role) == ("property_manager", town.community, "community_secretary")
    assert "开地下室的门" in slip.what
    assert slip.was_due_at == part.due_at
    escalation.answer_slip(slip_id=slip.pk, answer="钥匙在业委会，下午去拿", by=town.property_manager, now=moment.now)
    assert Entry.objects.about(part).filter(event="cases.PartEscalated").count() == 1
    Case.objects.filter(pk=case.pk).update(escalate_at=None)
    climb(part)
    assert [one.supervisor_role for one in part.slips.order_by("step")] == [
        "community_secretary", "street_leader", "street_leader",
    ]  # fmt: skip
    assert part.escalation == 3


def test_case_and_part_late_at_once_have_slips_of_their_own(late_part, town, moment):
    case, part = late_part
    moment.now = max(case.escalate_at, part.escalate_at)
    assert escalation.escalate(now=moment.now) == 2
    assert sorted(case.slips.values_list("number", "step")) == [(f"{case.number}-1", 1), (f"{case.number}-2", 1)]
    assert not wrong(moment)


@pytest.mark.parametrize("how", ["done", "returned", "dropped"])
def test_a_part_that_has_ended_is_not_asked_for(late_part, town, moment, deliver, how):
    case, part = late_part
    escalation.escalate(now=moment.now)
    order = case.tasks.get(part=part)
    by = {"by": town.property_manager, "now": moment.now}
    if how == "done":
        tasks.report_done(task_id=order.pk, words="门开了", **by)
    elif how == "returned":
        tasks.return_task(task_id=order.pk, reason="钥匙在业委会", **by)
    else:
        parts.drop_part(part_id=part.pk, reason="门开着", by=town.worker, now=moment.now)
    deliver(now=moment.now)
    assert part.slips.get().state == "dropped"
    Case.objects.filter(pk=case.pk).update(escalate_at=None)
    assert escalation.escalate(now=moment.now + timedelta(days=30)) == 0
    assert not wrong(moment)


def test_a_late_ruling_goes_up_by_itself(late_ruling, town, moment):
    case, ruling = late_ruling
    Case.objects.filter(pk=case.pk).update(escalate_at=None)
    assert escalation.escalate(now=moment.now - timedelta(seconds=1)) == 0
    assert escalation.escalate(now=moment.now) == 1
    ruling.refresh_from_db()
    slip = ruling.slips.get()
    assert (ruling.escalation, slip.step, slip.was_due_at) == (1, 1, ruling.due_at)
    assert (slip.role, slip.place, slip.supervisor_role) == ("street_clerk", town.street, "street_leader")
    assert Entry.objects.about(ruling).filter(event="cases.RulingEscalated").count() == 1
    with pytest.raises(Refusal):
        escalation.answer_slip(slip_id=slip.pk, answer="等勘察结果，明天裁定", by=town.leader, now=moment.now)
    climb(ruling)
    assert ruling.escalation == 3
    seat = {"role": "property_manager", "place_id": town.community.pk}
    rulings.decide(ruling_id=ruling.pk, words="经现场核实。", by=town.leader, now=moment.now, **seat)
    assert set(ruling.slips.values_list("state", flat=True)) == {"dropped"}
    assert escalation.escalate(now=moment.now + timedelta(days=1)) == 0


def test_who_asked_is_not_asked_why_it_is_not_ruled(report, town, moment):
    _message, case = report()
    given = {"referral": "legal_channel", "reason": "请先申请劳动仲裁", "by": town.street_clerk, "now": moment.now}
    ruling = rulings.propose_referral(case_id=case.pk, **given)
    Case.objects.filter(pk=case.pk).update(escalate_at=None)
    escalation.escalate(now=ruling.escalate_at)
    assert ruling.slips.get().role == "street_leader"


def test_how_far_parts_and_rulings_go_up_are_rules_of_their_own(assigned, town, moment, deliver):
    since = moment.now.date() - timedelta(days=1)
    for key, value in (("cases.part_escalation_steps", []), ("cases.ruling_escalation_steps", ["2 natural_hours"])):
        override(place=town.community, key=key, value=value, valid_from=since, reason="test", by=None, now=moment.now)
    _message, case = assigned()
    seat = {"role": "property_manager", "place_id": town.community.pk}
    part = parts.ask_part(case_id=case.pk, need="开门", by=town.worker, now=moment.now, **seat)
    ruling = rulings.propose_exclusion(case_id=case.pk, reason="要求拆除合法建筑", by=town.clerk, now=moment.now)
    assert (part.escalate_at, ruling.escalate_at) == (None, ruling.due_at + timedelta(hours=2))
    Case.objects.filter(pk=case.pk).update(escalate_at=None)
    escalation.escalate(now=ruling.escalate_at)
    ruling.refresh_from_db()
    assert (ruling.escalation, ruling.escalate_at) == (1, None)


def test_a_question_that_outlives_the_case_keeps_its_slip(assigned, town, moment):
    message, case = assigned()
    ruling = rulings.propose_exclusion(case_id=case.pk, reason="要求拆除合法建筑", by=town.clerk, now=moment.now)
    moment.now = max(ruling.escalate_at, case.escalate_at)
    assert escalation.escalate(now=moment.now) == 2
    cases.withdraw_case(message=message, now=moment.now)
    assert [case.slips.get(ruling=None).state, ruling.slips.get().state] == ["dropped", "open"]


def test_the_database_knows_about_what_a_slip_is(late_part, late_ruling, moment):
    (_case, part), (_other, ruling) = late_part, late_ruling
    moment.now = max(part.escalate_at, ruling.escalate_at)
    escalation.escalate(now=moment.now)
    slip = part.slips.get()
    with pytest.raises(IntegrityError), transaction.atomic():
        Slip.objects.filter(pk=slip.pk).update(ruling=ruling)
    slip.pk, slip.number = None, "x-1"
    with pytest.raises(IntegrityError), transaction.atomic():
        slip.save()


def test_late_parts_and_rulings_on_the_pages(late_part, late_ruling, town, moment, as_user):
    (case, part), (_other, ruling) = late_part, late_ruling
    moment.now = max(part.escalate_at, ruling.escalate_at)
    escalation.escalate(now=moment.now)
    leader = as_user(town.leader)
    listed = leader.get("/staff/rulings/").content.decode()
    assert "1 step up" in listed
    slip = ruling.slips.get()
    assert slip.number in leader.get(f"/staff/rulings/{ruling.pk}/").content.decode()
    assert "Not theirs" not in listed
    mine = as_user(town.property_manager)
    page = mine.get("/staff/slips/").content.decode()
    assert "开地下室的门" in page
    sheet = mine.get(f"/staff/slips/{part.slips.get().pk}/sheet/").content.decode()
    assert "Late is the part of a co-handler" in sheet
    clerk = as_user(town.street_clerk)
    assert f"/staff/rulings/{ruling.pk}/" in clerk.get(f"/staff/slips/{slip.pk}/").content.decode()
    beside = as_user(town.secretary).get(f"/staff/cases/{case.number}/beside/").content.decode()
    assert "1 step up" in beside
    assert part.slips.get().number in beside


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
