"""The demonstration as it stands in the database: genuine, complete, and nobody's real data."""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime, timedelta

import pytest
from django.core.cache import cache
from django.test import override_settings
from django.urls import reverse

from gongzhi.act.directives.models import Assignment, Directive, PlaceGroup, Question
from gongzhi.act.disputes.models import Agreement
from gongzhi.act.tasks.models import Task, TaskPhoto
from gongzhi.act.whistles.models import Whistle
from gongzhi.config.demonstration import load
from gongzhi.config.demonstration.generate import ZONE
from gongzhi.config.demonstration.load import load_demo
from gongzhi.ground.access.models import Post
from gongzhi.ground.access.roles import Role
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger import verify
from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.places.models import Boundary, Place
from gongzhi.learn.bulletins.models import Bulletin
from gongzhi.loop.models import Delivery, Job
from gongzhi.sense.channels.models import Message, Photo
from gongzhi.understand.cases import tree
from gongzhi.understand.cases.models import Case, Ruling, Slip, State, Voice
from gongzhi.understand.themes.models import Theme
from gongzhi.verify.checks.models import Check

pytestmark = [pytest.mark.slow, pytest.mark.django_db]
# In the past of every clock: a post reaches as far as it does today.
NOW = datetime(2026, 6, 17, 14, 20, tzinfo=ZONE)
COUNT = 40


def quiet(what: str, done: int, total: int | None = None) -> None:
    pass


@pytest.fixture(scope="module")
def loaded(django_db_setup, django_db_blocker):
    """Loaded once for this module, and rolled back at its end."""
    from django.db import transaction

    cache.clear()
    tree.forget()
    said: list[str] = []
    with django_db_blocker.unblock(), override_settings(DEMO=True), transaction.atomic():
        load_demo(now=NOW, progress=lambda what, done, total=None: said.append(what), count=COUNT)
        yield said
        transaction.set_rollback(True)
    tree.forget()


def test_it_says_what_it_does(loaded):
    assert list(dict.fromkeys(loaded)) == [
        "Places, categories and people", "A year of cases, step by step", "Sealing the record",
    ]  # fmt: skip


def test_nothing_was_refused_or_left_to_do(loaded):
    """Every received message stands behind a case, every reaction has happened, no job waits but to send messages."""
    assert Message.objects.count() == Voice.objects.count() == COUNT + 24 + len(load.FRESH) + 8
    assert Case.objects.count() == Message.objects.count() - 3  # three joined a case of a neighbour
    assert not Job.objects.exclude(task__startswith="gongzhi.verify.notices").exists()
    assert Delivery.objects.count() > 5 * COUNT
    assert not Photo.objects.exclude(state=Photo.State.READY).exists()


def test_a_city_is_there(loaded):
    """Many voices behind one case, questions to rule on, late cases, called units, a mediation and a theme."""
    assert Case.objects.filter(voice_count=5).count() == 1
    assert Case.objects.filter(state=State.MERGED).count() == 1
    assert Case.objects.filter(contacted_at__isnull=False).count() > COUNT / 3
    kinds = Counter(Ruling.objects.values_list("kind", "state"))
    assert kinds["referral", "open"] == kinds["referral", "agreed"] == 1
    assert Slip.objects.exists()
    assert Counter(Whistle.objects.values_list("state", flat=True)) == {"ended": 1, "blown": 1}
    assert Agreement.objects.get().state == Agreement.State.EFFECTIVE
    assert Theme.objects.exists()
    assert Bulletin.objects.exists()


def test_a_street_sends_work_down(loaded):
    """A board with something of everything, a finished directive, one off the list, one a week, a draft and a group."""
    states = Counter(Directive.objects.values_list("state", flat=True))
    assert states == {"issued": 3, "closed": 1, "draft": 1}
    assert {piece.state for piece in Assignment.objects.all()} >= {
        "sent", "read", "accepted", "asking", "passed", "submitted", "returned", "done", "refused",
    }  # fmt: skip
    weekly = Directive.objects.get(rhythm="weekly")
    assert weekly.rounds.count() >= 2
    assert weekly.next_on is not None
    assert Question.objects.filter(outcome="").count() == 3
    assert set(Question.objects.values_list("kind", flat=True)) == {"clarify", "contest", "decide"}
    assert len(PlaceGroup.objects.get().places) == 4
    assert Assignment.objects.filter(place__level="grid", parent__isnull=False).count() >= 2


