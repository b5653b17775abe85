"""A morning of demands: sorted by keyboard, merged, referred, called back, done in bulk; with this product alone."""

from __future__ import annotations

import os
from typing import Any

from gongzhi.understand.cases.models import Case, State, Voice
from tests.browser.conftest import DESK, Site, Visit
from tests.browser.morning import AGAIN, Morning, fill

COUNT = int(os.environ.get("MORNING_DEMANDS", "24"))  # bench/morning asks for more


def test_a_clerk_works_through_a_morning(come: Any, site: Site) -> None:
    fill(site, COUNT)
    page = come(Visit(username="street", viewport=dict(DESK))).new_page()
    page.set_default_timeout(60_000)  # a busy machine is no finding
    morning = Morning(page, site)
    morning.sort_everything()
    left = Case.objects.filter(state=State.NEW)
    assert not [case.number for case in left if not case.rulings.filter(state="open").exists()]
    assert morning.tally.deeds["merged"] == len(AGAIN)
    assert Voice.objects.count() == COUNT
    morning.blow_the_whistle()
    morning.others_work(12)
    morning.call_back(6)
    morning.many_at_once()
    assert morning.wrong == []
    print(morning.tally.line(COUNT))  # noqa: T201 - shown with -s, and when it fails
    tally = morning.tally
    # What a morning costs is kept in mind: whoever makes it dearer says so here.
    assert tally.keys / COUNT < 4
    assert tally.clicks / COUNT < 3
    assert tally.pages / COUNT < 4
