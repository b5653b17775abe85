"""The pages of a whistle: blowing from a case, answering on the phone, ending, and on paper."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gongzhi.act.whistles.models import Invitation, Whistle
from gongzhi.ground.access.roles import Role
from tests.town import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def given(town):
    return {
        "place": str(town.street.pk),
        "kind": "joint",
        "need": "东门夜市占道，请到场联合整治。",
        "site": "东门岗亭",
        "units": [f"department_officer@{town.county.pk}"],
        "outside": "供电所\n",
        "lead": f"department_officer@{town.county.pk}",
        "cases": "",
    }


@pytest.fixture
def whistle(given, town, as_user, moment):
    answer = as_user(town.street_clerk).post("/staff/whistles/new/", given)
    assert answer.status_code == 302
    return Whistle.objects.get()


def test_from_the_case_to_the_call(report, given, town, as_user):
    _message, case = report()
    street = as_user(town.street_clerk)
    part = street.get(f"/staff/cases/{case.number}/related/", headers={"HX-Request": "true"}).content.decode()
    assert f"/staff/whistles/new/?case={case.number}" in part
    assert "<html" not in part
    form = street.get(f"/staff/whistles/new/?case={case.number}").content.decode()
    assert f'value="{case.number}"' in form
    assert case.summary in form
    assert street.post("/staff/whistles/new/", {**given, "cases": case.number}).status_code == 302
    whistle = Whistle.objects.get()
    assert [one.outside for one in whistle.invitations.order_by("pk")] == ["", "供电所"]
    whole = street.get(f"/staff/cases/{case.number}/related/").content.decode()
    assert whistle.number in whole
    # The community reads the case and not the whistle; the department reads the whistle and not the case.
    assert whistle.number not in as_user(town.clerk).get(f"/staff/cases/{case.number}/related/").content.decode()
    page = as_user(town.officer).get(f"/staff/whistles/{whistle.pk}/").content.decode()
    assert case.number in page
    assert f"/staff/cases/{case.number}/" not in page


@pytest.mark.parametrize(
    ("change", "beside"),
    [
        ({"kind": ""}, "kind"),
        ({"need": ""}, "need"),
        ({"need": "长" * 1001}, "need"),
        ({"site": ""}, "site"),
        ({"units": ["mayor@1"]}, "units"),
        ({"lead": ""}, "lead"),
        ({"lead": "outside", "outside": ""}, "outside"),
        ({"cases": "<script>"}, "cases"),
        ({"cases": "261118-9999999"}, "cases"),
        ({"amount": "0"}, "amount"),
        ({"amount": "x"}, "amount"),
        ({"outside": "长" * 81}, "outside"),
        ({"place": "999"}, "place"),
    ],
)
def test_wrong_calls_come_back_beside_the_field(given, town, as_user, change, beside):
    answer = as_user(town.street_clerk).post("/staff/whistles/new/", {**given, **change})
    assert answer.status_code == 422
    assert f"id_{beside}" in answer.content.decode()
    assert not Whistle.objects.exists()


def test_who_leads_is_called(given, town, as_user):
    as_user(town.street_clerk).post("/staff/whistles/new/", {**given, "units": []})
    assert [one.role for one in Invitation.objects.filter(leads=True)] == ["department_officer"]


def test_a_unit_answers_in_a_few_touches(whistle, town, as_user, moment):
    unit = whistle.invitations.get(role="department_officer")
    officer = as_user(town.officer)
    assert whistle.need in officer.get("/staff/whistles/").content.decode()
    page = officer.get(f"/staff/whistles/{whistle.pk}/").content.decode()
    assert "We come" in page
    assert "End the whistle" not in page
    for act, fields in (
        ("accept", {}),
        ("arrive", {}),
        ("report", {"measures": "劝离七家。", "result": "通道已通。"}),
    ):
        assert officer.post(f"/staff/whistles/units/{unit.pk}/{act}/", fields).status_code == 302
    assert "劝离七家" in officer.get(f"/staff/whistles/{whistle.pk}/").content.decode()
    assert officer.post(f"/staff/whistles/units/{unit.pk}/arrive/").status_code == 409
    assert officer.post(f"/staff/whistles/{whistle.pk}/end/", {"result": "好了。"}).status_code == 403


def test_declining_ruling_ending_appraising(whistle, town, as_user, moment):
    unit = whistle.invitations.get(role="department_officer")
    url = f"/staff/whistles/units/{unit.pk}"
    assert as_user(town.officer).post(f"{url}/decline/", {"reason": "不"}).status_code == 422
    assert as_user(town.officer).post(f"{url}/decline/", {"reason": "不归我局管。"}).status_code == 302
    leader = make_user("leader", "马主任", (Role.STREET_LEADER, town.street))
    page = as_user(leader).get(f"/staff/whistles/{whistle.pk}/").content.decode()
    assert "must it come?" in page
    assert as_user(town.street_clerk).post(f"{url}/rule/", {"excused": "no", "words": "归你局"}).status_code == 403
    assert as_user(leader).post(f"{url}/rule/", {"excused": "no", "words": "依清单归你局。"}).status_code == 302
    moment.now = whistle.arrive_by + timedelta(hours=1)
    late = as_user(town.street_clerk).get("/staff/whistles/").content.decode()
    assert "2 units are late" in late
    street = as_user(town.street_clerk)
    assert street.post(f"{url}/arrive/").status_code == 302
    assert "late" in street.get(f"/staff/whistles/{whistle.pk}/").content.decode()
    assert street.post(f"/staff/whistles/{whistle.pk}/end/", {"result": ""}).status_code == 422
    assert street.post(f"/staff/whistles/{whistle.pk}/end/", {"result": "规范了。"}).status_code == 302
    assert street.post(f"{url}/appraise/", {"mark": "partly", "words": "来晚了，办得好。"}).status_code == 302
    # Until both have spoken, each reads only its own words.
    officer = as_user(town.officer)
    assert "来晚了" not in officer.get(f"/staff/whistles/{whistle.pk}/").content.decode()
    assert officer.post(f"{url}/appraise/", {"mark": "fair", "words": "通知清楚。"}).status_code == 302
    assert "来晚了" in officer.get(f"/staff/whistles/{whistle.pk}/").content.decode()


def test_the_sheet(whistle, town, as_user):
    page = as_user(town.officer).get(f"/staff/whistles/{whistle.pk}/sheet/").content.decode()
    assert whistle.number in page
    assert "供电所" in page


def test_nobody_else_finds_it(whistle, town, as_user):
    unit = whistle.invitations.first()
    for user in (town.clerk, town.secretary, town.property_manager, town.desk):
        visitor = as_user(user)
        assert whistle.need not in visitor.get("/staff/whistles/").content.decode()
        for url in (f"/staff/whistles/{whistle.pk}/", f"/staff/whistles/{whistle.pk}/sheet/"):
            assert visitor.get(url).status_code == 404
        assert visitor.post(f"/staff/whistles/units/{unit.pk}/accept/").status_code == 404
        assert visitor.post(f"/staff/whistles/{whistle.pk}/end/", {"result": "好了"}).status_code == 404


def test_markup_is_shown_as_words(given, town, as_user):
    hostile = "<script>alert(1)</script>{{7*7}}"
    as_user(town.street_clerk).post(
        "/staff/whistles/new/", {**given, "need": hostile, "site": hostile, "outside": hostile}
    )
    whistle = Whistle.objects.get()
    for url in (f"/staff/whistles/{whistle.pk}/", "/staff/whistles/", f"/staff/whistles/{whistle.pk}/sheet/"):
        page = as_user(town.street_clerk).get(url).content.decode()
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)" in page


def test_the_pages_ask_the_database_little(whistle, given, town, as_user, django_assert_max_num_queries):
    street = as_user(town.street_clerk)
    for _ in range(12):
        street.post("/staff/whistles/new/", given)
    for url, most in (("/staff/whistles/", 10), (f"/staff/whistles/{whistle.pk}/", 14)):
        street.get(url)
        with django_assert_max_num_queries(most):
            street.get(url)
