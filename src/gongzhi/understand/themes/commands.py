"""``gongzhi themes``: look for what many demands are about together."""

from __future__ import annotations

import click


@click.command()
@click.option("--place", "path", required=True, help="Path of the place, for example 110108014.")
@click.option("--category", default="", help="Code of a category: only it and what lies below it.")
@click.option("--days", default=90, show_default=True, type=click.IntRange(1, 400), help="How far to look back.")
def themes(path: str, category: str, days: int) -> None:
    """Compare the demands of a place and propose themes. A person confirms them on the page “Themes”."""
    from django.utils import timezone

    from gongzhi.ground.places.models import Place
    from gongzhi.ground.refusals import Refusal
    from gongzhi.understand.themes.actions import run_survey, start_survey
    from gongzhi.understand.themes.models import Survey, Theme

    place = Place.objects.filter(path=path).first()
    if place is None:
        raise click.ClickException(f"There is no place {path}.")
    now = timezone.now()
    try:
        survey = start_survey(place=place, category=category, days=days, by=None, now=now)
    except Refusal as refusal:
        raise click.ClickException(str(refusal.reason)) from None
    found = run_survey(survey_id=survey.pk, now=now)
    survey = Survey.objects.get(pk=survey.pk)
    click.echo(f"{survey.read} cases read, {survey.left_out} left out, {found} themes proposed.")
    for theme in Theme.objects.filter(survey=survey).order_by("-size"):
        click.echo(f"{theme.number}\t{theme.size}\t{theme.name}")
