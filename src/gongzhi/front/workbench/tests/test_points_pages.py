"""The pages of household points: the secretary’s, the group’s, and that nobody else finds them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gongzhi.act.points import actions as points
from gongzhi.act.points.links import code_of
from gongzhi.act.points.models import Claim, Exchange, Good, Household, Member, Objection, Rulebook, State
from gongzhi.act.points.tests.conftest import make_village
from gongzhi.ground.ledger.verify import verify
from gongzhi.ground.rules.actions import override

pytestmark = pytest.mark.django_db


@pytest.fixture
def village(town, moment):
    return make_village(town, deductions=True)


@pytest.fixture
def at(town):
    return f"/staff/points/{town.community.path}/"


def body(answer, status=200):
    assert answer.status_code == status, answer.content.decode()[:3000]
    return answer.content.decode()


def test_a_village_begins(town, moment, as_user, at):
    secretary = as_user(town.secretary)
    assert "switched off here" in body(secretary.get(at))
    assert "/staff/points/" not in body(secretary.get("/staff/")), "no menu entry where it is off"
    assert secretary.post(at + "rules/draft/", {"cap": 100, "reset_month": 1}).status_code == 409
    override(
        place=town.community, key="points.enabled", value=True, valid_from=moment.now.date(), reason="会议", by=None,
        now=moment.now,
    )  # fmt: skip
    assert "/staff/points/" in body(secretary.get("/staff/")), "the menu entry where it is on"
    assert "No rules of points have been adopted" in body(secretary.get(at))
    assert secretary.post(at + "rules/draft/", {"cap": "1e9", "reset_month": 1}).status_code == 422
    assert secretary.post(at + "rules/draft/", {"cap": 10**9, "reset_month": 1}).status_code == 422
    assert secretary.post(at + "rules/draft/", {"cap": 100, "reset_month": 1}).status_code == 302
    item = {"kind": "environment", "name": "庭院整洁", "value": 10, "checked": "上门看"}
    assert secretary.post(at + "rules/item/", {**item, "value": 10**9}).status_code == 422
    assert secretary.post(at + "rules/item/", item).status_code == 302
    assert secretary.post(at + "rules/item/", {**item, "name": "多余"}).status_code == 302
    extra = Rulebook.objects.get().items.get(name="多余")
    assert secretary.post(at + "rules/drop-item/", {"item": extra.pk}).status_code == 302
    assert secretary.post(at + "rules/drop-item/", {"item": extra.pk}).status_code == 409
    assert secretary.post(at + "rules/drop-item/", {"item": "x"}).status_code == 404
    change = {"cap": 200, "reset_month": 3, "words": "由小组解释"}
    assert secretary.post(at + "rules/change/", change).status_code == 302
    adopted = {
        "meeting": "residents", "meeting_name": "居民会议", "adopted_on": moment.now.date(), "entitled": 100,
        "present": 60, "in_favour": 50,
    }  # fmt: skip
    assert secretary.post(at + "rules/adopt/", {**adopted, "present": 20}).status_code == 422
    assert secretary.post(at + "rules/adopt/", adopted).status_code == 302
    assert "居民会议" in body(secretary.get(at + "rules/"))
    door = {"label": "1-2", "way": "paper", "contact": "赵大爷"}
    assert secretary.post(at + "households/", door).status_code == 422
    assert secretary.post(at + "households/", {**door, "consent": "on"}).status_code == 302
    assert secretary.post(at + "rules/member/", {"user": town.clerk.pk}).status_code == 302
    assert secretary.post(at + "rules/member/", {"user": town.stranger.pk}).status_code == 422
    assert secretary.post(at + "rules/end-member/", {"member": Member.objects.get().pk}).status_code == 302
    for page in ("", "rules/", "households/", "exchange/", "poster/"):
        body(secretary.get(at + page))
    assert secretary.post(at + "rules/nothing/", {}).status_code == 404


def test_the_next_version(village, as_user, at):
    secretary = as_user(village.secretary)
    assert secretary.post(at + "rules/draft/", {"cap": 500, "reset_month": 1}).status_code == 302
    page = body(secretary.get(at + "rules/"))
    assert "Draft of version 2" in page
    assert "庭院整洁" in page
    assert secretary.post(at + "rules/drop/").status_code == 302
    assert Rulebook.objects.filter(state="dropped").count() == 1


def test_from_paper_to_the_ledger(village, as_user, at, moment, town):
    household = village.households[1]
    secretary = as_user(village.secretary)
    own = f"/staff/points/households/{household.pk}/"
    deed = {"item": village.yard.pk, "on": moment.now.date(), "words": "扫了院子", "key": "k1"}
    assert secretary.post(own + "claim/", {**deed, "item": "999"}).status_code == 422
    assert secretary.post(own + "claim/", {**deed, "on": "2020-01-01"}).status_code == 422
    assert secretary.post(own + "claim/", deed).status_code == 302
    assert secretary.post(own + "claim/", deed).status_code == 302
    claim = Claim.objects.get()
    page = f"/staff/points/claims/{claim.pk}/"
    assert secretary.post(page + "yes/").status_code == 403
    for by in (village.second, village.third):
        checker = as_user(by)
        assert "I confirm it" in body(checker.get(at))
        assert "I confirm it" in body(checker.get(page))
        assert checker.post(page + "yes/").status_code == 302
        assert checker.post(page + "yes/").status_code in (403, 409)
    assert as_user(village.second).post(at + "publish/").status_code == 403
    secretary = as_user(village.secretary)
    assert "Publish for 7 days" in body(secretary.get(at))
    assert secretary.post(at + "publish/").status_code == 302
    assert "ready to be published" in body(secretary.post(at + "publish/"), 409)
    poster = body(secretary.get(at + "poster/"))
    assert "1-2" in poster
    assert "王大爷" not in poster
    assert "no legal entitlement" in poster
    objection = {"words": "重复", "way": "oral", "household": village.households[2].pk}
    assert secretary.post(page + "object/", {**objection, "words": ""}).status_code == 422
    assert secretary.post(page + "object/", objection).status_code == 302
    one = Objection.objects.get()
    answer = {"objection": one.pk, "upheld": "no", "answer": "看过，没有重复"}
    assert secretary.post(page + "answer/", answer).status_code == 403
    assert secretary.post(page + "answer/", {**answer, "objection": "x"}).status_code == 404
    first = as_user(village.first)
    assert "Objections to answer" in body(first.get(at))
    assert first.post(page + "answer/", {**answer, "answer": ""}).status_code == 422
    assert first.post(page + "answer/", answer).status_code == 302
    claim.refresh_from_db()
    moment.now = claim.published_until + timedelta(minutes=1)
    points.book_ended(now=moment.now)
    ledger = body(as_user(village.second).get(own))
    assert "Booked after publication" in ledger
    assert "+10" in ledger
    assert verify(now=moment.now) == []


def test_nobody_checks_their_own_household(village, as_user, at):
    claim = village.claim(0)
    worker = as_user(village.first)
    assert "your own household" in body(worker.get(at))
    assert "I confirm it" not in body(worker.get(f"/staff/points/claims/{claim.pk}/"))
    assert worker.post(f"/staff/points/claims/{claim.pk}/yes/").status_code == 403


def test_a_deduction_by_the_pages(village, as_user, moment):
    own = f"/staff/points/households/{village.households[1].pk}/"
    item = village.rulebook.items.get(deducts=True)
    given = {"item": item.pk, "on": moment.now.date(), "words": "门口堆放三天，两人见证"}
    assert as_user(village.secretary).post(own + "deduct/", given).status_code == 403
    worker = as_user(village.first)
    assert worker.post(own + "deduct/", {**given, "words": ""}).status_code == 422
    assert worker.post(own + "deduct/", {**given, "item": village.yard.pk}).status_code == 422
    assert worker.post(own + "deduct/", given).status_code == 302
    assert Claim.objects.get().state == State.CLAIMED
    assert worker.post(f"/staff/points/claims/{Claim.objects.get().pk}/yes/").status_code == 403
    assert worker.post(f"/staff/points/claims/{Claim.objects.get().pk}/withdraw/").status_code == 302


def test_card_and_household(village, as_user):
    household = village.households[1]
    own = f"/staff/points/households/{household.pk}/"
    clerk = as_user(village.second)
    card = body(clerk.get(own + "card/"))
    assert code_of(household) in card
    assert "王大爷" not in body(clerk.get(own))
    assert clerk.post(own + "reveal/", {"reason": ""}).status_code == 422
    assert "王大爷" in body(clerk.post(own + "reveal/", {"reason": "核对申报"}))
    assert clerk.post(own + "renew/").status_code == 302
    assert code_of(household) not in body(clerk.get(own + "card/"))
    assert clerk.post(own + "leave/", {"way": "paper"}).status_code == 302
    assert clerk.get(own + "card/").status_code == 404
    assert clerk.post(own + "leave/", {"way": "paper"}).status_code == 409
    body(clerk.get(own))


def test_the_exchange_desk(village, as_user, at, moment):
    secretary = as_user(village.secretary)
    good = {"kind": "good", "name": "洗衣液", "price": 10, "stock": 2}
    assert secretary.post(at + "exchange/good/", {**good, "stock": ""}).status_code == 422
    assert secretary.post(at + "exchange/good/", good).status_code == 302
    soap = Good.objects.get()
    village.booked(item=village.help)
    moment.now += timedelta(days=9)
    given = {"household": village.households[1].pk, "good": soap.pk, "count": 1, "key": "once"}
    clerk = as_user(village.second)
    assert clerk.post(at + "exchange/exchange/", {**given, "count": 3}).status_code == 409
    assert clerk.post(at + "exchange/exchange/", given).status_code == 302
    assert clerk.post(at + "exchange/exchange/", given).status_code == 302
    row = Exchange.objects.get()
    assert clerk.post(at + "exchange/back/", {"exchange": row.pk, "reason": ""}).status_code == 422
    assert clerk.post(at + "exchange/back/", {"exchange": row.pk, "reason": "漏"}).status_code == 422
    assert clerk.post(at + "exchange/back/", {"exchange": row.pk, "reason": "漏水"}).status_code == 302
    assert clerk.post(at + "exchange/stock/", {"good": soap.pk, "stock": 9, "offered": "on"}).status_code == 403
    assert as_user(village.secretary).post(at + "exchange/stock/", {"good": soap.pk, "stock": 9}).status_code == 302
    soap.refresh_from_db()
    assert (soap.stock, soap.offered) == (9, False)
    assert "no legal entitlement" in body(secretary.get(at + "exchange/"))


def test_households_stand_by_door(village, as_user, at):
    village.booked(1, village.help)
    page = body(as_user(village.secretary).get(at + "households/"))
    places = [page.index(f">{label}<") for label in ("1-2", "1-9", "1-10")]
    assert places == sorted(places)


def test_not_there_for_others(village, town, as_user, at):
    claim = village.claim()
    addresses = [
        at, at + "rules/", at + "households/", at + "exchange/", at + "poster/", f"/staff/points/claims/{claim.pk}/",
        f"/staff/points/households/{claim.household_id}/", f"/staff/points/households/{claim.household_id}/card/",
    ]  # fmt: skip
    for by in (town.second_worker, town.other_clerk, town.street_clerk, town.leader, town.stranger):
        visitor = as_user(by)
        for address in addresses:
            assert visitor.get(address).status_code == 404, (by, address)
    assert as_user(town.other_clerk).post(f"/staff/points/claims/{claim.pk}/yes/").status_code == 404


def test_pages_do_not_ask_once_a_row(village, as_user, at, moment, django_assert_max_num_queries):
    for turn in range(25):
        door = points.join(
            place=village.town.community, label=f"9-{turn}", way="paper", consent=True, by=village.secretary,
            now=moment.now,
        )  # fmt: skip
        points.claim(household_id=door.pk, item_id=village.yard.pk, on=moment.now.date(), by=None, now=moment.now)
    assert Household.objects.count() == 28
    clerk = as_user(village.second)
    # Four of them only here: rules that were changed in the same transaction are read anew after three seconds.
    for page, most in (("", 17), ("households/", 11), ("rules/", 16), ("exchange/", 14), ("poster/", 10)):
        clerk.get(at + page)
        with django_assert_max_num_queries(most):
            body(clerk.get(at + page))
