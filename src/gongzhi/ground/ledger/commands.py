"""The command line of this room: ``gongzhi ledger …``."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click


@contextmanager
def _bars() -> Iterator[Callable[[str, int, int], None]]:
    """Bars on standard error: how far each part of the work is."""
    from django.utils.translation import gettext as _
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    names = {"seals": _("seals"), "entries": _("entries"), "leaves": _("leaves"), "rows": _("rows")}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        known: dict[str, TaskID] = {}

        def report(step: str, done: int, total: int) -> None:
            if step not in known:
                known[step] = bars.add_task(names[step])
            bars.update(known[step], completed=done, total=total)

        yield report


@click.group()
def ledger() -> None:
    """The append-only record: check it, seal it, prove an entry, list the roots."""


@ledger.command()
@click.option(
    "--roots",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Compare with roots that somebody saved earlier (roots.json, or the lines of 'gongzhi ledger roots').",
)
@click.option(
    "--witness",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The witness file. Default: the one in the settings.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line for each finding.")
@click.pass_context
def verify(ctx: click.Context, roots: Path | None, witness: Path | None, as_json: bool) -> None:
    """Check that nothing in the record was changed, removed or slipped in. Exit code 0: clean, 1: findings."""
    from django.utils import timezone
    from django.utils.translation import gettext as _

    from gongzhi.ground.ledger.models import Entry, Leaf, Seal
    from gongzhi.ground.ledger.verify import verify as check
    from gongzhi.ground.ledger.witness import path_of_witness

    path = witness or path_of_witness()
    with _bars() as progress:
        findings = check(now=timezone.now(), witness=path, roots=roots, progress=progress)
    for finding in findings:
        if as_json:
            words = {"kind": finding.kind, "subject": finding.subject, "text": finding.text}
            click.echo(json.dumps(words, ensure_ascii=False))
        else:
            click.echo(str(finding))
    seals, entries = Seal.objects.count(), Entry.objects.count()
    numbers = {
        "entries": entries,
        "waiting": entries - Leaf.objects.count(),
        "seals": seals,
        "findings": len(findings),
    }
    summary = _("%(entries)d entries (%(waiting)d not sealed yet) under %(seals)d seals: %(findings)d findings.")
    click.echo(summary % numbers, err=True)
    ctx.exit(1 if findings else 0)


@ledger.command()
def seal() -> None:
    """Seal all entries that wait. The server does this every minute by itself."""
    from django.utils import timezone
    from django.utils.translation import gettext as _

    from gongzhi.ground.ledger.jobs import seal_entries

    click.echo(_("%(count)d seals made.") % {"count": seal_entries(now=timezone.now())})


@ledger.command()
@click.argument("entry_id", type=int)
def prove(entry_id: int) -> None:
    """Print the proof that an entry stands in the sealed record (JSON). Exit code 1: it does not."""
    from django.utils.translation import gettext as _

    from gongzhi.ground.ledger.models import Entry
    from gongzhi.ground.ledger.proofs import check_proof
    from gongzhi.ground.ledger.proofs import prove as make
    from gongzhi.ground.refusals import Refusal

    entry = Entry.objects.filter(pk=entry_id).first()
    if entry is None:
        raise click.ClickException(_("There is no entry %(id)d.") % {"id": entry_id})
    try:
        proof = make(entry)
    except Refusal as refusal:
        raise click.ClickException(str(refusal)) from refusal
    content = entry.canonical()
    click.echo(json.dumps({**proof.facts(), "entry": content.decode()}, ensure_ascii=False, indent=2))
    if not check_proof(content, proof):
        raise click.ClickException(_("The proof does not hold. Run: gongzhi ledger verify"))


@ledger.command()
@click.option("--since", type=int, default=0, help="Only seals with a greater number.")
def roots(since: int) -> None:
    """Print the seals, one JSON line each: keep them somewhere else, and compare later with verify --roots."""
    from gongzhi.ground.ledger.models import Seal
    from gongzhi.ground.ledger.witness import line_of

    for one in Seal.objects.filter(number__gt=since).order_by("number").iterator(chunk_size=1000):
        click.echo(line_of(one), nl=False)
