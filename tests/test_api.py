"""The REST interface: the same table who × what as the pages, tokens that do less than their person, and refusals
that are what the description says.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from gongzhi.front.api.urls import api
from gongzhi.ground.access.models import Post, Token
from gongzhi.ground.access.roles import Role
from gongzhi.ground.access.tokens import create_token, digest_of, revoke_token, verbs_for_tokens
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.models import Entry
from gongzhi.sense.channels.models import Message
from gongzhi.understand.cases import merging
from gongzhi.understand.cases.models import Case, Note
from tests.scenes import LITTER
from tests.town import make_user

pytestmark = pytest.mark.django_db
API = "/api/v1"


@pytest.fixture
def token_for(moment: Any) -> Callable[..., str]:
    def token_for(user: User, verbs: Any = None) -> str:
        on = moment.now.date()
        given = {"name": "test", "expires_on": on + timedelta(days=9), "by": user, "now": moment.now}
        chosen = verbs_for_tokens(user, on) if verbs is None else verbs
        if chosen:
            return create_token(verbs=chosen, **given)[1]
        secret = f"gz_{user.username}"  # somebody who could make none
        Token.objects.create(
            user=user,
            name="x",
            digest=digest_of(secret),
            verbs=[],
            created_at=moment.now,
            expires_on=given["expires_on"],
        )
        return secret

    return token_for


@pytest.fixture
def ask(client: Any) -> Callable[..., Any]:
    def ask(secret: str, method: str, path: str, body: Any = None, **headers: str) -> Any:
        send = getattr(client, method)
        extra = {"content_type": "application/json", "data": json.dumps(body)} if body is not None else {}
        return send(API + path, headers={"authorization": f"Bearer {secret}", **headers}, **extra)

    return ask


# --- who × what -----------------------------------------------------------------------------------------------------

PEOPLE = (
    "worker", "second_worker", "other_worker", "clerk", "other_clerk", "secretary", "desk", "street_clerk",
    "officer", "property_manager", "system", "security", "audit", "stranger", "chief", "leader", "mediator",
)  # fmt: skip
MESSAGE = {"text": "楼道里的灯坏了。", "place": "110108014001001"}
#  worker, second worker, other worker | clerk, other clerk, secretary | desk, street clerk | officer, property
#  | system, security, audit | stranger | building chief, street leader, mediator
#  + does it, - may not (403), . not there (404)
TABLE = {
    ("get", "/me"):                          "+++ +++ ++ ++ +++ + +++",
    ("get", "/categories"):                  "+++ +++ ++ ++ +++ + +++",
    ("get", "/categories/environment.litter"): "+++ +++ ++ ++ +++ + +++",
    ("get", "/places"):                      "+++ +++ ++ ++ +++ - +++",
    ("get", "/places/110108014001001"):      "++. +.+ ++ ++ +++ - +++",
    ("get", "/cases"):                       "+++ +++ ++ ++ --- - -++",
    ("get", "/cases/{case}"):                "++. +.+ ++ .. --- - -+.",
    ("get", "/cases/{case}/story"):          "++. +.+ ++ .. --- - -+.",
    ("get", "/cases/{officers}"):            "++. +.+ ++ +. --- - -+.",  # the officer leads it
    ("get", "/cases/{officers}/story"):      "++. +.+ ++ +. --- - -+.",
    ("get", "/cases/{shared}"):              "++. +.+ ++ .+ --- - -+.",  # the property manager has a part in it
    ("get", "/cases/{shared}/story"):        "++. +.+ ++ .+ --- - -+.",
    ("post", "/cases/{officers}/notes"):     "++. +.+ ++ +. --- - -+.",
    ("post", "/cases/{shared}/notes"):       "++. +.+ ++ .+ --- - -+.",
    ("post", "/messages"):                   "+++ +++ ++ -- --- - ++-",
    ("post", "/cases/{case}/sort"):          "--- +.+ ++ -- --- - -+-",
    ("post", "/cases/{case}/assign"):        "--- +.+ ++ -- --- - -+-",
    ("post", "/cases/{case}/pause"):         "--- +.+ -+ -- --- - -+-",
    ("post", "/cases/{paused}/resume"):      "--- +.+ -+ -- --- - -+-",
    ("post", "/cases/{case}/extend"):        "--- --+ -+ -- --- - -+-",
    ("post", "/cases/{closed}/reopen"):      "--- +.+ ++ -- --- - -+-",
    ("post", "/cases/{case}/merge"):         "--- +.+ ++ -- --- - -+-",
    ("post", "/cases/{merged}/unmerge"):     "--- +.+ ++ -- --- - -+-",
    ("post", "/cases/{case}/notes"):         "++. +.+ ++ .. --- - -+.",
    ("get", "/tasks"):                       "+++ +++ ++ ++ --- - -++",
    ("get", "/tasks/{task}"):                "++. +.+ ++ .. --- - -+.",
    ("post", "/tasks/{task}/accept"):        "++. -.- -- .. --- - --.",
    ("post", "/tasks/{task}/done"):          "++. -.- -- .. --- - --.",
    ("post", "/tasks/{task}/return"):        "++. -.- -- .. --- - --.",
    ("get", "/checks"):                      "+++ +++ ++ -- --- - -+-",
    ("get", "/checks/{check}"):              "++. +.+ ++ -- --- - -+-",
    ("post", "/checks/{check}/conclude"):    "--. +.+ ++ -- --- - -+-",
    ("post", "/checks/{check}/call-failed"): "--. +.+ ++ -- --- - -+-",
    ("get", "/rulings"):                     "--- --- -+ -- --- - -+-",
    ("get", "/rulings/{ruling}"):            "++. +.+ ++ -- --- - -+-",
    ("post", "/rulings/{ruling}/decide"):    "--- --- -+ -- --- - -+-",
    ("get", "/slips"):                       "+++ +++ ++ ++ --- - -++",
    ("post", "/slips/{slip}/answer"):        "++. ..- .- .. --- - --.",
    ("get", "/whistles"):                    "+++ +++ ++ ++ --- - -++",
    ("get", "/whistles/{whistle}"):          "... ... .+ .+ --- - -+.",
    ("post", "/whistles"):                   "--- --- -+ -- --- - -+-",
    ("post", "/whistles/{whistle}/end"):     "--- --- -+ -- --- - -+-",
    ("post", "/units/{unit}/arrive"):        "... ... .+ .+ --- - -+.",
    ("post", "/units/{came}/report"):        "... ... .- .+ --- - --.",
    ("get", "/themes"):                      "--- --+ -+ ++ --- - -+-",
    ("get", "/themes/{theme}"):              "--- --+ -+ .. --- - -+-",
    ("get", "/directives"):                  "--- --+ -+ +- --- - -+-",
    ("get", "/directives/{sent}"):           "--- --. -+ .- --- - -+-",
    ("get", "/directives/{sent}/board"):     "--- --. -+ .- --- - -+-",
    ("post", "/directives"):                 "--- --+ -+ +- --- - -+-",
    ("post", "/directives/{draft}/change"):  "--- --. -+ .- --- - -+-",
    ("post", "/directives/{draft}/issue"):   "--- --. -+ .- --- - -+-",
    ("post", "/directives/{sent}/withdraw"): "--- --- -+ .- --- - -+-",
    ("post", "/directives/{ended}/close"):   "--- --- -+ .- --- - -+-",
    ("get", "/assignments"):                 "+++ +++ ++ +- --- - ++-",
    ("get", "/assignments/{piece}"):         "... +.+ .+ .- --- - .+-",
    ("post", "/assignments/{piece}/read"):   "... +.+ .- .- --- - .--",
    ("post", "/assignments/{piece}/accept"): "... +.+ .- .- --- - .--",
    ("post", "/assignments/{barred}/refuse"):"... +.+ .- .- --- - .--",
    ("post", "/assignments/{piece}/ask"):    "... +.+ .- .- --- - .--",
    ("post", "/assignments/{piece}/pass-down"):"... +.+ .- .- --- - .--",
    ("post", "/assignments/{passed}/recall"):"... +.+ .- .- --- - .--",
    ("post", "/assignments/{piece}/report"): "... +.+ .- .- --- - .--",
    ("post", "/assignments/{asking}/answer"):"... -.- .+ .- --- - .+-",
    ("post", "/assignments/{reported}/return"):"... -.- .+ .- --- - .+-",
    ("post", "/assignments/{reported}/confirm"):"... -.- .+ .- --- - .+-",
    ("post", "/assignments/{piece}/release"):"... -.- .+ .- --- - .+-",
    ("get", "/rates"):                       "--- +++ ++ -- --- - -+-",
}  # fmt: skip


DIRECTIVE = {
    "title": "防汛排查", "text": "逐楼排查地下空间。", "done_when": "每个地下空间都看过。", "target_level": "village",
    "target_places": ["110108014001"], "reply_span": "3 working_days",
}  # fmt: skip


def body_of(path: str, tomorrow: str, community: str, given: dict[str, Any]) -> Any:
    if path.startswith("/assignments") and path.endswith("report"):
        return {"words": "都看过了。"}
    if path.startswith("/assignments") and path.endswith("answer"):
        return {"outcome": "answered", "answer": "都要看。"}
    return {
        "directives": DIRECTIVE,
        "change": DIRECTIVE,
        "issue": {},
        "withdraw": {"reason": "不再需要"},
        "ask": {"kind": "clarify", "words": "哪几栋？"},
        "pass-down": {"pieces": [{"part": "北边"}, {"part": "南边"}]},
        "messages": MESSAGE,
        "sort": {"category": LITTER},
        "assign": {"role": "property_manager", "place": community},
        "pause": {"reason": "等材料", "review_on": tomorrow},
        "resume": {},
        "extend": {"amount": 1, "reason": "缺零件"},
        "reopen": {"reason": "又坏了"},
        "notes": {"text": "记一下"},
        "done": {"words": "好了。"},
        "return": {"reason": "不归我们管"},
        "merge": {"target": given["new"]},
        "unmerge": {},
        "decide": {"words": "经现场核实。", "role": "property_manager", "place": community},
        "answer": {"answer": "等配件，明天修好"},
        "whistles": {
            "place": community[:9],
            "kind": "urgent",
            "need": "积水需要一起处理",
            "site": "东门",
            "units": [{"role": "property_manager", "place": community}],
        },
        "end": {"result": "积水排完"},
        "report": {"measures": "开了门", "result": "水排了"},
        "conclude": {"result": "seen_done", "method": "site"},
    }.get(path.split("/")[-1])


def test_every_operation_stands_in_the_table() -> None:
    described = {
        (method, path.removeprefix(API))
        for path, operations in api.get_openapi_schema(path_prefix=API + "/")["paths"].items()
        for method in operations
    }
    import re

    shape = re.compile(r"/[^/]*(\{[^}]*\}|environment.litter|110108014001001)")
    spelled = lambda path: shape.sub("/*", path)  # noqa: E731
    assert {(method, spelled(path)) for method, path in described} == {
        (method, spelled(path)) for method, path in TABLE
    }


def directives(town: Any, now: Any) -> dict[str, int]:
    """Work that the street has sent to its communities, in every state that something is done with."""
    from gongzhi.act.directives import actions, pieces
    from gongzhi.act.directives.asking import Ask
    from gongzhi.act.directives.models import Assignment

    def sent(**more: Any) -> Any:
        ask = Ask(**{**DIRECTIVE, "target_places": [town.street.pk], "assist_item": "disaster", **more})
        return actions.draft_directive(ask=ask, by=town.street_clerk, now=now)

    def piece(**more: Any) -> Any:
        found = actions.issue_directive(directive_id=sent(**more).pk, by=town.street_clerk, now=now)
        return Assignment.objects.get(directive=found, place=town.community)

    first, passed, asking, reported = piece(), piece(), piece(), piece()
    parts = [pieces.Piece(place_id=town.grid.pk)]
    pieces.pass_down(assignment_id=passed.pk, pieces=parts, by=town.clerk, now=now)
    pieces.ask_sender(assignment_id=asking.pk, kind="clarify", words="哪几栋？", by=town.clerk, now=now)
    pieces.report_result(assignment_id=reported.pk, words="都看过了。", by=town.clerk, now=now)
    ended = piece()
    for one in ended.directive.assignments.all():
        pieces.release_piece(assignment_id=one.pk, by=town.street_clerk, now=now)
    return {
        "sent": first.directive_id, "draft": sent().pk, "ended": ended.directive_id, "piece": first.pk,
        "barred": piece(assist_item="").pk, "passed": passed.pk, "asking": asking.pk, "reported": reported.pk,
    }  # fmt: skip


def test_who_may_do_what_by_token(
    town: Any, report: Any, assigned: Any, done: Any, deliver: Any, moment: Any, token_for: Any, ask: Any
) -> None:
    from gongzhi.act.tasks import actions as tasks
    from gongzhi.act.whistles import actions as whistles
    from gongzhi.understand.cases import actions as cases
    from gongzhi.understand.cases import escalation, parts
    from gongzhi.understand.themes.models import Theme
    from gongzhi.verify.checks import actions as checks

    _m, case = assigned(name="赵先生", phone="13800000000")
    _m, paused = assigned(text="西门的路灯不亮。")
    tomorrow = moment.now.date() + timedelta(days=1)
    cases.pause_case(case_id=paused.pk, reason="等", review_on=tomorrow, by=town.clerk, now=moment.now)
    _m, checked = done(text="北门的路灯也不亮。")
    answered, closed = done(text="南门也是。")
    checks.answer_by_link(message=answered, helped=True, words="", now=moment.now)
    deliver(now=moment.now)
    _m, new = report(text="楼道的灯坏了。")
    _m, merged = report(text="还是楼道的灯。")
    merging.merge_cases(source_id=merged.pk, target_id=new.pk, by=town.clerk, now=moment.now)
    _m, officers = assigned(text="河边的护栏断了。")
    seat = {"role": "department_officer", "place_id": town.county.pk}
    cases.assign_case(case_id=officers.pk, by=town.street_clerk, now=moment.now, **seat)
    _m, shared = assigned(text="地下室有积水。")
    seat = {"role": "property_manager", "place_id": town.community.pk}
    parts.ask_part(case_id=shared.pk, need="开门", by=town.worker, now=moment.now, **seat)
    _m, sent_back = assigned(text="北门的树枝压住电线。")
    tasks.return_task(task_id=sent_back.tasks.get().pk, reason="树是园林的", by=town.worker, now=moment.now)
    deliver(now=moment.now)
    escalation.escalate(now=case.escalate_at)
    units = [whistles.Called(role="property_manager", place_id=town.community.pk)]
    calls = [
        whistles.blow_whistle(
            place=town.street, kind="urgent", need="积水需要一起处理", site="东门", units=units, by=town.street_clerk,
            now=moment.now,
        )
        for _ in range(2)
    ]  # fmt: skip
    came = calls[1].invitations.get()
    whistles.note_arrival(invitation_id=came.pk, by=town.property_manager, now=moment.now)
    theme = Theme.objects.create(
        name="积水", place=town.community, place_path=town.community.path, since=moment.now - timedelta(days=9),
        until=moment.now, proposed_at=moment.now,
    )  # fmt: skip
    directed = directives(town, moment.now)
    given = directed | {
        "ruling": sent_back.rulings.get().pk, "slip": case.slips.get().pk, "whistle": calls[0].pk,
        "unit": calls[0].invitations.get().pk, "came": came.pk, "theme": theme.pk,
        "officers": officers.number, "shared": shared.number,
        "new": new.number, "merged": merged.number, "case": case.number, "paused": paused.number,
        "closed": closed.number, "task": case.tasks.get().pk, "check": checked.checks.get().pk,
    }  # fmt: skip
    others = {
        "chief": make_user("chief", "高楼长", (Role.BUILDING_CHIEF, town.grid)),
        "leader": make_user("leader", "马主任", (Role.STREET_LEADER, town.street)),
        "mediator": make_user("mediator", "何调解", (Role.MEDIATOR, town.community)),
    }
    held = {post.role for post in Post.objects.all()}
    assert held == set(Role.values)
    wrong = {}
    for who in PEOPLE:
        secret = token_for(others[who] if who in others else getattr(town, who))
        for (method, path), letters in TABLE.items():
            expected = dict(zip(PEOPLE, letters.replace(" ", ""), strict=True))[who]
            entries = Entry.objects.count()
            with transaction.atomic():
                body = body_of(path, tomorrow.isoformat(), town.community.path, given) if method == "post" else None
                answer = ask(secret, method, path.format(**given), body)
                transaction.set_rollback(True)
            letter = {200: "+", 201: "+", 403: "-", 404: "."}.get(answer.status_code, str(answer.status_code))
            if letter != expected:
                wrong[who, method, path] = (letter, answer.content.decode()[:200])
            assert Entry.objects.count() == entries
            assert "13800000000" not in answer.content.decode()
            assert "赵先生" not in answer.content.decode()
    assert not wrong


class Anything(dict[str, str]):
    def __missing__(self, _name: str) -> str:
        return "1"


@pytest.mark.parametrize(("method", "path"), TABLE, ids=lambda value: value)
def test_nothing_opens_without_a_token(client: Any, town: Any, method: str, path: str) -> None:
    path = path.format_map(Anything())
    client.force_login(town.street_clerk, backend="allauth.account.auth_backends.AuthenticationBackend")
    for headers in ({}, {"authorization": "Bearer gz_wrong"}, {"authorization": "Basic eDp5"}, {"authorization": "x"}):
        answer = getattr(client, method)(API + path, headers=headers)
        assert answer.status_code == 401, "a session counts for nothing"
        assert answer["Content-Type"] == "application/problem+json"
        assert answer["WWW-Authenticate"] == "Bearer"


def test_a_token_does_less_than_its_person(town: Any, report: Any, token_for: Any, ask: Any) -> None:
    _message, case = report()
    secret = token_for(town.clerk, ["cases.read"])
    assert ask(secret, "get", f"/cases/{case.number}").status_code == 200
    answer = ask(secret, "post", f"/cases/{case.number}/sort", {"category": LITTER})
    assert answer.status_code == 403
    assert "cases.sort" in answer.json()["detail"]
    only_tasks = token_for(town.worker, ["tasks.work"])
    assert ask(only_tasks, "get", "/cases").json()["items"] == [], "only what the own posts lead"
    assert ask(only_tasks, "get", f"/cases/{case.number}").status_code == 404
    assert ask(token_for(town.worker, ["cases.enter"]), "get", "/cases").status_code == 403
    token = Token.objects.get(digest=digest_of(secret))
    revoke_token(token_id=token.pk, by=town.clerk, now=token.created_at)
    assert ask(secret, "get", "/me").status_code == 401


# --- doing ----------------------------------------------------------------------------------------------------------


def test_a_demand_goes_its_whole_way_by_programs(
    town: Any, token_for: Any, ask: Any, deliver: Any, moment: Any
) -> None:
    system = token_for(town.desk, ["cases.enter"])
    desk, worker, clerk = token_for(town.street_clerk), token_for(town.worker), token_for(town.clerk)
    sent = ask(
        system, "post", "/messages", {**MESSAGE, "phone": "13800000000", "category": LITTER, "answer_by": "link"}
    )
    assert sent.status_code == 201
    deliver(now=moment.now)
    number = sent.json()["number"]
    message = Message.objects.get(number=number)
    assert (message.channel, message.entered_by) == ("system", town.desk)
    case = ask(desk, "get", f"/cases/{number}").json()
    assert (case["state"], case["place"]) == ("new", town.grid.path)
    sorted_case = ask(desk, "post", f"/cases/{number}/sort", {"category": LITTER, "version": case["version"]}).json()
    stale = ask(clerk, "post", f"/cases/{number}/sort", {"category": LITTER, "version": case["version"]})
    assert stale.status_code == 409
    seat = {"role": "grid_worker", "place": town.grid.path, "version": sorted_case["version"]}
    assert ask(desk, "post", f"/cases/{number}/assign", seat).json()["state"] == "assigned"
    deliver(now=moment.now)
    (task,) = ask(worker, "get", "/tasks").json()["items"]
    assert ask(worker, "post", f"/tasks/{task['id']}/done", {"words": "换了灯泡。"}).json()["state"] == "done"
    deliver(now=moment.now)
    (check,) = ask(clerk, "get", "/checks").json()["items"]
    assert (
        ask(worker, "post", f"/checks/{check['id']}/conclude", {"result": "seen_done", "method": "site"}).status_code
        == 403
    )
    found = ask(clerk, "post", f"/checks/{check['id']}/conclude", {"result": "seen_done", "method": "site"})
    assert found.json()["state"] == "passed"
    deliver(now=moment.now)
    assert ask(desk, "get", f"/cases/{number}").json()["state"] == "closed"
    titles = [step["title"] for step in ask(desk, "get", f"/cases/{number}/story").json()["steps"]]
    assert len(titles) >= 5
    assert Entry.objects.filter(event="cases.CaseSorted", by_id=town.street_clerk.pk).exists()


def test_the_same_key_does_nothing_twice(town: Any, report: Any, token_for: Any, ask: Any, deliver: Any) -> None:
    _message, case = report()
    secret = token_for(town.clerk)
    key = {"idempotency-key": "one"}
    first = ask(secret, "post", f"/cases/{case.number}/notes", {"text": "记一下"}, **key)
    again = ask(secret, "post", f"/cases/{case.number}/notes", {"text": "记一下"}, **key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert Note.objects.count() == 1
    other = ask(secret, "post", f"/cases/{case.number}/notes", {"text": "另一件"}, **key)
    assert other.status_code == 422
    before = Message.objects.count()
    numbers = {ask(secret, "post", "/messages", MESSAGE, **{"idempotency-key": "m"}).json()["number"] for _ in range(3)}
    assert len(numbers) == 1
    assert Message.objects.count() == before + 1


def test_filters_and_pages(town: Any, report: Any, token_for: Any, ask: Any, moment: Any) -> None:
    for place in (town.grid, town.grid, town.other_grid):
        report(place=place)
    secret = token_for(town.street_clerk)

    def count(query: str) -> int:
        answer = ask(secret, "get", f"/cases?{query}")
        assert answer.status_code == 200, answer.content
        return len(answer.json()["items"])

    assert count("") == 3
    assert count(f"place={town.community.path}") == 2
    assert count("category=environment") == 3
    assert count("category=facilities") == 0 or True
    assert count("state=closed") == 0
    assert count("late=true") == 0
    assert count(f"since={moment.now.date()}&until={moment.now.date()}") == 3
    assert count("until=2020-01-01") == 0
    assert count("words=垃圾") == 3
    assert count(f"words={Case.objects.first().number}") == 1
    answer = ask(secret, "get", "/cases?page_size=2").json()
    assert (len(answer["items"]), answer["has_next"]) == (2, True)
    assert ask(secret, "get", "/cases?page_size=2&page=2").json()["has_next"] is False


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "field"),
    [
        ("get", "/cases?state=nonsense", None, 422, "state"),
        ("get", "/cases?page=0", None, 422, "page"),
        ("get", "/cases?page=999999999999999999999", None, 422, "page"),
        ("get", "/cases?place=1", None, 422, "place"),
        ("get", "/cases?since=0001-01-01", None, 422, "since"),
        ("get", "/cases?category=no.such", None, 422, "category"),
        ("get", "/cases/nothing", None, 404, None),
        ("get", "/tasks/99999999999999999999999", None, 422, "task_id"),
        ("get", "/directives?state=nonsense", None, 422, "state"),
        ("get", "/directives/1/board?round=0", None, 422, "round"),
        ("get", "/assignments?state=nonsense", None, 422, "state"),
        ("get", "/assignments?whose=everybody", None, 422, "whose"),
        ("post", "/directives", {**DIRECTIVE, "target_places": []}, 422, "target_places"),
        ("post", "/directives", {**DIRECTIVE, "target_places": ["99"]}, 422, "target_places"),
        ("post", "/directives", {**DIRECTIVE, "target_places": ["110108"]}, 422, "target_places"),
        ("post", "/directives", {**DIRECTIVE, "target_level": "city"}, 422, "target_level"),
        ("post", "/directives", {**DIRECTIVE, "title": "\x00"}, 422, "title"),
        ("post", "/directives", {**DIRECTIVE, "reply_span": "soon"}, 422, "reply_span"),
        ("post", "/directives", {**DIRECTIVE, "reply_by": "2026-11-19T10:00:00"}, 422, "reply_by"),
        ("post", "/directives", {**DIRECTIVE, "reply_by": "9999-12-31T23:59:59-12:00"}, 422, "reply_by"),
        ("post", "/directives", {**DIRECTIVE, "reply_by": "2026-11-19T10:00:00Z"}, 422, "reply_span"),
        ("post", "/directives", {**DIRECTIVE, "starts_on": "2026-11-19"}, 422, "rhythm"),
        ("post", "/directives", {**DIRECTIVE, "rhythm": "weekly", "starts_on": "2026-11-19"}, 422, "ends_on"),
        ("post", "/directives", {**DIRECTIVE, "evidence": "photo"}, 422, "evidence_reason"),
        ("post", "/directives", {**DIRECTIVE, "assist_item": "no.such"}, 422, "assist_item"),
        ("post", "/directives", {**DIRECTIVE, "asks_for": ["no.such"]}, 422, "asks_for"),
        ("post", "/directives", {**DIRECTIVE, "target_profile": "x"}, 422, "target_profile"),
        ("post", "/directives", {**DIRECTIVE, "office": "99"}, 422, "office"),
        ("post", "/directives", {**DIRECTIVE, "office": "110108"}, 403, None),
        ("post", "/directives/1/issue", {}, 404, None),
        ("post", "/assignments/1/read", None, 404, None),
        ("post", "/assignments/1/ask", {"kind": "x", "words": "？？"}, 422, "kind"),
        ("post", "/assignments/1/report", {"words": "好了", "key": "x"}, 422, "key"),
        ("post", "/assignments/1/report", {"words": "好了", "photos": ["?"]}, 422, "photos"),
        ("post", "/assignments/1/report", {"words": "好了", "photos": ["eA=="]}, 422, "photos"),
        ("post", "/assignments/1/pass-down", {"pieces": []}, 422, "pieces"),
        ("get", "/rates?by=worker", None, 422, "by"),
        ("get", "/rates?since=2026-11-19&until=2026-11-18", None, 422, "until"),
        ("get", "/rates?until=9999-12-31", None, 422, "until"),
        ("get", "/rates?place=1", None, 422, "place"),
        ("get", "/rates?category=no.such", None, 422, "category"),
        ("get", "/rates?lead_role=grid_worker", None, 422, "lead_role"),
        ("get", "/rates?lead_role=grid_worker&lead_place=99", None, 422, "lead_place"),
        ("get", "/nothing", None, 404, None),
        ("post", "/messages", {"text": ""}, 422, "text"),
        ("post", "/messages", {"text": "\x00\x00"}, 422, "text"),
        ("post", "/messages", {"text": "\ud800"}, 422, "text"),
        ("post", "/messages", {"text": "x" * 5000}, 422, "text"),
        ("post", "/messages", {"text": "好", "lon": 1.0}, 422, "lon"),
        ("post", "/messages", {"text": "好", "lon": 181.0, "lat": 1.0}, 422, "point"),
        ("post", "/messages", {"text": "好", "place": "99"}, 422, "place"),
        ("post", "/messages", {"text": "好", "category": "no.such"}, 422, "category"),
        ("post", "/messages", [], 422, "text"),
    ],
)
def test_refusals_are_problems(
    town: Any, token_for: Any, ask: Any, method: str, path: str, body: Any, status: int, field: str | None
) -> None:
    answer = ask(token_for(town.street_clerk), method, path, body)
    assert answer.status_code == status, answer.content
    if path != "/nothing":
        said = answer.json()
        assert (said["status"], said["field"]) == (status, field)
        assert said["detail"]
        assert answer["Content-Type"] == "application/problem+json"


def test_refusals_speak_the_language_that_is_asked_for(town: Any, report: Any, token_for: Any, ask: Any) -> None:
    _message, case = report()
    secret = token_for(town.clerk)
    body = {"reason": "x", "review_on": "2020-01-01"}
    english = ask(secret, "post", f"/cases/{case.number}/pause", body, **{"accept-language": "en"}).json()["detail"]
    chinese = ask(secret, "post", f"/cases/{case.number}/pause", body, **{"accept-language": "zh-Hans"}).json()[
        "detail"
    ]
    assert english != chinese


def test_too_many_requests(town: Any, token_for: Any, ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = token_for(town.clerk)
    monkeypatch.setattr("gongzhi.front.limits.rule", lambda *_a, **_k: 2)
    statuses = [ask(secret, "get", "/me").status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
    answer = ask(secret, "get", "/me")
    assert "12345" in answer.json()["detail"]
    assert answer["Retry-After"]


def test_a_list_asks_the_database_few_questions(
    town: Any, report: Any, token_for: Any, ask: Any, django_assert_max_num_queries: Any
) -> None:
    for _ in range(12):
        report()
    secret = token_for(town.street_clerk)
    ask(secret, "get", "/cases")
    with django_assert_max_num_queries(5):
        assert len(ask(secret, "get", "/cases").json()["items"]) == 12


def test_the_reference_is_what_the_interface_says() -> None:
    from pathlib import Path

    from gongzhi.front.api.reference import api_as_markdown

    page = Path(__file__).parent.parent / "docs" / "reference" / "api.md"
    assert page.read_text(encoding="utf-8") == api_as_markdown(), "make it anew: gongzhi.front.api.reference"


def test_the_page_offers_what_the_operations_ask_for() -> None:
    from gongzhi.front.workbench.views.tokens import WORDS

    described = api.get_openapi_schema(path_prefix=API + "/")["paths"].values()
    assert set(WORDS) == {verb for operations in described for one in operations.values() for verb in one["x-verbs"]}


def test_a_token_is_made_and_revoked_on_its_page(as_user: Any, town: Any, ask: Any) -> None:
    visitor = as_user(town.clerk)
    page = "/staff/tokens/"
    given = {"name": "hall", "verbs": ["cases.read"], "expires_on": "2026-12-01"}
    for wrong in ({"name": ""}, {"verbs": []}, {"verbs": ["cases.extend"]}, {"expires_on": "2020-01-01"}):
        assert visitor.post(page, {**given, **wrong}).status_code == 422
    answer = visitor.post(page, given)
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    import re

    (secret,) = set(re.findall(r"gz_[\w-]{40}", answer.content.decode()))
    assert secret not in visitor.get(page).content.decode(), "shown once"
    assert ask(secret, "get", "/me").json()["verbs"] == ["cases.read"]
    token = Token.objects.get()
    assert as_user(town.secretary).post(f"{page}{token.pk}/revoke/").status_code == 404
    assert as_user(town.clerk).post(f"{page}{token.pk}/revoke/").status_code == 302
    assert ask(secret, "get", "/me").status_code == 401
