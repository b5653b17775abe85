"""The door-keeper of every page."""

from __future__ import annotations

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from gongzhi.ground.access.guard import Guarded
from gongzhi.ground.access.roles import Role, every_verb, roles_with
from gongzhi.ground.refusals import NotThere, Refusal

pytestmark = pytest.mark.django_db


def test_a_view_without_a_verb_opens_for_nobody(town):
    class Forgotten(Guarded):
        def get(self, request):
            return HttpResponse("open")

    request = RequestFactory().get("/")
    request.user = town.system
    with pytest.raises(AttributeError):
        Forgotten.as_view()(request)


def test_a_refusal_becomes_a_page_that_can_be_read(client, town, moment, as_user):
    answer = as_user(town.audit).get("/staff/audit/")
    assert answer.status_code == 403
    page = answer.content.decode()
    assert "Switch your administrative powers on first" in page
    assert "/staff/powers/" in page
    assert page.count("<h1") == 1


@pytest.mark.parametrize("address", ["/staff/?q=%00", "/where.json?lon=%00&lat=1"])
def test_null_bytes_in_an_address_are_no_request(client, town, address, as_user):
    assert as_user(town.clerk).get(address).status_code == 400


def test_every_role_can_be_asked_for_by_verb():
    assert roles_with("workbench.enter") == set(Role)
    assert roles_with("no.such") == frozenset()
    assert all(roles_with(verb) for verb in every_verb())


def test_not_there_is_a_refusal_that_says_nothing():
    assert NotThere().status == 404
    assert str(NotThere()) == ""
    assert issubclass(NotThere, Refusal)
