"""The suggestion at the desk: marked, explained, preselected, and overruled with one click."""

from __future__ import annotations

import pytest

from gongzhi.front.workbench.suggested import mark_up
from gongzhi.understand.cases.models import Case
from gongzhi.understand.suggestions.models import Suggestion

pytestmark = pytest.mark.django_db

WORDS = "门口的井盖不见了，孩子差点掉下去。<b>急</b>"


def test_marks_cover_the_words_and_everything_is_escaped():
    assert mark_up("a<b>着火", [(4, 6, "danger"), (4, 5, "category")]).startswith("a&lt;b&gt;<mark")
    assert mark_up("着火", [(0, 2, "danger"), (0, 2, "time")]).count("<mark") == 1
    assert mark_up("", []) == ""
    assert mark_up("一\n二", [(0, 99, "time")]).count("<br>") == 1


def test_the_form_begins_with_the_suggestion_and_says_so(report, as_user, town):
    _message, case = report(text=WORDS, category="")
    page = as_user(town.clerk).get(f"/staff/inbox/{case.number}/").content.decode()
    assert '<option value="roads.manhole" selected>' in page
    assert '<option value="urgent" selected>' in page
    assert "% sure). You decide." in page
    assert "<mark" in page
    assert "井盖" in page
    assert "<b>急" not in page
    assert Case.objects.get(pk=case.pk).category is None, "looking changes nothing"


def test_the_reporters_own_choice_comes_first_and_a_click_takes_another(report, as_user, town):
    _message, case = report(text=WORDS, category="environment.litter")
    desk = as_user(town.clerk)
    assert '<option value="environment.litter" selected>' in desk.get(f"/staff/inbox/{case.number}/").content.decode()
    clicked = desk.get(f"/staff/inbox/{case.number}/?as=roads.manhole").content.decode()
    assert '<option value="roads.manhole" selected>' in clicked
    strange = desk.get(f"/staff/inbox/{case.number}/?as=<script>")
    assert strange.status_code == 200
    assert '<option value="environment.litter" selected>' in strange.content.decode()


def test_sorting_says_how_urgent_and_whether_the_suggestion_was_right(report, as_user, town, deliver):
    _message, case = report(text=WORDS, category="")
    desk = as_user(town.clerk)
    given = {
        "version": case.version, "category": "roads.manhole", "place": town.grid.path, "summary": "井盖丢失",
        "position": f"grid_worker@{town.grid.pk}", "urgency": "danger",
    }  # fmt: skip
    assert desk.post(f"/staff/inbox/{case.number}/", {**given, "urgency": "x"}).status_code == 422
    assert desk.post(f"/staff/inbox/{case.number}/", given).status_code == 303
    deliver()
    kept = Suggestion.objects.get(case=case)
    assert Case.objects.get(pk=case.pk).urgency == "danger"
    assert (kept.was_right, kept.urgency_was_right) == (True, False)


def test_while_somebody_enters_a_report_the_text_is_read_and_forgotten(as_user, town):
    desk = as_user(town.clerk)
    piece = desk.post("/staff/enter/suggest/", {"text": WORDS, "place": town.grid.path}).content.decode()
    assert 'data-choose="roads.manhole"' in piece
    assert "<html" not in piece
    assert desk.post("/staff/enter/suggest/", {"text": ""}).content == b""
    assert desk.post("/staff/enter/suggest/", {"text": "x" * 9000, "place": "zz"}).status_code == 200
    assert desk.get("/staff/enter/suggest/").status_code == 302
    assert not Case.objects.exists()


def test_without_a_script_a_button_asks_and_a_click_chooses(as_user, town):
    desk = as_user(town.clerk)
    given = {"text": WORDS, "channel": "phone", "address": "东门", "key": "k" * 20}
    page = desk.post("/staff/enter/", {**given, "suggest": "yes"}).content.decode()
    assert '<option value="roads.manhole" selected>' in page
    assert "东门" in page
    assert not Case.objects.exists()
    page = desk.post(
        "/staff/enter/", {**given, "category": "environment.litter", "as": "roads.manhole"}
    ).content.decode()
    assert '<option value="roads.manhole" selected>' in page
    page = desk.post("/staff/enter/", {**given, "category": "environment.litter", "as": "no.such"}).content.decode()
    assert '<option value="environment.litter" selected>' in page


def test_the_page_of_accuracy(report, as_user, town, deliver):
    desk = as_user(town.clerk)
    empty = desk.get("/staff/suggestions/").content.decode()
    assert "Nothing has been decided yet" in empty
    assert "invented texts only" in empty
    _message, case = report(text=WORDS, category="")
    given = {
        "version": case.version, "category": "roads.manhole", "place": town.grid.path, "summary": "井盖丢失",
        "position": f"grid_worker@{town.grid.pk}", "urgency": "urgent",
    }  # fmt: skip
    desk.post(f"/staff/inbox/{case.number}/", given)
    deliver()
    page = desk.get("/staff/suggestions/").content.decode()
    assert "100 %" in page
    assert "roads.manhole" in page


def test_the_earlier_cases_of_a_caller(report, as_user, town):
    _message, case = report(text=WORDS, phone="13800138000", answer_by="phone")
    desk = as_user(town.clerk)
    assert desk.get("/staff/callers/").status_code == 200
    assert desk.post("/staff/callers/", {"phone": "13800138000"}).status_code == 422
    assert desk.post("/staff/callers/", {"phone": "1", "reason": "来电询问"}).status_code == 422
    page = desk.post("/staff/callers/", {"phone": "138-0013-8000", "reason": "来电询问进度"})
    assert case.number in page.content.decode()
    assert "no-store" in page.headers["Cache-Control"]
    other = as_user(town.other_clerk).post("/staff/callers/", {"phone": "13800138000", "reason": "来电询问进度"})
    assert case.number not in other.content.decode()


def test_what_speaks_of_danger_stands_above_the_queue_until_somebody_has_looked(report, as_user, town):
    _message, case = report(text="三号楼有煤气味，闻着头晕", category="")
    desk = as_user(town.clerk)
    assert "look first" in desk.get("/staff/inbox/").content.decode()
    desk.post(f"/staff/inbox/{case.number}/", {
        "version": case.version, "category": "supply.gas", "place": town.grid.path, "summary": "煤气味",
        "position": f"grid_worker@{town.grid.pk}", "urgency": "danger",
    })  # fmt: skip
    assert "look first" not in desk.get("/staff/inbox/").content.decode()
