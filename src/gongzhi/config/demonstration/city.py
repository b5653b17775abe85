"""What a city shows besides single demands: neighbours who say the same, rulings, whistles, a dispute and a theme.

Played at the end of the year, through the same actions as at the workbench; ``city.yaml`` holds the words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

from django.utils import timezone

from gongzhi.act.disputes import actions as disputes
from gongzhi.act.whistles import actions as whistles
from gongzhi.config.demonstration.cast import Cast, Player
from gongzhi.config.demonstration.catalogue import read_yaml
from gongzhi.config.demonstration.generate import DemoPerson, people, significant
from gongzhi.config.demonstration.ground import FOLDER, places
from gongzhi.ground.places.models import Place
from gongzhi.sense.channels.actions import Draft, receive_message
from gongzhi.sense.channels.models import Message, draw_number
from gongzhi.understand.cases import actions as cases
from gongzhi.understand.cases import merging, rulings
from gongzhi.understand.cases.models import Case, State
from gongzhi.understand.themes import actions as themes
from gongzhi.understand.themes.models import Theme

React = Callable[[datetime], None]


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

    def enact(self) -> None:
        self._neighbours()
        self._referral()
        self._whistles()
        self._dispute()
        self._theme()

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

    def _neighbours(self) -> None:
        """One lamp, four reporters behind one case, and a fifth report that the desk has not merged yet."""
        told = words()["neighbours"]
        at = self.now - timedelta(hours=26)
        first = self._report(told["report"], 1, at, category=told["category"])
        case = Case.objects.get(voices__message=first)
        clerk = self._who("street_clerk")
        at += timedelta(minutes=40)
        cases.dispatch_case(case_id=case.pk, category=told["category"], by=clerk.user, now=at)
        self.react(at)
        for turn, text in enumerate(told["joins"], 2):
            at += timedelta(hours=3)
            self._report(text, turn, at, joins=case.number)
        apart = self._report(told["joins"][0], 6, at + timedelta(hours=1), category=told["category"])
        at += timedelta(hours=2)
        merging.merge_cases(
            source_id=Case.objects.get(voices__message=apart).pk, target_id=case.pk, by=clerk.user, now=at
        )
        self.react(at)
        self._report(told["again"], 7, self.now - timedelta(minutes=25), category=told["category"])

    def _referral(self) -> None:
        """One demand that is no matter of government: the desk proposes, and the street's leader has to rule."""
        found = Case.objects.at(self.town.path).filter(state=State.NEW, category__isnull=False, placed=True)
        case = found.exclude(voice_count__gt=1).order_by("opened_at").first()
        if case is None:
            return
        rulings.propose_referral(
            case_id=case.pk,
            referral=Case.Referral.OUTSIDE_DUTY,
            reason=words()["neighbours"]["referral"],
            by=self._who("street_clerk").user,
            now=self.now - timedelta(minutes=15),
        )
        self.react(self.now)

    def _whistles(self) -> None:
        told = words()["whistles"]
        clerk, officers = self._who("street_clerk").user, [self._who("department_officer", category=one) for one in
                                                            ("street", "consult.tax")]  # fmt: skip
        posts = {(one.post.role, one.post.place_id) for one in officers}
        units = [whistles.Called(role=role, place_id=place) for role, place in sorted(posts)]
        at = self.now - timedelta(days=6)
        one = told["ended"]
        whistle = whistles.blow_whistle(
            place=self.town, kind=one["kind"], need=one["need"], site=one["site"], units=units, by=clerk, now=at
        )
        self.react(at)
        for invitation in whistle.invitations.order_by("pk"):
            hands = officers[0].user
            whistles.accept_call(invitation_id=invitation.pk, by=hands, now=at + timedelta(minutes=30))
            whistles.note_arrival(invitation_id=invitation.pk, by=hands, now=at + timedelta(hours=2))
            whistles.report_measures(
                invitation_id=invitation.pk, measures=one["measures"], result=one["result"], by=hands,
                now=at + timedelta(hours=5),
            )  # fmt: skip
        whistles.end_whistle(whistle_id=whistle.pk, result=one["closing"], by=clerk, now=at + timedelta(hours=6))
        for invitation in whistle.invitations.order_by("pk"):
            for by, said in ((clerk, one["street_says"]), (officers[0].user, one["unit_says"])):
                whistles.appraise(
                    invitation_id=invitation.pk, mark="fair", words=said, by=by, now=at + timedelta(hours=7)
                )
        self.react(self.now)
        one = told["open"]
        whistles.blow_whistle(
            place=self.town, kind=one["kind"], need=one["need"], site=one["site"], units=units, by=clerk,
            now=self.now - timedelta(hours=3),
        )  # fmt: skip
        self.react(self.now)

    def _dispute(self) -> None:
        """A mediation that has come to an agreement, of which one part is still to be kept."""
        told = words()["dispute"]
        by = self._who("mediator").user
        at = self.now - timedelta(days=12)
        first, second = self.people[10 % len(self.people)], self.people[11 % len(self.people)]
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
        for party, statement in zip(parties, told["statements"], strict=True):
            at += timedelta(hours=2)
            for step in (disputes.consent, disputes.choose_mediator, disputes.allow_name):
                step(party_id=party.pk, by=by, now=at)
            disputes.give_statement(party_id=party.pk, words=statement, by=by, now=at)
        held = at + timedelta(days=2)
        ids = [party.pk for party in parties]
        meeting = disputes.plan_meeting(
            dispute_id=dispute.pk, at=held, site=self.community.name, party_ids=ids, by=by, now=at
        )
        disputes.hold_meeting(
            meeting_id=meeting.pk, minutes=told["minutes"], came=ids, by=by, now=held + timedelta(hours=1)
        )
        on = timezone.localdate(self.now)
        agreement = disputes.propose_agreement(
            dispute_id=dispute.pk,
            content=told["content"],
            promises=[
                disputes.Promise(party=parties[1].number, what=what, due_on=on + timedelta(days=days))
                for what, days in zip(told["promises"], (1, 20), strict=True)
            ],
            by=by,
            now=held + timedelta(hours=2),
        )
        for party in parties:
            disputes.sign_agreement(agreement_id=agreement.pk, party_id=party.pk, by=by, now=held + timedelta(hours=3))
        self.react(self.now)

    def _theme(self) -> None:
        """The computer looks for what many demands are about; the one about lamps gets an owner."""
        clerk = self._who("street_clerk")
        at = self.now - timedelta(hours=20)
        survey = themes.start_survey(place=self.town, days=180, by=clerk.user, now=at)
        themes.run_survey(survey_id=survey.pk, now=at)
        self.react(at)
        theme = next((one for one in Theme.objects.filter(survey=survey) if "灯" in str(one.terms)), None)
        if theme is None:
            return
        told = words()["theme"]
        themes.confirm_theme(theme_id=theme.pk, name=told["name"], by=clerk.user, now=at)
        themes.assign_theme(
            theme_id=theme.pk, role=clerk.post.role, place_id=clerk.post.place_id, by=clerk.user,
            now=at + timedelta(hours=1),
        )  # fmt: skip
        self.react(self.now)
