"""Suggesting, and remembering what a person decided. Nothing here changes a case."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from django.db import transaction

from gongzhi.ground.accounts.models import User
from gongzhi.ground.filling import among
from gongzhi.ground.ledger.actions import record
from gongzhi.ground.ledger.models import Entry
from gongzhi.sense.channels.models import Message
from gongzhi.understand.cases.events import CaseOpened, CaseSorted, UrgencyMarked
from gongzhi.understand.cases.models import OPEN, Case
from gongzhi.understand.suggestions import classifier as classifiers
from gongzhi.understand.suggestions.classifier import Classifier, own_file, to_bytes
from gongzhi.understand.suggestions.events import ModelTrained
from gongzhi.understand.suggestions.models import Suggestion, TrainedModel
from gongzhi.understand.suggestions.reading import LEAST, Reading, read_texts

KEPT_VERSIONS = 5


def suggest(events: Sequence[CaseOpened], *, entries: Sequence[Entry], now: datetime) -> None:
    """Read the messages that opened these cases (reaction to CaseOpened). Cases that are sorted already are left."""
    said = {event.case_id: event.message_id for event in events}
    waiting = Case.objects.filter(among("pk", said), sorted_at__isnull=True, state__in=OPEN)
    cases = list(waiting.values_list("pk", "place_path", "opened_at"))
    texts = dict(Message.objects.filter(pk__in=[said[pk] for pk, *_more in cases]).values_list("pk", "text"))
    if not cases:
        return
    readings = read_texts([(texts[said[pk]], path) for pk, path, _opened in cases], now)
    Suggestion.objects.bulk_create(
        [suggestion_of(pk, reading, now) for (pk, *_more), reading in zip(cases, readings, strict=True)],
        batch_size=500,
        ignore_conflicts=True,
    )


def suggestion_of(case_id: int, reading: Reading, now: datetime) -> Suggestion:
    """The row that keeps a reading: numbers and places in the text, not a word of it."""
    named = reading.place
    return Suggestion(
        case_id=case_id,
        made_at=now,
        model=reading.model,
        category=reading.category if reading.confidence >= LEAST else None,
        confidence=reading.confidence,
        ranked=[[node.pk, confidence] for node, confidence in reading.ranked],
        spans=[list(span) for span in reading.spans],
        urgency=reading.urgency,
        urgency_rules=[[alarm.rule.code, *span] for alarm in reading.alarms for span in alarm.spans][:12],
        place_id=named.place_id if named is not None else None,
        place_confidence=named.confidence if named is not None else 0,
        places=[[one.start, one.end, one.place_id, one.confidence] for one in reading.places],
        times=[one.as_json() for one in reading.times],
    )


def note_confirmation(event: CaseSorted, *, entry: Entry, now: datetime) -> None:
    """A person has said what the case is about: was the suggestion right? (reaction to CaseSorted)"""
    suggestion = Suggestion.objects.select_for_update(of=("self",)).filter(case=event.case_id).first()
    if suggestion is None or event.category_id is None:
        return
    suggestion.confirmed_at, suggestion.confirmed_id = entry.at, event.category_id
    if suggestion.ranked:
        suggestion.was_right = suggestion.ranked[0][0] == event.category_id
        suggestion.was_in_three = event.category_id in [pk for pk, _confidence in suggestion.ranked]
    if event.urgency:
        suggestion.urgency_was_right = event.urgency == suggestion.urgency
    suggestion.save(update_fields=["confirmed_at", "confirmed", "was_right", "was_in_three", "urgency_was_right"])


def note_urgency(event: UrgencyMarked, *, entry: Entry, now: datetime) -> None:
    """A person has said how urgent the case is (reaction to UrgencyMarked)."""
    suggestion = Suggestion.objects.select_for_update(of=("self",)).filter(case=event.case_id).first()
    if suggestion is not None:
        suggestion.urgency_was_right = event.urgency == suggestion.urgency
        suggestion.save(update_fields=["urgency_was_right"])


@transaction.atomic
def keep_model(
    model: Classifier,
    *,
    source: str,
    texts: int,
    figures: dict[str, Any],
    before: float | None,
    in_use: bool,
    now: datetime,
    by: User | None = None,
) -> TrainedModel:
    """Record a training and, if it goes into use, put its file in place of the old one once that is committed."""
    content = to_bytes(model)
    row = TrainedModel.objects.create(
        name=model.version,
        source=source,
        sha256=hashlib.sha256(content).hexdigest(),
        texts=texts,
        categories=len(model.codes),
        macro_f1=figures["macro_f1"],
        before=before,
        figures=figures,
        in_use=in_use,
        by=by,
        at=now,
    )
    record(
        ModelTrained(
            model_id=row.pk, texts=texts, macro_f1_thousandths=round(figures["macro_f1"] * 1000), in_use=in_use
        ),
        about=row,
        by=by,
        now=now,
    )
    if in_use:
        own = own_file()
        write_file(own.with_name(f"{model.version}.npz"), content)
        transaction.on_commit(partial(_put_in_place, own, content))
    return row


def write_file(path: Path, content: bytes) -> None:
    """Write a file so that whoever reads it sees the old one or the new one, never half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}.part")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _put_in_place(own: Path, content: bytes) -> None:
    write_file(own, content)
    classifiers.forget()
    versions = sorted((one for one in own.parent.glob("*.npz") if one != own), key=lambda one: one.stat().st_mtime)
    for old in versions[:-KEPT_VERSIONS]:
        old.unlink(missing_ok=True)
