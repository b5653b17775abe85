"""Co-handlers: their own order, their own deadline, and the lead does not report before them."""

from __future__ import annotations

import pytest

from gongzhi.act.tasks import actions as tasks
from gongzhi.ground.ledger.verify import verify
from gongzhi.ground.refusals import Refusal
from gongzhi.ground.rules.spans import Span
from gongzhi.understand.cases import actions as cases
from gongzhi.understand.cases import parts, tree
from gongzhi.understand.cases.models import Case, CoHandler, Responsibility
from tests.scenes import LITTER

pytestmark = pytest.mark.django_db


@pytest.fixture
def shared(assigned, town, moment, deliver):
    """A case of the grid worker in which the property manager has a part."""
    message, case = assigned()
    part = parts.ask_part(
        case_id=case.pk, role="property_manager", place_id=town.community.pk, need="打开地下室的门",
        span=Span(2, "working_days"), by=town.worker, now=moment.now,
    )  # fmt: skip
    deliver(now=moment.now)
    return message, case, part


def orders(case):
    return case.tasks.get(part=None, state__in=["open", "accepted"]), case.tasks.filter(part__isnull=False).last()


def test_a_co_handler_has_an_order_with_a_deadline_of_its_own(shared, town, moment, deliver):
    _message, case, part = shared
    lead, other = orders(case)
    assert (other.role, other.place, other.due_at) == ("property_manager", town.community, part.due_at)
    assert lead.due_at == case.due_at != other.due_at
    with pytest.raises(Refusal, match="Property manager"):
        tasks.report_done(task_id=lead.pk, words="清走了", by=town.worker, now=moment.now)
    tasks.report_done(task_id=other.pk, words="门开了", by=town.property_manager, now=moment.now)
    deliver(now=moment.now)
    part.refresh_from_db()
    case.refresh_from_db()
    assert (part.state, case.state) == ("done", "assigned")  # a part done is not the matter done
    tasks.report_done(task_id=lead.pk, words="清走了", by=town.worker, now=moment.now)
    deliver(now=moment.now)
    case.refresh_from_db()
    assert (case.state, case.worker) == ("to_check", town.worker)
    given = ("places.Place", "cases.Category")
    assert not [found for found in verify(now=moment.now) if not found.subject.startswith(given)]


def test_a_returned_part_goes_back_to_the_lead(shared, town, moment, deliver):
    _message, case, part = shared
    lead, other = orders(case)
    tasks.return_task(task_id=other.pk, reason="钥匙在业委会", by=town.property_manager, now=moment.now)
    deliver(now=moment.now)
    part.refresh_from_db()
    case.refresh_from_db()
    assert (part.state, case.state, case.lead_role) == ("returned", "assigned", "grid_worker")
    assert not case.rulings.exists()
    tasks.report_done(task_id=lead.pk, words="清走了", by=town.worker, now=moment.now)


def test_the_lead_does_without_a_part_and_says_why(shared, town, moment, deliver):
    _message, case, part = shared
    with pytest.raises(Refusal):
        parts.drop_part(part_id=part.pk, reason=" ", by=town.worker, now=moment.now)
    with pytest.raises(Refusal) as refusal:  # asked twice
        parts.ask_part(
            case_id=case.pk, role="property_manager", place_id=town.community.pk, need="再来", by=town.worker,
            now=moment.now,
        )  # fmt: skip
    assert refusal.value.status == 409
    parts.drop_part(part_id=part.pk, reason="门开着", by=town.worker, now=moment.now)
    deliver(now=moment.now)
    lead, other = orders(case)
    assert (other.state, case.notes.get().text) == ("cancelled", "门开着")
    tasks.report_done(task_id=lead.pk, words="清走了", by=town.worker, now=moment.now)


def test_withdrawing_lets_everybody_go(shared, moment, deliver):
    message, case, part = shared
    cases.withdraw_case(message=message, now=moment.now)
    deliver(now=moment.now)
    part.refresh_from_db()
    assert part.state == "dropped"
    assert not case.tasks.waiting().exists()


def test_a_pause_moves_the_leads_deadline_only(shared, town, moment, deliver):
    from datetime import timedelta

    _message, case, part = shared
    on = moment.now.date() + timedelta(days=3)
    cases.pause_case(case_id=case.pk, reason="等材料", review_on=on, by=town.clerk, now=moment.now)
    deliver(now=moment.now)
    lead, other = orders(case)
    assert (lead.due_at, other.due_at) == (None, part.due_at)


