"""What a worker does for themes: the comparing, which takes seconds and never belongs into a request."""

from __future__ import annotations

from django.utils import timezone
from django_tasks import task

from gongzhi.understand.themes.actions import run_survey


@task()
def find_themes(survey_id: int) -> int:
    """Do one look for themes. Returns how many were proposed."""
    return run_survey(survey_id=survey_id, now=timezone.now())
