"""What a city shows besides single demands: neighbours who say the same, rulings, whistles, a dispute and a theme.

Played within the year, through the same actions as at the workbench; ``city.yaml`` holds the words.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

from django.db import transaction
from django.utils import timezone

from gongzhi.act.disputes import actions as disputes
from gongzhi.act.whistles import actions as whistles
from gongzhi.config.demonstration.cast import Cast, Player
from gongzhi.config.demonstration.catalogue import read_yaml
from gongzhi.config.demonstration.generate import DemoPerson, people, significant
from gongzhi.config.demonstration.ground import FOLDER, places
from gongzhi.config.demonstration.household_points import household_points
from gongzhi.config.demonstration.street import sent_down
from gongzhi.config.demonstration.village import agreed_work
from gongzhi.ground.places.models import Place
from gongzhi.sense.channels.actions import Draft, receive_message
from gongzhi.sense.channels.models import Message, draw_number
from gongzhi.understand.cases import actions as cases
from gongzhi.understand.cases import merging, rulings
from gongzhi.understand.cases.models import Case
from gongzhi.understand.themes import actions as themes
from gongzhi.understand.themes.models import Theme

React = Callable[[datetime], None]
Scene = Iterator[datetime]


def words() -> Mapping[str, Any]:
    found: Mapping[str, Any] = read_yaml(FOLDER / "city.yaml")
    return found


class City:
    """The scenes of one town, told from ``now`` backwards. ``react`` lets the circuit run after each step."""

    def __init__(self, cast: Cast, die: Random, *, seed: int, now: datetime, react: React) -> None:
        self.cast, self.die, self.now, self.react = cast, die, now, react
        first = places()[0]
        self.town = Place.objects.get(path=significant(first.town_code))
        self.community = Place.objects.get(path=significant(first.code))
        self.people: Sequence[DemoPerson] = [one for one in people(seed) if one.community_code == first.code] or people(
            seed
        )

        scenes = (
            self._neighbours(),
            self._referrals(),
            self._whistles(),
            self._dispute(),
            self._theme(),
            household_points(cast, now, words()["points"]),
            agreed_work(cast, now),
            *sent_down(cast, self.town, now),
        )
        self._waiting = [(next(scene), turn, scene) for turn, scene in enumerate(scenes)]
        heapq.heapify(self._waiting)

    def until(self, at: datetime) -> None:
        """Play what happens up to this moment, in the order of time. Each scene says when it goes on."""
        while self._waiting and self._waiting[0][0] <= at:
            moment, turn, scene = heapq.heappop(self._waiting)
            with transaction.atomic():
                following = next(scene, None)
                self.react(moment)
            if following is not None:
                heapq.heappush(self._waiting, (following, turn, scene))

    def _who(self, role: str, *, turn: int = 0, category: str = "") -> Player:
        found = self.cast.nearest(role, self.community.path, turn=turn, category=category)
        if found is None:
            raise LookupError(f"nobody is {role} at {self.community}")
        return found

    def _report(self, text: str, turn: int, at: datetime, *, category: str = "", joins: str = "") -> Message:
        grid = Place.objects.filter(parent=self.community, level="grid").order_by("path").first()
        person = self.people[turn % len(self.people)]
        message = receive_message(
            Draft(
                text=text,
                category=category,
                place=grid or self.community,
                name=person.name,
                phone=person.phone,
                answer_by="sms" if turn % 2 else "link",
                language="zh-hans",
                joins=joins,
            ),
            by=None,
            now=at,
            draw=lambda received_at: draw_number(received_at, self.die.randrange),
        )
        self.react(at)
        return message

    def _neighbours(self) -> Scene:
        """One lamp, four reporters behind one case, and a fifth report that the desk has not merged yet."""
        told, clerk = words()["neighbours"], self._who("street_clerk")
        yield (at := self.now - timedelta(hours=26))
        first = self._report(told["report"], 1, at, category=told["category"])
        yield (at := at + timedelta(minutes=40))
        case = Case.objects.get(voices__message=first)
        cases.dispatch_case(case_id=case.pk, category=told["category"], by=clerk.user, now=at)
        for turn, text in enumerate(told["joins"], 2):
            yield (at := at + timedelta(hours=3))
            self._report(text, turn, at, joins=case.number)
        yield (at := at + timedelta(hours=1))
        apart = self._report(told["joins"][0], 6, at, category=told["category"])
        yield (at := at + timedelta(hours=1))
        source = Case.objects.get(voices__message=apart)
        merging.merge_cases(source_id=source.pk, target_id=case.pk, by=clerk.user, now=at)
        yield (at := self.now - timedelta(minutes=25))
        self._report(told["again"], 7, at, category=told["category"])

    def _referrals(self) -> Scene:
        """Two demands that are no matter of government: one is referred, on the other the leader has to rule."""
        told = words()["referrals"]
        clerk, leader = self._who("street_clerk").user, self._who("street_leader").user
        for turn, (text, ago) in enumerate(zip(told["reports"], (timedelta(days=4), timedelta(hours=2)), strict=True)):
            yield (at := self.now - ago)
            message = self._report(text, 20 + turn, at)
            yield (at := at + timedelta(minutes=30))
            ruling = rulings.propose_referral(
                case_id=Case.objects.get(voices__message=message).pk,
                referral=Case.Referral.LEGAL_CHANNEL,
                reason=told["reason"],
                by=clerk,
                now=at,
            )
            if turn == 0:
                yield (at := at + timedelta(hours=4))
                rulings.decide(ruling_id=ruling.pk, words=told["ruled"], by=leader, now=at)

    def _whistles(self) -> Scene:
        """A joint whistle that has ended with appraisals on both sides, and one that still waits for the units."""
        told, clerk = words()["whistles"], self._who("street_clerk").user
        officers = [self._who("department_officer", category=one) for one in ("street", "consult.tax")]
        posts = sorted({(one.post.role, one.post.place_id) for one in officers})
        units, hands = [whistles.Called(role=role, place_id=place) for role, place in posts], officers[0].user
        one = told["ended"]
        yield (at := self.now - timedelta(days=6))
        whistle = whistles.blow_whistle(
            place=self.town, kind=one["kind"], need=one["need"], site=one["site"], units=units, by=clerk, now=at
        )
        called = [invitation.pk for invitation in whistle.invitations.order_by("pk")]
        yield (at := at + timedelta(minutes=30))
        for pk in called:
            whistles.accept_call(invitation_id=pk, by=hands, now=at)
        yield (at := at + timedelta(hours=2))
        for pk in called:
            whistles.note_arrival(invitation_id=pk, by=hands, now=at)
        yield (at := at + timedelta(hours=3))
        for pk in called:
            whistles.report_measures(invitation_id=pk, measures=one["measures"], result=one["result"], by=hands, now=at)
        yield (at := at + timedelta(hours=1))
        whistles.end_whistle(whistle_id=whistle.pk, result=one["closing"], by=clerk, now=at)
        yield (at := at + timedelta(hours=1))
        for pk in called:
            for by, said in ((clerk, one["street_says"]), (hands, one["unit_says"])):
                whistles.appraise(invitation_id=pk, mark="fair", words=said, by=by, now=at)
        one = told["open"]
        yield (at := self.now - timedelta(hours=3))
        whistles.blow_whistle(
            place=self.town, kind=one["kind"], need=one["need"], site=one["site"], units=units, by=clerk, now=at
        )

    def _dispute(self) -> Scene:
        """A mediation that has come to an agreement, of which one part is still to be kept."""
        told, by = words()["dispute"], self._who("mediator").user
        first, second = self.people[10 % len(self.people)], self.people[11 % len(self.people)]
        yield (at := self.now - timedelta(days=12))
        dispute = disputes.open_dispute(
            place=self.community,
            kind=told["kind"],
            subject=told["subject"],
            facts=told["facts"],
            parties=[
                disputes.NewParty(name=first.name, side="applicant", phone=first.phone),
                disputes.NewParty(name=second.name, side="respondent", phone=second.phone),
            ],
            by=by,
            now=at,
        )
        parties = list(dispute.parties.order_by("number"))
        ids = [party.pk for party in parties]
        for pk, statement in zip(ids, told["statements"], strict=True):
            yield (at := at + timedelta(hours=2))
            for step in (disputes.consent, disputes.choose_mediator, disputes.allow_name):
                step(party_id=pk, by=by, now=at)
            disputes.give_statement(party_id=pk, words=statement, by=by, now=at)
        held = at + timedelta(days=2)
        meeting = disputes.plan_meeting(
            dispute_id=dispute.pk, at=held, site=self.community.name, party_ids=ids, by=by, now=at
        )
        yield (at := held + timedelta(hours=1))
        disputes.hold_meeting(meeting_id=meeting.pk, minutes=told["minutes"], came=ids, by=by, now=at)
        yield (at := at + timedelta(hours=1))
        on = timezone.localdate(self.now)
        agreement = disputes.propose_agreement(
            dispute_id=dispute.pk,
            content=told["content"],
            promises=[
                disputes.Promise(party=parties[1].number, what=what, due_on=on + timedelta(days=days))
                for what, days in zip(told["promises"], (1, 20), strict=True)
            ],
            by=by,
            now=at,
        )
        yield (at := at + timedelta(hours=1))
        for pk in ids:
            disputes.sign_agreement(agreement_id=agreement.pk, party_id=pk, by=by, now=at)

    def _theme(self) -> Scene:
        """The computer looks for what many demands are about; the one about lamps gets an owner."""
        clerk = self._who("street_clerk")
        yield (at := self.now - timedelta(hours=12))
        survey = themes.start_survey(place=self.town, days=180, by=clerk.user, now=at)
        themes.run_survey(survey_id=survey.pk, now=at)
        theme = next((one for one in Theme.objects.filter(survey=survey) if "灯" in str(one.terms)), None)
        if theme is None:
            return
        yield (at := at + timedelta(minutes=20))
        themes.confirm_theme(theme_id=theme.pk, name=words()["theme"]["name"], by=clerk.user, now=at)
        themes.assign_theme(
            theme_id=theme.pk, role=clerk.post.role, place_id=clerk.post.place_id, by=clerk.user, now=at
        )
