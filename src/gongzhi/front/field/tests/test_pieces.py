"""Work sent down, done where there is no network."""

from __future__ import annotations

from typing import Any

import pytest

from gongzhi.act.directives import actions, pieces
from gongzhi.act.directives.models import Assignment, Question, Report
from gongzhi.act.directives.tests.conftest import an_ask
from gongzhi.front.codes import code_of, read_code
from gongzhi.front.field.models import Sent
from gongzhi.front.field.tests.conftest import thing

pytestmark = pytest.mark.django_db


@pytest.fixture
def piece(town: Any, now: Any) -> Assignment:
    ask = an_ask(town, target_level="grid")
    directive = actions.draft_directive(ask=ask, by=town.street_clerk, now=now)
    actions.issue_directive(directive_id=directive.pk, by=town.street_clerk, now=now)
    return Assignment.objects.get(place=town.grid)


def test_read_accepted_and_done(device: Any, town: Any, piece: Assignment, as_user: Any) -> None:
    (row,) = as_user(town.worker).get("/field/data.json").json()["pieces"]
    assert (row["title"], row["unread"], row["id"]) == ("防汛排查", True, piece.pk)
    about = {"assignment": piece.pk}
    done = thing("assignment.done", {**about, "words": "都看过了", "minutes": "20"})
    answers = device(town.worker, thing("assignment.read", about), thing("assignment.accept", about), done)
    assert [one["outcome"] for one in answers] == ["done"] * 3
    assert device(town.worker, done)[0] == answers[2]
    report = Report.objects.get()
    assert (report.words, report.minutes, report.counted, report.by) == ("都看过了", 20, True, town.worker)
    assert as_user(town.worker).get("/field/data.json").json()["pieces"] == []


def test_withdrawn_while_away(device: Any, town: Any, piece: Assignment, now: Any) -> None:
    """The report is kept with the piece, does not count, and the person is told why."""
    actions.withdraw_directive(directive_id=piece.directive_id, reason="改为下月", by=town.street_clerk, now=now)
    (answer,) = device(town.worker, thing("assignment.done", {"assignment": piece.pk, "words": "都看过了"}))
    assert answer["outcome"] == "conflict"
    assert "改为下月" in answer["says"]
    assert "does not count" in answer["says"]
    report = Report.objects.get()
    assert (report.words, report.counted, report.pk) == ("都看过了", False, answer["ids"]["report"])
    assert Sent.objects.get().words == "都看过了"
    (answer,) = device(town.worker, thing("assignment.accept", {"assignment": piece.pk}))
    assert (answer["outcome"], "改为下月" in answer["says"]) == ("conflict", True)


def test_whoever_cannot_decide_passes_it_up(device: Any, town: Any, piece: Assignment) -> None:
    about = {"assignment": piece.pk}
    asked = thing("assignment.ask", {**about, "question": "decide", "words": "地下室锁着"})
    assert device(town.worker, asked)[0]["outcome"] == "done"
    assert Question.objects.get().kind == "decide"
    again = device(town.worker, thing("assignment.ask", {**about, "question": "clarify", "words": "哪几栋？"}))
    assert (again[0]["outcome"], "waits" in again[0]["says"]) == ("conflict", True)
    wrong = device(town.second_worker, thing("assignment.done", {**about, "words": "好", "minutes": "-5"}))
    assert wrong[0]["outcome"] == "refused"


def test_somebody_elses_piece(device: Any, town: Any, piece: Assignment) -> None:
    (answer,) = device(town.other_worker, thing("assignment.done", {"assignment": piece.pk, "words": "扫了"}))
    assert (answer["outcome"], Sent.objects.get().words) == ("conflict", "扫了")


def test_a_colleague_was_quicker(device: Any, town: Any, piece: Assignment, now: Any) -> None:
    pieces.report_result(assignment_id=piece.pk, words="我看的", by=town.second_worker, now=now)
    (answer,) = device(town.worker, thing("assignment.accept", {"assignment": piece.pk}))
    assert (answer["outcome"], "already" in answer["says"]) == ("conflict", True)


# --- codes and paper ------------------------------------------------------------------------------------------------


def test_codes_are_read_and_mistakes_noticed() -> None:
    for letter in "TVPA":
        for number in (1, 31, 32, 12345, 10**12):
            code = code_of(letter, number)
            assert read_code(code) == read_code(f" {code.lower()} ") == (letter, number)
            assert read_code(code.replace("-", "").replace("0", "O").replace("1", "i")) == (letter, number)
    code = code_of("T", 123_456_789).replace("-", "")
    missed = 0
    for place in range(1, len(code)):
        for sign in "0123456789ABCDEFGHJKMNPQRSTVWXYZ":
            if sign != code[place]:
                missed += read_code(code[:place] + sign + code[place + 1 :]) is not None
    assert missed == 0
    for wrong in ("", "T", "T-", "X-12-3", "T-1", "T" * 40, "东-1-2", "T-\x00-1", "1", "-" * 9):
        assert read_code(wrong) is None, wrong


