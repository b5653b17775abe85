"""How many questions a page asks the database, with many rows in it. A page that asks once a row is found here."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gongzhi.act.tasks import actions as tasks
from gongzhi.act.tasks.models import Task
from gongzhi.ground.places.cells import cell_of
from gongzhi.sense.channels.actions import Draft, receive_message
from gongzhi.sense.channels.follow import token_of
from gongzhi.sense.channels.models import Message
from gongzhi.understand.cases import actions as cases
from gongzhi.understand.cases import rulings
from gongzhi.understand.cases.models import Case
from gongzhi.verify.checks.models import Check
from tests.scenes import LITTER, SIGN_IN

pytestmark = pytest.mark.django_db

MANY = 200


@contextmanager
def at_most(limit: int) -> Iterator[CaptureQueriesContext]:
    with CaptureQueriesContext(connection) as asked:
        yield asked
    said = [query["sql"][:140] for query in asked if not is_control(query["sql"])]
    assert len(said) <= limit, f"{len(said)} statements:\n" + "\n".join(said)


def is_control(sql: str) -> bool:
    """Savepoints: tests run inside a transaction, where a request's BEGIN and COMMIT become savepoints."""
    return sql.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK TO"))


@pytest.fixture
def crowd(town: Any, moment: Any, deliver: Any) -> list[Case]:
    """200 cases: new, being handled, being checked; with points, categories and several posts."""
    from gongzhi.ground.ledger.actions import record_many
    from gongzhi.understand.cases.events import CaseOpened
    from gongzhi.understand.cases.models import Voice

    messages = Message.objects.bulk_create(
        [
            Message(
                number=f"261118-{number:07d}",
                channel="web",
                received_at=moment.now - timedelta(hours=number),
                text=f"第{number}件：路灯不亮了。",
                category=LITTER,
                place=town.grid,
                place_path=town.grid.path,
                lon=116.30 + number / 10_000,
                lat=40.0 + number / 20_000,
            )
            for number in range(MANY)
        ]
    )
    found = []
    for message in messages:
        message.place = town.grid
        case = cases.new_case(message, now=moment.now)
        case.cell = cell_of(case.lon, case.lat)
        found.append(case)
    Case.objects.bulk_create(found)
    Voice.objects.bulk_create(
        [Voice(case=case, first_case=case, message=one) for case, one in zip(found, messages, strict=True)]
    )
    # Their entries are written without the circuit: 200 reactions would only cost time here.
    record_many(
        [(CaseOpened(case_id=case.pk, message_id=one.pk), case) for case, one in zip(found, messages, strict=True)],
        by=None,
        now=moment.now,
    )
    for case in found[:40]:
        cases.dispatch_case(case_id=case.pk, category=LITTER, by=town.clerk, now=moment.now)
    deliver(now=moment.now)
    for order in list(Task.objects.order_by("pk")[:20]):
        tasks.report_done(task_id=order.pk, words="好了。", by=town.worker, now=moment.now)
    deliver(now=moment.now)
    return found


# Address, who, and the most statements that showing it may cost (session and person included).
PAGES = (
    ("/staff/", "clerk", 16),
    ("/staff/", "worker", 16),
    ("/staff/cases/", "clerk", 8),
    ("/staff/cases/", "street_clerk", 8),
    ("/staff/cases/?state=all&q=路灯&category=environment&from=2026-11-01&sort=newest&page=2", "clerk", 8),
    ("/staff/cases/print/?state=all", "clerk", 8),
    ("/staff/inbox/", "clerk", 8),
    ("/staff/tasks/", "worker", 8),
    ("/staff/tasks/print/", "worker", 8),
    ("/staff/assignments/", "clerk", 8),
    ("/staff/slips/print/?show=all", "leader", 8),
    ("/staff/checks/", "clerk", 8),
    ("/staff/calls/", "clerk", 8),
    ("/staff/map/", "clerk", 8),
    ("/staff/map/points.json?bbox=116,39,117,41&zoom=15&state=all", "clerk", 6),
    ("/staff/map/grids.json", "clerk", 8),
)


def test_pages_with_many_rows(crowd: list[Case], town: Any, client: Any, moment: Any) -> None:
    for address, who, most in PAGES:
        client.force_login(getattr(town, who), backend=SIGN_IN)
        assert client.get(address).status_code == 200  # caches of the process are warm
        with at_most(most):
            answer = client.get(address)
        assert answer.status_code == 200, address


def test_the_list_has_fifty_rows_and_says_how_many(crowd: list[Case], town: Any, client: Any, moment: Any) -> None:
    client.force_login(town.clerk, backend=SIGN_IN)
    page = client.get("/staff/cases/?state=all").content.decode()
    assert page.count("261118-") >= 50
    assert page.count("/staff/cases/261118-") <= 101
    assert "More than 50 cases" in page
    assert "200 cases" in client.get("/staff/cases/?state=all&counts=1").content.decode()


