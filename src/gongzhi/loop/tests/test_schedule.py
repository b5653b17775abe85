"""Schedules need no process of their own: whichever worker moves the row ahead has taken the run."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from django.utils.module_loading import import_string
from hypothesis import given
from hypothesis import strategies as st

from gongzhi.loop import delivery, queue, schedule
from gongzhi.loop.models import Job, Schedule
from gongzhi.loop.schedule import Every

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)  # 16:00 in Shanghai
NIGHTLY = Every("nightly", "gongzhi.loop.tests.test_schedule.work", at=time(3, 10))
MINUTELY = Every("minutely", "gongzhi.loop.tests.test_schedule.work", seconds=60)
calls: list[object] = []


def work(*, now):
    calls.append(now)


@pytest.fixture(autouse=True)
def _two_schedules(monkeypatch):
    calls.clear()
    monkeypatch.setattr(schedule, "SCHEDULES", (NIGHTLY, MINUTELY))


def test_a_daily_run_is_at_that_hour_of_the_installation():
    assert NIGHTLY.first(NOW) == datetime(2026, 3, 2, 19, 10, tzinfo=UTC)
    assert NIGHTLY.following(datetime(2026, 3, 2, 19, 10, tzinfo=UTC)) == datetime(2026, 3, 3, 19, 10, tzinfo=UTC)


@given(st.integers(0, 20 * 365 * 86400).map(lambda seconds: NOW + timedelta(seconds=seconds)))
def test_the_following_run_is_always_ahead_and_at_most_a_day(now):
    assert now < NIGHTLY.following(now) <= now + timedelta(days=1)
    assert now < MINUTELY.following(now)


@pytest.mark.django_db
def test_a_run_is_taken_once_by_however_many():
    for _worker in range(3):
        schedule.prepare(now=NOW)
    assert [schedule.tick(now=NOW) for _worker in range(3)] == [1, 0, 0]
    assert Job.objects.get().task == "schedule:minutely"
    delivery.run_until_quiet(now=NOW)
    assert calls == [NOW]
    assert not Job.objects.exists()
    assert Schedule.objects.get(pk="minutely").last_done == NOW


@pytest.mark.django_db
def test_missed_runs_are_made_up_for_once():
    schedule.prepare(now=NOW)
    later = NOW + timedelta(days=5)
    assert schedule.tick(now=later) == 2
    assert schedule.tick(now=later) == 0
    assert set(Schedule.objects.values_list("name", "next_run")) == {
        ("minutely", later + timedelta(seconds=60)),
        ("nightly", NIGHTLY.following(later)),
    }


@pytest.mark.django_db
def test_two_runs_of_one_schedule_never_overlap():
    schedule.prepare(now=NOW)
    schedule.tick(now=NOW)
    queue.claim(worker="slow", now=NOW)
    schedule.tick(now=NOW + timedelta(minutes=2))
    assert Job.objects.count() == 1


@pytest.mark.django_db
def test_a_worker_of_an_older_version_leaves_unknown_schedules_alone():
    Schedule.objects.create(name="of the new version", next_run=NOW)
    assert schedule.tick(now=NOW) == 0


def test_every_schedule_of_the_house_can_be_run(monkeypatch):
    monkeypatch.undo()
    names = [every.name for every in schedule.SCHEDULES]
    assert len(names) == len(set(names))
    for every in schedule.SCHEDULES:
        assert callable(import_string(every.run))
        assert bool(every.seconds) != (every.at is not None)
