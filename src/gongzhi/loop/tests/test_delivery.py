"""Every entry reaches every wire, once in effect."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from gongzhi.ground.ledger.actions import record
from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.refusals import Refusal, Stale
from gongzhi.loop import delivery, queue
from gongzhi.loop.models import Delivery, Job
from gongzhi.loop.tests.crew import Bell, Echoed, Rang, ring, ring_many
from gongzhi.loop.wires import When

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
calls: list[object] = []


@pytest.fixture(autouse=True)
def _fresh():
    calls.clear()


@pytest.fixture(params=["inline", "worker"])
def mode(request, settings):
    settings.GONGZHI_DELIVERY = request.param
    return request.param


def note(event, *, entry, now):
    calls.append((event, entry.pk, now))


def note_too(event, *, entry, now):
    calls.append(("too", event.bell))


def echo(event, *, entry, now):
    record(Echoed(bell=event.bell), about=Bell(event.bell, version=2), by=None, now=now)


def hear_echo(event, *, entry, now):
    calls.append(("echo", event.bell))


def break_down(event, *, entry, now):
    record(Echoed(bell=event.bell), about=Bell(event.bell, version=2), by=None, now=now)
    raise ValueError("the hammer fell off")


def refuse(event, *, entry, now):
    raise Refusal("Not on a Sunday.")


def lose_a_race(event, *, entry, now):
    raise Stale("Somebody else changed this.")


def count_many(told, *, entries, now):
    calls.append([event.bell for event in told])
    assert [entry.data["bell"] for entry in entries] == [event.bell for event in told]


@pytest.mark.django_db
def test_an_entry_reaches_every_wire_of_its_event(mode):
    with delivery.connected(When(Rang, then=note), When(Rang, then=note_too), When(Echoed, then=hear_echo)):
        entry = ring(7, now=NOW)
        assert delivery.run_until_quiet(now=NOW) == 2
    assert calls == [(Rang(bell=7), entry.pk, NOW), ("too", 7)]
    assert set(Delivery.objects.values_list("entry", "wire")) == {
        (entry.pk, "tests.note"),
        (entry.pk, "tests.note_too"),
    }
    assert not Job.objects.exists()


@pytest.mark.django_db
def test_recording_costs_one_insert_for_all_wires_and_entries(mode, django_assert_num_queries, monkeypatch):
    monkeypatch.setattr(queue, "wake_workers", lambda: None)  # PostgreSQL: one more statement, at most every 0.2 s
    wires = [When(Rang, then=function) for function in (note, note_too, echo)]
    with delivery.connected(*wires), transaction.atomic():
        entries = [Entry(pk=pk, event=Rang.name, at=NOW, data={"bell": pk}) for pk in range(1, 9)]
        with django_assert_num_queries(1):
            delivery.hear(entries)
        assert Job.objects.count() == 24
        transaction.set_rollback(True)


@pytest.mark.django_db
def test_a_delivery_costs_two_statements_beside_its_reaction(settings, django_assert_num_queries):
    settings.GONGZHI_DELIVERY = "worker"
    with delivery.connected(When(Rang, then=note)):
        for bell in range(5):
            ring(bell, now=NOW)
        with django_assert_num_queries(2):
            jobs = queue.claim(worker="a", now=timezone.now(), limit=5)
            delivery.fetch_entries(jobs)
        for job in jobs:
            with django_assert_num_queries(2 + 2):  # here a savepoint and its release stand for BEGIN and COMMIT
                delivery.perform(job, now=NOW)
    assert len(calls) == 5


@pytest.mark.django_db
def test_a_wire_may_let_only_some_events_through(mode):
    with delivery.connected(When(Rang, then=note, only=lambda event: event.bell > 1)):
        ring_many(range(4), now=NOW)
        delivery.run_until_quiet(now=NOW)
    assert [call[0].bell for call in calls] == [2, 3]


@pytest.mark.django_db
def test_nothing_is_promised_when_the_recording_is_rolled_back(mode):
    with delivery.connected(When(Rang, then=note)):
        with transaction.atomic():
            ring(1, now=NOW)
            transaction.set_rollback(True)
        assert delivery.run_until_quiet(now=NOW) == 0
    assert calls == []


@pytest.mark.django_db
def test_a_second_delivery_of_the_same_entry_has_no_effect():
    wire = When(Rang, then=note)
    with delivery.connected(wire):
        entry = ring(1, now=NOW)
        delivery.run_until_quiet(now=NOW)
        Job.objects.create(task="wire:tests.note", args=[entry.pk], due=NOW, created=NOW)
        assert delivery.run_until_quiet(now=NOW) == 1
        with transaction.atomic():
            assert delivery.deliver([entry], wire, now=NOW) == 0
    assert len(calls) == 1
    assert not Job.objects.exists()


@pytest.mark.django_db
def test_a_reactions_own_events_are_delivered_too(mode):
    with delivery.connected(When(Rang, then=echo), When(Echoed, then=hear_echo)):
        ring(3, now=NOW)
        assert delivery.run_until_quiet(now=NOW) == 2
    assert calls == [("echo", 3)]


@pytest.mark.django_db
def test_a_broken_wire_holds_up_nobody_and_leaves_nothing_behind(mode):
    with delivery.connected(When(Rang, then=break_down), When(Rang, then=note)):
        ring(1, now=NOW)
        ring(2, now=NOW)
        delivery.run_until_quiet(now=NOW, forgiving=True)
        assert [call[0].bell for call in calls] == [1, 2]
        assert not Entry.objects.filter(event=Echoed.name).exists()
        assert not Delivery.objects.filter(wire="tests.break_down").exists()
        for job in Job.objects.all():
            assert (job.state, job.attempts >= 1, job.due > timezone.now()) == (Job.State.WAITING, True, True)
            assert job.error.startswith("builtins.ValueError")
            assert "break_down" in job.error
            assert "hammer" not in job.error  # an error's message may quote personal data


@pytest.mark.django_db
def test_tests_see_the_error_of_a_broken_wire():
    with delivery.connected(When(Rang, then=break_down), When(Rang, then=note)):
        ring(1, now=NOW)
        with pytest.raises(ValueError, match="hammer"):
            delivery.run_until_quiet(now=NOW)
        assert delivery.run_until_quiet(now=NOW) == 1
    assert len(calls) == 1


@pytest.mark.django_db
def test_a_wire_gives_up_after_enough_attempts_and_a_person_can_send_it_again(settings):
    settings.GONGZHI_DELIVERY = "worker"
    with delivery.connected(When(Rang, then=break_down)):
        ring(1, now=NOW)
        later = timezone.now()
        for _attempt in range(delivery.MAX_ATTEMPTS):
            assert delivery.run_until_quiet(now=later, forgiving=True) == 1
            later += timedelta(hours=1)
        assert delivery.run_until_quiet(now=later, forgiving=True) == 0
        [job] = queue.list_failed()
        assert queue.retry(job, now=later)
        assert not queue.retry(job, now=later)
    with delivery.connected(When(Rang, then=note)):
        Job.objects.update(task="wire:tests.note")  # the repaired reaction
        assert delivery.run_until_quiet(now=later) == 1
    assert len(calls) == 1


@pytest.mark.django_db
def test_a_refusal_is_an_answer_and_waits_for_a_person():
    with delivery.connected(When(Rang, then=refuse)):
        ring(1, now=NOW)
        delivery.run_until_quiet(now=NOW, forgiving=True)
    [job] = queue.list_failed()
    assert job.error.endswith("Refusal\nNot on a Sunday.")
    assert job.due is None


@pytest.mark.django_db
def test_losing_a_race_is_tried_again():
    with delivery.connected(When(Rang, then=lose_a_race)):
        ring(1, now=NOW)
        delivery.run_until_quiet(now=NOW, forgiving=True)
    assert Job.objects.get().state == Job.State.WAITING


@pytest.mark.django_db
def test_a_wire_that_is_not_there_any_more_waits_and_then_asks_for_a_person():
    with delivery.connected(When(Rang, then=note)):
        ring(1, now=NOW)
    with delivery.connected():
        delivery.run_until_quiet(now=NOW, forgiving=True)
    assert Job.objects.get().state == Job.State.WAITING


@pytest.mark.django_db
def test_a_batch_wire_gets_together_what_was_recorded_together(mode):
    with delivery.connected(When(Rang, then=count_many, batch=True)):
        entries = ring_many(range(1, delivery.TOGETHER + 4), now=NOW)
        Delivery.objects.create(entry=entries[1], wire="tests.count_many", at=NOW)
        assert delivery.run_until_quiet(now=NOW) == 2
    assert [len(call) for call in calls] == [delivery.TOGETHER - 1, 3]
    assert 2 not in calls[0]


@pytest.mark.django_db(transaction=True)
def test_inline_delivery_happens_right_after_the_commit(settings):
    settings.GONGZHI_DELIVERY = "inline"
    with delivery.connected(When(Rang, then=echo), When(Rang, then=note), When(Echoed, then=hear_echo)):
        with transaction.atomic():
            entry = record(Rang(bell=5), about=Bell(5), by=None, now=NOW)
            assert calls == []
        assert [call[0] if isinstance(call[0], Rang) else call for call in calls] == [Rang(bell=5), ("echo", 5)]
    assert Delivery.objects.filter(entry=entry).count() == 2
    assert not Job.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_inline_delivery_never_fails_the_request(settings):
    settings.GONGZHI_DELIVERY = "inline"
    with delivery.connected(When(Rang, then=break_down), When(Rang, then=note)):
        ring(1, now=NOW)
    assert len(calls) == 1
    assert Job.objects.get().state == Job.State.WAITING


@pytest.mark.django_db(transaction=True)
def test_inline_jobs_belong_to_this_process_until_their_lease_ends(settings, monkeypatch):
    settings.GONGZHI_DELIVERY = "inline"
    monkeypatch.setattr(delivery, "_after_commit", lambda jobs: None)  # the process died after its commit
    with delivery.connected(When(Rang, then=note)):
        ring(1, now=timezone.now())
        assert queue.claim(worker="another", now=timezone.now()) == []
        [job] = queue.claim(worker="another", now=timezone.now() + queue.LEASE)
        assert job.attempts == 2


@pytest.mark.django_db(transaction=True)
def test_a_long_cascade_is_left_to_a_worker(settings, monkeypatch):
    settings.GONGZHI_DELIVERY = "inline"
    monkeypatch.setattr(delivery, "INLINE_JOBS", 3)
    with delivery.connected(When(Rang, then=note)):
        with transaction.atomic():
            for bell in range(5):
                ring(bell, now=NOW)
        assert len(calls) == 3
        assert list(Job.objects.values_list("state", "attempts")) == [("waiting", 0)] * 2
        ring_many(range(10, 20), now=NOW)
        assert len(calls) == 3
        assert delivery.run_until_quiet(now=NOW) == 12


@pytest.mark.django_db
def test_worker_mode_leaves_the_work_to_a_worker(settings, django_capture_on_commit_callbacks):
    settings.GONGZHI_DELIVERY = "worker"
    with delivery.connected(When(Rang, then=note)):
        with django_capture_on_commit_callbacks(execute=True):
            ring(1, now=NOW)
        assert calls == []
        assert Job.objects.get().state == Job.State.WAITING


@pytest.mark.django_db
def test_two_wires_that_chase_each_other_are_found_out():
    with delivery.connected(When(Rang, then=ring_on)):
        ring(1, now=NOW)
        with pytest.raises(RuntimeError, match="chase"):
            delivery.run_until_quiet(now=NOW, limit=30)


def ring_on(event, *, entry, now):
    ring(event.bell + 1, now=now)


@pytest.mark.django_db
def test_reactions_speak_the_language_of_the_installation(settings):
    from django.utils import translation

    with delivery.connected(When(Rang, then=tell_language)), translation.override("en"):
        ring(1, now=NOW)
        delivery.run_until_quiet(now=NOW)
    assert calls == [settings.LANGUAGE_CODE]


def tell_language(event, *, entry, now):
    from django.utils import translation

    calls.append(translation.get_language())
