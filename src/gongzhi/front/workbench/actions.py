"""Keeping, changing and dropping the views of a person. They are settings of one's own and leave no entry."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.utils.translation import gettext as _

from gongzhi.front.workbench.models import SavedView
from gongzhi.ground.accounts.models import User
from gongzhi.ground.refusals import NotThere, Refusal

MOST: Final = 30  # views a person keeps for one list
STILL_USED: Final = timedelta(days=30)  # so seldom is written down that a view is still used


@transaction.atomic
def keep_view(*, over: str, name: str, query: str, opens: bool, by: User, now: datetime) -> SavedView:
    """Keep filters under a name. The same name again: the newer filters hold."""
    if len(query) > 500:
        raise Refusal(_("These filters are too long to be kept."), field="name", status=422)
    mine = SavedView.objects.filter(user=by, over=over)
    kept = list(mine.select_for_update())
    known = next((view for view in kept if view.name == name), None)
    if known is None and len(kept) >= MOST:
        raise Refusal(_("You keep %(most)d views already. Please delete one first.") % {"most": MOST}, field="name")
    if opens:
        mine.update(opens=False)
    if known is None:
        position = min(max((view.position for view in kept), default=0) + 1, 999)
        return SavedView.objects.create(
            user=by, over=over, name=name, query=query, opens=opens, position=position, used_at=now
        )
    known.query, known.opens, known.used_at = query, opens, now
    known.save(update_fields=["query", "opens", "used_at"])
    return known


@transaction.atomic
def change_view(
    *, view_id: int, name: str, position: int, pinned: bool, opens: bool, by: User, now: datetime
) -> SavedView:
    view = SavedView.objects.select_for_update().filter(pk=view_id, user=by).first()
    if view is None:
        raise NotThere()
    others = SavedView.objects.filter(user=by, over=view.over).exclude(pk=view.pk)
    if others.filter(name=name).exists():
        raise Refusal(_("You have another view of this name."), field="name", status=409)
    if opens:
        others.update(opens=False)
    view.name, view.position, view.pinned, view.opens, view.used_at = name, position, pinned, opens, now
    view.save()
    return view


def delete_view(*, view_id: int, by: User) -> None:
    SavedView.objects.filter(pk=view_id, user=by).delete()


def note_use(*, view_id: int, by: User, now: datetime) -> None:
    """A view that is used stays; one that nobody opens for more than a year goes."""
    SavedView.objects.filter(pk=view_id, user=by).update(used_at=now)
