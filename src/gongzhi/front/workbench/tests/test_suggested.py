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
