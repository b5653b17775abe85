"""The pages of themes: looking, confirming, quoting, giving an owner, answering, and what residents are told."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gongzhi.sense.channels.actions import Draft, receive_message
from gongzhi.sense.channels.follow import token_of
from gongzhi.sense.channels.models import Message
from gongzhi.understand.cases.models import Case
from gongzhi.understand.themes.models import Survey, Theme
from gongzhi.understand.themes.tests.test_themes import COLD, OTHERS
from tests.scenes import LITTER

pytestmark = pytest.mark.django_db


@pytest.fixture
def winter(town, moment, deliver):
    for number, text in enumerate((*COLD, *OTHERS)):
        place = town.grid if number % 2 else town.other_grid
        draft = Draft(text=text, category=LITTER, place=place, point=(116.32 + number / 1000, 40.0))
        receive_message(draft, by=None, now=moment.now - timedelta(days=number))
    deliver(now=moment.now)
    Case.objects.update(place=town.grid, place_path=town.grid.path)


@pytest.fixture
def theme(winter, town, as_user, moment, deliver):
    street = as_user(town.street_clerk)
    given = {"place": town.street.path, "category": "", "days": "90"}
    assert street.post("/staff/themes/look/", given).status_code == 302
    assert Survey.objects.get().state == "waiting"
    deliver(now=moment.now)
    return Theme.objects.get()


def test_from_looking_to_the_answer_on_every_follow_page(theme, town, as_user, client):
    street = as_user(town.street_clerk)
    assert theme.name in street.get("/staff/themes/").content.decode()
    url = f"/staff/themes/{theme.pk}"
    page = street.get(f"{url}/").content.decode()
    assert "Is it one thing?" in page
    assert "13800138000" not in page
    assert "王小明" not in page
    case = theme.theme_cases.first().case
    for act, fields in (
        ("confirm", {"name": "供暖不热"}),
        ("quote", {"case_id": str(case.pk), "text": "我叫王小明，室温十四度。"}),
        ("owner", {"owner": f"department_officer@{town.county.pk}", "due_on": ""}),
    ):
        assert street.post(f"{url}/do/{act}/", fields).status_code == 302, act
    officer = as_user(town.officer)
    page = officer.get(f"{url}/").content.decode()
    assert "室温十四度" in page
    assert "王小明" not in page
    assert case.number not in page
    assert "Tell all 4 people" in page
    assert theme.number in officer.get(f"{url}/sheet/").content.decode()
    assert officer.post(f"{url}/do/answer/", {"outcome": "好"}).status_code == 422
    assert officer.post(f"{url}/do/answer/", {"outcome": "已更换主管道，室温达标。"}).status_code == 302
    told = 0
    client.logout()
    for message in Message.objects.all():
        told += "已更换主管道" in client.get(f"/follow/{token_of(message)}/").content.decode()
    assert told == 4


def test_a_wrong_look_comes_back(winter, town, as_user):
    street = as_user(town.street_clerk)
    for change in ({"place": "999999999"}, {"place": ""}, {"days": "0"}, {"days": "x"}, {"category": "no.such"}):
        given = {"place": town.street.path, "category": "", "days": "90", **change}
        assert street.post("/staff/themes/look/", given).status_code == 422
    assert not Survey.objects.exists()


def test_changing_what_belongs_to_it(theme, town, as_user, report):
    _message, another = report(text="楼道里很冷。")
    street = as_user(town.street_clerk)
    url = f"/staff/themes/{theme.pk}/do"
    ids = list(theme.theme_cases.values_list("case_id", flat=True))
    assert street.post(f"{url}/add/", {"cases": another.number}).status_code == 302
    assert street.post(f"{url}/take-out/", {"case": [str(ids[0]), "x", "-1"]}).status_code == 302
    assert street.post(f"{url}/take-out/", {}).status_code == 422
    assert street.post(f"{url}/add/", {"cases": "<b>"}).status_code == 422
    assert street.post(f"{url}/dance/", {}).status_code == 404
    theme.refresh_from_db()
    assert theme.size == 4
    assert street.post(f"{url}/drop/", {"reason": "不是一件事"}).status_code == 302
    assert street.post(f"{url}/drop/", {"reason": "不是一件事"}).status_code == 409


def test_by_hand(winter, town, as_user):
    case = Case.objects.first()
    street = as_user(town.street_clerk)
    given = {"place": town.street.path, "name": "供暖不热", "cases": case.number}
    assert street.post("/staff/themes/new/", {**given, "cases": "1"}).status_code == 422
    assert street.post("/staff/themes/new/", given).status_code == 302
    assert Theme.objects.get().size == 1
    part = street.get(f"/staff/cases/{case.number}/related/").content.decode()
    assert "供暖不热" in part


def test_the_points_are_rounded_and_lead_nowhere(theme, town, as_user):
    found = as_user(town.street_clerk).get(f"/staff/themes/{theme.pk}/points.json").json()
    assert sum(one["properties"]["count"] for one in found["features"]) == 4
    for one in found["features"]:
        lon, lat = one["geometry"]["coordinates"]
        assert (round(lon, 3), round(lat, 3)) == (lon, lat)
        assert one["properties"]["url"] == ""


def test_nobody_else_finds_it(theme, town, as_user):
    for user in (town.officer, town.property_manager, town.secretary):
        visitor = as_user(user)
        assert theme.name not in visitor.get("/staff/themes/").content.decode()
        for page in ("", "sheet/", "points.json"):
            assert visitor.get(f"/staff/themes/{theme.pk}/{page}").status_code == 404
        assert visitor.post(f"/staff/themes/{theme.pk}/do/drop/", {"reason": "不是"}).status_code == 404
    for user in (town.clerk, town.worker, town.desk):
        assert as_user(user).get("/staff/themes/").status_code == 404


def test_the_pages_ask_the_database_little(theme, town, as_user, django_assert_max_num_queries):
    street = as_user(town.street_clerk)
    for url, most in (("/staff/themes/", 12), (f"/staff/themes/{theme.pk}/", 24)):
        street.get(url)
        with django_assert_max_num_queries(most):
            street.get(url)
