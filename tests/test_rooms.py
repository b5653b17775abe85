"""Tests about the code: a newcomer who knows one room knows all of them."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.db import models

import gongzhi
from gongzhi.ground.ledger.events import every_event
from gongzhi.ground.privacy.declarations import every_personal, is_text_like

SOURCE = Path(gongzhi.__file__).parent
STAGES = ("sense", "understand", "decide", "act", "verify", "learn")
FLOORS = ("ground", *STAGES, "front", "loop")
# What every room may have. A room may have more modules of its own, but none under these names' meanings.
USUAL = {
    "models", "events", "actions", "forms", "views", "urls", "jobs", "privacy", "apps", "commands", "__init__",
}  # fmt: skip
FOLDERS = {"templates", "tests", "migrations", "data", "packs", "static", "templatetags", "__pycache__"}
NOT_ALLOWED = {
    "core", "base", "common", "utils", "util", "helpers", "helper", "misc", "lib", "shared", "tools",
    "admin", "signals", "managers", "services", "serializers", "selectors", "constants",
}  # fmt: skip


def rooms() -> list[Path]:
    found = [SOURCE / "loop", *sorted(path.parent for path in (SOURCE / "loop").glob("*/apps.py"))]
    for floor in FLOORS[:-1]:
        found += sorted(path.parent for path in (SOURCE / floor).glob("*/apps.py"))
    return found


ROOMS = rooms()
by_room = pytest.mark.parametrize("room", ROOMS, ids=lambda path: str(path.relative_to(SOURCE)))


def modules(*, tests: bool = False) -> Iterator[Path]:
    for path in sorted(SOURCE.rglob("*.py")):
        if "migrations" not in path.parts and (tests or "tests" not in path.parts):
            yield path


def label_of(room: Path) -> str:
    return room.name


def own_models(room: Path) -> list[type[models.Model]]:
    return [model for model in apps.get_models() if model.__module__ == dotted(room / "models.py")]


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts)


def test_there_are_rooms() -> None:
    assert {"access", "accounts", "channels", "cases", "tasks", "checks", "portal", "workbench", "loop"} <= {
        room.name for room in ROOMS
    }


@by_room
def test_a_room_is_an_app_of_its_own_name(room: Path) -> None:
    config = apps.get_app_config(label_of(room))
    assert config.name == dotted(room / "x.py").rpartition(".")[0]
    assert (config.module.__doc__ or "").strip() or (inspect.getmodule(type(config)).__doc__ or "").strip()


@by_room
def test_folders_of_a_room(room: Path) -> None:
    packages = {"views", "forms"} if room.parent.name == "front" else set()  # the doors combine many rooms
    packages |= {one.name for one in ROOMS if one.parent == room}  # what sends out of the house lives in the loop
    assert {path.name for path in room.iterdir() if path.is_dir()} <= FOLDERS | packages


@by_room
def test_modules_of_a_room_say_what_they_are_for(room: Path) -> None:
    for path in room.rglob("*.py"):
        if "migrations" in path.parts or path.name == "__init__.py" or "tests" in path.parts:
            continue
        assert re.fullmatch(r"[a-z_]+", path.stem), path
        assert ast.get_docstring(ast.parse(path.read_text())), f"{path.relative_to(SOURCE)} has no first sentence"


def test_no_module_has_a_name_that_means_nothing() -> None:
    wrong = [path for path in SOURCE.rglob("*") if path.stem in NOT_ALLOWED and path.suffix in ("", ".py")]
    assert not wrong
    assert not [
        config.label
        for config in apps.get_app_configs()
        if config.name.startswith("gongzhi.") and config.label in NOT_ALLOWED
    ]


# --- who imports whom -----------------------------------------------------------------------------------------------


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


def test_actions_are_called_by_their_own_stage_the_loop_and_the_doors() -> None:
    wrong = []
    for path in modules():
        here = path.relative_to(SOURCE).parts
        for name in imports(path):
            match = re.fullmatch(r"gongzhi\.(\w+)\.(\w+)\.actions", name)
            if match is None or match[1] == "ground":
                continue
            if here[0] not in (match[1], "loop", "front", "config"):
                wrong.append(f"{'/'.join(here)} imports {name}")
    assert not wrong


def test_doors_and_the_loop_are_imported_by_nobody_below() -> None:
    wrong = []
    for path in modules():
        floor = path.relative_to(SOURCE).parts[0]
        for name in imports(path):
            parts = name.split(".")
            above = parts[0] == "gongzhi" and len(parts) > 1 and parts[1] in ("front", "loop", "config")
            if above and floor in ("ground", *STAGES):
                wrong.append(f"{path.relative_to(SOURCE)} imports {name}")
    assert not wrong


# --- actions --------------------------------------------------------------------------------------------------------


def public_functions(path: Path) -> list[ast.FunctionDef]:
    tree = ast.parse(path.read_text())
    return [node for node in tree.body if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")]


@pytest.mark.parametrize(
    "path",
    [room / "actions.py" for room in ROOMS if (room / "actions.py").exists() and room.parent.name in STAGES],
    ids=lambda path: path.parent.name,
)
def test_actions_take_time_and_person_as_arguments(path: Path) -> None:
    """Whatever changes state takes ``now``, by name, and never reads the clock."""
    text = path.read_text()
    assert "timezone.now()" not in text
    assert "datetime.now" not in text
    assert "random" not in text
    for function in public_functions(path):
        names = {argument.arg for argument in function.args.kwonlyargs}
        writes = any(
            isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("record", "_conclude", "_write_message")
            for node in ast.walk(function)
        )
        if writes:
            assert "now" in names, f"{function.name} needs now="
            reaction = "entry" in names
            system = function.name in ("move_unanswered", "resume_overdue")
            by_link = "message" in names
            assert reaction or system or by_link or "by" in names, f"{function.name} needs by="


def test_nothing_saves_behind_an_actions_back() -> None:
    """No save() of one's own on models, no signal receivers: what happens can be read in the action."""
    for room in ROOMS:
        for model in own_models(room):
            for name in ("save", "delete", "full_clean"):
                assert not getattr(model, name).__module__.startswith("gongzhi."), f"{model._meta.label}.{name}"
    for path in modules():
        text = path.read_text()
        assert "@receiver" not in text, path
        # One exception: a sealed field hooks into saving to seal itself, whoever saves.
        if path.name != "fields.py":
            assert "django.db.models.signals" not in text, path