def rows(*given: tuple[str, str, str]) -> dict[str, str]:
    data = {"form-TOTAL_FORMS": str(len(given) + 1), "form-INITIAL_FORMS": "0"}
    for place, (code, result, words) in enumerate([*given, ("", "done", "")]):
        data |= {f"form-{place}-code": code, f"form-{place}-result": result, f"form-{place}-words": words}
        data |= {f"form-{place}-key": f"row{place}"}
    return data


def test_what_is_printed_can_be_typed_back_in(
    town: Any,
    assigned: Any,
    piece: Assignment,
    as_user: Any,
    device: Any,
    moment: Any,
) -> None:
    import uuid

    from django.utils import timezone

    from gongzhi.act.visits.models import Visit

    _message, case = assigned()
    task = case.tasks.get()
    today = str(timezone.localdate(moment.now))
    place = {"place": town.grid.path, "day": today}
    promised = {**place, "uid": str(uuid.uuid4()), "promise": "问物业", "promise_due": today}
    device(
        town.worker,
        thing("visit.plan", {**place, "uid": str(uuid.uuid4()), "whom": "李奶奶"}),
        thing("visit.made", promised),
    )
    visit, promise = Visit.objects.get(state="planned"), Visit.objects.get(state="made")
    codes = [
        code_of(letter, number)
        for letter, number in (("T", task.pk), ("A", piece.pk), ("V", visit.pk), ("P", promise.pk))
    ]
    paper = as_user(town.worker).get("/field/paper/").content.decode()
    assert all(code in paper for code in codes)
    assert paper.count("data:image/svg+xml") == 4
    one = as_user(town.worker).get("/field/paper/?list=visits").content.decode()
    assert codes[2] in one
    assert codes[0] not in one
    typed = rows(
        (codes[0].lower(), "done", "扫干净了"), (codes[1], "done", ""), (codes[2], "done", "要扶手"),
        (codes[3], "done", "装了"), ("T-9-9", "done", "白写的"), (codes[3], "accepted", ""),
        (code_of("T", 999), "done", ""),
    )  # fmt: skip
    page = as_user(town.worker).post("/field/type/", typed).content.decode()
    assert "4 taken in" in page
    assert "3 not" in page
    assert "白写的" in page
    task.refresh_from_db()
    assert (task.state, task.words) == ("done", "扫干净了")
    assert Report.objects.get().words == "Done (from the paper list)."
    assert Visit.objects.get(pk=visit.pk).asked == "要扶手"
    assert Visit.objects.get(pk=promise.pk).kept_words == "装了"
    # The same sheet sent again changes nothing.
    again = as_user(town.worker).post("/field/type/", typed).content.decode()
    assert "4 taken in" in again
    assert Report.objects.count() == 1
    # Somebody else's codes open nothing.
    page = as_user(town.other_worker).post("/field/type/", rows((codes[0], "done", "x"))).content.decode()
    assert "nothing of yours" in page


def test_bad_rows(town: Any, as_user: Any) -> None:
    client = as_user(town.worker)
    assert client.post("/field/type/", rows(("T-1-1", "fly", ""))).status_code == 422
    assert client.post("/field/type/", rows(("T-1-1", "done", "长" * 301))).status_code == 422
    assert client.post("/field/type/", rows(("长" * 31, "done", ""))).status_code == 422
    assert client.post("/field/type/", {"form-TOTAL_FORMS": "99999999"}).status_code == 422
    assert client.post("/field/type/", {}).status_code == 422


def test_pages_that_a_device_keeps_are_empty_of_people(town: Any, assigned: Any, as_user: Any) -> None:
    assigned(address="东门路口")
    for path in ("/field/", "/field/visits/", "/field/report/", "/field/outbox/"):
        client = as_user(town.worker)
        page = client.get(path).content.decode()
        for word in (town.worker.name, "东门", "csrfmiddlewaretoken", town.grid.name):
            assert word not in page, (path, word)
        client.logout()
        client.force_login(town.clerk, backend="allauth.account.auth_backends.AuthenticationBackend")
        assert client.get(path).content.decode() == page, "the same for everybody"


def test_worker_manifest_and_forgetting(town: Any, as_user: Any) -> None:
    client = as_user(town.worker)
    worker = client.get("/field/worker.js")
    assert worker["Content-Type"].startswith("text/javascript")
    assert "no-cache" in worker["Cache-Control"]
    script = worker.content.decode()
    assert "/field/outbox/" in script
    assert "data.json" not in script
    manifest = client.get("/field/manifest.webmanifest").json()
    assert (manifest["scope"], manifest["start_url"], manifest["display"]) == ("/field/", "/field/", "standalone")
    assert client.get(manifest["icons"][0]["src"]).status_code in (200, 404)  # files are served by another hand
    assert "no-store" in client.get("/field/data.json")["Cache-Control"]
    assert client.post("/accounts/logout/")["Clear-Site-Data"] == '"storage"'
    assert "Clear-Site-Data" not in client.get("/")
