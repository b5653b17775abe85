"""Work sent down and reported by programs: its whole way, repeated wishes, and how few questions the database hears."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from PIL import Image

from gongzhi.act.directives import actions, pieces
from gongzhi.act.directives.asking import Ask
from gongzhi.act.directives.models import Assignment, Directive, Report
from gongzhi.ground.access.tokens import create_token, verbs_for_tokens
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.verify import verify
from tests.test_api import DIRECTIVE
from tests.test_budgets import at_most
from tests.town import make_place

pytestmark = pytest.mark.django_db
API = "/api/v1"
TO_ALL = {**DIRECTIVE, "target_places": ["110108014"]}


@pytest.fixture
def program(client: Any, moment: Any) -> Callable[..., Any]:
    """A program that acts for a person, with all or some of the verbs that the person may hand on."""

    def program(person: User, *verbs: str) -> Callable[..., Any]:
        on = timezone.localdate(moment.now)
        chosen = verbs or verbs_for_tokens(person, on)
        ends = on + timedelta(days=9)
        secret = create_token(name="x", verbs=chosen, expires_on=ends, by=person, now=moment.now)[1]

        def ask(method: str, path: str, body: Any = None, key: str = "", status: int | None = None) -> Any:
            more = {} if body is None else {"data": json.dumps(body), "content_type": "application/json"}
            headers = {"authorization": f"Bearer {secret}"} | ({"idempotency-key": key} if key else {})
            answer = getattr(client, method)(API + path, headers=headers, **more)
            assert answer.status_code in ({200, 201} if status is None else {status}), answer.content.decode()
            return answer.json()

        return ask

    return program


def test_sent_down_asked_about_passed_on_reported_and_accepted(town: Any, program: Any, moment: Any) -> None:
    street, community, grid = program(town.street_clerk), program(town.clerk), program(town.worker)
    draft = street("post", "/directives", {**TO_ALL, "assist_item": "disaster"})
    assert (draft["state"], draft["target_places"], draft["issuer_place"]) == ("draft", ["110108014"], "110108014")
    assert street("get", f"/directives/{draft['id']}/board")["round"] is None
    assert community("get", "/assignments")["items"] == []
    changed = {**TO_ALL, "title": "防汛再排查", "assist_item": "disaster", "version": draft["version"]}
    after = street("post", f"/directives/{draft['id']}/change", changed)
    assert (after["title"], after["version"]) == ("防汛再排查", draft["version"] + 1)
    street("post", f"/directives/{draft['id']}/change", changed, status=409)
    street("post", f"/directives/{draft['id']}/issue", {"version": draft["version"]}, status=409)
    sent = street("post", f"/directives/{draft['id']}/issue", {"version": after["version"]})
    assert (sent["state"], sent["rounds"][0]["places"]) == ("issued", 2)
    street("post", f"/directives/{draft['id']}/issue", {}, status=409)

    (piece,) = community("get", "/assignments")["items"]
    own = f"/assignments/{piece['id']}"
    assert (piece["state"], piece["title"], piece["asker_place"]) == ("sent", "防汛再排查", "110108014")
    whole = community("get", own)
    assert (whole["text"], whole["done_when"], whole["refusable_by"]) == (DIRECTIVE["text"], DIRECTIVE["done_when"], "")
    assert community("post", f"{own}/read")["state"] == "read"
    assert community("post", f"{own}/accept")["state"] == "accepted"
    asked = community("post", f"{own}/ask", {"kind": "clarify", "words": "哪几栋？"})
    assert (asked["state"], asked["due_at"], asked["question"]["words"]) == ("asking", None, "哪几栋？")
    board = street("get", f"/directives/{draft['id']}/board?show=asking")
    assert (board["figures"]["asking"], board["figures"]["unread"], board["figures"]["places"]) == (1, 1, 2)
    assert [one["id"] for one in board["items"]] == [piece["id"]]
    answer = {"outcome": "answered", "answer": "三号楼起。"}
    answered = street("post", f"{own}/answer", answer, key="a")
    assert (answered["state"], answered["question"]) == ("accepted", None)
    assert street("post", f"{own}/answer", answer, key="a") == answered, "said again, nothing happens"
    street("post", f"{own}/answer", answer, status=409)

    below = community("post", f"{own}/pass-down", {"pieces": [{"place": town.grid.path}]}, key="p")
    assert community("post", f"{own}/pass-down", {"pieces": [{"place": town.grid.path}]}, key="p") == below
    assert (below["state"], [one["place"] for one in below["pieces"]]) == ("passed", [town.grid.path])
    assert community("get", "/assignments?whose=asked")["items"] == below["pieces"]
    (task,) = grid("get", "/assignments")["items"]
    done = grid("post", f"/assignments/{task['id']}/report", {"words": "看过十二处。", "minutes": 40})
    assert (done["counted"], done["minutes"], done["by"]) == (True, 40, town.worker.name)
    back = community("post", f"/assignments/{task['id']}/return", {"reason": "差一处"})
    assert (back["state"], back["return_reason"]) == ("returned", "差一处")
    grid("post", f"/assignments/{task['id']}/report", {"words": "补上了。"})
    assert community("post", f"/assignments/{task['id']}/confirm")["state"] == "done"
    community("post", f"{own}/report", {"words": "都看过了。"})
    community("post", f"{own}/confirm", status=403)
    street("post", f"/directives/{draft['id']}/close", status=409)
    assert street("post", f"{own}/confirm")["state"] == "done"
    other = Assignment.objects.get(directive=draft["id"], place=town.other_community)
    assert street("post", f"/assignments/{other.pk}/release")["state"] == "withdrawn"
    assert street("post", f"/directives/{draft['id']}/close")["state"] == "closed"
    listed = [street("get", f"/directives?state={one}")["items"] for one in ("closed", "issued", "draft", "all")]
    assert [len(rows) for rows in listed] == [1, 0, 0, 1]
    assert program(town.leader)("get", "/directives?whose=reach")["items"] == listed[0]
    assert verify(now=moment.now) == []


@pytest.fixture
def piece(town: Any, moment: Any) -> Assignment:
    ask = Ask(**{**DIRECTIVE, "target_places": [town.street.pk], "assist_item": "disaster"})
    directive = actions.draft_directive(ask=ask, by=town.street_clerk, now=moment.now)
    actions.issue_directive(directive_id=directive.pk, by=town.street_clerk, now=moment.now)
    return Assignment.objects.get(directive=directive, place=town.community)


def test_a_report_comes_once_with_its_photos(town: Any, program: Any, piece: Assignment) -> None:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(out, "PNG")
    community, given = program(town.clerk), {"words": "看过了。", "photos": [base64.b64encode(out.getvalue()).decode()]}
    first = community("post", f"/assignments/{piece.pk}/report", given, key="r")
    assert community("post", f"/assignments/{piece.pk}/report", given, key="r") == first
    assert (first["photos"], Report.objects.count()) == (1, 1)
    device = {"words": "又去了一次。", "key": "11111111-1111-4111-8111-111111111111"}
    ids = {community("post", f"/assignments/{piece.pk}/report", device)["id"] for _ in range(2)}
    assert len(ids) == 1, "the device's own key holds for ever"
    street = program(town.street_clerk)
    withdrawn = street("post", f"/directives/{piece.directive_id}/withdraw", {"reason": "不再需要"}, key="w")
    assert street("post", f"/directives/{piece.directive_id}/withdraw", {"reason": "不再需要"}, key="w") == withdrawn
    assert (withdrawn["state"], withdrawn["ending"]) == ("withdrawn", "不再需要")
    late = community("post", f"/assignments/{piece.pk}/report", {"words": "来晚了。"})
    assert late["counted"] is False
    assert community("get", f"/assignments/{piece.pk}")["results"][-1] == late


def test_split_taken_back_and_refused(town: Any, program: Any, piece: Assignment, moment: Any) -> None:
    community, own = program(town.secretary), f"/assignments/{piece.pk}"
    parts = community("post", f"{own}/pass-down", {"pieces": [{"part": "北边"}, {"part": "南边"}]})["pieces"]
    assert [(one["place"], one["part"]) for one in parts] == [(piece.place_path, "北边"), (piece.place_path, "南边")]
    wrong = {"pieces": [{"place": town.other_grid.path}]}
    assert community("post", f"/assignments/{parts[0]['id']}/pass-down", wrong, status=422)["field"] == "places"
    assert community("post", f"{own}/recall")["state"] == "accepted"
    assert {one["state"] for one in community("get", own)["pieces"]} == {"withdrawn"}
    community("post", f"{own}/refuse", status=409)
    ask = Ask(**{**DIRECTIVE, "target_places": [town.street.pk]})
    barred = actions.draft_directive(ask=ask, by=town.street_clerk, now=moment.now)
    actions.issue_directive(directive_id=barred.pk, by=town.street_clerk, now=moment.now)
    other = f"/assignments/{Assignment.objects.get(directive=barred, place=town.community).pk}"
    article = community("get", other)["refusable_by"]
    assert article
    refused = community("post", f"{other}/refuse")
    assert (refused["state"], refused["article"]) == ("refused", article)


def test_a_token_does_less_than_its_person(town: Any, program: Any, piece: Assignment) -> None:
    sender = program(town.secretary, "directives.issue")
    assert sender("get", "/assignments")["items"] == [], "what came to the office was not handed to this program"
    sender("get", f"/assignments/{piece.pk}", status=404)
    sender("post", f"/assignments/{piece.pk}/accept", status=403)
    doer = program(town.street_clerk, "directives.work")
    doer("get", "/directives", status=403)
    doer("post", f"/assignments/{piece.pk}/release", status=404)


def test_the_board_has_steps_and_pages(town: Any, program: Any, moment: Any) -> None:
    street = program(town.street_clerk)
    sent = street("post", "/directives", {**TO_ALL, "target_level": "grid"})
    street("post", f"/directives/{sent['id']}/issue", {})
    board = street("get", f"/directives/{sent['id']}/board?page_size=1")
    assert [(one["path"], one["unread"]) for one in board["parts"]] == [("110108014001", 1), ("110108014002", 1)]
    assert (len(board["items"]), board["has_next"], board["figures"]["unread"]) == (1, True, 2)
    below = street("get", f"/directives/{sent['id']}/board?at=110108014001&round=1")
    assert (below["parts"], [one["place"] for one in below["items"]]) == ([], [town.grid.path])
    assert street("get", f"/directives/{sent['id']}/board?round=2", status=422)["field"] == "round"
    assert street("get", f"/directives/{sent['id']}/board?at=110108", status=422)["field"] == "at"


def test_many_pieces_few_questions(town: Any, program: Any, moment: Any) -> None:
    for number in range(30):
        make_place(f"110108014001{number + 100:03}", "grid", f"第{number}网格", town.community)
    street, worker = program(town.street_clerk), program(town.clerk)
    for number in range(12):
        asked = {**TO_ALL, "target_level": "grid" if number == 0 else "village", "title": f"第{number}件事"}
        made = street("post", "/directives", asked)
        street("post", f"/directives/{made['id']}/issue", {})
    for one in Assignment.objects.filter(place=town.community):
        pieces.report_result(assignment_id=one.pk, words="好了。", by=town.clerk, now=moment.now)
    first = Directive.objects.order_by("pk")[0]
    one = Assignment.objects.filter(place=town.community)[0]
    for ask, path, least, most in (
        (street, "/directives", 12, 5),
        (street, f"/directives/{first.pk}", None, 8),
        (street, f"/directives/{first.pk}/board", 32, 10),
        (street, "/assignments?whose=asked&page_size=100", 54, 8),
        (worker, "/assignments", 11, 8),
        (worker, f"/assignments/{one.pk}", None, 10),
    ):
        ask("get", path)
        with at_most(most):
            found = ask("get", path)
        assert least is None or len(found["items"]) == least, path
