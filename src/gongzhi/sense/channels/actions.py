"""Taking a message in. What is acknowledged is committed first."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from django.core.files.base import ContentFile
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from gongzhi.ground.access.models import Post
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.actions import record
from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.places.actions import grid_at, nearest_grid
from gongzhi.ground.places.models import Place
from gongzhi.ground.refusals import Refusal
from gongzhi.sense.channels.events import MessageReceived
from gongzhi.sense.channels.models import LONGEST_TEXT, AnswerBy, Channel, Message, Photo, Recording, draw_number
from gongzhi.sense.channels.photos import MOST_PHOTOS, accept_photo, clean_copies
from gongzhi.sense.channels.recordings import MOST_RECORDINGS, accept_recording


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A message before it is taken in. Only ``text`` is asked of everybody."""

    text: str
    channel: str = Channel.WEB
    category: str = ""
    place: Place | None = None  # the community or grid that was chosen by name
    point: tuple[float, float] | None = None  # longitude, latitude in WGS-84
    address: str = ""
    name: str = ""
    phone: str = ""
    email: str = ""
    consent: str = ""  # of a group chat: "group" (the group was told) or "person" (each was asked)
    answers: Mapping[str, Any] = field(default_factory=dict)  # to the category's questions, by their codes
    joins: str = ""  # the number of the case that the reporter joins instead of opening one
    answer_by: str = AnswerBy.LINK
    language: str = ""
    idempotency_key: str = ""
    photos: Sequence[Any] = field(default=())  # uploaded files
    recordings: Sequence[Any] = field(default=())  # voice notes, uploaded files


def check_text(text: str) -> str:
    """The text as it will be kept. Refusal when there is none or too much of it."""
    clean = text.replace("\x00", "").replace("\r\n", "\n").strip()
    if not any(character.isprintable() and not character.isspace() for character in clean):
        raise Refusal(_("Tell us in a few words what happened."), field="text", status=422)
    if len(clean) > LONGEST_TEXT:
        raise Refusal(
            _("That is %(length)d characters; %(longest)d are the most we can take.")
            % {"length": len(clean), "longest": LONGEST_TEXT},
            field="text",
            status=422,
        )
    return clean


def check_point(point: tuple[float, float] | None) -> tuple[float, float] | None:
    if point is None:
        return None
    lon, lat = point
    if not (math.isfinite(lon) and math.isfinite(lat) and -180 <= lon <= 180 and -90 <= lat <= 90):
        raise Refusal(_("This point is not on the map."), field="point", status=422)
    return lon, lat


MOST_ANSWERS = 50
LONGEST_ANSWER = 1000


def check_given_answers(answers: Mapping[str, Any]) -> dict[str, Any]:
    """The answers to a category's questions as they will be kept: short words, numbers, or lists of words, by code.

    Whether they fit the questions is checked by whoever knows the questions (cases.questions).
    """
    kept: dict[str, Any] = {}
    for code, value in answers.items():
        several = value if isinstance(value, list | tuple) else [value]
        fits = all(isinstance(one, str | int | float) and len(str(one)) <= LONGEST_ANSWER for one in several)
        if not fits or len(several) > MOST_ANSWERS or len(code) > 40 or len(answers) > MOST_ANSWERS:
            raise Refusal(_("These answers cannot be taken: too many, or too long."), field="answers", status=422)
        clean = [one.replace("\x00", "") if isinstance(one, str) else one for one in several]
        kept[code] = clean if isinstance(value, list | tuple) else clean[0]
    return kept


@dataclass(frozen=True)
class Placing:
    """Where a message belongs: a place, or (when its point lies in no grid) the nearest proposal."""

    place: Place | None
    nearest: Place | None = None
    metres: int | None = None

    @property
    def path(self) -> str:
        return self.place.path if self.place is not None else ""


def find_place(chosen: Place | None, point: tuple[float, float] | None) -> Placing:
    """The grid at the point; else the chosen place; else nothing, with the nearest grid as a proposal."""
    if point is not None:
        grid = grid_at(*point)
        if grid is not None:
            return Placing(grid)
    if chosen is not None:
        return Placing(chosen)
    if point is not None:
        near = nearest_grid(*point)
        if near is not None:
            return Placing(None, near[0], round(near[1]))
    return Placing(None)


