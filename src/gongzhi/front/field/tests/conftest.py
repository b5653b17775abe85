"""A telephone in somebody's hand."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from gongzhi.front.field.reading import owner_of

SYNC = "/field/sync/"
HOUR = 3600_000
CLOCK = 1_800_000_000_000  # whatever the device believes


def thing(kind: str, data: dict[str, Any], *, ago: float = 0, key: str = "", **more: Any) -> dict[str, Any]:
    return {"key": key or uuid.uuid4().hex, "kind": kind, "at": CLOCK - ago, "data": data, **more}


@pytest.fixture
def device(as_user: Any, town: Any) -> Any:
    """A telephone in somebody's hand: gives the answers."""

    def send(
        user: Any, *things: dict[str, Any], clock: float = CLOCK, status: int = 200, files: Any = None, **headers: Any
    ) -> Any:
        client = as_user(user)
        sent = json.dumps({"clock": clock, "items": things})
        given = {"HTTP_X_OWNER": owner_of(user), **headers}
        if files:
            answer = client.post(SYNC, {"sent": sent, **files}, **given)
        else:
            answer = client.post(SYNC, sent, content_type="application/json", **given)
        assert answer.status_code == status, answer.content
        return answer.json().get("answers") if status == 200 else answer.json()

    return send
