"""The call list and the claims through their pages: a team in a minute, sealed numbers, what the profile allows."""

from __future__ import annotations

import pytest

from gongzhi.act.callups.actions import claim_piece, enter_capable
from gongzhi.act.callups.models import Called, CallUp, Capable, Claim, Group
from gongzhi.act.directives import actions as directives
from gongzhi.act.directives.asking import Ask
from gongzhi.act.directives.models import Assignment
from gongzhi.ground.ledger.verify import verify
from gongzhi.ground.places.actions import set_profile
from gongzhi.ground.places.models import Place
from gongzhi.ground.privacy.models import Reveal
from gongzhi.ground.refusals import NotThere, Refusal

pytestmark = pytest.mark.django_db
DO = "/staff/callups/do/"
CLAIMS = "/staff/claims/do/"


def profile(path, value, now):
    set_profile(place=Place.objects.get(path=path), profile=value, by=None, now=now)


@pytest.fixture
def village(town, moment):
    profile(town.street.path, "scarce_high_rural", moment.now)
    return town


def entering(**given):
    return {"name": "老周", "phone": "13800000007", "skills": ["driving", "water"], "consent": "word", **given}


def test_a_team_by_skill_in_two_steps(village, at, now):
    client = at(village.clerk)
    for number in range(3):
        given = entering(name=f"周{number}", phone=f"1380000000{number}", skills=["driving", "care"][: number + 1])
        assert client.post(f"{DO}enter/", given).status_code == 302
    page = client.get("/staff/callups/").content.decode()
    assert "13800000001" not in page
    assert client.post(f"{DO}call/", {"skill": "care", "words": "今晚转移老人，村口集合"}).status_code == 302
    call = CallUp.objects.get()
    page = client.get(f"/staff/callups/{call.pk}/").content.decode()
    assert "13800000001" not in page
    shown = client.post(f"/staff/callups/{call.pk}/").content.decode()
    assert "tel:13800000001" in shown
    assert "tel:13800000000" not in shown  # cannot do it
    assert {one.reason for one in Reveal.objects.all()} == {"今晚转移老人，村口集合"}
    first = Called.objects.order_by("pk").first()
    assert client.post(f"{DO}answer/", {"called": first.pk, "answer": "comes"}).status_code == 302
    assert "1 person comes" in client.get(f"/staff/callups/{call.pk}/").content.decode()
    assert client.post(f"{DO}answer/", {"called": first.pk, "answer": "maybe"}).status_code == 422
    assert client.post(f"{DO}end/", {"call": call.pk}).status_code == 302
    assert client.post(f"{DO}answer/", {"called": first.pk, "answer": "cannot"}).status_code == 409
    assert "tel:138" not in client.post(f"/staff/callups/{call.pk}/").content.decode()
    assert verify(now=now) == []


def test_who_leaves_is_forgotten_at_once(village, at, now):
    client = at(village.clerk)
    client.post(f"{DO}enter/", entering())
    row = Capable.objects.get()
    assert client.post(f"{DO}leave/", {"capable": row.pk}).status_code == 302
    row.refresh_from_db()
    assert (row.name.open(), row.phone.open()) == ("", "")
    assert client.post(f"{DO}leave/", {"capable": row.pk}).status_code == 409
    assert client.post(f"{DO}call/", {"skill": "driving", "words": "今晚转移老人"}).status_code == 422


@pytest.mark.parametrize(
    "wrong",
    [{"name": ""}, {"phone": "call me"}, {"phone": "1"}, {"skills": []}, {"skills": ["magic"]}, {"consent": ""}],
    ids=str,
)
def test_nobody_is_entered_by_half(village, at, wrong):
    assert at(village.clerk).post(f"{DO}enter/", entering(**wrong)).status_code == 422
    assert not Capable.objects.exists()


