"""Sending work down, through the pages of the office that sends it."""

from __future__ import annotations

import io
import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from PIL import Image

from gongzhi.act.directives import pieces
from gongzhi.act.directives.files import LARGEST, MOST_FILES
from gongzhi.act.directives.models import Assignment, Directive, DirectiveFile, PlaceGroup, Question, State, Step
from gongzhi.front.codes import code_of
from gongzhi.ground.ledger.verify import verify
from tests.scenes import SIGN_IN
from tests.town import make_place

pytestmark = pytest.mark.django_db


def photo() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(out, "PNG")
    return out.getvalue()


LIST, NEW = "/staff/directives/", "/staff/directives/new/"


def given(**changes: Any) -> dict[str, Any]:
    usual = {
        "title": "防汛排查",
        "text": "逐楼排查地下空间。",
        "done_when": "每个地下空间都看过。",
        "target_level": "village",
        "parts": ["all"],
        "amount": "3",
        "unit": "working_days",
        "evidence": "none",
        "minutes": "40",
        "act": "send",
    }
    return {name: value for name, value in (usual | changes).items() if value is not None}


@pytest.fixture
def at(moment: Any) -> Any:
    def at(user: Any) -> Client:
        client = Client()
        client.force_login(user, backend=SIGN_IN)
        return client

    return at


@pytest.fixture
def sent(town: Any, at: Any) -> Directive:
    answer = at(town.street_clerk).post(NEW, given())
    assert answer.status_code == 302, answer.content.decode()
    return Directive.objects.get()


def text(answer: Any, status: int = 200) -> str:
    page: str = answer.content.decode()
    assert answer.status_code == status, page[:2000]
    return page


# --- writing and sending ------------------------------------------------------------------------------------------


def test_from_the_form_to_every_community(town: Any, at: Any, sent: Directive) -> None:
    assert sent.reply_span == "3 working_days"
    assert set(Assignment.objects.values_list("place__name", flat=True)) == {"东区社区", "西区社区"}
    board = text(at(town.leader).get(f"/staff/directives/{sent.pk}/"))
    assert "东区社区" in board
    assert "Remind all who have not read it" in board
    assert "1.3 hours in sum" in board, "the sender reads what it costs"
    listed = text(at(town.street_clerk).get(LIST))
    assert "防汛排查" in listed
    assert f"/staff/directives/{sent.pk}/?show=unread" in listed


def test_how_many_places_before_anything_is_kept(town: Any, at: Any) -> None:
    street = at(town.street_clerk)
    page = text(street.post(NEW, given(act="look")))
    assert "2 places get this." in page
    assert "1.3 hours" in page
    part = text(street.get("/staff/directives/reach/", {"target_level": "grid", "parts": str(town.community.pk)}))
    assert "1 place gets this." in part
    assert "<html" not in part
    assert "Choose to whom" in text(street.get("/staff/directives/reach/"))
    assert not Directive.objects.exists()


def test_a_draft_is_changed_and_sent(town: Any, at: Any) -> None:
    street = at(town.street_clerk)
    street.post(NEW, given(act="save", parts=[str(town.community.pk)], reply_by="", legal_basis="防汛条例"))
    draft = Directive.objects.get()
    assert not Assignment.objects.exists()
    assert "1 place gets this." in text(street.get(f"/staff/directives/{draft.pk}/"))
    form = text(street.get(f"/staff/directives/{draft.pk}/change/"))
    assert "防汛条例" in form
    assert re.search(rf'name="parts" value="{town.community.pk}"[^>]*checked', form)
    changed = given(act="save", title="防汛排查二", parts=[str(town.other_community.pk)])
    assert street.post(f"/staff/directives/{draft.pk}/change/", changed).status_code == 302
    assert "防汛排查二" in text(street.get(f"{LIST}?show=drafts"))
    assert street.post(f"/staff/directives/{draft.pk}/do/send/").status_code == 302
    assert Assignment.objects.get().place == town.other_community
    assert street.get(f"/staff/directives/{draft.pk}/change/").status_code == 409
    assert verify(now=Directive.objects.get().issued_at) == []  # type: ignore[arg-type]


