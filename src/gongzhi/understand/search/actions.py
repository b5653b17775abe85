"""Keeping the index in step with the cases, and looking for somebody's earlier cases."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from django.db import connection, connections, transaction
from django.utils.translation import gettext as _

from gongzhi.ground.access.actions import require
from gongzhi.ground.access.reach import posts_with
from gongzhi.ground.accounts.models import User
from gongzhi.ground.filling import among
from gongzhi.ground.ledger.actions import record
from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.privacy.actions import LONGEST_REASON, SHORTEST_REASON
from gongzhi.ground.privacy.events import PersonalDataRevealed
from gongzhi.ground.privacy.fields import blind
from gongzhi.ground.privacy.models import Reveal
from gongzhi.ground.refusals import Refusal
from gongzhi.sense.channels.models import Message
from gongzhi.understand.cases.models import Case, Voice
from gongzhi.understand.search import marks
from gongzhi.understand.search.events import CallerLookedUp
from gongzhi.understand.search.models import CallerSearch, CaseText
from gongzhi.understand.search.spelling import bigrams

MOST_TEXT = 20_000  # characters of one case that are indexed: a merge of hundreds of voices says the same again
MOST_FOUND = 50  # cases of one caller


class _Said(NamedTuple):
    """What is indexed of a case itself: a plain row, because an import brings a thousand at once."""

    id: int
    number: str
    summary: str
    address: str
    place_path: str
    category_id: int | None
    opened_at: datetime
    lead_role: str
    lead_place_id: int | None


class OfCase(Protocol):
    """What every event about a case says."""

    @property
    def case_id(self) -> int: ...


def index_cases(events: Sequence[OfCase], *, entries: Sequence[Entry], now: datetime) -> None:
    """Index what the cases of these events say now (reaction to whatever changes their words)."""
    write_index({event.case_id for event in events})


def write_index(case_ids: Iterable[int]) -> int:
    """Write the index rows of these cases anew, inside the caller's transaction. How many.

    The cases are locked first, so that what is written is what they say now, whoever else is indexing them.
    """
    wanted = sorted(set(case_ids))
    if not wanted:
        return 0
    locked = Case.objects.filter(among("pk", wanted)).order_by("pk").select_for_update(of=("self",), no_key=True)
    cases = [_Said(*values) for values in locked.values_list(*_Said._fields)]
    told: dict[int, list[str]] = {pk: [] for pk in wanted}
    # A case that was merged into another is still found by what it said itself.
    voices = Voice.objects.filter(among("case_id", wanted) | among("first_case_id", wanted)).order_by("pk")
    rows_said = voices.values_list("case_id", "first_case_id", "message__text", "message__address")
    for now_of, first_of, text, address in rows_said:
        for pk in {now_of, first_of} & told.keys():
            told[pk] += [text, address]
    _keep([(case.id, words_of(case, told[case.id])) for case in cases])
    return len(cases)


def _keep(rows: Sequence[tuple[int, Sequence[str]]]) -> None:
    """Write the rows, new or anew: one statement for all of them. ``bulk_create`` would spell out every value."""
    field = CaseText._meta.get_field("words")
    here = connections[connection.alias]  # and not the stand-in for it, which looks for it at each question
    spelt = [(pk, field.get_db_prep_value(words, here)) for pk, words in rows]
    table, anew = CaseText._meta.db_table, "ON CONFLICT (case_id) DO UPDATE SET words = excluded.words"
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            given = "SELECT pk, said::tsvector FROM unnest(%s::bigint[], %s::text[]) AS given (pk, said)"
            columns = [[pk for pk, _words in spelt], [words for _pk, words in spelt]]
            cursor.execute(f"INSERT INTO {table} (case_id, words) {given} {anew}", columns)
        else:
            cursor.executemany(f"INSERT INTO {table} (case_id, words) VALUES (%s, %s) {anew}", spelt)  # noqa: S608


def words_of(case: _Said, told: Iterable[str]) -> list[str]:
    """What is indexed of a case whose voices have told this."""
    parts = dict.fromkeys(part for part in (case.summary, case.address, *told) if part)
    own = marks.of_case(
        place_path=case.place_path,
        category_id=case.category_id,
        opened_at=case.opened_at,
        lead_role=case.lead_role,
        lead_place_id=case.lead_place_id,
    )
    return [case.number[:6], *bigrams("\n".join(parts)[:MOST_TEXT]), *own]


def rebuild(*, batch: int = 500) -> Iterator[int]:
    """Write the whole index anew, newest cases first, a batch a transaction; gives how many are done so far.

    May be killed and started again, and may run while people work.
    """
    done, last = 0, None
    while True:
        cases = Case.objects.order_by("-pk")
        ids = list((cases if last is None else cases.filter(pk__lt=last)).values_list("pk", flat=True)[:batch])
        if not ids:
            break
        with transaction.atomic():
            done += write_index(ids)
        last = ids[-1]
        yield done
    tidy()


def tidy() -> None:
    """Let go of what the index still holds of erased texts. PostgreSQL does it by itself (autovacuum)."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO search_casetext_found(search_casetext_found) VALUES ('optimize')")


@transaction.atomic
def look_up_caller(*, phone: str, reason: str, by: User, now: datetime) -> list[Case]:
    """The cases within the person's reach that were reported from this telephone, the newest first.

    The search is recorded, and each reporter whose message it met can read that somebody looked, and why.
    """
    words = " ".join(reason.split())
    if not SHORTEST_REASON <= len(words) <= LONGEST_REASON:
        raise Refusal(_("Say in a few words why you look."), field="reason", status=422)
    if not 7 <= sum(character.isdecimal() for character in phone) <= 15:
        raise Refusal(_("This does not look like a telephone number."), field="phone", status=422)
    able = posts_with(by, "privacy.reveal")
    if not able:
        raise Refusal(_("None of your posts allows this here."), status=403)
    post = require(by, "privacy.reveal", able[0].place_path, now)
    messages = Message.objects.filter(reporter_phone_index=blind("channels.Message.reporter_phone", phone))
    voices = Voice.objects.filter(message__in=messages, case__in=Case.objects.visible_to(by))
    pairs = list(voices.order_by("-case__opened_at", "-case_id").values_list("case_id", "message_id")[:MOST_FOUND])
    search = CallerSearch.objects.create(reason=words, found=len(pairs), by=by, post=post, at=now)
    record(
        CallerLookedUp(search_id=search.pk, found=len(pairs)),
        about=search,
        by=by,
        now=now,
        post=post,
        place=post.place_path,
    )
    for _case_id, message_id in pairs:
        look = Reveal.objects.create(
            model="channels.Message", object_id=message_id, field="reporter_phone", reason=words, by=by, post=post,
            place_path=post.place_path, at=now,
        )  # fmt: skip
        record(
            PersonalDataRevealed(model="channels.Message", object_id=message_id, field="reporter_phone"),
            about=look,
            by=by,
            now=now,
            post=post,
            place=post.place_path,
        )
    found = Case.objects.select_related("place").in_bulk({case_id for case_id, _message_id in pairs})
    return [found[pk] for pk in dict.fromkeys(case_id for case_id, _message_id in pairs)]
