"""Who may open what: every page of this part of the workbench, for every role and for anonymous people."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.django_db

EVERYBODY = (
    "worker",
    "other_worker",
    "clerk",
    "other_clerk",
    "secretary",
    "street_clerk",
    "desk",
    "officer",
    "property_manager",
    "system",
    "security",
    "audit",
    "stranger",
)
DESKS = {"clerk", "secretary", "street_clerk", "desk"}
HERE = DESKS | {"worker"}
WORKING = HERE | {"other_worker", "other_clerk", "officer", "property_manager"}
ENTERING = HERE | {"other_worker", "other_clerk"}

# Address (with the number of a case in the town's grid), and who gets 200; everybody else gets 404.
PAGES = {
    "/staff/": set(EVERYBODY),
    "/staff/inbox/": DESKS | {"other_clerk"},
    "/staff/inbox/{number}/": DESKS,
    "/staff/inbox/{number}/lead/": DESKS,
    "/staff/cases/": WORKING,
    "/staff/cases/print/": WORKING,
    "/staff/cases/{number}/": HERE,
    "/staff/enter/": ENTERING,
    "/staff/demo/": set(),
}


@pytest.mark.parametrize("page", PAGES)
def test_who_opens_what(town, report, as_user, client, page):
    _message, case = report()
    url = page.format(number=case.number)
    answer = client.get(url)
    assert (answer.status_code, answer.get("Location", "")[:16]) == (
        (404, "") if page == "/staff/demo/" else (302, "/accounts/login/")
    )
    for name in EVERYBODY:
        status = as_user(getattr(town, name)).get(url).status_code
        assert status == (200 if name in PAGES[page] else 404), name


MOVES = ("hand-over", "pause", "resume", "extend", "note", "reopen", "reveal")


@pytest.mark.parametrize("move", MOVES)
def test_moves_of_a_foreign_case_are_not_there(town, assigned, as_user, client, move):
    _message, case = assigned()
    url = f"/staff/cases/{case.number}/{move}/"
    assert client.post(url).status_code == 302
    for name in ("other_clerk", "other_worker", "officer", "property_manager", "audit", "stranger"):
        assert as_user(getattr(town, name)).post(url, {"version": case.version}).status_code == 404, name
    before = case.version
    case.refresh_from_db()
    assert case.version == before


def test_a_case_follows_the_position_that_leads_it(town, assigned, as_user, moment, deliver):
    from gongzhi.understand.cases import actions as cases

    _message, case = assigned()
    page = f"/staff/cases/{case.number}/"
    assert as_user(town.property_manager).get(page).status_code == 404
    cases.assign_case(
        case_id=case.pk, role="property_manager", place_id=town.community.pk, by=town.clerk, now=moment.now
    )
    deliver(now=moment.now)
    answer = as_user(town.property_manager).get(page)
    assert answer.status_code == 200
    # Property managers do the work; they neither reveal the reporter nor move the case on.
    assert b"case_reveal" not in answer.content
    assert f"/staff/cases/{case.number}/reveal/".encode() not in answer.content
    assert f"/staff/cases/{case.number}/hand-over/".encode() not in answer.content


@pytest.mark.parametrize("number", ["261118-9999999", "nothing", "%00", "1" * 15, "'or1=1"])
def test_numbers_that_are_none(town, as_user, number):
    assert as_user(town.clerk).get(f"/staff/cases/{number}/").status_code == 404
    assert as_user(town.clerk).get(f"/staff/inbox/{number}/").status_code == 404


def test_everybody_without_a_post_is_told_what_to_do(town, as_user):
    answer = as_user(town.stranger).get("/staff/")
    assert "You do not hold a post yet" in answer.content.decode()
    assert answer.content.decode().count("<h1") == 1


def test_administrators_see_no_case(town, report, as_user):
    _message, case = report()
    for user in (town.system, town.security, town.audit):
        text = as_user(user).get("/staff/").content.decode()
        assert case.summary not in text
        assert case.number not in text


def test_photos_are_shown_to_those_who_see_the_case(town, report, as_user, client):
    import io

    from django.core.files.uploadedfile import SimpleUploadedFile
    from PIL import Image

    content = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(content, "JPEG")
    message, _case = report(photos=[SimpleUploadedFile("a.jpg", content.getvalue(), "image/jpeg")])
    uid = message.photos.get().uid
    url = f"/staff/photos/{uid}/small/"
    assert client.get(url).status_code == 302
    answer = as_user(town.clerk).get(url)
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/webp")
    assert b"".join(answer.streaming_content)[:4] == b"RIFF"
    assert as_user(town.other_clerk).get(url).status_code == 404
    assert as_user(town.clerk).get(f"/staff/photos/{uid}/upload/").status_code == 404


def test_demo_sign_in_exists_only_in_the_demonstration(town, client, moment, settings):
    type(town.clerk).objects.filter(pk=town.clerk.pk).update(is_demo=True)
    assert client.get("/staff/demo/").status_code == 404
    assert client.post("/staff/demo/", {"username": "clerk"}).status_code == 404
    settings.DEMO = True
    page = client.get("/staff/demo/")
    assert page.status_code == 200
    assert "李社工" in page.content.decode()
    assert "王格一" not in page.content.decode()  # not a person of the demonstration
    for name in ("worker", "nobody", "", "a\x00b"):
        assert client.post("/staff/demo/", {"username": name}).status_code == 422
    answer = client.post("/staff/demo/", {"username": "clerk"})
    assert (answer.status_code, answer["Location"]) == (303, "/staff/")
    assert client.get("/staff/").wsgi_request.user == town.clerk


def test_demo_sign_in_needs_a_csrf_token(town, settings, moment):
    from django.test import Client

    settings.DEMO = True
    type(town.clerk).objects.filter(pk=town.clerk.pk).update(is_demo=True)
    assert Client(enforce_csrf_checks=True).post("/staff/demo/", {"username": "clerk"}).status_code == 403
