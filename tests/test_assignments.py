"""What an office does with work that was sent to it, through the addresses."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from gongzhi.act.directives import actions, pieces
from gongzhi.act.directives.asking import Ask
from gongzhi.act.directives.models import Assignment, Question, Report, State
from gongzhi.act.directives.pieces import Piece
from gongzhi.ground.ledger.verify import verify

pytestmark = pytest.mark.django_db


def send(town: Any, now: Any, **given: Any) -> Assignment:
    usual: dict[str, Any] = {
        "title": "防汛排查",
        "text": "逐楼排查地下空间。",
        "done_when": "每个地下空间都看过。",
        "legal_basis": "《防汛条例》",
        "target_level": "village",
        "target_places": [town.street.pk],
        "reply_span": "3 working_days",
        "assist_item": "disaster",
    }
    directive = actions.draft_directive(ask=Ask(**(usual | given)), by=town.street_clerk, now=now)
    actions.issue_directive(directive_id=directive.pk, by=town.street_clerk, now=now)
    return Assignment.objects.get(directive=directive, place=town.community)


@pytest.fixture
def piece(town: Any, now: Any) -> Assignment:
    return send(town, now)


@pytest.fixture
def do(town: Any, as_user: Any, piece: Assignment) -> Any:
    def done(who: str, act: str, given: dict[str, Any] | None = None, pk: int | None = None, **more: Any) -> Any:
        address = f"/staff/assignments/{pk or piece.pk}/do/{act}/"
        return as_user(getattr(town, who)).post(address, given or {}, **more)

    return done


def test_the_list_shows_the_own_offices_pieces_only(town: Any, as_user: Any, piece: Assignment) -> None:
    for who, there in (("secretary", True), ("clerk", True), ("worker", False), ("other_clerk", False)):
        answer = as_user(getattr(town, who)).get("/staff/assignments/")
        assert answer.status_code == 200
        assert (f"/staff/assignments/{piece.pk}/" in answer.text) == there, who
    clerk = as_user(town.clerk)
    for show in ("open", "unread", "hand", "asking", "below", "reported", "late", "ended", "nonsense"):
        answer = clerk.get(f"/staff/assignments/?show={show}")
        assert (piece.directive.title in answer.text) == (show in ("open", "unread", "nonsense")), show
    assert piece.directive.title in clerk.get("/staff/").text


def test_reading_is_a_post_and_the_page_itself_changes_nothing(
    town: Any, as_user: Any, piece: Assignment, do: Any
) -> None:
    answer = as_user(town.clerk).get(f"/staff/assignments/{piece.pk}/")
    for words in ("逐楼排查地下空间。", "每个地下空间都看过。", "《防汛条例》", 'hx-trigger="load"'):
        assert words in answer.text
    piece.refresh_from_db()
    assert piece.state == State.SENT
    answer = do("clerk", "read", headers={"HX-Request": "true"})
    assert "<html" not in answer.text
    piece.refresh_from_db()
    assert piece.state == State.READ
    assert do("clerk", "read").status_code == 302


def test_from_accepting_to_the_report(town: Any, as_user: Any, piece: Assignment, do: Any, now: Any) -> None:
    assert do("secretary", "accept").status_code == 302
    assert do("clerk", "report", {"words": ""}).status_code == 422
    given = {"words": "十二处都看过。", "minutes": "40", "key": "11111111-1111-4111-8111-111111111111"}
    assert do("clerk", "report", given).status_code == 302
    assert do("clerk", "report", given).status_code == 302, "pressed twice"
    report = Report.objects.get()
    assert (report.words, report.minutes) == ("十二处都看过。", 40)
    assert "十二处都看过。" in as_user(town.secretary).get(f"/staff/assignments/{piece.pk}/").text
    assert verify(now=now) == []


@pytest.mark.parametrize(("act", "given", "kind"), [("ask", {"kind": "contest"}, "contest"), ("decide", {}, "decide")])
def test_asking_and_passing_up(
    town: Any, as_user: Any, piece: Assignment, do: Any, now: Any, act: str, given: Any, kind: str
) -> None:
    assert do("secretary", act, given).status_code == 422
    assert do("secretary", act, given | {"words": "商户也要查吗？"}).status_code == 302
    question = Question.objects.get()
    assert question.kind == kind
    page = as_user(town.clerk).get(f"/staff/assignments/{piece.pk}/").text
    assert "The clock waits" in page
    pieces.answer_question(question_id=question.pk, outcome="answered", answer="都要查。", by=town.leader, now=now)
    assert "都要查。" in as_user(town.clerk).get(f"/staff/assignments/{piece.pk}/").text


def test_given_below_looked_at_and_reported(town: Any, as_user: Any, piece: Assignment, do: Any, now: Any) -> None:
    assert do("secretary", "pass", {"places": [str(town.other_grid.pk)]}).status_code == 422, "not below"
    assert do("secretary", "pass", {"places": [str(town.grid.pk)], "own": "汇总"}).status_code == 302
    below = Assignment.objects.get(place=town.grid)
    own = Assignment.objects.get(part="汇总")
    assert below.place_path.startswith(piece.place_path)
    assert do("worker", "decide", {"words": "车库锁着。"}, pk=below.pk).status_code == 302
    page = as_user(town.secretary).get(f"/staff/assignments/{piece.pk}/").text
    assert "车库锁着。" in page
    answer = do("secretary", "answer", {"outcome": "answered", "answer": "联系物业。"}, pk=below.pk)
    assert answer.headers["Location"] == f"/staff/assignments/{piece.pk}/"
    do("worker", "report", {"words": "看了三栋。"}, pk=below.pk)
    assert do("secretary", "back", {"reason": "缺四号楼"}, pk=below.pk).status_code == 302
    do("worker", "report", {"words": "四号楼也看了。"}, pk=below.pk)
    assert do("secretary", "report", {"words": "好了"}).status_code == 409, "those below first"
    assert do("secretary", "confirm", pk=below.pk).status_code == 302
    do("clerk", "report", {"words": "汇总好了。"}, pk=own.pk)
    assert do("secretary", "report", {"words": "全部看过。"}).status_code == 302
    piece.refresh_from_db()
    assert piece.state == State.SUBMITTED
    assert verify(now=now) == []


def test_split_and_taken_back(town: Any, piece: Assignment, do: Any) -> None:
    assert do("secretary", "split", {"parts": "一"}).status_code == 422
    assert do("secretary", "split", {"parts": "排查\n汇总\n"}).status_code == 302
    assert Assignment.objects.filter(parent=piece, state=State.SENT).count() == 2
    assert do("secretary", "recall").status_code == 302
    assert Assignment.objects.filter(parent=piece, state=State.WITHDRAWN).count() == 2


def test_off_the_list_it_is_refused_in_one_tap(town: Any, as_user: Any, now: Any, do: Any, piece: Assignment) -> None:
    page = as_user(town.secretary).get(f"/staff/assignments/{piece.pk}/").text
    assert "On your list" in page
    assert "Refuse: not on our list" not in page
    assert do("secretary", "refuse").status_code == 409
    off = send(town, now, title="代收宣传品", assist_item="")
    page = as_user(town.secretary).get(f"/staff/assignments/{off.pk}/").text
    assert "Refuse: not on our list" in page
    assert "Rules on relieving the grassroots" in page
    assert do("secretary", "refuse", pk=off.pk).status_code == 302
    assert "Rules on relieving the grassroots" in as_user(town.secretary).get(f"/staff/assignments/{off.pk}/").text
    for page in (f"/staff/directives/pieces/{off.pk}/", f"/staff/directives/{off.directive_id}/?show=over"):
        assert "Rules on relieving the grassroots" in as_user(town.leader).get(page).text, "the issuer reads the name"


def test_the_reason_for_asking_again_is_read_by_every_receiver(town: Any, as_user: Any, now: Any) -> None:
    asked = send(town, now, text="请上报网格员值班名单。", asks_because="要的是国庆期间的临时安排。")
    page = as_user(town.clerk).get(f"/staff/assignments/{asked.pk}/").text
    assert "要的是国庆期间的临时安排。" in page
    assert "looks like" in page


def test_a_report_for_what_was_withdrawn_is_kept_and_explained(
    town: Any, as_user: Any, piece: Assignment, do: Any, now: Any
) -> None:
    actions.withdraw_directive(directive_id=piece.directive_id, reason="市里已统一安排", by=town.leader, now=now)
    assert do("clerk", "report", {"words": "离线时已做完。"}).status_code == 302
    page = as_user(town.secretary).get(f"/staff/assignments/{piece.pk}/").text
    for words in ("市里已统一安排", "离线时已做完。", "it does not count"):
        assert words in page


def test_on_paper_every_row_has_its_code(town: Any, as_user: Any, piece: Assignment) -> None:
    page = as_user(town.clerk).get("/staff/assignments/print/").text
    assert f"A-{piece.pk}-" in page or "A-" in page
    assert "data:image/svg" in page


def test_nobody_else_gets_in(town: Any, as_user: Any, piece: Assignment, do: Any) -> None:
    assert as_user(town.worker).get(f"/staff/assignments/{piece.pk}/").status_code == 404
    assert do("worker", "accept").status_code == 404
    assert as_user(town.leader).get(f"/staff/assignments/{piece.pk}/").status_code == 200
    assert do("leader", "accept").status_code == 403, "the sender does not accept for the place"
    assert do("clerk", "nonsense").status_code == 404
    assert as_user(town.clerk).get(f"/staff/assignments/{piece.pk}/do/accept/").status_code == 302


def test_late_work_is_late_in_words(town: Any, page: Any, as_user: Any, now: Any, piece: Assignment) -> None:
    Assignment.objects.filter(pk=piece.pk).update(due_at=now - timedelta(days=9))
    assert piece.directive.title in as_user(town.clerk).get("/staff/assignments/?show=late").text


def test_work_never_comes_back_in_a_circle(town: Any, piece: Assignment, do: Any, now: Any) -> None:
    (below,) = pieces.pass_down(
        assignment_id=piece.pk, pieces=[Piece(place_id=town.grid.pk)], by=town.secretary, now=now
    )
    for place in (town.community, town.street, town.grid):
        answer = do("worker", "pass", {"places": [str(place.pk)]}, pk=below.pk)
        assert answer.status_code == 422
