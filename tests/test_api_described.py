"""Every answer of the REST interface is one that its description promises: schemathesis asks each operation sensible
and senseless things, in this process, from a fixed seed.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode, openapi
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from gongzhi.config.wsgi import application
from gongzhi.ground.access.tokens import create_token, verbs_for_tokens
from tests.test_api import directives

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

EXAMPLES = 6  # for each operation, well formed and malformed
# Whether well formed questions are refused is a matter of the rooms' rules, which no description can hold.
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture(autouse=True)
def one_connection() -> Iterator[None]:
    """A request does not close the connection in whose transaction the test lives."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def known(town: Any, assigned: Any, done: Any, report: Any, moment: Any) -> dict[str, Any]:
    """Things that are there, so that not every question ends with 404."""
    _m, case = assigned()
    _m, new = report(text="西门的路灯不亮。")
    _m, checked = done(text="北门的路灯也不亮。")
    directed = directives(town, moment.now)
    return {
        "directive_id": [directed["sent"], directed["draft"]],
        "assignment_id": [directed["piece"], directed["asking"], directed["passed"]],
        "number": [case.number, new.number, checked.number],
        "task_id": [case.tasks.get().pk],
        "check_id": [checked.checks.get().pk],
        "path": [town.grid.path, town.street.path],
        "code": ["environment.litter"],
    }


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=lambda mode: mode.value)
def test_every_answer_is_described(
    town: Any, known: dict[str, Any], moment: Any, mode: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gongzhi.front.limits.rule", lambda *_a, **_k: 1_000_000)
    schema = openapi.from_wsgi("/api/v1/openapi.json", application)
    on = moment.now.date()
    secrets = [
        create_token(
            name="test", verbs=verbs_for_tokens(user, on), expires_on=on + timedelta(days=1), by=user, now=moment.now
        )[1]
        for user in (town.street_clerk, town.worker)
    ]
    asked = 0
    for found in schema.get_all_operations():
        operation = found.ok()

        @seed(20261122)
        @settings(max_examples=EXAMPLES, database=None, deadline=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy(generation_mode=mode), data=st.data())
        def ask(case: Any, data: Any) -> None:
            nonlocal asked
            asked += 1
            for name in case.path_parameters or {}:
                if name in known and data.draw(st.integers(0, 3)):
                    case.path_parameters[name] = data.draw(st.sampled_from(known[name]))
            headers = {"Authorization": f"Bearer {data.draw(st.sampled_from(secrets))}"}
            sid = transaction.savepoint()
            try:
                case.call_and_validate(headers=headers, checks=CHECKS)
            finally:
                transaction.savepoint_rollback(sid)

        ask()
    assert asked >= 24 * EXAMPLES // 4
