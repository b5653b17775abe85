"""``./gongzhi`` and the command line behind it."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

import pytest
from click.testing import CliRunner

from gongzhi.config import command, server
from tests import suite

ROOT = Path(__file__).resolve().parent.parent
LAUNCHER = ROOT / "gongzhi"


def launch(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [LAUNCHER, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **environment},
    )


def tracked() -> list[Path]:
    if not shutil.which("git") or not (ROOT / ".git").exists():
        return [path for path in ROOT.rglob("*") if path.is_file() and ".venv" not in path.parts]
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in names.split("\0") if name and (ROOT / name).is_file()]


def test_alone_it_lists_its_commands() -> None:
    done = launch()
    assert done.returncode == 0
    for name in ("demo", "test", "check", "setup", "serve", "import", "doctor"):
        assert f"./gongzhi {name} " in done.stdout


def test_the_list_is_that_of_the_command_line() -> None:
    listed = set(re.findall(r"^  \./gongzhi (\w+)", launch().stdout, re.MULTILINE))
    behind = set(command.gongzhi.list_commands(None)) - {"check"}
    assert listed == behind | {"test", "check", "setup"}


def test_an_unknown_command_is_refused_before_anything_is_set_up() -> None:
    done = launch("dmeo")
    assert done.returncode == 2
    assert "dmeo" in done.stderr


def test_without_a_usable_python_it_says_what_is_needed(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    for name in ("dirname", "sh"):
        (tmp_path / "bin" / name).symlink_to(shutil.which(name))
    (tmp_path / "bin" / "python3").write_text("#!/bin/sh\nexit 1\n")  # a shim that promises and does not deliver
    (tmp_path / "bin" / "python3").chmod(0o755)
    alone = tmp_path / "gongzhi"
    shutil.copy(LAUNCHER, alone)
    done = subprocess.run(
        [alone, "setup"], capture_output=True, text=True, env={"PATH": str(tmp_path / "bin"), "HOME": str(tmp_path)}
    )
    assert done.returncode == 1
    assert "3.11" in done.stderr


def test_locks_are_in_step_with_the_project() -> None:
    step = suite.Step("locks", suite.locks)
    assert suite.locks(step), "".join(step.output)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("django==", "jango=="),
        ("--hash=sha256:", "--no-hash:"),
        ("django==5", "--index-url https://example.org\ndjango==5"),
    ],
)
def test_a_lock_that_is_out_of_step_is_found_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, before: str, after: str
) -> None:
    for name in ("pyproject.toml", "requirements.txt", "requirements-dev.txt"):
        text = (ROOT / name).read_text()
        (tmp_path / name).write_text(text.replace(before, after) if name == "requirements.txt" else text)
    monkeypatch.setattr(suite, "ROOT", tmp_path)
    assert not suite.locks(suite.Step("locks", suite.locks))


def test_no_file_names_a_registry() -> None:
    hosts = [
        ".".join(parts) for parts in (("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("npmjs", "com"))
    ]
    for path in tracked():
        content = path.read_bytes().lower()
        for host in hosts:
            assert host.encode() not in content, f"{path.relative_to(ROOT)} names {host}"


def test_the_rooms_commands_are_where_the_command_line_looks() -> None:
    for target, _words in (*command.ROOMS.values(), *command.IMPORTS.values()):
        module = target.partition(":")[0]
        assert importlib.util.find_spec(module), f"{module} is missing"


@pytest.mark.parametrize("arguments", [["--help"], ["import", "--help"], ["serve", "--help"], []])
def test_help_is_quick_because_it_imports_no_django(arguments: list[str]) -> None:
    program = "import sys; from gongzhi.config.command import main; main(); sys.exit('django' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Usage: gongzhi" in done.stdout


def test_usage_errors_end_with_two() -> None:
    assert CliRunner().invoke(command.gongzhi, ["serve", "--port", "none"]).exit_code == 2


def test_unclosed_elements_are_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(suite, "ROOT", tmp_path)
    step = suite.Step("templates", suite.templates)
    (tmp_path / "good.html").write_text("<ul>{% for a in b %}<li><p>{{ a }}</p>{% endfor %}</ul><!-- <div> -->")
    (tmp_path / "bad.html").write_text("<div><p>{% if a %}</div>{% endif %}")
    assert suite.balanced(step, "good.html")
    assert not suite.balanced(step, "bad.html")
    assert "<p>" in "".join(step.output)


# --- serving --------------------------------------------------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answer(port: int, path: str) -> tuple[int, dict[str, object]]:
    """The status and the JSON, waiting for the server to come up."""
    opener = build_opener(ProxyHandler({}))
    until = time.monotonic() + 90
    while True:
        try:
            with opener.open(f"http://127.0.0.1:{port}{path}", timeout=5) as response:
                return response.status, json.load(response)
        except HTTPError as error:
            return error.code, json.load(error)
        except OSError:
            assert time.monotonic() < until, "the server did not come up"
            time.sleep(0.1)


def children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_it_serves_starts_again_what_died_and_stops(tmp_path: Path) -> None:
    port = free_port()
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("GONGZHI_", "DATABASE_"))}
    with (tmp_path / "log").open("w") as log:
        watcher = subprocess.Popen(
            [sys.executable, "-m", "gongzhi.config.command", "serve", "--port", str(port)],
            env={**environment, "GONGZHI_HOME": str(tmp_path / "home")},
            stdout=log,
            stderr=log,
        )
    try:
        assert answer(port, "/healthz") == (200, {"alive": True})
        status, state = answer(port, "/readyz")
        assert (status, state["ready"]) == (200, True), state
        before = set(children(watcher.pid))
        assert len(before) == 2
        for one in before:
            os.kill(one, signal.SIGKILL)
        until = time.monotonic() + 60
        while len(set(children(watcher.pid)) - before) < 2:
            assert time.monotonic() < until, (tmp_path / "log").read_text()
            time.sleep(0.1)
        assert answer(port, "/healthz")[0] == 200
        watcher.send_signal(signal.SIGTERM)
        assert watcher.wait(60) == 0, (tmp_path / "log").read_text()
        assert server.port_is_free("127.0.0.1", port)
    finally:
        if watcher.poll() is None:
            watcher.kill()


def test_a_taken_port_is_said_so(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "gongzhi.config.command", "serve", "--port", str(port)],
            env={**os.environ, "GONGZHI_HOME": str(tmp_path), "DATABASE_URL": ""},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert str(port) in done.stderr


def test_what_cannot_start_is_not_tried_for_ever() -> None:
    code = server.supervise(
        {"It": [sys.executable, "-c", "raise SystemExit(7)"]}, host="127.0.0.1", port=free_port(), ready=lambda: None
    )
    assert code == 7


@pytest.mark.django_db(transaction=True)
def test_readiness_says_what_is_missing(client, monkeypatch: pytest.MonkeyPatch) -> None:
    from gongzhi.config import health

    for missing in ("disk", "migrations", "database"):
        monkeypatch.setattr(health, "_remembered", None)
        with monkeypatch.context() as broken:
            names = {
                "disk": "disk_has_room",
                "migrations": "migrations_are_applied",
                "database": "database_is_writable",
            }
            broken.setattr(health, names[missing], lambda: False)
            response = client.get("/readyz")
        assert response.status_code == 503
        assert response.json()[missing] is False
    monkeypatch.setattr(health, "_remembered", None)
    assert client.get("/readyz").status_code == 200


# --- looking after it -----------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_an_account_from_the_command_line() -> None:
    from gongzhi.config.people import change_password, create
    from gongzhi.ground.accounts.models import User
    from gongzhi.ground.refusals import Refusal

    with pytest.raises(Refusal):
        create("clerk", password="12345")
    assert not User.objects.exists()
    create("clerk", password="a long enough sentence", name="Clerk")
    with pytest.raises(Refusal):
        create("clerk", password="a long enough sentence")
    change_password("clerk", password="another long sentence")
    assert User.objects.get().check_password("another long sentence")


@pytest.mark.django_db(transaction=True)
def test_a_backup_holds_the_data_and_never_overwrites(tmp_path: Path) -> None:
    import sqlite3

    from django.db import connection
    from django.utils import timezone

    from gongzhi.config.backup import make
    from gongzhi.ground.accounts.models import User
    from gongzhi.ground.refusals import Refusal

    User.objects.create_user("clerk")
    target = tmp_path / "copy"
    if connection.vendor == "sqlite":
        written = list(make(target, now=timezone.now()))
        with sqlite3.connect(target / "gongzhi.sqlite3") as copy:
            assert copy.execute("select username from accounts_user").fetchall() == [("clerk",)]
        assert not any("secrets" in str(path) for path in target.rglob("*"))
        assert "secrets" in written[-1]
    else:
        target.mkdir()
        (target / "something").touch()
    with pytest.raises(Refusal):
        list(make(target, now=timezone.now()))


# --- the reference is complete --------------------------------------------------------------------------------------


def test_every_setting_is_in_the_reference() -> None:
    listed = set(re.findall(r"`([A-Z][A-Z_]+)`", (ROOT / "docs/reference/settings.md").read_text()))
    read: set[str] = set()
    for path in (ROOT / "src/gongzhi/config").glob("*.py"):
        if path.name not in {"testing.py", "environment.py"}:
            text = path.read_text()
            read |= set(re.findall(r"environment\.(?:text|flag|number|words|choice|secret)\(\s*\"(\w+)\"", text))
            read |= set(re.findall(r"envvar=\"(\w+)\"", text))
    assert {"DATABASE_URL", "GONGZHI_HTTPS", "GONGZHI_PORT"} <= read
    assert read <= listed


def test_every_command_is_in_the_reference() -> None:
    text = (ROOT / "docs/reference/command-line.md").read_text()
    for name in command.gongzhi.list_commands(None):
        assert f"`{name}" in text, name
