"""Whose is it, is it referred, does it count: asked by one post, answered by another, never by who asked."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from gongzhi.act.tasks import actions as tasks
from gongzhi.ground.access.actions import end_post
from gongzhi.ground.access.models import Post
from gongzhi.ground.access.reach import forget_posts
from gongzhi.ground.access.roles import Role
from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.ledger.verify import verify
from gongzhi.ground.refusals import NotThere, Refusal
from gongzhi.understand.cases import actions as cases
from gongzhi.understand.cases import rulings
from gongzhi.understand.cases.models import Case, Ruling
from tests.scenes import LITTER
from tests.town import make_user

pytestmark = pytest.mark.django_db

EXPLAINED = "劳动报酬的争议请先申请劳动仲裁。"


def wrong(now):
    given = ("places.Place", "cases.Category")
    return [found for found in verify(now=now) if not found.subject.startswith(given)]


@pytest.fixture
def returned(assigned, town, moment, deliver):
    """A case that the grid worker has sent back as not theirs."""

    def returned():
        _message, case = assigned()
        tasks.return_task(task_id=case.tasks.get().pk, reason="树是园林的", by=town.worker, now=moment.now)
        deliver(now=moment.now)
        case.refresh_from_db()
        return case, case.rulings.get()

    return returned


def decide(ruling, by, now, **more):
    return rulings.decide(ruling_id=ruling.pk, words="经现场核实。", by=by, now=now, **more)


def seat(role, place):
    return {"role": role, "place_id": place.pk}


# --- whose is it ----------------------------------------------------------------------------------------------------


def test_not_ours_is_ruled_by_the_street_and_the_desk_leads_meanwhile(returned, town, moment, deliver):
    case, ruling = returned()
    assert (case.state, case.lead_role, case.lead_place) == ("new", "community_clerk", town.community)
    assert (ruling.kind, ruling.state, ruling.place) == ("not_ours", "open", town.street)
    assert (ruling.asked_by, ruling.asked_role, ruling.asked_place) == (town.worker, "grid_worker", town.grid)
    assert ruling.due_at > moment.now
    with pytest.raises(Refusal, match="清华园街道"):  # it says who rules
        cases.assign_case(case_id=case.pk, by=town.street_clerk, now=moment.now)
    decide(ruling, town.leader, moment.now, **seat("property_manager", town.community))
    deliver(now=moment.now)
    case.refresh_from_db()
    ruling.refresh_from_db()
    assert (case.state, case.lead_role, case.ruled_at) == ("assigned", "property_manager", moment.now)
    assert (ruling.state, ruling.decided_by) == ("agreed", town.leader)
    order = case.tasks.waiting().get()
    assert order.role == "property_manager"
    with pytest.raises(Refusal, match="ruled"):
        tasks.return_task(task_id=order.pk, reason="还是不归我们", by=town.property_manager, now=moment.now)
    with pytest.raises(Refusal):  # nor does the desk move it on
        cases.assign_case(case_id=case.pk, **seat("grid_worker", town.grid), by=town.clerk, now=moment.now)
    assert wrong(moment.now) == []


def test_it_may_be_theirs_after_all(returned, town, moment, deliver):
    case, ruling = returned()
    decide(ruling, town.street_clerk, moment.now, **seat("grid_worker", town.grid))
    deliver(now=moment.now)
    ruling.refresh_from_db()
    assert ruling.state == "refused"
    assert case.tasks.waiting().get().role == "grid_worker"


def test_who_asked_never_rules(assigned, town, moment, deliver):
    _message, case = assigned()
    street = seat("street_clerk", town.street)
    cases.assign_case(case_id=case.pk, **street, by=town.clerk, now=moment.now)
    deliver(now=moment.now)
    colleague = make_user("street2", "孙科员", ("street_clerk", town.street))
    tasks.return_task(task_id=case.tasks.waiting().get().pk, reason="是区里的", by=town.street_clerk, now=moment.now)
    deliver(now=moment.now)
    ruling = case.rulings.get()
    given = seat("community_clerk", town.community)
    for who in (town.street_clerk, colleague, town.clerk):
        with pytest.raises(Refusal) as refusal:
            decide(ruling, who, moment.now, **given)
        assert refusal.value.status == 403
    with pytest.raises(NotThere):
        decide(ruling, town.stranger, moment.now, **given)
    decide(ruling, town.leader, moment.now, **given)
    with pytest.raises(Refusal):
        decide(ruling, town.leader, moment.now, **given)


def test_a_ruling_gives_reasons_and_names_somebody_who_is_there(returned, town, moment):
    _case, ruling = returned()
    for words, given, field in (
        ("", seat("property_manager", town.community), "words"),
        ("长" * 501, seat("property_manager", town.community), "words"),
        ("因", {}, "words"),
        ("经现场核实", {}, "position"),
        ("经现场核实", seat("street_leader", town.grid), "position"),
    ):
        with pytest.raises(Refusal) as refusal:
            rulings.decide(ruling_id=ruling.pk, words=words, by=town.leader, now=moment.now, **given)
        assert (refusal.value.field, refusal.value.status) == (field, 422)


def test_where_nobody_may_rule_the_desk_finds_the_right_one(assigned, town, moment, deliver):
    for user in (town.leader, town.street_clerk):
        for post in Post.objects.of(user):
            end_post(post_id=post.pk, by=None, now=moment.now)
        forget_posts(user)
    _message, case = assigned()
    tasks.return_task(task_id=case.tasks.get().pk, reason="树是园林的", by=town.worker, now=moment.now)
    deliver(now=moment.now)
    assert not case.rulings.exists()
    cases.assign_case(case_id=case.pk, **seat("property_manager", town.community), by=town.clerk, now=moment.now)


def test_what_no_row_resolves_waits_for_a_ruling(report, town, moment, deliver):
    for post in Post.objects.filter(role="grid_worker", place=town.grid):
        end_post(post_id=post.pk, by=None, now=moment.now)
    _message, case = report()
    case = cases.dispatch_case(case_id=case.pk, category=LITTER, by=town.clerk, now=moment.now)
    ruling = case.rulings.get()
    assert (case.state, ruling.kind, ruling.place, ruling.asked_by) == ("new", "no_row", town.street, town.clerk)
    decide(ruling, town.street_clerk, moment.now, **seat("community_secretary", town.community))
    deliver(now=moment.now)
    case.refresh_from_db()
    assert (case.state, case.lead_role) == ("assigned", "community_secretary")


def test_withdrawing_ends_the_question(returned, moment, deliver):
    case, ruling = returned()
    cases.withdraw_case(message=case.voices.get().message, now=moment.now)
    ruling.refresh_from_db()
    assert ruling.state == "dropped"


# --- referral -------------------------------------------------------------------------------------------------------


def propose(case, by, now, **more):
    given = {"referral": "legal_channel", "reason": EXPLAINED, **more}
    return rulings.propose_referral(case_id=case.pk, by=by, now=now, **given)


def test_a_referral_needs_two_and_is_explained(assigned, town, moment, deliver):
    message, case = assigned()
    ruling = propose(case, town.clerk, moment.now)
    case.refresh_from_db()
    assert case.state == "assigned"  # nothing happens until somebody else agrees
    decide(ruling, town.leader, moment.now)
    deliver(now=moment.now)
    case.refresh_from_db()
    assert (case.state, case.closed_as, case.referral, case.outcome) == (
        "referred", "referred", "legal_channel", EXPLAINED,
    )  # fmt: skip
    assert case.tasks.get().state == "cancelled"
    until = rulings.objection_until(case)
    with pytest.raises(Refusal, match="over"):
        rulings.object_to_referral(message=message, words="我有新的证据", now=until + timedelta(seconds=1))
    rulings.object_to_referral(message=message, words="我有新的证据", now=until)
    deliver(now=moment.now)
    case.refresh_from_db()
    assert (case.state, case.closed_at, case.referral, case.lead_role) == ("new", None, "", "community_clerk")
    assert case.due_at > until
    assert case.replies.get().text == "我有新的证据"
    assert wrong(moment.now) == []


def test_a_refused_referral_changes_nothing(report, town, moment):
    _message, case = report()
    ruling = propose(case, town.clerk, moment.now)
    with pytest.raises(Refusal):
        propose(case, town.secretary, moment.now)  # it is being ruled on already
    decide(ruling, town.leader, moment.now, agreed=False)
    case.refresh_from_db()
    ruling.refresh_from_db()
    assert (case.state, ruling.state) == ("new", "refused")
    propose(case, town.secretary, moment.now)  # with better reasons it may be asked again


@pytest.mark.parametrize(
    ("given", "field"),
    [({"referral": "nothing"}, "referral"), ({"referral": ""}, "referral"), ({"reason": "不"}, "reason")],
)
def test_a_referral_is_one_of_six_kinds_and_explained(report, town, moment, given, field):
    _message, case = report()
    with pytest.raises(Refusal) as refusal:
        propose(case, town.clerk, moment.now, **given)
    assert (refusal.value.field, refusal.value.status) == (field, 422)


def test_the_proposer_does_not_agree_to_it(report, town, moment):
    _message, case = report()
    ruling = propose(case, town.leader, moment.now)
    with pytest.raises(Refusal) as refusal:
        decide(ruling, town.leader, moment.now)
    assert refusal.value.status == 403
    decide(ruling, town.street_clerk, moment.now)


def test_there_is_nothing_to_object_to(report, town, moment):
    message, _case = report()
    with pytest.raises(Refusal):
        rulings.object_to_referral(message=message, words="不同意", now=moment.now)


def test_after_an_objection_somebody_else_rules(report, town, moment, as_user):
    message, case = report()
    decide(propose(case, town.street_clerk, moment.now), town.leader, moment.now)
    rulings.object_to_referral(message=message, words="我有新的证据", now=moment.now)
    with pytest.raises(Refusal, match="Nobody else here may rule"):  # both have had their say
        propose(case, town.clerk, moment.now)
    other = make_user("deputy", "副主任", (Role.STREET_LEADER, town.street))
    again = propose(case, town.clerk, moment.now)
    for who in (town.street_clerk, town.leader):
        assert not Ruling.objects.to_rule(who).exists()
        with pytest.raises(Refusal, match="objected to a referral that you asked for or agreed to") as refusal:
            decide(again, who, moment.now, agreed=False)
        assert refusal.value.status == 403
    page = as_user(town.leader).get(f"/staff/rulings/{again.pk}/").content.decode()
    assert "The reporter objected to a referral" in page
    assert "You rule" not in page
    answer = as_user(town.leader).post(f"/staff/rulings/{again.pk}/", {"agreed": "yes", "words": "同意引导。"})
    assert answer.status_code == 403
    apart = rulings.propose_exclusion(case_id=case.pk, reason="没有职责", by=town.clerk, now=moment.now)
    with pytest.raises(Refusal) as refusal:
        decide(apart, town.leader, moment.now)
    assert refusal.value.status == 403
    assert set(Ruling.objects.to_rule(other)) == {again, apart}
    decide(again, other, moment.now)
    case.refresh_from_db()
    assert case.state == "referred"
    # A ruling that nobody objected to bars nobody: the question whether it counts may go to the same leader …
    assert Ruling.objects.to_rule(town.leader).count() == 1
    # … and whose it is may always be said by those who would have sent it away.
    rulings.object_to_referral(message=message, words="还是不同意", now=moment.now)
    assert not Ruling.objects.to_rule(other).exists()


# --- beyond duty ----------------------------------------------------------------------------------------------------


def test_what_is_beyond_duty_does_not_count_after_review(done, town, moment, deliver):
    from gongzhi.verify.checks import actions as checks

    message, case = done()
    checks.answer_by_link(message=message, helped=True, words="", now=moment.now)
    deliver(now=moment.now)
    given = {"case_id": case.pk, "reason": "要求拆除合法建筑", "now": moment.now}
    ruling = rulings.propose_exclusion(by=town.clerk, **given)
    assert Case.objects.get(pk=case.pk).excluded_at is None
    decide(ruling, town.leader, moment.now)
    case.refresh_from_db()
    assert (case.state, case.excluded_at) == ("closed", moment.now)
    with pytest.raises(Refusal):
        rulings.propose_exclusion(by=town.clerk, **given)


# --- the database ---------------------------------------------------------------------------------------------------


def test_the_database_refuses_impossible_rulings(returned, town, moment):
    case, ruling = returned()
    for wrong_values in (
        {"decided_by": town.worker},
        {"state": "agreed"},
        {"state": "agreed", "words": "好", "decided_at": moment.now},
        {"state": "nonsense"},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            Ruling.objects.filter(pk=ruling.pk).update(**wrong_values)
    ruling.pk = None  # a second one of the same kind
    with pytest.raises(IntegrityError), transaction.atomic():
        ruling.save()
    for wrong_values in ({"state": "referred", "closed_at": moment.now, "closed_as": "referred"}, {"lead_role": ""}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Case.objects.filter(pk=case.pk).update(**wrong_values)


def test_every_step_stands_in_the_record(returned, town, moment):
    _case, ruling = returned()
    decide(ruling, town.leader, moment.now, **seat("property_manager", town.community))
    events = list(Entry.objects.about(ruling).values_list("event", flat=True))
    assert events == ["cases.RulingAsked", "cases.RulingMade"]


# --- through the doors ----------------------------------------------------------------------------------------------


def test_a_ruling_in_the_browser(returned, town, as_user):
    case, ruling = returned()
    page = as_user(town.clerk).get(f"/staff/cases/{case.number}/").content.decode()
    assert "清华园街道 rules whose this is" in page
    assert as_user(town.clerk).get("/staff/rulings/").status_code == 404
    client = as_user(town.leader)
    assert "To be ruled" in client.get("/staff/").content.decode()
    assert case.summary in client.get("/staff/rulings/").content.decode()
    shown = client.get(f"/staff/rulings/{ruling.pk}/").content.decode()
    assert "树是园林的" in shown
    assert client.post(f"/staff/rulings/{ruling.pk}/", {"words": "因为是园林的"}).status_code == 422
    given = {"words": "经核实归物业。", "position": f"property_manager@{town.community.pk}"}
    assert client.post(f"/staff/rulings/{ruling.pk}/", given).status_code == 303
    ruling.refresh_from_db()
    assert ruling.state == "agreed"
    assert client.post(f"/staff/rulings/{ruling.pk}/", given).status_code == 409
    assert "经核实归物业。" in client.get(f"/staff/cases/{case.number}/beside/").content.decode()
    assert as_user(town.worker).get(f"/staff/rulings/{ruling.pk}/").status_code == 200
    assert as_user(town.other_worker).get(f"/staff/rulings/{ruling.pk}/").status_code == 404


def test_the_desk_is_told_who_rules_when_nobody_is_named(report, town, as_user, moment):
    for post in Post.objects.filter(role="grid_worker", place=town.grid):
        end_post(post_id=post.pk, by=None, now=moment.now)
    _message, case = report()
    client = as_user(town.clerk)
    given = {
        "category": LITTER, "place": town.grid.path, "summary": "垃圾", "position": "matrix", "version": case.version,
    }  # fmt: skip
    answer = client.post(f"/staff/inbox/{case.number}/", given, follow=True)
    assert "nobody is named for it" in answer.content.decode()
    assert "It is asked whose this is" in client.get(f"/staff/inbox/{case.number}/").content.decode()


def test_a_referral_in_the_browser_is_told_and_objected_to(report, town, as_user, client):
    from gongzhi.sense.channels.follow import token_of

    message, case = report()
    desk = as_user(town.clerk)
    assert "12348" in desk.get(f"/staff/cases/{case.number}/refer/").content.decode()
    given = {"referral": "legal_channel", "reason": EXPLAINED, "version": case.version}
    assert desk.post(f"/staff/cases/{case.number}/refer/", {**given, "referral": "x"}).status_code == 422
    assert desk.post(f"/staff/cases/{case.number}/refer/", given).status_code == 303
    ruling = case.rulings.get()
    assert desk.get(f"/staff/rulings/{ruling.pk}/").status_code == 200
    leader = as_user(town.leader)
    agreed = {"agreed": "yes", "words": "同意引导。"}
    assert leader.post(f"/staff/rulings/{ruling.pk}/", agreed).status_code == 303
    link = f"/follow/{token_of(message)}/"
    client = as_user(None)
    page = client.get(link).content.decode()
    assert EXPLAINED in page
    assert "12348" in page
    assert "You do not agree?" in page
    assert client.post(f"{link}object/", {"text": ""}).status_code == 422
    assert client.post(f"{link}object/", {"text": "我有新的证据"}).status_code == 302
    page = client.get(link).content.decode()
    assert "我有新的证据" in page
    assert Case.objects.get(pk=case.pk).state == "new"


def test_excluding_in_the_browser(report, town, as_user):
    _message, case = report()
    given = {"reason": "要求拆除合法建筑", "version": case.version}
    assert as_user(town.clerk).post(f"/staff/cases/{case.number}/exclude/", given).status_code == 303
    assert case.rulings.get().kind == "beyond_duty"