def receive_message(
    draft: Draft,
    *,
    by: User | None,
    now: datetime,
    post: Post | None = None,
    draw: Callable[[datetime], str] = draw_number,
) -> Message:
    """Take one message in and record it. Returns only after the commit: from then on nothing can lose it.

    The same ``idempotency_key`` again gives back the message of the first time. Raises Refusal (422) for a text,
    point or photo that cannot be taken; then nothing has changed.
    """
    text = check_text(draft.text)
    point = check_point(draft.point)
    if len(draft.photos) > MOST_PHOTOS:
        raise Refusal(
            ngettext(
                "%(count)d photo is the most we can take.", "%(count)d photos are the most we can take.", MOST_PHOTOS
            )
            % {"count": MOST_PHOTOS},
            field="photos",
            status=422,
        )
    answers = check_given_answers(draft.answers)
    if len(draft.recordings) > MOST_RECORDINGS:
        raise Refusal(
            _("At most %(count)d voice notes, please.") % {"count": MOST_RECORDINGS}, field="recordings", status=422
        )
    photos = [accept_photo(upload) for upload in draft.photos]
    recordings = [accept_recording(upload) for upload in draft.recordings]
    placing = find_place(draft.place, point)
    for _attempt in range(5):
        try:
            return _write_message(
                draft, text, point, placing, photos, recordings, answers, by=by, now=now, post=post, number=draw(now)
            )
        except IntegrityError:
            if draft.idempotency_key:
                known = Message.objects.filter(idempotency_key=draft.idempotency_key).first()
                if known is not None:
                    return known
            # Otherwise the number was drawn before: draw another.
    raise RuntimeError("no free number in five draws")


@transaction.atomic
def _write_message(
    draft: Draft,
    text: str,
    point: tuple[float, float] | None,
    placing: Placing,
    photos: list[tuple[bytes, str]],
    recordings: list[tuple[bytes, str]],
    answers: dict[str, Any],
    *,
    by: User | None,
    now: datetime,
    post: Post | None,
    number: str,
) -> Message:
    message = Message.objects.create(
        number=number,
        channel=draft.channel,
        received_at=now,
        text=text,
        category=draft.category,
        place=placing.place,
        place_path=placing.path,
        address=draft.address.strip()[:200],
        lon=point[0] if point else None,
        lat=point[1] if point else None,
        nearest=placing.nearest,
        nearest_metres=placing.metres,
        reporter_name=draft.name.strip()[:60],
        reporter_phone=draft.phone.strip()[:30],
        reporter_email=draft.email.strip()[:120],
        answers=answers,
        joins=draft.joins,
        answer_by=draft.answer_by,
        language=draft.language,
        entered_by=by,
        idempotency_key=draft.idempotency_key or None,
    )
    for content, suffix in photos:
        photo = Photo(message=message)
        photo.upload.save(f"upload{suffix}", ContentFile(content), save=False)
        photo.save()
    for content, kind in recordings:
        recording = Recording(message=message, kind=kind, size=len(content))
        recording.file.save(f"note.{kind}", ContentFile(content), save=False)
        recording.save()
    record(
        MessageReceived(
            message_id=message.pk,
            channel=message.channel,
            photos=len(photos),
            consent=draft.consent,
            written_to=message.answer_by in (AnswerBy.SMS, AnswerBy.EMAIL),
        ),
        about=message,
        by=by,
        now=now,
        post=post,
        place=message.place_path,
    )
    return message


def prepare_photos(event: MessageReceived, *, entry: Entry, now: datetime) -> None:
    """Make the clean copies of a message's photos and delete what was uploaded (reaction to MessageReceived)."""
    for photo in Photo.objects.select_for_update(of=("self",)).filter(
        message_id=event.message_id, state=Photo.State.RECEIVED
    ):
        upload = photo.upload.name
        try:
            with photo.upload.open("rb") as file:
                large, small, photo.width, photo.height = clean_copies(file.read())
        except FileNotFoundError:
            raise
        except OSError:
            photo.state = Photo.State.UNREADABLE
        else:
            photo.large.save(f"{photo.uid.hex}.webp", large, save=False)
            photo.small.save(f"{photo.uid.hex}.webp", small, save=False)
            photo.state = Photo.State.READY
        photo.upload = ""
        photo.save()
        # The original with its EXIF goes once the copies are certain to be kept.
        transaction.on_commit(partial(photo.upload.storage.delete, upload))
