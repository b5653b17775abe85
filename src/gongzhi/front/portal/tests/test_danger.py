"""Words of danger on the residents' form: the numbers appear at once, and nothing is refused for them."""

from __future__ import annotations

import json

import pytest

from gongzhi.sense.channels.models import Message

pytestmark = pytest.mark.django_db


def test_the_form_carries_the_place_for_the_warning_and_where_to_get_the_words(town, client):
    page = client.get("/report/").content.decode()
    assert 'data-danger="/report/danger.json"' in page
    assert "report.js" in page
    rules = json.loads(client.get("/report/danger.json").content)
    assert {"fire", "gas", "trapped"} <= {rule["code"] for rule in rules["rules"]}
    assert all(rule["call"] for rule in rules["rules"])
    assert client.get("/report/danger.json", HTTP_ACCEPT_LANGUAGE="zh-hans").headers["Vary"]


def test_who_writes_of_danger_is_told_whom_to_call_first_and_the_report_is_taken_in(town, client):
    given = {"text": "三号楼着火了，有人困在电梯里", "answer_by": "link", "key": "a" * 20, "place": town.community.pk}
    page = client.post("/report/", given, follow=True)
    assert page.status_code == 200
    assert Message.objects.count() == 1
    text = page.content.decode()
    assert 'href="tel:119"' in text
    assert "Please call first" in text


def test_an_unfinished_form_warns_too(town, client):
    page = client.post("/report/", {"text": "家里闻到煤气味", "answer_by": "phone", "key": "b" * 20})
    assert page.status_code == 422
    assert 'href="tel:119"' in page.content.decode()


def test_an_ordinary_report_is_not_troubled_by_it(town, client):
    given = {"text": "路灯不亮了", "answer_by": "link", "key": "c" * 20, "place": town.community.pk}
    page = client.post("/report/", given, follow=True).content.decode()
    assert "Please call first" not in page
