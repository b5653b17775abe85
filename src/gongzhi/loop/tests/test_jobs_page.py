"""The page of failed jobs."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from gongzhi.ground.access.actions import switch_powers_on
from gongzhi.loop.models import Job

pytestmark = pytest.mark.django_db


@pytest.fixture
def failed():
    now = timezone.now()
    return Job.objects.create(
        task="wire:cases.open_from_message", state="failed", attempts=12, created=now, finished=now, error="LookupError"
    )


def test_only_the_system_administration_sees_it_and_tries_again_with_powers(town, failed):
    client = Client()
    client.force_login(town.clerk)
    assert client.get("/staff/jobs/").status_code == 404
    client.force_login(town.system)
    assert "LookupError" in client.get("/staff/jobs/").content.decode()
    assert client.post("/staff/jobs/", {"job": failed.pk}).status_code == 403
    switch_powers_on(by=town.system, minutes=10, reason="a broken wire", now=timezone.now())
    assert client.post("/staff/jobs/", {"job": "x"}).status_code == 404
    assert client.post("/staff/jobs/", {"job": failed.pk}).status_code == 302
    failed.refresh_from_db()
    assert failed.state == "waiting"
