"""What the command line does with cases."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False)
@click.option(
    "--export", type=click.Path(dir_okay=False, path_type=Path), help="Only write the tree as a table (.csv or .xlsx)."
)
def categories(file: Path | None, export: Path | None) -> None:
    """Bring the category tree up to FILE (YAML), or to the tree that comes with the product.

    What people here have changed stays as it is, field by field, and nothing is removed. A new database gets the
    packaged tree by itself. A table is brought back on the page "Categories", by somebody who answers for it.
    """
    if export is not None:
        from gongzhi.understand.cases.category_tables import TREE, as_csv, as_workbook, tree_rows

        rows_out = list(tree_rows())
        if export.suffix.lower() not in (".csv", ".xlsx"):
            raise click.ClickException("The table is written as .csv or .xlsx.")
        book = export.suffix.lower() == ".xlsx"
        export.write_bytes(as_workbook(TREE, rows_out, "事项类别") if book else as_csv(TREE, rows_out))
        click.echo(f"{len(rows_out)} categories written to {export}.")
        return
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
