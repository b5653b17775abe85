"""How often one sender may do one thing: counted in the database, so that all processes count together.

Who the sender is (an address, a device, a token) is kept only as a keyed digest that changes with every window: what
was counted in one hour cannot be laid beside another hour, and the rows are deleted when their window is over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import connection
from django.utils.crypto import salted_hmac

from gongzhi.ground.access.models import Tally

_TABLE = Tally._meta.db_table


@dataclass(frozen=True)
class Limit:
    """``who`` may do ``what`` at most ``most`` times in a window of so many ``seconds``."""

    what: str
    who: str
    most: int
    seconds: int = 3600

    def key(self, now: datetime) -> str:
        said = f"{self.what}|{self.seconds}|{int(now.timestamp()) // self.seconds}|{self.who}"
        return salted_hmac("gongzhi.tally", said, algorithm="sha256").hexdigest()[:48]

    def until(self, now: datetime) -> datetime:
        window = int(now.timestamp()) // self.seconds + 1
        return datetime.fromtimestamp(window * self.seconds, tz=UTC)


def count(limits: Sequence[Limit], *, now: datetime) -> Limit | None:
    """Count once for each of these; the first that is exceeded, or None. One statement.

    Called outside of the transaction of what is counted: what is refused counts too, and nobody waits for the row.
    """
    by_key = {limit.key(now): limit for limit in limits if limit.who}
    if not by_key:
        return None
    # In one order for everybody, so that two requests never wait for each other's rows.
    rows = [
        value
        for key in sorted(by_key)
        for value in (key, connection.ops.adapt_datetimefield_value(by_key[key].until(now)))
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {_TABLE} (key, count, until) VALUES "  # noqa: S608
            + ", ".join(["(%s, 1, %s)"] * len(by_key))
            + f" ON CONFLICT (key) DO UPDATE SET count = {_TABLE}.count + 1 RETURNING key, count",
            rows,
        )
        counts = dict(cursor.fetchall())
    return next((limit for key, limit in by_key.items() if counts[key] > limit.most), None)
