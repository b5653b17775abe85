"""Showing a sealed value with a reason, erasing what is due, sealing anew after a change of keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.apps import apps
from django.core.files.storage import Storage
from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from gongzhi.ground.access.actions import require
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.actions import record
from gongzhi.ground.privacy import seals
from gongzhi.ground.privacy.declarations import Personal, every_personal
from gongzhi.ground.privacy.events import PersonalDataErased, PersonalDataRevealed
from gongzhi.ground.privacy.fields import BlindIndexField, SealedTextField, Secret
from gongzhi.ground.privacy.models import DoomedFile, Erasure, Reveal
from gongzhi.ground.refusals import Refusal
from gongzhi.ground.rules.actions import rule

SHORTEST_REASON = 4
LONGEST_REASON = 200

Report = Callable[[str, int, int | None], None]


def _silent(what: str, done: int, total: int | None = None) -> None:
    """Nobody is watching."""


# Showing ----------------------------------------------------------------------------------------------------------


@transaction.atomic
def reveal(row: models.Model, field: str, *, by: User, reason: str, now: datetime) -> str:
    """The plain text of one sealed value, after the look has been recorded.

    ``row`` must come from ``visible_to(by)``. Refusal (403) without a post that may reveal at the row's place,
    Refusal (422) without a reason of a few words.
    """
    words = " ".join(reason.split())
    if len(words) < SHORTEST_REASON:
        raise Refusal(_("Say in a few words why you need to see this."), field="reason", status=422)
    if len(words) > LONGEST_REASON:
        raise Refusal(
            _("The reason is at most %(longest)d characters long.") % {"longest": LONGEST_REASON},
            field="reason",
            status=422,
        )
    secret = getattr(row, field)
    if not isinstance(secret, Secret):
        raise TypeError(f"{type(row).__name__}.{field} is not sealed")
    path: str = getattr(row, "place_path", "")
    post = require(by, "privacy.reveal", path, now)
    plain = secret.open()
    model = row._meta.label
    look = Reveal.objects.create(
        model=model, object_id=row.pk, field=field, reason=words, by=by, post=post, place_path=path, at=now
    )
    record(
        PersonalDataRevealed(model=model, object_id=row.pk, field=field),
        about=look,
        by=by,
        now=now,
        post=post,
        place=path,
    )
    return plain


def lookups_about(model: str, object_id: int) -> models.QuerySet[Reveal]:
    """Who looked at the sealed values of this object: post and place, when and why, the newest first.

    For the person concerned. Show the post and not the name of the one who holds it.
    """
    return Reveal.objects.of(model, object_id).select_related("post__place").order_by("-at", "-pk")


# Erasing ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Due:
    """What the retention job found for one field."""

    personal: Personal
    rows: int


def erase_due(*, now: datetime, batch: int = 500, dry_run: bool = False, report: Report = _silent) -> list[Due]:
    """Erase every personal value whose time is over; with ``dry_run`` only count them.

    Works in batches, each in a transaction of its own, so it may be killed at any moment and started again: what is
    already erased is not due any more. A sealed text or text is blanked together with its blind index, a file is
    deleted from the storage after the commit. A model that keeps more about the field defines
    ``erase_<field>(self) -> dict``: the other columns to write with it.
    """
    if not dry_run:
        delete_doomed_files()
    found = []
    for personal in every_personal():
        if personal.keep_days is None:
            continue
        rows = 0
        for due in _due(personal, now):
            if dry_run:
                rows += due.count()
            else:
                while erased := _erase_batch(personal, due, batch, now):
                    rows += erased
                    report(personal.label, rows, None)
        found.append(Due(personal, rows))
    return found


def delete_doomed_files() -> int:
    """Delete the files that a committed erasure left behind; also those of a run that was killed before it could."""
    gone = 0
    while doomed := list(DoomedFile.objects.order_by("pk")[:500]):
        for one in doomed:
            _storage(one.model, one.field).delete(one.name)
            one.delete()
            gone += 1
    return gone


def keep_days(personal: Personal, path: str, now: datetime) -> int:
    """How many days the field is kept at the place with this path."""
    days = personal.keep_days
    if isinstance(days, str):
        return int(rule(days, path=path, on=timezone.localdate(now)))
    if days is None:
        raise ValueError(f"{personal.label} lives as long as its row")
    return days


def _due(personal: Personal, now: datetime) -> Iterator[models.QuerySet[Any]]:
    """The rows that are due and not blank yet. More than one query only where places have rules of their own."""
    model = personal.model_class()
    standing = _not_blank(personal, model._default_manager.all())
    if isinstance(personal.keep_days, str) and _has_place(model):
        by_days: dict[int, list[str]] = {}
        for path in standing.order_by().values_list("place_path", flat=True).distinct():
            by_days.setdefault(keep_days(personal, path, now), []).append(path)
        if len(by_days) == 1:
            yield _before(personal, standing, now - timedelta(days=next(iter(by_days))))
            return
        for days, paths in by_days.items():
            for start in range(0, len(paths), 500):
                there = standing.filter(place_path__in=paths[start : start + 500])
                yield _before(personal, there, now - timedelta(days=days))
        return
    yield _before(personal, standing, now - timedelta(days=keep_days(personal, "", now)))


def _before(personal: Personal, rows: models.QuerySet[Any], moment: datetime) -> models.QuerySet[Any]:
    if not personal.clock_is_field():
        due: models.QuerySet[Any] = getattr(rows, personal.clock)(before=moment)
        return due
    limit = moment if personal.clock_is_time() else timezone.localdate(moment)
    return rows.filter(**{f"{personal.clock}__lt": limit})


def _has_place(model: type[models.Model]) -> bool:
    return any(field.name == "place_path" for field in model._meta.concrete_fields)


def blank_of(field: models.Field[Any, Any]) -> Any:
    """What stands in the column when there is nothing in it."""
    if isinstance(field, SealedTextField):
        return None if field.null else b""
    if isinstance(field, models.JSONField):
        return None if field.null else field.get_default() if field.has_default() else {}
    return None if field.null else ""


def _not_blank(personal: Personal, rows: models.QuerySet[Any]) -> models.QuerySet[Any]:
    if personal.whole_row:
        return rows
    field = personal.model_field()
    if field.null:
        rows = rows.filter(**{f"{field.name}__isnull": False})
    if isinstance(field, models.JSONField):
        return rows if field.null else rows.exclude(**{field.name: blank_of(field)})
    if isinstance(field, models.GenericIPAddressField):
        return rows
    return rows.exclude(**{field.name: b"" if isinstance(field, SealedTextField) else ""})


def _erase_batch(personal: Personal, due: models.QuerySet[Any], batch: int, now: datetime) -> int:
    """Erase one batch in one transaction. The number of rows; 0 when nothing was due."""
    with transaction.atomic():
        rows = list(due.order_by("pk").select_for_update(of=("self",))[:batch])
        if not rows:
            return 0
        if personal.whole_row:
            personal.model_class()._base_manager.filter(pk__in=[row.pk for row in rows]).delete()
        else:
            _blank(personal, rows, now)
        erasure = Erasure.objects.create(
            model=personal.model,
            field=personal.field,
            rows=len(rows),
            first_id=_harmless_id(rows[0]),
            last_id=_harmless_id(rows[-1]),
            at=now,
        )
        record(
            PersonalDataErased(model=personal.model, field=personal.field, rows=len(rows)),
            about=erasure,
            by=None,
            now=now,
        )
        transaction.on_commit(delete_doomed_files)
    return len(rows)


def _blank(personal: Personal, rows: list[models.Model], now: datetime) -> None:
    field = personal.model_field()
    manager = personal.model_class()._base_manager
    values: dict[str, Any] = {field.attname: blank_of(field)}
    values |= dict.fromkeys(getattr(field, "written_with", ()))
    if isinstance(field, models.FileField):
        doomed = [
            DoomedFile(model=personal.model, field=personal.field, name=str(getattr(row, field.attname)), since=now)
            for row in rows
        ]
        DoomedFile.objects.bulk_create(doomed, ignore_conflicts=True)
    own_way = f"erase_{personal.field}"
    if hasattr(personal.model_class(), own_way):
        for row in rows:
            manager.filter(pk=row.pk).update(**getattr(row, own_way)(), **values)
    else:
        manager.filter(pk__in=[row.pk for row in rows]).update(**values)


def _harmless_id(row: models.Model) -> str:
    """The row's number. A key that is not a number may be a secret itself (a session) and is not written down."""
    return str(row.pk) if isinstance(row.pk, int) else ""