def test_the_matrix_names_co_handlers(report, town, moment, deliver):
    Responsibility.objects.create(
        category=tree.category_by_code(LITTER), place=town.community, place_path=town.community.path,
        role="grid_worker",
        co_handlers=[
            {"role": "property_manager", "seat": "", "limit": "1 working_days"},
            {"role": "grid_worker", "seat": "", "limit": ""},  # the lead itself
            {"role": "mediator", "seat": "", "limit": ""},  # nobody holds it
        ],
    )  # fmt: skip
    _message, case = report()
    cases.dispatch_case(case_id=case.pk, category=LITTER, by=town.clerk, now=moment.now)
    deliver(now=moment.now)
    part = CoHandler.objects.get(case=case)
    assert (part.role, part.place, part.asked_by) == ("property_manager", town.community, None)
    assert case.tasks.filter(part=part).get().due_at == part.due_at > moment.now


def test_only_the_lead_or_the_desk_asks(assigned, town, moment):
    _message, case = assigned()
    given = {"case_id": case.pk, "role": "property_manager", "place_id": town.community.pk, "now": moment.now}
    for wrong, field in (
        ({"need": ""}, "need"),
        ({"need": "长" * 301}, "need"),
        ({"need": "开门", "span": Span(0, "working_days")}, "amount"),
        ({"need": "开门", "role": "grid_worker", "place_id": town.grid.pk}, "position"),
        ({"need": "开门", "place_id": town.street.pk}, "position"),
    ):
        with pytest.raises(Refusal) as refusal:
            parts.ask_part(**{**given, **wrong}, by=town.clerk)
        assert refusal.value.field == field
    with pytest.raises(Refusal) as refusal:
        parts.ask_part(**given, need="开门", by=town.officer)
    assert refusal.value.status in (403, 404)
    assert not Case.objects.get(pk=case.pk).co_handlers.exists()


def test_asking_and_doing_without_in_the_browser(assigned, town, as_user, deliver, moment):
    _message, case = assigned()
    client = as_user(town.worker)
    assert "Property manager" in client.get(f"/staff/cases/{case.number}/part/").content.decode()
    given = {"position": f"property_manager@{town.community.pk}", "need": "开门", "days": "2", "version": case.version}
    assert client.post(f"/staff/cases/{case.number}/part/", {**given, "days": "0"}).status_code == 422
    assert client.post(f"/staff/cases/{case.number}/part/", given).status_code == 303
    deliver(now=moment.now)
    part = case.co_handlers.get()
    order = case.tasks.get(part=part)
    page = as_user(town.property_manager).get(f"/staff/tasks/{order.pk}/").content.decode()
    assert "开门" in page
    assert "Send it back to who leads" in page
    assert as_user(town.property_manager).get(f"/staff/cases/{case.number}/").status_code == 200
    client = as_user(town.worker)
    lead = case.tasks.get(part=None)
    answer = client.post(f"/staff/tasks/{lead.pk}/done/", {"words": "清走了"})
    assert answer.status_code == 409
    assert "Others still have a part in it" in answer.content.decode()
    drop = f"/staff/cases/{case.number}/part/{part.pk}/drop/"
    assert client.get(drop).status_code == 200
    assert client.get(f"/staff/cases/{case.number}/part/{part.pk + 1}/drop/").status_code == 404
    assert client.post(drop, {"reason": "门开着", "version": case.version}).status_code == 303
    assert client.post(f"/staff/tasks/{lead.pk}/done/", {"words": "清走了"}).status_code in (302, 303)


def test_a_co_handler_writes_notes_until_the_part_is_sent_back(shared, town, moment, deliver, as_user):
    _message, case, _part = shared
    client = as_user(town.property_manager)
    page = client.get(f"/staff/cases/{case.number}/").content.decode()
    assert "A note for colleagues" in page
    assert "Talk with the reporter" not in client.get(f"/staff/cases/{case.number}/beside/").content.decode()
    assert client.post(f"/staff/cases/{case.number}/note/", {"text": "钥匙在业委会"}).status_code == 303
    note = case.notes.get()
    assert (note.by, note.post.role) == (town.property_manager, "property_manager")
    tasks.return_task(task_id=orders(case)[1].pk, reason="钥匙在业委会", by=town.property_manager, now=moment.now)
    deliver(now=moment.now)
    client = as_user(town.property_manager)
    assert "A note for colleagues" not in client.get(f"/staff/cases/{case.number}/").content.decode()
    with pytest.raises(Refusal) as refusal:
        cases.add_note(case_id=case.pk, text="还有", by=town.property_manager, now=moment.now)
    assert refusal.value.status == 403
