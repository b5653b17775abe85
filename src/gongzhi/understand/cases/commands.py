"""What the command line does with cases."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False)
def categories(file: Path | None) -> None:
    """Bring the category tree up to FILE (YAML), or to the tree that comes with the product.

    Nodes that people here have changed stay as they are, and nothing is removed. A new database gets the packaged tree
    by itself.
    """
    import yaml
    from django.utils import timezone

    from gongzhi.understand.cases.loading import load_categories

    rows = None
    if file is not None:
        try:
            rows = yaml.safe_load(file.read_text("utf-8"))["categories"]
        except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError) as error:
            raise click.ClickException(f"{file.name} is no category tree: {error}") from error
    click.echo(f"{load_categories(rows, now=timezone.now())} categories.")