def test_every_state_is_there(loaded):
    states = Counter(Case.objects.values_list("state", flat=True))
    # One in fifty is withdrawn: so few cases need not have one.
    assert set(states) | {State.WITHDRAWN} == set(State.values)
    assert Case.objects.without_grid().filter(nearest__isnull=False).count() >= 2
    assert Case.objects.filter(reopened__gt=0).exists()
    assert Case.objects.late(NOW).exists()
    assert Case.objects.filter(extensions=1).exists()
    checks = Counter(Check.objects.values_list("state", flat=True))
    assert {"asked", "at_desk", "passed", "failed"} <= set(checks)
    tasks = Counter(Task.objects.values_list("state", flat=True))
    assert {"open", "accepted", "done", "returned"} <= set(tasks)
    assert NOW - Case.objects.latest("opened_at").opened_at < timedelta(minutes=10)
    assert Photo.objects.filter(message__voice__case__state="new").exists()
    assert TaskPhoto.objects.exists()


def test_nobody_checked_their_own_work(loaded):
    """Counted again from the record alone: who reported, and who passed the check of it."""
    post_of = dict(Post.objects.values_list("pk", "role"))
    reported: dict[int, Entry] = {}
    passed = 0
    for entry in Entry.objects.filter(event__in=["tasks.TaskReported", "checks.CheckPassed"]).order_by("pk"):
        if entry.event == "tasks.TaskReported":
            reported[entry.data["case_id"]] = entry
        else:
            passed += 1
            work = reported[entry.data["case_id"]]
            assert work.at < entry.at
            assert entry.by_id != work.by_id
            if entry.by_id is not None:
                assert post_of[entry.post_id] != post_of[work.post_id]
    closed = Case.objects.filter(state=State.CLOSED)
    assert passed >= closed.count() > COUNT / 2
    assert not closed.exclude(pk__in=Check.objects.filter(state="passed").values("case_id")).exists()


def test_the_record_is_sealed_and_clean(loaded):
    assert verify.verify(now=NOW) == []
    assert not Entry.objects.unsealed().exists()


def test_the_record_is_in_the_order_of_time(loaded):
    moments = list(Entry.objects.order_by("pk").values_list("at", flat=True))
    assert moments == sorted(moments)
    assert moments[-1] <= NOW


def test_places_are_invented_and_say_so(loaded):
    assert Place.objects.filter(level="grid").count() == 28
    assert not Boundary.objects.filter(demonstration=False).exists()
    assert {place.profile for place in Place.objects.exclude(profile="")} == {"rich_high_urban", "scarce_high_rural"}
    cases = Case.objects.filter(placed=True, lon__isnull=False).select_related("place")
    assert {case.place.level for case in cases} == {"grid"}


def test_no_number_can_be_dialled(loaded):
    phones = [message.reporter_phone.open() for message in Message.objects.all() if message.reporter_phone]
    phones += User.objects.values_list("work_phone", flat=True)
    assert len(phones) > COUNT
    assert all(re.fullmatch(r"1003333\d{4}", phone) for phone in phones)


def test_every_role_can_be_entered_with_one_click(loaded, client):
    assert all(user.is_demo and not user.has_usable_password() for user in User.objects.all())
    one_of_each = {post.role: post.user for post in Post.objects.select_related("user")}
    assert set(one_of_each) == set(Role.values)
    for role, user in one_of_each.items():
        answer = client.post(reverse("workbench:demo_sign_in"), {"username": user.username})
        assert answer.status_code == 303, role
        assert client.get(answer["Location"]).status_code == 200, role


def test_a_second_loading_changes_nothing(loaded):
    before = (Entry.objects.count(), User.objects.count(), Message.objects.count())
    load_demo(now=NOW + timedelta(days=1), progress=quiet, count=COUNT)
    assert (Entry.objects.count(), User.objects.count(), Message.objects.count()) == before


def test_desks_write_the_matter_and_not_the_greeting(loaded):
    summaries = list(Case.objects.filter(sorted_at__isnull=False).values_list("summary", flat=True))
    assert not [
        one
        for one in summaries
        if re.match("您好|领导好|你们好|来电人|市民来电|居民来电|我是.{2,8}居民|我住在|【", one)
    ]
    assert max(map(len, summaries)) <= 80


def test_something_is_promised_or_looked_at_again_today(loaded):
    assert Case.objects.filter(state=State.PAUSED, review_on=NOW.date()).exists()
