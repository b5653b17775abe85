"""The words and numbers of a directive, checked before anything is written."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from django.utils.translation import gettext as _

from gongzhi.act.directives.models import MOST_VALUE, RECEIVERS, Evidence
from gongzhi.act.directives.rhythm import MOST_ROUNDS, Rhythm, planned
from gongzhi.ground.places.models import Profile
from gongzhi.ground.refusals import Refusal
from gongzhi.ground.rules.spans import Span

MOST_MINUTES: Final = 6000
_PARTS_OF_PROFILES: Final = frozenset(part for profile in Profile.values for part in profile.split("_"))


@dataclass(frozen=True, kw_only=True)
class Ask:
    """What an office asks, as it was filled in. ``clean()`` gives it back tidy, or refuses with the field's name."""

    title: str
    text: str
    done_when: str
    target_level: str
    target_places: list[int]
    reply_span: str = ""
    reply_by: datetime | None = None
    legal_basis: str = ""
    urgent: bool = False
    evidence: str = Evidence.NONE
    evidence_reason: str = ""
    value: int = 0
    minutes: int = 0
    assist_item: str = ""
    asks_for: list[str] = field(default_factory=list)
    asks_because: str = ""
    rhythm: str = Rhythm.ONCE
    starts_on: date | None = None
    ends_on: date | None = None
    target_profile: str = ""

    def clean(self, *, now: datetime, today: date) -> dict[str, object]:
        """The columns of a directive. Refusal (422) that names the field for whatever cannot be meant."""
        _limit(self.title, "title", 4, 120, _("Give it a title that says what is to be done."))
        _limit(self.text, "text", 4, 5000, _("Say what is to be done."))
        _limit(self.done_when, "done_when", 4, 500, _("Say what counts as done, so that nobody has to guess."))
        if len(self.legal_basis) > 300:
            raise Refusal(_("At most %(most)d characters, please.") % {"most": 300}, field="legal_basis", status=422)
        if len(self.asks_because) > 300:
            raise Refusal(_("At most %(most)d characters, please.") % {"most": 300}, field="asks_because", status=422)
        if self.target_level not in RECEIVERS:
            raise Refusal(_("Choose to which places it goes."), field="target_level", status=422)
        if not self.target_places:
            raise Refusal(_("Choose at least one place."), field="target_places", status=422)
        if self.target_profile and self.target_profile not in {*Profile.values, *_PARTS_OF_PROFILES}:
            raise Refusal(_("There is no such profile."), field="target_profile", status=422)
        if not 0 <= self.value <= MOST_VALUE:
            raise Refusal(_("A value is between 0 and %(most)d.") % {"most": MOST_VALUE}, field="value", status=422)
        if not 0 <= self.minutes <= MOST_MINUTES:
            raise Refusal(
                _("Minutes are between 0 and %(most)d.") % {"most": MOST_MINUTES}, field="minutes", status=422
            )
        if self.evidence not in Evidence.values:
            raise Refusal(_("There is no such kind of evidence."), field="evidence", status=422)
        if self.evidence == Evidence.PHOTO:
            _limit(
                self.evidence_reason, "evidence_reason", 4, 200,
                _("Say why a photo is needed; the worker reads it. Photos for their own sake are not allowed."),
            )  # fmt: skip
        self._clean_time(now, today)
        return {
            name: value.strip() if isinstance(value, str) else value
            for name, value in vars(self).items()
            if name != "evidence_reason" or self.evidence == Evidence.PHOTO
        } | ({} if self.evidence == Evidence.PHOTO else {"evidence_reason": ""})

    def _clean_time(self, now: datetime, today: date) -> None:
        if bool(self.reply_span) == bool(self.reply_by):
            raise Refusal(
                _("Give a time to reply: a span or a moment, one of the two."), field="reply_span", status=422
            )
        if self.reply_span:
            try:
                span = Span.parse(self.reply_span)
            except ValueError:
                raise Refusal(_("This is no span of time."), field="reply_span", status=422) from None
            if not 0 < span.amount <= 3660:
                raise Refusal(_("The time to reply is too short or too long."), field="reply_span", status=422)
        elif self.reply_by is not None and self.reply_by <= now:
            raise Refusal(_("This moment has passed already."), field="reply_by", status=422)
        if self.rhythm not in Rhythm.values:
            raise Refusal(_("There is no such rhythm."), field="rhythm", status=422)
        if self.rhythm == Rhythm.ONCE:
            if self.starts_on or self.ends_on:
                raise Refusal(_("What is sent once has no first and last day."), field="rhythm", status=422)
            return
        if self.reply_by is not None:
            raise Refusal(_("What recurs needs a span as its time to reply."), field="reply_by", status=422)
        if self.starts_on is None or self.starts_on < today:
            raise Refusal(_("Give the first day of sending, today or later."), field="starts_on", status=422)
        if self.ends_on is None:
            raise Refusal(_("What recurs needs an end. It can be renewed then."), field="ends_on", status=422)
        if self.ends_on < self.starts_on:
            raise Refusal(_("The last day comes before the first."), field="ends_on", status=422)
        if planned(self.rhythm, self.starts_on, MOST_ROUNDS) <= self.ends_on:
            raise Refusal(
                _("That would be more than %(most)d sendings. Choose an earlier end.") % {"most": MOST_ROUNDS},
                field="ends_on",
                status=422,
            )


def _limit(words: str, name: str, least: int, most: int, missing: str) -> None:
    if len(words.strip()) < least:
        raise Refusal(missing, field=name, status=422)
    if len(words) > most:
        raise Refusal(_("At most %(most)d characters, please.") % {"most": most}, field=name, status=422)
