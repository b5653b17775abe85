"""A party's page: everything it needs, and nothing that gives the complainant away."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gongzhi.act.disputes import actions as disputes
from gongzhi.act.disputes.actions import NewParty, Promise
from gongzhi.act.disputes.links import token_of
from gongzhi.act.disputes.models import Agreement, Dispute
from gongzhi.ground.access.roles import Role
from gongzhi.understand.cases import actions as cases
from gongzhi.understand.cases.models import Case, Category
from tests.town import make_user

pytestmark = pytest.mark.django_db

COMPLAINANT, NEIGHBOUR = "秦告发", "尤对门"
REPORT = "楼上半夜拖椅子，我家孩子高三，受不了了。"


@pytest.fixture
def dispute(report, town, moment):
    _message, case = report(text=REPORT, name=COMPLAINANT, phone="13800000001")
    private = Category.objects.filter(private=True).first()
    cases.sort_case(case_id=case.pk, category=private.code, by=town.secretary, now=moment.now)
    return disputes.open_dispute(
        place=town.community,
        kind="neighbours",
        subject="夜间噪音",
        facts=f"{COMPLAINANT}反映。{REPORT}",
        parties=[
            NewParty(COMPLAINANT, "applicant", phone="13800000001", reporter=True),
            NewParty(NEIGHBOUR, "respondent", phone="13800000002"),
        ],
        case=Case.objects.get(pk=case.pk),
        by=town.secretary,
        now=moment.now,
    )


@pytest.fixture
def links(dispute):
    return [f"/mediation/{token_of(party)}/" for party in dispute.parties.order_by("number")]


def secrets_of(dispute):
    """What the complained-of party must never read before the other agrees."""
    case = dispute.case
    return [COMPLAINANT, "秦**", "13800000001", "138****0001", REPORT, "高三", case.number, case.summary]


def test_the_complainant_is_never_given_away(dispute, links, client, town, moment):
    complainant, neighbour = links
    client.post(complainant + "statement/", {"words": "我家孩子高三，我是秦告发。"})
    first = dispute.parties.order_by("number")[0]
    disputes.plan_meeting(
        dispute_id=dispute.pk,
        at=moment.now + timedelta(days=1),
        site="秦家楼下",
        party_ids=[first.pk],
        by=town.secretary,
        now=moment.now,
    )
    for act in ("agree", "mediator"):
        client.post(complainant + f"{act}/")
        client.post(neighbour + f"{act}/")
    assert Dispute.objects.get().state == "mediating"
    page = client.get(neighbour).content.decode()
    for secret in (*secrets_of(dispute), "秦家楼下"):
        assert secret not in page, secret
    assert "not named yet" in page
    # In the answers to every act as well, refused ones included.
    for act in ("agree", "mediator", "sign", "statement", "name", "stop"):
        answer = client.post(neighbour + f"{act}/", {"post": "1"} if act == "mediator" else {}).content.decode()
        for secret in secrets_of(dispute):
            assert secret not in answer, (act, secret)
    ended = client.get(neighbour).content.decode()
    for secret in secrets_of(dispute):
        assert secret not in ended


def test_once_named_the_others_read_the_name_and_no_more(dispute, links, client):
    complainant, neighbour = links
    assert client.post(complainant + "name/").status_code == 302
    page = client.get(neighbour).content.decode()
    assert COMPLAINANT in page
    for secret in secrets_of(dispute)[2:]:
        assert secret not in page
    assert NEIGHBOUR not in client.get(complainant).content.decode()


def test_the_whole_way_by_link(dispute, links, client, town, moment):
    for link in links:
        assert client.post(link + "agree/").status_code == 302
        assert client.post(link + "agree/").status_code == 409
        assert client.post(link + "mediator/").status_code == 302
        assert client.post(link + "name/").status_code == 302
    agreement = disputes.propose_agreement(
        dispute_id=dispute.pk,
        content="铺设地垫。",
        promises=[Promise(2, "铺设地垫", moment.now.date() + timedelta(days=5))],
        by=town.secretary,
        now=moment.now,
    )
    page = client.get(links[0]).content.decode()
    assert "铺设地垫" in page
    assert client.post(links[0] + "sign/", {"agreement": "7"}).status_code == 409
    assert client.post(links[0] + "sign/", {"agreement": agreement.round}).status_code == 302
    assert Agreement.objects.get().state == "proposed"
    assert client.post(links[1] + "sign/", {"agreement": agreement.round}).status_code == 302
    assert Dispute.objects.get().state == "agreed"
    assert "In force" in client.get(links[0]).content.decode() or "in force" in client.get(links[0]).content.decode()
    assert client.post(links[0] + "stop/").status_code == 409


def test_a_wish_for_another_mediator(dispute, links, client, town):
    second = make_user("mediator2", "石调解", (Role.MEDIATOR, town.street))
    page = client.get(links[0]).content.decode()
    client.post(links[0] + "agree/")
    page = client.get(links[0]).content.decode()
    assert "石调解" in page
    assert client.post(links[0] + "mediator/", {"post": second.posts.get().pk}).status_code == 302
    assert client.post(links[0] + "mediator/", {"post": town.worker.posts.get().pk}).status_code == 422
    assert client.post(links[0] + "mediator/", {"post": "x"}).status_code == 422
    assert "passed on" in client.get(links[0]).content.decode()


def test_stopping_takes_one_touch(dispute, links, client):
    assert client.post(links[1] + "stop/").status_code == 302
    assert Dispute.objects.get().ending == "refused"
    assert "Terminated" in client.get(links[0]).content.decode()


def test_wrong_links_are_not_there(dispute, links, client, town):
    for token in ("a" * 52, "x", links[0].split("/")[2][:-1], "东"):
        assert client.get(f"/mediation/{token}/").status_code == 404
        assert client.post(f"/mediation/{token}/agree/").status_code == 404
    assert client.post(links[0] + "dance/").status_code == 404
    answer = client.get(links[0])
    assert "no-store" in answer["Cache-Control"]
    assert "noindex" in answer["X-Robots-Tag"]


@pytest.mark.parametrize("words", ["", " ", "长" * 4001, "坏\x00字"])
def test_statements_that_say_nothing_or_too_much(dispute, links, client, words):
    assert client.post(links[0] + "statement/", {"words": words}).status_code == 422
