"""Changing the category tree and what categories ask. The tree is one for the whole house."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from gongzhi.ground.access.actions import require
from gongzhi.ground.access.models import Post
from gongzhi.ground.access.reach import posts_with
from gongzhi.ground.access.roles import ROLE_VERBS
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.actions import record
from gongzhi.ground.refusals import Refusal, Stale
from gongzhi.ground.rules.actions import rules_in_force
from gongzhi.understand.cases import tree
from gongzhi.understand.cases.events import (
    CategoryAdded,
    CategoryChanged,
    CategoryMoved,
    CategoryRetired,
    CategoryRevived,
    QuestionRetired,
    QuestionSet,
)
from gongzhi.understand.cases.models import Category, Question
from gongzhi.understand.cases.responsibility import desks

# What may be said about a node besides where it stands.
DETAILS: Final = (
    "name_zh", "name_en", "hint_zh", "hint_en", "kind", "deadline_rule", "role", "basis", "basis_verified", "icon",
    "urban", "rural", "in_public_form", "keywords", "opens_when_zh", "opens_when_en", "closes_when_zh",
    "closes_when_en", "private", "position",
)  # fmt: skip
_WORD: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
MOST_CHOICES: Final = 30


def deadline_rules(path: str, now: datetime) -> list[tuple[str, str]]:
    """The rules that set deadlines, as a form offers them."""
    lines = rules_in_force(path, timezone.localdate(now))
    return [(line.key, f"{line.about} · {line.key}") for line in lines if line.key.startswith("cases.deadline.")]


def _able(by: User, now: datetime) -> Post:
    """The post that may change the tree: its place must hold everything that this house serves."""
    posts = posts_with(by, "cases.categories")
    if not posts:
        raise Refusal(_("None of your posts allows this here."), status=403)
    post = require(by, "cases.categories", min((one.place_path for one in posts), key=len), now)
    if not all(desk.path.startswith(post.place_path) for desk in desks(timezone.localdate(now))):
        raise Refusal(
            _("The tree is one for the whole house: only the administration over all of it may change it."), status=403
        )
    return post


def _node(code: str, *, lock: bool = False) -> Category:
    nodes = Category.objects.select_for_update(of=("self",)) if lock else Category.objects.all()
    found = nodes.filter(code=code).first()
    if found is None:
        raise Refusal(_("There is no such category."), field="category", status=422)
    return found


def _line(node: Category | None) -> list[Category]:
    """The node and its parents, read from the database."""
    line: list[Category] = []
    while node is not None and len(line) <= tree.DEEPEST:
        line.append(node)
        node = Category.objects.filter(pk=node.parent_id).first() if node.parent_id is not None else None
    return line


def _below(node: Category) -> list[list[Category]]:
    """Everything below the node, level by level."""
    levels: list[list[Category]] = []
    level = [node]
    while level and len(levels) <= tree.DEEPEST:
        level = list(Category.objects.filter(parent__in=[one.pk for one in level]).order_by("position", "code"))
        if level:
            levels.append(level)
    return levels


def _changed() -> None:
    tree.forget()
    transaction.on_commit(tree.forget)


def _apply(node: Category, details: Mapping[str, Any], path: str, now: datetime) -> list[str]:
    """Put the details onto the node (in memory); gives the names of what is different now."""
    unknown = set(details) - set(DETAILS)
    if unknown:
        raise TypeError(f"no details of a category: {sorted(unknown)}")
    different = [name for name in DETAILS if name in details and getattr(node, name) != details[name]]
    for name in different:
        setattr(node, name, details[name])
    if "role" in different and node.role and "tasks.work" not in ROLE_VERBS.get(node.role, ()):
        raise Refusal(_("This role does not take work orders."), field="role", status=422)
    known = {"", *(key for key, _words in deadline_rules(path, now))} if "deadline_rule" in different else set()
    if "deadline_rule" in different and node.deadline_rule not in known:
        raise Refusal(_("There is no such deadline rule."), field="deadline_rule", status=422)
    if not isinstance(node.keywords, list) or not all(isinstance(word, str) for word in node.keywords):
        raise Refusal(_("Keywords are words."), field="keywords", status=422)
    try:
        node.clean_fields(exclude=["parent", "successor", "keywords"])
    except ValidationError as wrong:
        field = next(iter(wrong.message_dict))
        raise Refusal(wrong.message_dict[field][0], field=field, status=422) from None
    return different


@transaction.atomic
def add_category(*, parent: str, word: str, by: User, now: datetime, **details: Any) -> Category:
    """Add a node below ``parent`` ("": at the top). ``word`` is the last part of its code and never changes."""
    post = _able(by, now)
    above = _node(parent, lock=True) if parent else None
    on = timezone.localdate(now)
    if above is not None and not above.is_in_force(on):
        raise Refusal(_("Nothing can be added below a retired category."), field="parent", status=422)
    if not _WORD.fullmatch(word):
        raise Refusal(
            _("A code is made of small letters, digits and underscores, and begins with a letter."),
            field="word",
            status=422,
        )
    code = f"{above.code}.{word}" if above is not None else word
    if len(code) > 80 or len(_line(above)) >= tree.DEEPEST:
        raise Refusal(_("The tree is deep enough: at most ten levels."), field="parent", status=422)
    if Category.objects.filter(code=code).exists():
        raise Refusal(_("This code is taken. A code is never used for something else."), field="word", status=422)
    last = Category.objects.filter(parent=above).order_by("-position").values_list("position", flat=True).first()
    node = Category(
        code=code, parent=above, position=(last or 0) + 1, kind=above.kind if above else Category.Kind.EVENT
    )
    if above is not None:
        node.icon, node.private = above.icon, above.private
    if above is not None and above.private and details.get("private") is False:
        details.pop("private")  # what lies between people stays so further down
    _apply(node, details, post.place_path, now)
    node.save()
    record(
        CategoryAdded(category_id=node.pk, parent_id=node.parent_id),
        about=node, by=by, now=now, post=post, place=post.place_path,
    )  # fmt: skip
    _changed()
    return node


@transaction.atomic
def change_category(*, code: str, by: User, now: datetime, version: int | None = None, **details: Any) -> Category:
    """Say something else about a node: names, hints, conditions, deadline rule, role, basis, whether it is private."""
    post = _able(by, now)
    node = _node(code, lock=True)
    if version is not None and version != node.version:
        raise Stale(_("Somebody else changed this a moment ago. Please look at it again."), status=409)
    different = _apply(node, details, post.place_path, now)
    if different:
        record(
            CategoryChanged(category_id=node.pk, fields=different),
            about=node, by=by, now=now, post=post, place=post.place_path, save=different,
        )  # fmt: skip
        _changed()
    return node


@transaction.atomic
def move_category(*, code: str, parent: str, by: User, now: datetime) -> Category:
    """Put a node, with all below it, under another one ("": at the top). Codes and cases stay what they are."""
    post = _able(by, now)
    node = _node(code, lock=True)
    above = _node(parent, lock=True) if parent else None
    line = _line(above)
    if node in line:
        raise Refusal(_("A category cannot lie below itself."), field="parent", status=422)
    if above is not None and not above.is_in_force(timezone.localdate(now)):
        raise Refusal(_("Nothing can be added below a retired category."), field="parent", status=422)
    if len(line) + 1 + len(_below(node)) > tree.DEEPEST:
        raise Refusal(_("The tree is deep enough: at most ten levels."), field="parent", status=422)
    if node.parent_id == (above.pk if above is not None else None):
        return node
    event = CategoryMoved(
        category_id=node.pk, parent_id=above.pk if above is not None else None, from_parent_id=node.parent_id
    )
    node.parent = above
    record(event, about=node, by=by, now=now, post=post, place=post.place_path, save=("parent",))
    _changed()
    return node


@transaction.atomic
def retire_category(*, code: str, by: User, now: datetime, successor: str = "") -> Category:
    """From today on nobody chooses this node or those below it. Open cases keep it; new demands go to ``successor``."""
    post = _able(by, now)
    node = _node(code, lock=True)
    today = timezone.localdate(now)
    if not node.is_in_force(today):
        raise Refusal(_("This category is retired already."), status=409)
    new = _node(successor) if successor else None
    if new is not None and (not new.is_in_force(today) or node in _line(new)):
        raise Refusal(
            _("The successor must be a category in use that does not retire with this one."),
            field="successor",
            status=422,
        )
    for one in (node, *(below for level in _below(node) for below in level)):
        if not one.is_in_force(today):
            continue
        one.retired_on, one.successor = today, new
        record(
            CategoryRetired(category_id=one.pk, successor_id=new.pk if new is not None else None),
            about=one, by=by, now=now, post=post, place=post.place_path, save=("retired_on", "successor"),
        )  # fmt: skip
    _changed()
    return node


@transaction.atomic
def revive_category(*, code: str, by: User, now: datetime) -> Category:
    """Use a retired node again."""
    post = _able(by, now)
    node = _node(code, lock=True)
    today = timezone.localdate(now)
    if node.is_in_force(today):
        raise Refusal(_("This category is in use."), status=409)
    if node.parent is not None and not node.parent.is_in_force(today):
        raise Refusal(_("The category above it is retired: use that one again first."), status=422)
    node.retired_on, node.successor = None, None
    record(
        CategoryRevived(category_id=node.pk),
        about=node, by=by, now=now, post=post, place=post.place_path, save=("retired_on", "successor"),
    )  # fmt: skip
    _changed()
    return node


# --- questions ----------------------------------------------------------------------------------------------------


@transaction.atomic
def set_question(
    *,
    category: str,
    code: str,
    label_zh: str,
    label_en: str,
    by: User,
    now: datetime,
    kind: str = Question.Kind.TEXT,
    choices: Sequence[Mapping[str, str]] = (),
    required: bool = False,
    position: int = 0,
) -> Question:
    """Ask something of whoever reports under this category or one below it; or ask it in other words from now on.

    The code stays: answers are kept by it. A retired question with this code is asked again.
    """
    post = _able(by, now)
    node = _node(category, lock=True)
    if not _WORD.fullmatch(code):
        raise Refusal(
            _("A code is made of small letters, digits and underscores, and begins with a letter."),
            field="code",
            status=422,
        )
    offered = [{"key": one["key"].strip(), "zh": one["zh"].strip(), "en": one["en"].strip()} for one in choices]
    of_choices = kind in (Question.Kind.ONE, Question.Kind.SOME)
    keys = [one["key"] for one in offered]
    if of_choices and (
        not 2 <= len(keys) <= MOST_CHOICES
        or len(set(keys)) < len(keys)
        or not all(all(one.values()) for one in offered)
    ):
        raise Refusal(
            _("Give two to thirty choices, each with a key of its own and both wordings."), field="choices", status=422
        )
    question = Question.objects.filter(category=node, code=code).first() or Question(category=node, code=code)
    question.kind, question.label_zh, question.label_en = kind, label_zh.strip(), label_en.strip()
    question.choices, question.required, question.position = offered if of_choices else [], required, position
    question.retired_on = None
    try:
        question.clean_fields(exclude=["category", "choices"])
    except ValidationError as wrong:
        field = next(iter(wrong.message_dict))
        raise Refusal(wrong.message_dict[field][0], field=field, status=422) from None
    common: dict[str, Any] = {"by": by, "now": now, "post": post, "place": post.place_path}
    fresh = question.pk is None
    if fresh:
        question.save()
    event = QuestionSet(question_id=question.pk, category_id=node.pk)
    words = ("kind", "label_zh", "label_en", "choices", "required", "position", "retired_on")
    record(event, about=question, save=None if fresh else words, **common)
    # A step of the node tells every process to read the tree anew.
    record(CategoryChanged(category_id=node.pk, fields=[]), about=node, save=(), **common)
    _changed()
    return question


@transaction.atomic
def retire_question(*, category: str, code: str, by: User, now: datetime) -> Question:
    """Ask it no more. Answers that were given stay readable."""
    post = _able(by, now)
    node = _node(category, lock=True)
    question = Question.objects.filter(category=node, code=code, retired_on__isnull=True).first()
    if question is None:
        raise Refusal(_("This category does not ask “%(code)s”.") % {"code": code[:40]}, status=422)
    question.retired_on = timezone.localdate(now)
    common: dict[str, Any] = {"by": by, "now": now, "post": post, "place": post.place_path}
    event = QuestionRetired(question_id=question.pk, category_id=node.pk)
    record(event, about=question, save=("retired_on",), **common)
    record(CategoryChanged(category_id=node.pk, fields=[]), about=node, save=(), **common)
    _changed()
    return question