def test_places_by_name_by_group_and_by_profile(town: Any, at: Any) -> None:
    street = at(town.street_clerk)
    written = given(parts=None, written="西区社区", keep_as="河边的社区", act="save")
    assert street.post(NEW, written).status_code == 302
    group = PlaceGroup.objects.get()
    assert group.places == [town.other_community.pk]
    assert street.post(NEW, given(parts=None, groups=[str(group.pk)])).status_code == 302
    assert Assignment.objects.get().place == town.other_community
    for wrong, words in (("南区社区", "No place of your area"), ("海淀区", "No place of your area")):
        assert words in text(street.post(NEW, given(parts=None, written=wrong)), 422)
    make_place("110108014003", "village", "西区社区", town.street)
    assert "More than one place" in text(street.post(NEW, given(parts=None, written="西区社区")), 422)
    rural = street.post(NEW, given(target_profile="rural"))
    assert "No place fits" in text(rural, 422)


def test_recurring_with_an_end(town: Any, at: Any, moment: Any) -> None:
    street = at(town.street_clerk)
    form = given(rhythm="weekly", starts_on="2026-11-18", ends_on="2026-12-31")
    assert street.post(NEW, form).status_code == 302
    directive = Directive.objects.get()
    assert str(directive.next_on) == "2026-11-25"
    assert "sent next on 2026-11-25" in text(street.get(LIST))
    later = given(rhythm="weekly", starts_on="2026-11-20", ends_on="2026-12-31", title="每周巡查")
    assert street.post(NEW, later).status_code == 302
    waiting = Directive.objects.get(title="每周巡查")
    assert "It is sent on 2026-11-20" in text(street.get(f"/staff/directives/{waiting.pk}/"))
    assert street.get(f"/staff/directives/{waiting.pk}/print/").status_code == 404


@pytest.mark.parametrize(
    ("change", "beside"),
    [
        ({"title": ""}, "title"),
        ({"title": "长" * 121}, "title"),
        ({"text": "长" * 5001}, "text"),
        ({"done_when": ""}, "done_when"),
        ({"target_level": "province"}, "target_level"),
        ({"parts": None}, "parts"),
        ({"parts": ["999999"]}, "parts"),
        ({"amount": None}, "amount"),
        ({"amount": "0"}, "amount"),
        ({"amount": "1000000000"}, "amount"),
        ({"reply_by": "2026-11-20T10:00"}, "amount"),
        ({"amount": None, "reply_by": "2026-11-17T10:00"}, "reply_by"),
        ({"amount": None, "reply_by": "gestern"}, "reply_by"),
        ({"value": "1000000000"}, "value"),
        ({"value": "-1"}, "value"),
        ({"minutes": "1000000000"}, "minutes"),
        ({"rhythm": "weekly", "starts_on": "2026-11-18"}, "ends_on"),
        ({"rhythm": "weekly", "starts_on": "2026-11-17", "ends_on": "2026-12-31"}, "starts_on"),
        ({"rhythm": "daily", "starts_on": "2026-11-18", "ends_on": "2099-12-31"}, "ends_on"),
        ({"rhythm": "hourly"}, "rhythm"),
        ({"evidence": "photo"}, "evidence_reason"),
        ({"evidence": "video"}, "evidence"),
        ({"written": "<script>alert(1)</script>"}, "written"),
        ({"keep_as": "长" * 61}, "keep_as"),
        ({"target_profile": "nice"}, "target_profile"),
    ],
)
def test_wrong_input_comes_back_beside_its_field(town: Any, at: Any, change: dict[str, Any], beside: str) -> None:
    page = text(at(town.street_clerk).post(NEW, given(**change)), 422)
    assert f"id_{beside}_error" in page
    assert "<script>alert(1)" not in page
    assert not Directive.objects.exists()


# --- files ---------------------------------------------------------------------------------------------------------