def _storage(model: str, field: str) -> Storage:
    found = apps.get_model(model)._meta.get_field(field)
    if not isinstance(found, models.FileField):
        raise TypeError(f"{model}.{field} is not a file")
    return found.storage


# Changing keys ----------------------------------------------------------------------------------------------------


def reseal_everything(*, batch: int = 500, report: Report = _silent) -> int:
    """Seal every value that is not under the current key and cipher anew, and renew the blind indexes.

    May be killed and started again, and may run while people work: a value that somebody changes in between is left
    as they wrote it. Returns how many rows changed.
    """
    changed = 0
    for model in sealed_models():
        total = model._base_manager.count()
        done, last = 0, None
        while True:
            rows = model._base_manager.order_by("pk")
            page = list(rows[:batch] if last is None else rows.filter(pk__gt=last)[:batch])
            if not page:
                break
            with transaction.atomic():
                changed += sum(_reseal(row) for row in page)
            done, last = done + len(page), page[-1].pk
            report(model._meta.label, done, max(total, done))
    return changed


def sealed_models() -> list[type[models.Model]]:
    """The models that have sealed fields."""
    return [
        model
        for model in apps.get_models()
        if any(isinstance(field, SealedTextField) for field in model._meta.local_concrete_fields)
    ]


def _reseal(row: models.Model) -> bool:
    """Renew the sealed values of one row, unless somebody has changed them since they were read."""
    read: dict[str, Any] = {}
    written: dict[str, Any] = {}
    for field in row._meta.concrete_fields:
        if not isinstance(field, SealedTextField):
            continue
        secret: Secret | None = getattr(row, field.attname)
        if secret is None:
            continue
        sealed = bytes(field.pre_save(row, False) or b"")
        indexes = _stale_indexes(row, field, secret)
        if seals.is_current(sealed) and not indexes:
            continue
        read[field.attname] = sealed
        written[field.attname] = seals.seal(secret.open(), field.place_of(row))
        written |= indexes
    if not written:
        return False
    return bool(type(row)._base_manager.filter(pk=row.pk, **read).update(**written))


def _stale_indexes(row: models.Model, field: SealedTextField, secret: Secret) -> dict[str, bytes | None]:
    """The blind indexes that would be others under the current key."""
    stale = {}
    for name in field.written_with:
        index = row._meta.get_field(name)
        if not isinstance(index, BlindIndexField):
            continue
        fresh = index.blind(secret.open())
        kept = getattr(row, index.attname)
        if fresh != (None if kept is None else bytes(kept)):
            stale[name] = fresh
    return stale
