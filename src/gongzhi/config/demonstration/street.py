"""A street with ten communities: what it sends down, how its communities answer. ``street.yaml`` holds the words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from gongzhi.act.directives import actions as directives
from gongzhi.act.directives import pieces
from gongzhi.act.directives.asking import Ask
from gongzhi.act.directives.models import Assignment, Directive, Evidence, Question, State
from gongzhi.act.directives.rhythm import Rhythm
from gongzhi.config.demonstration.cast import Cast, Player
from gongzhi.config.demonstration.catalogue import read_yaml
from gongzhi.config.demonstration.ground import FOLDER
from gongzhi.ground.places.models import Level, Place

Scene = Iterator[datetime]


def street_words() -> Mapping[str, Any]:
    found: Mapping[str, Any] = read_yaml(FOLDER / "street.yaml")
    return found


class Street:
    """One street, told from ``now`` backwards. Each scene says when it goes on."""

    def __init__(self, cast: Cast, town: Place, now: datetime) -> None:
        self.cast, self.town, self.now, self.told = cast, town, now, street_words()
        self.clerk = self._who("street_clerk", town.path)

    def scenes(self) -> list[Scene]:
        return [self._ended(), self._open(), self._off_list(), self._weekly()]

    def _who(self, role: str, path: str) -> Player:
        found = self.cast.nearest(role, path)
        if found is None:
            raise LookupError(f"nobody is {role} at {path}")
        return found

    def _hands(self, piece: Assignment) -> dict[str, Any]:
        """Which piece, and who of its office has it in hand."""
        return {"assignment_id": piece.pk, "by": self._who(piece.role, piece.place_path).user}

    def _send(self, name: str, at: datetime, *, span: str = "5 working_days", **more: Any) -> Directive:
        one = self.told[name]
        words = {key: one[key] for key in ("title", "text", "done_when", "legal_basis", "assist_item") if key in one}
        ask = Ask(
            **words,
            value=one.get("value", 0),
            minutes=one["minutes"],
            target_level=Level.VILLAGE,
            target_places=[self.town.pk],
            reply_span=span,
            **more,
        )
        return directives.draft_directive(ask=ask, by=self.clerk.user, now=at)

    def _issue(self, name: str, at: datetime, **more: Any) -> tuple[Directive, list[Assignment]]:
        directive = self._send(name, at, **more)
        directives.issue_directive(directive_id=directive.pk, by=self.clerk.user, now=at)
        return directive, list(Assignment.objects.filter(directive=directive).order_by("place_path"))

    def _ended(self) -> Scene:
        """All places have reported, one of them twice; the street has closed it."""
        told = self.told["ended"]
        yield (at := self.now - timedelta(days=24))
        directive, all_of_them = self._issue("ended", at)
        for turn, piece in enumerate(all_of_them):
            yield (at := at + timedelta(hours=2 + turn))
            pieces.accept_assignment(**self._hands(piece), now=at)
        for turn, piece in enumerate(all_of_them):
            yield (at := at + timedelta(hours=5))
            words = told["reports"][turn % len(told["reports"])]
            pieces.report_result(**self._hands(piece), words=words, minutes=90 + 20 * (turn % 5), now=at)
        yield (at := at + timedelta(hours=2))
        again = all_of_them[2]
        pieces.return_result(assignment_id=again.pk, reason=told["returned"], by=self.clerk.user, now=at)
        rest = [piece.pk for piece in all_of_them if piece.pk != again.pk]
        pieces.confirm_results(assignment_ids=rest, by=self.clerk.user, now=at)
        yield (at := at + timedelta(hours=20))
        pieces.report_result(**self._hands(again), words=told["again"], minutes=60, now=at)
        yield (at := at + timedelta(hours=3))
        pieces.confirm_result(assignment_id=again.pk, by=self.clerk.user, now=at)
        directives.close_directive(directive_id=directive.pk, by=self.clerk.user, now=at)

    def _open(self) -> Scene:
        """Every state that a piece can have: not read, read, asked back, passed down, reported, returned, done."""
        told = self.told["open"]
        yield (at := self.now - timedelta(days=3, hours=4))
        _directive, all_of_them = self._issue("open", at)
        down, asks, beyond, reported, done, returned, contests, accepted, read, *_unread = all_of_them
        yield (at := at + timedelta(hours=2))
        for piece in (down, accepted, reported, done, returned):
            pieces.accept_assignment(**self._hands(piece), now=at)
        pieces.read_assignment(**self._hands(read), now=at)
        question = pieces.ask_sender(**self._hands(asks), kind=Question.Kind.CLARIFY, words=told["question"], now=at)
        grids = Place.objects.current().filter(parent=down.place, level=Level.GRID).order_by("path")
        given = pieces.pass_down(**self._hands(down), pieces=[pieces.Piece(place_id=grid.pk) for grid in grids], now=at)
        yield (at := at + timedelta(hours=3))
        pieces.answer_question(
            question_id=question.pk,
            outcome=Question.Outcome.ANSWERED,
            answer=told["answer"],
            by=self.clerk.user,
            now=at,
        )
        pieces.report_result(**self._hands(given[0]), words=told["grid"], minutes=50, now=at)
        pieces.confirm_result(assignment_id=given[0].pk, by=self._hands(down)["by"], now=at)
        yield (at := self.now - timedelta(days=2))
        for piece, words in ((done, told["done"]), (returned, told["report"])):
            pieces.report_result(**self._hands(piece), words=words, minutes=200, now=at)
        yield (at := self.now - timedelta(hours=30))
        pieces.confirm_result(assignment_id=done.pk, by=self.clerk.user, now=at)
        pieces.return_result(assignment_id=returned.pk, reason=told["returned"], by=self.clerk.user, now=at)
        yield (at := self.now - timedelta(hours=5))
        pieces.report_result(**self._hands(reported), words=told["report"], minutes=220, now=at)
        pieces.ask_sender(**self._hands(beyond), kind=Question.Kind.DECIDE, words=told["beyond"], now=at)
        pieces.ask_sender(**self._hands(contests), kind=Question.Kind.CONTEST, words=told["contest"], now=at)
        if len(given) > 1:
            pieces.report_result(**self._hands(given[1]), words=told["grid"], minutes=40, now=at)

    def _off_list(self) -> Scene:
        """What communities need not do: two refuse by the list with one tap, one asks the street to look again."""
        told = self.told["off_list"]
        yield (at := self.now - timedelta(days=2, hours=3))
        _directive, all_of_them = self._issue("off_list", at, span="10 working_days")
        yield (at := at + timedelta(hours=4))
        for piece in all_of_them[3:5]:
            pieces.refuse_assignment(**self._hands(piece), now=at)
        yield (at := at + timedelta(hours=1))
        pieces.ask_sender(**self._hands(all_of_them[5]), kind=Question.Kind.CONTEST, words=told["contest"], now=at)

    def _weekly(self) -> Scene:
        """Three rounds so far, until an end that is in sight; a draft, and a group of places to send to again."""
        told = self.told["weekly"]
        yield (at := self.now - timedelta(days=15))
        today = timezone.localdate(at)
        directive = self._send(
            "weekly",
            at,
            span="3 working_days",
            rhythm=Rhythm.WEEKLY,
            starts_on=today,
            ends_on=today + timedelta(days=70),
            evidence=Evidence.PHOTO,
            evidence_reason=told["evidence_reason"],
        )
        directives.issue_directive(directive_id=directive.pk, by=self.clerk.user, now=at)
        for week in range(3):
            yield (at := self.now - timedelta(days=14 - 7 * week, hours=6))
            directives.send_due_rounds(now=at)
            fresh = Assignment.objects.filter(directive=directive, state=State.SENT).order_by("place_path")
            yield (at := at + timedelta(hours=3))
            for turn, piece in enumerate(fresh):
                if turn < 10 - 4 * week:
                    words = told["reports"][(turn + week) % len(told["reports"])]
                    pieces.report_result(**self._hands(piece), words=words, minutes=20 + 5 * (turn % 4), now=at)
            yield (at := at + timedelta(hours=2))
            ready = Assignment.objects.filter(directive=directive, state=State.SUBMITTED).values_list("pk", flat=True)
            pieces.confirm_results(assignment_ids=list(ready)[: 10 - 4 * week], by=self.clerk.user, now=at)
        yield (at := self.now - timedelta(hours=1))
        self._send("draft", at)
        four = Place.objects.current().filter(parent=self.town, level=Level.VILLAGE).order_by("path")[:4]
        directives.keep_group(
            name=self.told["group"], place_ids=[place.pk for place in four], by=self.clerk.user, now=at
        )


def sent_down(cast: Cast, town: Place, now: datetime) -> list[Scene]:
    return Street(cast, town, now).scenes()