def test_a_case_with_a_long_story(crowd: list[Case], town: Any, client: Any, deliver: Any, moment: Any) -> None:
    case = next(one for one in crowd if one.tasks.filter(state="open").exists())
    for _ in range(12):
        moment.now += timedelta(minutes=1)
        cases.add_note(case_id=case.pk, text="记一下。", by=town.clerk, now=moment.now)
    for _ in range(3):
        order = case.tasks.get(state__in=["open", "accepted"])
        tasks.return_task(task_id=order.pk, reason="不归我们管", by=town.worker, now=moment.now)
        deliver(now=moment.now)
        ruling = case.rulings.get(state="open")
        seat = {"role": "grid_worker", "place_id": town.grid.pk}
        rulings.decide(ruling_id=ruling.pk, **seat, words="是网格的", by=town.leader, now=moment.now)
        deliver(now=moment.now)
        Case.objects.filter(pk=case.pk).update(ruled_at=None)  # so that it can be sent back again
    for who, most in (("clerk", 12), ("worker", 12)):
        client.force_login(getattr(town, who), backend=SIGN_IN)
        client.get(f"/staff/cases/{case.number}/")
        with at_most(most):
            assert client.get(f"/staff/cases/{case.number}/").status_code == 200
    order = Task.objects.filter(case=case).waiting().get()
    with at_most(12):
        assert client.get(f"/staff/tasks/{order.pk}/").status_code == 200
    client.force_login(town.clerk, backend=SIGN_IN)
    check = Check.objects.order_by("pk")[0]
    with at_most(12):
        assert client.get(f"/staff/checks/{check.pk}/").status_code == 200


def test_pages_of_residents(crowd: list[Case], town: Any, client: Any, moment: Any) -> None:
    followed = Message.objects.filter(voice__case=crowd[10]).get()
    for address, most in (
        ("/", 4),
        ("/report/", 4),
        ("/progress/", 4),
        ("/how/", 2),
        ("/grids.json", 4),
        (f"/follow/{token_of(followed)}/", 12),
    ):
        assert client.get(address).status_code == 200
        with at_most(most):
            client.get(address)
    client.get("/categories.json")
    with at_most(0):
        answer = client.get("/categories.json")
    with at_most(0):
        assert client.get("/categories.json", headers={"if-none-match": answer["ETag"]}).status_code == 304


def report() -> dict[str, str]:
    return {
        "text": "路灯不亮了，晚上很黑。",
        "category": LITTER,
        "lon": "116.3",
        "lat": "40.0",
        "answer_by": "link",
        "phone": "13800000000",
        "name": "赵先生",
        "key": uuid.uuid4().hex,
    }


def test_a_report_costs_at_most_fourteen_statements(town: Any, client: Any, moment: Any) -> None:
    client.post("/report/", report())
    with at_most(14):
        assert client.post("/report/", report()).status_code == 302


@pytest.mark.django_db(transaction=True)
def test_a_report_is_one_transaction(town: Any, client: Any, moment: Any, settings: Any) -> None:
    """What is written, is written in one piece: the message, its entry and the promise of the case."""
    settings.GONGZHI_DELIVERY = "worker"
    client.post("/report/", report())
    with CaptureQueriesContext(connection) as asked:
        assert client.post("/report/", report()).status_code == 302
    statements = [query["sql"] for query in asked]
    begins = [place for place, sql in enumerate(statements) if sql.startswith("BEGIN")]
    ends = [place for place, sql in enumerate(statements) if sql.startswith("COMMIT")]
    writes = [
        place
        for place, sql in enumerate(statements)
        if sql.startswith(("INSERT", "UPDATE", "DELETE")) or "pg_notify" in sql
    ]
    counted = [place for place in writes if "access_tally" in statements[place]]
    assert len(counted) == 1
    assert counted[0] < begins[0], "what is refused counts too: the count is no part of the transaction"
    writes.remove(counted[0])
    assert len(begins) == len(ends) == 1
    assert writes
    assert all(begins[0] < place < ends[0] for place in writes)
    assert len(statements) - 2 <= 14, statements


def test_the_same_report_again_costs_no_more(town: Any, client: Any, moment: Any) -> None:
    given = report()
    client.post("/report/", given)
    with at_most(14):
        client.post("/report/", given)


def test_bringing_a_report_in_does_not_grow_with_the_house(
    crowd: list[Case], town: Any, client: Any, moment: Any
) -> None:
    draft = Draft(text="路灯不亮了。", category=LITTER, place=town.grid)
    receive_message(draft, by=None, now=moment.now)
    with at_most(6):
        receive_message(draft, by=None, now=moment.now)
