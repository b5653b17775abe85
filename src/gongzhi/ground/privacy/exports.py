"""Putting on record that somebody takes a table out of the house, before the first row leaves."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from gongzhi.ground.access.models import Post
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.actions import record
from gongzhi.ground.privacy.events import TableTakenOut
from gongzhi.ground.privacy.models import Export


@transaction.atomic
def take_out(
    *, what: str, form: str, rows: int, asked: Mapping[str, str], by: User, post: Post, now: datetime
) -> Export:
    """``asked`` are the filters as codes, numbers and days; words that somebody typed do not belong in it."""
    export = Export.objects.create(what=what, form=form, rows=rows, asked=dict(asked), by=by, post=post, at=now)
    record(
        TableTakenOut(what=what, form=form, rows=rows, asked=tuple(f"{name}={value}" for name, value in asked.items())),
        about=export,
        by=by,
        now=now,
        post=post,
        place=post.place_path,
    )
    return export
