"""A directive of the street to its two communities."""

from __future__ import annotations

from typing import Any

import pytest

from gongzhi.act.directives import actions
from gongzhi.act.directives.asking import Ask
from gongzhi.act.directives.models import Assignment, Directive


def an_ask(town: Any, **given: Any) -> Ask:
    usual: dict[str, Any] = {
        "title": "防汛排查",
        "text": "逐楼排查地下空间。",
        "done_when": "每个地下空间都看过。",
        "target_level": "village",
        "target_places": [town.street.pk],
        "reply_span": "3 working_days",
    }
    return Ask(**(usual | given))


@pytest.fixture
def issued(town: Any, now: Any) -> Directive:
    directive = actions.draft_directive(ask=an_ask(town), by=town.street_clerk, now=now)
    return actions.issue_directive(directive_id=directive.pk, by=town.street_clerk, now=now)


@pytest.fixture
def piece(town: Any, issued: Directive) -> Assignment:
    return Assignment.objects.get(place=town.community)
