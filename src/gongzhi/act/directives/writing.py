"""One form, one call: the words, the files, the group of places, and sending it, all or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.core.files.storage import default_storage
from django.db import transaction

from gongzhi.act.directives.actions import change_draft, draft_directive, issue_directive, keep_group
from gongzhi.act.directives.asking import Ask
from gongzhi.act.directives.files import attach_files
from gongzhi.act.directives.models import Directive
from gongzhi.ground.accounts.models import User


def write_directive(
    *,
    ask: Ask,
    by: User,
    now: datetime,
    directive_id: int | None = None,
    place_id: int | None = None,
    uploads: Sequence[Any] = (),
    keep_as: str = "",
    send: bool = False,
) -> Directive:
    """Draft it (or change the draft), attach the files, keep the places under a name, and send it when asked to."""
    stored: list[str] = []
    try:
        with transaction.atomic():
            if directive_id is None:
                directive = draft_directive(ask=ask, by=by, now=now, place_id=place_id)
            else:
                directive = change_draft(directive_id=directive_id, ask=ask, by=by, now=now)
            if uploads:
                made = attach_files(directive_id=directive.pk, uploads=uploads, by=by, now=now)
                stored = [str(row.file.name) for row in made]
            if keep_as:
                keep_group(name=keep_as, place_ids=ask.target_places, by=by, now=now)
            if send:
                directive = issue_directive(directive_id=directive.pk, by=by, now=now)
    except Exception:
        for name in stored:  # a row that was never written leaves no file behind
            default_storage.delete(name)
        raise
    return directive
