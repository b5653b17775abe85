"""The command line ``gongzhi``.

The rooms bring their own commands; they are imported only when one is called, so that ``gongzhi --help`` is quick.
Exit codes: 0 all is well, 1 something was found or failed, 2 the command was not understood.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click

from gongzhi import __version__
from gongzhi.config.terminal import say

# name -> (module:attribute, what the list of commands says)
ROOMS = {
    "worker": ("gongzhi.loop.commands:worker", "Work off background jobs until stopped."),
    "jobs": ("gongzhi.loop.commands:jobs", "Background jobs: what waits, what failed, try again."),
    "ledger": ("gongzhi.ground.ledger.commands:ledger", "The append-only record: verify, seal, prove, list the roots."),
    "privacy": (
        "gongzhi.ground.privacy.commands:privacy",
        "Personal data: what there is, what is due for erasure, keys.",
    ),
    "rates": ("gongzhi.verify.checks.commands:rates", "The three rates, counted anew from the record."),
    "rules": ("gongzhi.ground.rules.commands:rules", "The dated rules in force, and changing them."),
    "cases": ("gongzhi.config.train_cases:cases", "Cases: train the classifier from closed ones."),
    "search": ("gongzhi.understand.search.commands:search", "The full-text index of cases."),
    "themes": ("gongzhi.understand.themes.commands:themes", "Look for what many demands are about together."),
    "translations": ("gongzhi.config.translations:translations", "The interface in other languages: collect, compile."),
}
IMPORTS = {
    "divisions": ("gongzhi.ground.places.commands:divisions", "Administrative divisions from a national table."),
    "grids": ("gongzhi.ground.places.commands:grids", "Grids and their boundaries from GeoJSON."),
    "holidays": ("gongzhi.ground.rules.commands:holidays", "Holidays and swapped working days."),
    "categories": ("gongzhi.understand.cases.commands:categories", "The category tree, packaged or from YAML."),
    "cases": ("gongzhi.config.import_cases:cases", "Cases from a table (CSV or XLSX)."),
}


def start_django() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gongzhi.config.settings")
    import django

    django.setup()


def speak_english() -> None:
    """A command answers in English whatever language the pages have, so that what it says can be looked up."""
    from django.utils import translation

    translation.activate("en")


class Mounted(click.Group):
    """A group whose rooms' commands are imported when they are called."""

    def __init__(self, *args: Any, rooms: dict[str, tuple[str, str]] | None = None, **more: Any) -> None:
        super().__init__(*args, **more)
        self.rooms = rooms or {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *self.rooms})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.rooms:
            return super().get_command(ctx, cmd_name)
        module_name, _, attribute = self.rooms[cmd_name][0].partition(":")
        start_django()
        if cmd_name != "worker":  # what a job writes down is read on pages
            speak_english()
        try:
            module = importlib.import_module(module_name)
        except ModuleNotFoundError as missing:
            if missing.name and module_name.startswith(missing.name):
                raise click.ClickException(f"'{cmd_name}' is not part of this version.") from None
            raise
        command = getattr(module, attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{module_name}:{attribute} is not a command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = []
        for name in self.list_commands(ctx):
            if name in self.rooms:
                rows.append((name, self.rooms[name][1]))
            elif (command := super().get_command(ctx, name)) is not None and not command.hidden:
                rows.append((name, command.get_short_help_str(90)))
        with formatter.section("Commands"):
            formatter.write_dl(rows)


@click.group(
    cls=Mounted,
    rooms=ROOMS,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(__version__, prog_name="gongzhi")
@click.pass_context
def gongzhi(ctx: click.Context) -> None:
    """Gongzhi 共治: one open platform for governing a neighbourhood together.

    Settings come from the environment (docs/reference/settings.md); what an installation keeps lies in GONGZHI_HOME.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


@gongzhi.group("import", cls=Mounted, rooms=IMPORTS)
def import_group() -> None:
    """Bring in tables from elsewhere. Every import can be repeated: what is there already is recognised."""


HOST = click.option(
    "--host", default="127.0.0.1", show_default=True, envvar="GONGZHI_LISTEN", help="Address to serve on."
)
PORT = click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535), envvar="GONGZHI_PORT")


def _options(*options: Callable[[Callable[..., Any]], Callable[..., Any]]) -> Callable[..., Any]:
    def add(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            function = option(function)
        return function

    return add


@gongzhi.command()
@_options(HOST, PORT)
@click.option("--workers", type=click.IntRange(1, 64), envvar="GONGZHI_WORKERS", help="Serving processes.")
@click.option("--threads", type=click.IntRange(1, 64), envvar="GONGZHI_THREADS", help="Threads in each of them.")
@click.option("--no-migrate", is_flag=True, help="Leave the database as it is.")
@click.option("--no-worker", is_flag=True, help="Start no background worker; there is one elsewhere.")
def serve(host: str, port: int, workers: int | None, threads: int | None, no_migrate: bool, no_worker: bool) -> None:
    """Serve the platform: web server and background worker, both watched."""
    start_django()
    from django.conf import settings

    from gongzhi.config import showcase

    if not settings.DEMO and showcase.is_loaded():
        raise click.ClickException(
            "This database holds the demonstration, whose people anybody can sign in as. "
            "Real work needs its own: set GONGZHI_HOME or DATABASE_URL (or start 'gongzhi demo')."
        )
    _serve(host, port, workers=workers, threads=threads, no_migrate=no_migrate, no_worker=no_worker)


def _serve(
    host: str,
    port: int,
    *,
    workers: int | None = None,
    threads: int | None = None,
    no_migrate: bool = False,
    no_worker: bool = False,
    hint: str = "",
) -> None:
    from django.conf import settings
    from django.db import connections

    from gongzhi.config import preparation, server

    if not server.port_is_free(host, port):
        raise click.ClickException(f"Port {port} on {host} is taken; choose another with --port.")
    preparation.prepare(with_database=not no_migrate)
    connections.close_all()
    own_workers, own_threads = server.size(settings.DATABASES["default"]["ENGINE"])
    sizes = [str(workers or own_workers), str(threads or own_threads)]
    commands = {"The web server": [sys.executable, "-m", "gongzhi.config.server", host, str(port), *sizes]}
    if not no_worker:
        commands["The worker"] = [sys.executable, "-m", "gongzhi.config.command", "worker"]

    def ready() -> None:
        shown = f"[{host}]" if ":" in host else host
        say(f"Serving on http://{shown}:{port}{hint}   (Ctrl-C stops)")

    code = server.supervise(commands, host=host, port=port, ready=ready)
    if code:
        raise SystemExit(code)


@gongzhi.group(invoke_without_command=True)
@_options(HOST, PORT)
@click.pass_context
def demo(ctx: click.Context, host: str, port: int) -> None:
    """Serve the demonstration; loaded at the first start, kept afterwards."""
    os.environ["GONGZHI_DEMO"] = "yes"
    start_django()
    if ctx.invoked_subcommand is None:
        from gongzhi.config import preparation

        preparation.migrate()
        _load_demo()
        _serve(host, port, hint="\nTake any post with one click at /staff/demo/.")


@demo.command("load")
@click.option("--count", type=click.IntRange(1, 20_000), help="Cases of the whole time; 1,500 unless given.")
@click.option("--days", type=click.IntRange(30, 1000), help="How far back they go; 365 unless given.")
def demo_load(count: int | None, days: int | None) -> None:
    """Load the demonstration without serving it. Where it is loaded already, nothing happens."""
    from gongzhi.config import preparation

    preparation.migrate()
    if not _load_demo(count, days):
        say("The demonstration is loaded already.")


def _load_demo(count: int | None = None, days: int | None = None) -> bool:
    """Load it unless it is there; says whether anything was loaded."""
    from django.utils import timezone

    from gongzhi.config import showcase
    from gongzhi.config.preparation import alone
    from gongzhi.config.terminal import progress

    with alone("demo"):
        if showcase.is_loaded():
            return False
        with progress() as report:
            showcase.load(now=timezone.now(), progress=report, count=count, days=days)
        return True


@gongzhi.command()
@click.option("--check", "only_check", is_flag=True, help="Change nothing; exit with 1 when something is missing.")
def migrate(only_check: bool) -> None:
    """Bring the database up to date."""
    start_django()
    from gongzhi.config import preparation

    missing = preparation.unapplied()
    for name in missing:
        click.echo(name)
    if only_check:
        raise SystemExit(1 if missing else 0)
    preparation.migrate()
    say("The database is up to date.")


@gongzhi.command()
@click.option("--deploy", is_flag=True, help="Also what matters on the open network.")
def check(deploy: bool) -> None:
    """Look for mistakes in settings and models."""
    start_django()
    from django.core.management import call_command
    from django.core.management.base import SystemCheckError

    try:
        call_command("check", deploy=deploy, fail_level="WARNING" if deploy else "ERROR")
    except SystemCheckError as found:
        click.echo(str(found), err=True)
        raise SystemExit(1) from None


@gongzhi.command()
@click.argument("target", type=click.Path(path_type=Path), required=False)
def backup(target: Path | None) -> None:
    """Copy what this installation keeps into the folder TARGET, while it runs.

    Without TARGET a folder with date and time is made below GONGZHI_HOME/backups. The keys are not copied: keep
    GONGZHI_HOME/secrets somewhere else, because a backup and its keys in one place protect nobody.
    """
    start_django()
    from django.utils import timezone

    from gongzhi.config.backup import make

    for line in make(target, now=timezone.localtime()):
        click.echo(line)


@gongzhi.command()
def doctor() -> None:
    """Say what is here and what is missing."""
    start_django()
    from django.utils import timezone

    from gongzhi.config.doctor import examine

    bad = 0
    for finding in examine(timezone.now()):
        click.echo(f"{finding.mark:4} {finding.what}: {finding.detail}")
        bad += finding.is_bad
    raise SystemExit(1 if bad else 0)


@gongzhi.command(
    context_settings={"ignore_unknown_options": True, "help_option_names": []}, short_help="Django's own commands."
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def manage(arguments: tuple[str, ...]) -> None:
    """Pass everything on to Django's own commands, such as ``gongzhi manage shell``."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gongzhi.config.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(["gongzhi manage", *arguments])


@gongzhi.group()
def user() -> None:
    """People who sign in."""
    start_django()
    speak_english()


@user.command("create")
@click.argument("username")
@click.option("--name", default="", help="How others see this person.")
@click.option("--email", default="")
@click.password_option(envvar="GONGZHI_PASSWORD", help="Asked for when it is not given; better so.")
def user_create(username: str, name: str, email: str, password: str) -> None:
    """Make an account for USERNAME."""
    from gongzhi.config.people import create

    person = create(username, password=password, name=name, email=email)
    click.echo(f"{person.username} can sign in. A post says what this person may do: gongzhi user grant")


@user.command("password")
@click.argument("username")
@click.password_option(envvar="GONGZHI_PASSWORD")
def user_password(username: str, password: str) -> None:
    """Set a new password for USERNAME."""
    from gongzhi.config.people import change_password

    change_password(username, password=password)
    click.echo(f"The password of {username} is changed.")


@user.command("grant")
@click.argument("username")
@click.argument("role")
@click.argument("place")
@click.option("--from", "starts", type=click.DateTime(["%Y-%m-%d"]), help="First day; today unless given.")
@click.option("--until", "ends", type=click.DateTime(["%Y-%m-%d"]), help="Last day; open unless given.")
@click.option("--reason", required=True, help="Why; it stays in the record.")
def user_grant(
    username: str, role: str, place: str, starts: datetime | None, ends: datetime | None, reason: str
) -> None:
    """Give USERNAME the post of a ROLE at a PLACE (its code, such as 110108015 for a street)."""
    from gongzhi.config.people import grant

    def day(moment: datetime | None) -> date | None:
        return moment.date() if moment else None

    click.echo(grant(username, role=role, place=place, starts_on=day(starts), ends_on=day(ends), reason=reason))


def main() -> int:
    """Run a command; what is expected to fail says why in one line, anything else shows where."""
    try:
        gongzhi.main(prog_name="gongzhi")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except Exception as error:
        from django.core.exceptions import ImproperlyConfigured
        from django.db import OperationalError, ProgrammingError

        from gongzhi.ground.refusals import Refusal

        if os.environ.get("GONGZHI_DEBUG"):
            raise
        if isinstance(error, Refusal):
            say(f"Error: {error.reason}")
        elif isinstance(error, ImproperlyConfigured):
            say(f"Error in the settings: {error}")
        elif isinstance(error, (OperationalError, ProgrammingError)):
            say(f"Error from the database: {error}".rstrip())
            say("Is DATABASE_URL right, and has 'gongzhi migrate' been run?  GONGZHI_DEBUG=yes shows where it failed.")
        else:
            raise
        return 1


if __name__ == "__main__":
    sys.exit(main())