def test_views_and_forms_write_nothing() -> None:
    changing = {"save", "create", "update", "delete", "bulk_create", "bulk_update", "get_or_create", "update_or_create"}
    wrong = []
    for path in modules():
        if path.relative_to(SOURCE).parts[0] != "front" or path.name == "actions.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in changing:
                owner = ast.unparse(node.func.value)
                if owner not in ("self", "found", "known", "context", "shown", "values", "cache", "super()"):
                    wrong.append(f"{path.relative_to(SOURCE)}: {ast.unparse(node)[:80]}")
    assert not wrong


# --- models ---------------------------------------------------------------------------------------------------------


def test_the_database_knows_every_state() -> None:
    """A state that a model lists is guarded by a constraint; on a row of a stage always."""
    wrong = []
    for room in ROOMS:
        for model in own_models(room):
            for field in model._meta.local_concrete_fields:
                if field.name == "state" and field.choices and room.name in ("cases", "tasks", "checks"):
                    guards = [one for one in model._meta.constraints if isinstance(one, models.CheckConstraint)]
                    if not any("state__in" in str(one.condition) for one in guards):
                        wrong.append(model._meta.label)
    assert not wrong


def test_states_are_words() -> None:
    for room in ROOMS:
        for model in own_models(room):
            for field in model._meta.local_concrete_fields:
                for value, _label in field.flatchoices or ():
                    assert not isinstance(value, str) or re.fullmatch(r"[a-z_.\-A-Z]*", value), (
                        model,
                        field.name,
                        value,
                    )


