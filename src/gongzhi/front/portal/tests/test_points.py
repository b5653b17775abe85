"""Household points for residents: the wall, and a household's own page."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gongzhi.act.points import actions as points
from gongzhi.act.points.links import code_of
from gongzhi.act.points.models import Claim, Household, Objection, State
from gongzhi.act.points.tests.conftest import make_village

pytestmark = pytest.mark.django_db


@pytest.fixture
def village(town, moment):
    return make_village(town)


@pytest.fixture
def own(village):
    return f"/points/household/{code_of(village.households[1])}/"


def body(answer, status=200):
    assert answer.status_code == status, answer.content.decode()[:3000]
    return answer.content.decode()


def test_the_code_opens_the_page(village, client, own):
    code = code_of(village.households[1])
    assert client.post("/points/", {"code": code.lower().replace("-", " ")})["Location"] == own
    assert "do not know this code" in body(client.post("/points/", {"code": "0000-0000-0000"}), 422)
    assert client.post("/points/", {"code": ""}).status_code == 422
    assert client.post("/points/", {"code": "x" * 5000}).status_code == 422
    page = client.get(own)
    assert "1-2" in body(page)
    assert "王大爷" not in page.content.decode()
    assert page["X-Robots-Tag"] == "noindex, nofollow"
    assert "no-store" in page["Cache-Control"]
    assert client.get("/points/household/0000-0000-0000/").status_code == 404


def test_many_wrong_codes_are_stopped(village, client, own, town, moment):
    from gongzhi.ground.rules.actions import override

    override(
        place=None, key="channels.questions_per_address", value=5, valid_from=moment.now.date(), reason="t", by=None,
        now=moment.now,
    )  # fmt: skip
    for _ in range(5):
        assert client.post("/points/", {"code": "0000-0000-0000"}).status_code == 422
    assert client.post("/points/", {"code": code_of(village.households[1])}).status_code == 429


def test_say_what_we_did(village, client, own, moment):
    given = {"item": village.yard.pk, "on": moment.now.date(), "words": "扫院子", "key": "a1"}
    assert client.post(own + "claim/", {**given, "item": "9999"}).status_code == 422
    assert client.post(own + "claim/", {**given, "on": "2099-01-01"}).status_code == 422
    assert client.post(own + "claim/", {**given, "words": "x" * 501}).status_code == 422
    assert client.post(own + "claim/", given).status_code == 302
    assert client.post(own + "claim/", given).status_code == 302
    claim = Claim.objects.get()
    assert (claim.way, claim.entered_by) == ("link", None)
    assert "Waits for the group" in body(client.get(own))
    assert client.get(own + "claim/").status_code == 302
    other = f"/points/household/{code_of(village.households[2])}/"
    assert client.post(other + "withdraw/", {"claim": claim.pk}).status_code == 404
    assert client.post(own + "withdraw/", {"claim": claim.pk}).status_code == 302
    assert client.post(own + "withdraw/", {"claim": "x"}).status_code == 404
    assert client.post(own + "nothing/").status_code == 404


def test_the_wall_shows_doors_and_ends(village, client, own, town, moment):
    claim = village.confirmed(words="和孙女小红一起扫的")
    address = f"/points/place/{town.community.path}/"
    assert "1-2" not in body(client.get(address))
    village.publish()
    page = body(client.get(address))
    assert "1-2" in page
    assert "no legal entitlement" in page
    assert "小红" not in page
    assert "王大爷" not in page
    other = f"/points/household/{code_of(village.households[2])}/"
    shown = body(client.get(other))
    assert "1-2" in shown
    assert "小红" not in shown
    assert client.post(other + "object/", {"claim": claim.pk, "words": ""}).status_code == 422
    assert client.post(other + "object/", {"claim": claim.pk, "words": "那天没扫"}).status_code == 302
    assert Objection.objects.get().household == village.households[2]
    points.answer_objection(
        objection_id=Objection.objects.get().pk, upheld=False, answer="有人看见", by=village.first, now=moment.now
    )
    assert "有人看见" in body(client.get(own))
    claim.refresh_from_db()
    moment.now = claim.published_until + timedelta(minutes=1)
    assert "1-2" not in body(client.get(address))
    points.book_ended(now=moment.now)
    assert "+10" in body(client.get(own))
    assert client.post(other + "object/", {"claim": claim.pk, "words": "还是不对"}).status_code == 404


def test_a_claim_that_was_not_confirmed(village, client, own, moment):
    claim = village.claim()
    for by in (village.first, village.second):
        points.check(claim_id=claim.pk, agrees=False, words="院子里还有杂物", by=by, now=moment.now)
    assert "院子里还有杂物" in body(client.get(own))
    assert client.post(own + "object/", {"claim": claim.pk, "words": "请再来看"}).status_code == 302
    claim.refresh_from_db()
    assert (claim.state, claim.open_objections) == (State.REFUSED, 1)


def test_leaving(village, client, own):
    assert client.post(own + "leave/").status_code == 302
    assert Household.objects.joined().count() == 3
    assert client.post(own + "leave/", {"sure": "yes"})["Location"] == "/points/"
    assert Household.objects.joined().count() == 2
    assert client.get(own).status_code == 404


def test_where_it_is_off_there_is_no_page(village, client, town):
    assert client.get(f"/points/place/{town.other_community.path}/").status_code == 404
    assert client.get("/points/place/110108/").status_code == 404
    page = body(client.get("/points/"))
    assert town.community.name in page
    assert town.other_community.name not in page
