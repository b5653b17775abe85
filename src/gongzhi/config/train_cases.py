"""``gongzhi cases``: training the classifier of demands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from gongzhi.understand.suggestions.classifier import Classifier
    from gongzhi.understand.suggestions.training import Example, Figures

# The packaged classifier: so many texts a category, and the floor that a test holds it to.
SEED, EACH = 1, 60
FLOOR_SEEN, FLOOR_UNSEEN = 0.85, 0.25


@click.group()
def cases() -> None:
    """Cases: what the machine learns from them."""


@cases.command()
@click.option("--most", default=200_000, show_default=True, type=click.IntRange(1), help="The newest so many cases.")
@click.option("--force", is_flag=True, help="Use the new classifier even if it is worse than the one in use.")
@click.option("--dry-run", is_flag=True, help="Train and measure, and leave everything as it is.")
@click.option("--synthetic", is_flag=True, help="Learn from invented texts: makes the classifier that is packaged.")
@click.option("--to", "target", type=click.Path(dir_okay=False, path_type=Path), help="With --synthetic: the file.")
def train(most: int, force: bool, dry_run: bool, synthetic: bool, target: Path | None) -> None:
    """Train the classifier from this place's own closed cases whose category a person has confirmed.

    The newest fifth is held out and only measured on. The new classifier goes into use when it is at least as good
    there (macro-F1) as the one in use; otherwise the old one stays.

    Exit codes: 0 the new classifier is in use (or --dry-run), 1 there are too few cases, or the new one is worse.
    """
    from django.utils import timezone

    now = timezone.now()
    if synthetic:
        _synthetic(target, now)
        return
    from gongzhi.understand.suggestions.actions import keep_model
    from gongzhi.understand.suggestions.classifier import classifier
    from gongzhi.understand.suggestions.lessons import own_examples
    from gongzhi.understand.suggestions.training import HELD_OUT, TooFew, fit_all, measure, train, usable

    try:
        examples = usable([example for example, _opened in own_examples(most)])
    except TooFew as few:
        raise click.ClickException(f"Too little to learn from: {few}.") from None
    border = int(len(examples) * (1 - HELD_OUT))
    learn, held_out = examples[:border], examples[border:]
    click.echo(f"{len(examples):,} closed and confirmed cases; the newest {len(held_out):,} are held out.")
    model, figures = train(learn, held_out, say=click.echo)
    old = classifier()
    before = measure(old, held_out).macro_f1
    show(figures, before=before, old=old.version)
    better = figures.macro_f1 >= before
    final = fit_all(examples, model.sharpness)
    final.facts = facts(final, figures, "own", len(examples), now)
    if dry_run:
        click.echo("Nothing was changed (--dry-run).")
        return
    row = keep_model(
        final,
        source="own",
        texts=len(examples),
        figures=figures.as_json(),
        before=before,
        in_use=better or force,
        now=now,
    )
    if row.in_use:
        click.echo(f"{row.name} is in use.")
    else:
        raise click.ClickException(
            f"{old.version} stays in use: it is better on the held-out cases (--force overrides)."
        )


def facts(model: Classifier, figures: Figures, source: str, texts: int, now: datetime) -> dict[str, Any]:
    import zlib

    mark = zlib.crc32(model.weights.tobytes())
    return {
        "version": f"{source}-{now:%y%m%d-%H%M%S%f}-{mark:08x}",
        "source": source,
        "trained_at": now.isoformat(timespec="seconds"),
        "texts": texts,
        "figures": figures.as_json(),
    }


def show(figures: Figures, *, before: float | None = None, old: str = "") -> None:
    click.echo(
        f"Held out: {figures.texts:,} texts. macro-F1 {figures.macro_f1:.3f}, right {figures.accuracy:.1%}, "
        f"among the first three {figures.top3:.1%}."
    )
    if before is not None:
        click.echo(f"The classifier in use ({old}) on the same texts: macro-F1 {before:.3f}.")
    click.echo("The surest part:      " + "  ".join(f"{share:.0%}: {right:.1%}" for share, right in figures.coverage))
    click.echo(
        "At least so sure:     "
        + "  ".join(f"≥{edge:.2f}: {right:.1%} of {share:.0%}" for edge, share, right in figures.thresholds)
    )


def synthetic_examples(
    seed: int = SEED, each: int = EACH
) -> tuple[Sequence[Example], Sequence[Example], tuple[Sequence[Example], Sequence[Example]]]:
    """Invented texts: to learn from, to measure on, and a pair of which the second has sentences the first lacks."""
    from gongzhi.config.demonstration.examples import invented
    from gongzhi.understand.suggestions.training import Example

    def some(number: int, each: int, unseen: bool | None = None) -> list[Example]:
        return [Example(one.text, one.code) for one in invented(number, each, unseen=unseen)]

    rest = max(4, each // 5)
    return some(seed, each), some(seed + 1, rest), (some(seed + 2, each, False), some(seed + 3, rest, True))


def make_synthetic(now: datetime, *, seed: int = SEED, each: int = EACH, say: Callable[[str], None]) -> Classifier:
    """The packaged classifier, with both its figures in it."""
    from gongzhi.understand.suggestions.training import calibrate, fit_all, measure, train, usable

    learn, held_out, (seen, unseen) = synthetic_examples(seed, each)
    say("Sentences that it has never read:")
    first, strange = train(usable(seen), unseen, say=say)
    # Its confidence is fitted where it is ignorant, so that it does not boast before real texts.
    sharpness = calibrate(first, unseen)
    model = fit_all(usable(learn), sharpness)
    figures = measure(model, held_out)
    figures.curve = strange.curve
    model.facts = facts(model, figures, "synthetic", len(learn), now)
    model.facts["figures"]["unseen"] = measure(fit_all(usable(seen), sharpness), unseen).as_json()
    return model


def _synthetic(target: Path | None, now: datetime) -> None:
    from gongzhi.understand.suggestions.actions import write_file
    from gongzhi.understand.suggestions.classifier import PACKAGED, to_bytes

    model = make_synthetic(now, say=click.echo)
    content = to_bytes(model)
    write_file(target or PACKAGED, content)
    seen, unseen = model.facts["figures"], model.facts["figures"]["unseen"]
    click.echo(
        f"{len(model.codes)} categories, {len(model.grams):,} grams, {len(content) / 1000:.0f} kB. macro-F1 on new "
        f"texts of known sentences {seen['macro_f1']:.3f}, on sentences never read {unseen['macro_f1']:.3f}."
    )
    click.echo("Both were measured on invented texts and say nothing about real ones.")