def test_rows_that_matter_are_protected_from_going_with_others() -> None:
    """Deleting a person or a place can never take a matter along."""
    for model in apps.get_models():
        if model.__module__.startswith("gongzhi.") and ".tests." not in model.__module__:
            for field in model._meta.local_concrete_fields:
                if isinstance(field, models.ForeignKey) and field.remote_field.on_delete is models.CASCADE:
                    assert model._meta.label in {
                        "channels.RefusedRow",
                        "places.FormerName",
                        "workbench.SavedView",  # a setting of the person's own
                    }, f"{model._meta.label}.{field.name}"


# --- words ----------------------------------------------------------------------------------------------------------

TRANSLATING = {"_", "_t", "gettext", "gettext_lazy", "ngettext", "ngettext_lazy", "pgettext", "pgettext_lazy"}


def test_sentences_are_whole_when_they_are_translated() -> None:
    wrong = []
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or getattr(node.func, "id", "") not in TRANSLATING:
                continue
            for argument in node.args[:2]:
                if isinstance(argument, ast.JoinedStr | ast.BinOp) or (
                    isinstance(argument, ast.Call) and getattr(argument.func, "attr", "") == "format"
                ):
                    wrong.append(f"{path.relative_to(SOURCE)}:{node.lineno}")
                text = argument.value if isinstance(argument, ast.Constant) else ""
                if isinstance(text, str) and re.search(r"%[sdif]|\{\}|\{\d", text):
                    wrong.append(f"{path.relative_to(SOURCE)}:{node.lineno}: unnamed placeholder")
    assert not wrong


# --- migrations -----------------------------------------------------------------------------------------------------


@by_room
def test_migrations_have_names_of_people(room: Path) -> None:
    found = sorted(path.stem for path in room.glob("migrations/0*.py"))
    assert not own_models(room) or found[0] == "0001_initial"
    assert not [name for name in found if re.search(r"_auto_\d|_and_more$|^\d{4}_(alter|remove|rename)_", name)]
    assert len([name for name in found if name.endswith("_initial")]) == bool(found)


# --- what a room says of itself -------------------------------------------------------------------------------------

HEADINGS = ["What it is", "Words", "Rules", "Says", "Keeps"]


def sections(room: Path) -> dict[str, str]:
    text = (room / "README.md").read_text()
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@by_room
def test_a_room_explains_itself_under_five_headings(room: Path) -> None:
    assert (room / "README.md").exists(), "README.md is missing"
    found = sections(room)
    assert list(found) == HEADINGS
    assert all(words.strip() for words in found.values())


@by_room
def test_says_names_exactly_the_events(room: Path) -> None:
    said = set(re.findall(r"`([A-Z]\w+)`", sections(room)["Says"]))
    events = {event.__name__ for event in every_event() if event.__module__ == dotted(room / "events.py")}
    assert said == events


@by_room
def test_keeps_names_exactly_the_personal_fields(room: Path) -> None:
    named = set(re.findall(r"`(\w+\.\w+)`", sections(room)["Keeps"]))
    label = label_of(room)
    personal = {one.label.partition(".")[2] for one in every_personal() if one.model.split(".")[0] == label}
    texts = {
        f"{model.__name__}.{field.name}"
        for model in own_models(room)
        for field in model._meta.local_concrete_fields
        if is_text_like(field)
    }
    assert personal <= named
    assert not (named & texts) - personal


@by_room
def test_files_that_a_readme_names_are_there(room: Path) -> None:
    for section in sections(room).values():
        for name in re.findall(r"`([a-z_]+\.py)`", section):
            assert list(room.rglob(name)), f"{room.name}/README.md speaks of {name}"