def test_another_community_is_not_there(village, at, now):
    row = enter_capable(place=village.community, **entering(), by=village.clerk, now=now)
    other = at(village.other_clerk)
    assert other.post(f"{DO}leave/", {"capable": row.pk}).status_code == 404
    assert "周" not in other.get("/staff/callups/").content.decode()
    for act in ("leave", "answer", "end"):
        assert other.post(f"{DO}{act}/", {"capable": "x"}).status_code == 404
    assert other.post(f"{DO}dance/").status_code == 404
    assert other.get(f"{DO}call/").status_code == 302


def test_the_profile_says_whether_it_is_used(village, at, now):
    client = at(village.secretary)
    assert "/staff/callups/" in client.get("/staff/tasks/").content.decode()
    enter_capable(place=village.community, **entering(), by=village.clerk, now=now)
    profile(village.street.path, "rich_low_urban", now)
    assert "/staff/callups/" not in client.get("/staff/tasks/").content.decode()
    assert client.post(f"{DO}call/", {"skill": "driving", "words": "今晚转移老人"}).status_code == 409
    page = client.get("/staff/callups/").content.decode()
    assert "leaves this module out" in page
    assert client.post(f"{DO}leave/", {"capable": Capable.objects.get().pk}).status_code == 302  # always


@pytest.fixture
def piece(village, now):
    ask = Ask(
        title="河道清理",
        text="清理村口河道。",
        done_when="河面没有杂物。",
        target_level="village",
        target_places=[village.street.pk],
        reply_span="3 working_days",
    )
    draft = directives.draft_directive(ask=ask, by=village.street_clerk, now=now)
    directives.issue_directive(directive_id=draft.pk, by=village.street_clerk, now=now)
    return Assignment.objects.get(place=village.community)


def test_a_group_joins_claims_a_piece_and_says_what_came_of_it(village, piece, at, now):
    client = at(village.secretary)
    assert client.post(f"{CLAIMS}join/", {"name": "护河队", "kind": "residents"}).status_code == 302
    assert client.post(f"{CLAIMS}join/", {"name": "护河队", "kind": "firm"}).status_code == 409
    group = Group.objects.get()
    given = {"assignment": piece.pk, "group": group.pk, "part": "东段两百米"}
    assert client.post(f"{CLAIMS}claim/", {**given, "part": ""}).status_code == 422
    assert client.post(f"{CLAIMS}claim/", {**given, "group": 999}).status_code == 422
    assert client.post(f"{CLAIMS}claim/", given).status_code == 302
    claim = Claim.objects.get()
    assert "东段两百米" in client.get("/staff/claims/").content.decode()
    assert client.post(f"{CLAIMS}leave/", {"group": group.pk}).status_code == 409
    assert client.post(f"{CLAIMS}end/", {"claim": claim.pk, "state": "gone", "words": "清完"}).status_code == 422
    assert client.post(f"{CLAIMS}end/", {"claim": claim.pk, "state": "done", "words": "清完"}).status_code == 302
    assert client.post(f"{CLAIMS}end/", {"claim": claim.pk, "state": "done", "words": "清完"}).status_code == 409
    assert client.post(f"{CLAIMS}leave/", {"group": group.pk}).status_code == 302
    assert client.post(f"{CLAIMS}dance/").status_code == 404
    assert verify(now=now) == []


def test_claims_need_the_module_and_an_assignment_that_waits(village, piece, at, now):
    client = at(village.secretary)
    client.post(f"{CLAIMS}join/", {"name": "护河队", "kind": "residents"})
    group = Group.objects.get()
    given = {"assignment_id": piece.pk, "group_id": group.pk, "part": "东段", "now": now}
    with pytest.raises(NotThere):
        claim_piece(**given, by=village.other_clerk)
    profile(village.community.path, "scarce_low_rural", now)
    with pytest.raises(Refusal):
        claim_piece(**given, by=village.clerk)
    profile(village.community.path, "", now)
    clerk = village.street_clerk
    directives.withdraw_directive(directive_id=piece.directive_id, reason="不再需要了", by=clerk, now=now)
    with pytest.raises(Refusal):
        claim_piece(**given, by=village.clerk)
    assert not Claim.objects.exists()