def upload(name: str = "通知.txt", content: bytes = b"words") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def test_files_go_with_it_and_open_safely(town: Any, at: Any) -> None:
    street = at(town.street_clerk)
    hostile = upload("通知<script>.csv", "楼,户\n=cmd|' /C calc'!A0,1".encode())
    assert street.post(NEW, given(act="save", attached=[hostile, upload("图.png", photo())])).status_code == 302
    draft = Directive.objects.get()
    table, picture = DirectiveFile.objects.order_by("pk")
    assert picture.name == "图.webp"
    url = f"/staff/directives/files/{table.uid}/"
    assert at(town.clerk).get(url).status_code == 404, "a draft is nobody's but the office's"
    assert street.post(f"/staff/directives/{draft.pk}/do/drop/", {"file": picture.pk}).status_code == 302
    assert street.post(f"/staff/directives/{draft.pk}/do/drop/", {"file": "x"}).status_code == 404
    street.post(f"/staff/directives/{draft.pk}/do/send/")
    answer = at(town.clerk).get(url)
    assert b"calc" in b"".join(answer.streaming_content)
    assert answer["Content-Disposition"].startswith("attachment")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer["Content-Security-Policy"]
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert "no-store" in answer["Cache-Control"]
    for stranger in (town.officer, town.stranger):
        assert at(stranger).get(url).status_code == 404
    assert at(town.street_clerk).post(f"/staff/directives/{draft.pk}/do/drop/", {"file": table.pk}).status_code == 409


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ([upload("a.pdf", b"%PDF-" + bytes(10 * 1024 * 1024))], f"larger than {LARGEST // 1024 // 1024} MB"),
        ([upload("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100))], "macro document"),
        ([upload("a.exe", b"MZ" + bytes(100))], "is a program"),
        ([upload(f"{n}.txt") for n in range(MOST_FILES + 1)], "At most 5 files"),
        ([upload(), upload("b.html", b"<html>")], "not taken"),
    ],
    ids=["10 MB", "macros", "program", "too many", "one of two"],
)
def test_files_that_are_not_taken(town: Any, at: Any, files: list[Any], words: str) -> None:
    for file in files:
        file.seek(0)
    page = text(at(town.street_clerk).post(NEW, given(attached=files)), 422)
    assert words in page
    assert "id_attached_error" in page
    assert not Directive.objects.exists()
    assert not DirectiveFile.objects.exists()


# --- the board -----------------------------------------------------------------------------------------------------


def test_reminding_in_one_click(town: Any, at: Any, sent: Directive, moment: Any) -> None:
    street = at(town.street_clerk)
    act = f"/staff/directives/{sent.pk}/do/remind/"
    page = text(street.post(act, {"whom": "unread"}, follow=True))
    assert "2 places were reminded." in page
    assert Step.objects.filter(kind="remind", by=town.street_clerk).count() == 2
    assert "within the last four hours" in text(street.post(act, {"whom": "unread"}, follow=True))
    moment.now += timedelta(days=20)
    street = at(town.street_clerk)
    assert "2 places were reminded." in text(street.post(act, {"whom": "late"}, follow=True))
    assert street.post(act, {"whom": "all"}).status_code == 422
    assert street.get(act).status_code == 302


def test_each_number_opens_its_pieces(town: Any, at: Any, sent: Directive, moment: Any) -> None:
    first, second = Assignment.objects.order_by("place_path")
    pieces.read_assignment(assignment_id=first.pk, by=town.clerk, now=moment.now)
    street, url = at(town.street_clerk), f"/staff/directives/{sent.pk}/"
    unread = text(street.get(f"{url}?show=unread"))
    assert f"/staff/directives/pieces/{second.pk}/" in unread
    assert f"/staff/directives/pieces/{first.pk}/" not in unread
    assert "No piece stands like this" in text(street.get(f"{url}?show=late"))
    moment.now += timedelta(days=20)
    street = at(town.street_clerk)
    assert f"/staff/directives/pieces/{first.pk}/" in text(street.get(f"{url}?show=late"))
    for odd in ("?show=<script>", "?at=9", "?at=110108", "?round=99", "?round=x", "?page=x&show=places"):
        text(street.get(url + odd))


def test_drilling_down_from_the_street_to_the_grid(town: Any, at: Any) -> None:
    street = at(town.street_clerk)
    street.post(NEW, given(target_level="grid"))
    directive = Directive.objects.get()
    url = f"/staff/directives/{directive.pk}/"
    top = text(street.get(url))
    assert f"?at={town.community.path}" in top
    assert "东区第一网格" not in top
    community = text(street.get(f"{url}?at={town.community.path}"))
    assert "东区第一网格" in community
    assert "西区第一网格" not in community


def test_a_question_is_answered_and_the_work_goes_on(town: Any, at: Any, sent: Directive, moment: Any) -> None:
    piece = Assignment.objects.get(place=town.community)
    hostile = "<script>alert(1)</script>商户也要查吗？"
    pieces.ask_sender(assignment_id=piece.pk, kind="clarify", words=hostile, by=town.secretary, now=moment.now)
    street = at(town.street_clerk)
    today = text(street.get("/staff/"))
    assert f"/staff/directives/pieces/{piece.pk}/" in today
    assert "商户也要查吗" in text(street.get(f"/staff/directives/{sent.pk}/?show=asking"))
    page = text(street.get(f"/staff/directives/pieces/{piece.pk}/"))
    assert "<script>alert(1)" not in page
    act = f"/staff/directives/pieces/{piece.pk}/do/answer/"
    assert 'id="answer_answer_error"' in text(street.post(act, {"outcome": "answered", "answer": ""}), 422)
    assert street.post(act, {"outcome": "answered", "answer": "都要查。"}).status_code == 302
    piece.refresh_from_db()
    assert piece.state == State.ACCEPTED
    assert street.post(act, {"outcome": "answered", "answer": "再答一次。"}).status_code == 409
    assert "都要查。" in text(street.get(f"/staff/directives/pieces/{piece.pk}/"))
    other = Assignment.objects.get(place=town.other_community)
    pieces.ask_sender(assignment_id=other.pk, kind="decide", words="我们定不了", by=town.other_clerk, now=moment.now)
    taken = {"outcome": "taken", "answer": "街道来办。"}
    assert street.post(f"/staff/directives/pieces/{other.pk}/do/answer/", taken).status_code == 302
    assert Question.objects.get(assignment=other).outcome == "taken"


def test_results_are_accepted_one_by_one_and_many_at_once(town: Any, at: Any, sent: Directive, moment: Any) -> None:
    first, second = Assignment.objects.order_by("place_path")
    file = SimpleUploadedFile("a.jpg", photo())
    pieces.report_result(
        assignment_id=first.pk, words="都看过了。", minutes=30, photos=[file], by=town.clerk, now=moment.now
    )
    pieces.report_result(assignment_id=second.pk, words="看完了。", by=town.other_clerk, now=moment.now)
    street = at(town.street_clerk)
    assert "都看过了" in text(street.get(f"/staff/directives/{sent.pk}/?show=results"))
    page = text(street.get(f"/staff/directives/pieces/{first.pk}/"))
    shot = first.reports.get().photos.get()
    assert f"/staff/directives/photos/{shot.uid}/small/" in page
    assert street.get(f"/staff/directives/photos/{shot.uid}/small/")["Content-Type"] == "image/webp"
    assert street.get(f"/staff/directives/photos/{shot.uid}/huge/").status_code == 404
    assert at(town.other_clerk).get(f"/staff/directives/photos/{shot.uid}/large/").status_code == 404
    back = f"/staff/directives/pieces/{first.pk}/do/return/"
    text(street.post(back, {"reason": ""}), 422)
    assert street.post(back, {"reason": "缺三号楼"}).status_code == 302
    assert "缺三号楼" in text(street.get(f"/staff/directives/pieces/{first.pk}/"))
    pieces.report_result(assignment_id=first.pk, words="三号楼也看了。", by=town.clerk, now=moment.now)
    assert f"/staff/directives/pieces/{first.pk}/" in text(street.get("/staff/"))
    many = {"piece": [str(first.pk), str(second.pk), "x", "999999999999999"], "show": "results"}
    page = text(street.post(f"/staff/directives/{sent.pk}/do/confirm/", many, follow=True))
    assert "2 results accepted." in page
    assert not Assignment.objects.open().exists()
    assert street.post(f"/staff/directives/pieces/{first.pk}/do/accept/").status_code == 409
    assert street.post(f"/staff/directives/{sent.pk}/do/close/").status_code == 302
    assert "Closed" in text(street.get(f"{LIST}?show=ended"))


def test_what_was_passed_down_is_looked_at_by_who_passed_it(town: Any, at: Any, sent: Directive, moment: Any) -> None:
    piece = Assignment.objects.get(place=town.community)
    (below,) = pieces.pass_down(
        assignment_id=piece.pk, pieces=[pieces.Piece(place_id=town.grid.pk)], by=town.secretary, now=moment.now
    )
    pieces.report_result(assignment_id=below.pk, words="看了三栋。", by=town.worker, now=moment.now)
    url = f"/staff/directives/pieces/{below.pk}/"
    assert "看了三栋" in text(at(town.clerk).get(url))
    assert "Accept the result" not in text(at(town.street_clerk).get(url)), "the street sees it and does not touch it"
    assert at(town.street_clerk).post(f"{url}do/accept/").status_code == 403
    assert at(town.clerk).post(f"{url}do/accept/").status_code == 302
    assert "东区第一网格" in text(at(town.street_clerk).get(f"/staff/directives/pieces/{piece.pk}/"))


def test_withdrawing_says_why_and_releasing_one_place(town: Any, at: Any, sent: Directive) -> None:
    street = at(town.street_clerk)
    piece = Assignment.objects.get(place=town.community)
    assert street.post(f"/staff/directives/pieces/{piece.pk}/do/release/").status_code == 302
    piece.refresh_from_db()
    assert piece.state == State.WITHDRAWN
    assert street.post(f"/staff/directives/{sent.pk}/do/close/").status_code == 409
    assert "withdraw_reason_error" in text(street.post(f"/staff/directives/{sent.pk}/do/withdraw/", {}), 422)
    assert street.post(f"/staff/directives/{sent.pk}/do/withdraw/", {"reason": "市里已统一安排"}).status_code == 302
    assert "市里已统一安排" in text(street.get(f"/staff/directives/{sent.pk}/"))
    assert not Assignment.objects.open().exists()


def test_on_paper_every_row_has_its_code(town: Any, at: Any, sent: Directive) -> None:
    page = text(at(town.street_clerk).get(f"/staff/directives/{sent.pk}/print/"))
    for piece in Assignment.objects.all():
        assert code_of("A", piece.pk) in page
        assert piece.place.name in page


def test_who_may_look_and_who_may_act(town: Any, at: Any, sent: Directive) -> None:
    url = f"/staff/directives/{sent.pk}/"
    piece = Assignment.objects.get(place=town.community)
    assert at(town.leader).get(url).status_code == 200
    for other in (town.secretary, town.officer, town.clerk, town.worker, town.desk, town.stranger):
        for address in (url, f"{url}print/", f"{url}change/"):
            assert at(other).get(address).status_code == 404, (other, address)
        assert at(other).get(f"/staff/directives/pieces/{piece.pk}/").status_code == 404
        for act in ("send", "remind", "confirm", "close", "withdraw", "drop", "odd"):
            assert at(other).post(f"{url}do/{act}/", {"reason": "不要了吧"}).status_code == 404
        for act in ("accept", "return", "answer", "release", "odd"):
            assert at(other).post(f"/staff/directives/pieces/{piece.pk}/do/{act}/").status_code == 404
    assert at(town.leader).post(f"{url}do/odd/").status_code == 404
    assert Assignment.objects.open().count() == 2
    secretary = at(town.secretary)
    assert secretary.post(NEW, given(target_level="grid", title="社区自己的事")).status_code == 302
    own = Directive.objects.get(title="社区自己的事")
    overseen = text(at(town.street_clerk).get(f"/staff/directives/{own.pk}/"))
    assert "Remind all" not in overseen, "who oversees looks and leaves it to the office"
    assert at(town.street_clerk).post(f"/staff/directives/{own.pk}/do/remind/", {"whom": "unread"}).status_code == 403


def test_many_rows_and_few_questions(town: Any, at: Any, moment: Any) -> None:
    for number in range(3, 63):
        make_place(f"110108014{number:03d}", "village", f"第{number}社区", town.street)
    street = at(town.street_clerk)
    for number in range(6):
        street.post(NEW, given(title=f"第{number}件事"))
    directive = Directive.objects.order_by("pk")[0]
    for piece in Assignment.objects.filter(directive=directive).order_by("pk")[:2]:
        by = town.clerk if piece.place_id == town.community.pk else town.other_clerk
        pieces.report_result(assignment_id=piece.pk, words="好了。", by=by, now=moment.now)
    url = f"/staff/directives/{directive.pk}/"
    for address, most in (
        (LIST, 8),
        (NEW, 9),
        (url, 13),
        (f"{url}?show=results", 13),
        (f"{url}?show=unread&page=2", 13),
        (f"{url}print/", 12),
    ):
        text(street.get(address))
        with CaptureQueriesContext(connection) as asked:
            text(street.get(address))
        said = [one["sql"][:150] for one in asked if not one["sql"].startswith(("SAVEPOINT", "RELEASE"))]
        assert len(said) <= most, f"{address}: {len(said)}\n" + "\n".join(said)


def test_data_that_is_there_is_not_asked_for_again(town: Any, at: Any) -> None:
    street = at(town.street_clerk)
    page = text(street.get(NEW))
    first = re.search(r'name="asks_for" value="(\w+)"', page)
    assert first is not None
    assert "id_asks_for_error" in text(street.post(NEW, given(asks_for=[first[1]])), 422)
    looks = given(text="请报各社区网格员名单和案件数量统计。")
    answer = street.post(NEW, looks)
    if answer.status_code == 422:
        assert "id_asks_because_error" in answer.content.decode()
        assert street.post(NEW, looks | {"asks_because": "要的是纸质签名的名单"}).status_code == 302
    assert "id_assist_item_error" in text(street.post(NEW, given(assist_item="nothing")), 422)
