"""Looking for themes, and everything that can happen to one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Max, Min
from django.utils import timezone
from django.utils.translation import gettext as _

from gongzhi.ground.access.actions import require
from gongzhi.ground.access.models import Post
from gongzhi.ground.access.reach import posts_of
from gongzhi.ground.access.roles import roles_with
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.actions import record
from gongzhi.ground.ledger.events import Event
from gongzhi.ground.places.models import Place
from gongzhi.ground.refusals import NotThere, Refusal
from gongzhi.ground.rules import clock
from gongzhi.ground.rules.actions import rule
from gongzhi.ground.rules.spans import Span, Unit
from gongzhi.understand.cases.models import Case, CaseQuerySet, Voice
from gongzhi.understand.cases.models import State as CaseState
from gongzhi.understand.cases.responsibility import Position, positions_at
from gongzhi.understand.cases.tree import category_by_code, category_by_id, lineage, tree
from gongzhi.understand.themes.clustering import MOST_AT_ONCE, Group, Text, group_texts
from gongzhi.understand.themes.events import (
    CasesAdded,
    CasesTakenOut,
    QuoteChosen,
    QuoteTakenOut,
    SurveyDone,
    SurveyStarted,
    ThemeAnswered,
    ThemeAssigned,
    ThemeConfirmed,
    ThemeDropped,
    ThemeOpened,
    ThemeProposed,
    ThemeRenamed,
)
from gongzhi.understand.themes.masking import BOX, mask_personal
from gongzhi.understand.themes.models import LIVE, Move, Quote, Survey, Theme, ThemeCase

LONGEST_LOOK = 400  # days
MOST_CASES = 5_000
VOICES_READ = 3  # of a case with many voices


# --- looking -----------------------------------------------------------------------------------------


@transaction.atomic
def start_survey(*, place: Place, days: int, by: User | None, now: datetime, category: str = "") -> Survey:
    """Order a look for themes; a worker does it. ``by=None`` is the command line."""
    post = require(by, "themes.look", place.path, now) if by is not None else None
    if not 1 <= days <= LONGEST_LOOK:
        raise Refusal(_("Between 1 and %(most)d days, please.") % {"most": LONGEST_LOOK}, field="days", status=422)
    if category and category_by_code(category) is None:
        raise Refusal(_("There is no such category."), field="category", status=422)
    waiting = Survey.objects.filter(place=place, category=category, state=Survey.State.WAITING)
    if by is not None and waiting.exists():
        raise Refusal(_("Somebody is already looking here. The result comes in a moment."))
    survey = Survey.objects.create(
        place=place,
        place_path=place.path,
        category=category,
        since=now - timedelta(days=days),
        until=now,
        by=by,
        at=now,
    )
    record(SurveyStarted(survey_id=survey.pk), about=survey, by=by, now=now, post=post, place=place.path)
    return survey


def cases_of(survey: Survey) -> CaseQuerySet:
    """The cases that a survey compares: of the place, the time and the categories, none that is private."""
    nodes = tree().nodes
    private = [pk for pk, node in nodes.items() if any(one.private for one in lineage(node))]
    found = (
        Case.objects.at(survey.place_path)
        .filter(opened_at__gt=survey.since, opened_at__lte=survey.until)
        .exclude(state__in=[CaseState.MERGED, CaseState.WITHDRAWN, CaseState.REFERRED])
        .exclude(category_id__in=private)
    )
    if survey.category:
        top = category_by_code(survey.category)
        inside = [pk for pk, node in nodes.items() if top is not None and top.pk in {one.pk for one in lineage(node)}]
        found = found.filter(category_id__in=inside)
    return found


def run_survey(*, survey_id: int, now: datetime, by: User | None = None) -> int:
    """Compare the texts and propose themes. Returns how many. Running it again changes nothing.

    Cases that already belong mostly to a theme that lives are not proposed again.
    """
    survey = Survey.objects.get(pk=survey_id)
    if survey.state != Survey.State.WAITING:
        return survey.found
    rows = list(
        cases_of(survey).order_by("-opened_at").values_list("pk", "summary", "opened_at", "place_path", "category_id")
    )
    bodies = _bodies([row[0] for row in rows])
    texts = [
        Text(pk=pk, summary=summary, body=bodies.get(pk, ""), day=opened.timestamp() / 86400, town=path[:9])
        for pk, summary, opened, path, _category in rows
    ]
    tops = {pk: _top(category) for pk, _summary, _opened, _path, category in rows}
    on = timezone.localdate(now)
    days = float(rule("themes.days_apart", path=survey.place_path, on=on))
    smallest = int(rule("themes.smallest", path=survey.place_path, on=on))
    groups: list[Group] = []
    read = 0
    for block in _blocks(texts, tops):
        read += len(block)
        groups += group_texts(block, days=days, smallest=smallest)
    with transaction.atomic():
        survey = Survey.objects.select_for_update(of=("self",)).get(pk=survey_id)
        if survey.state != Survey.State.WAITING:
            return survey.found
        known = _known(survey)
        found = 0
        summaries = {text.pk: text.summary for text in texts}
        for group in groups:
            members = {pk for pk, _closeness in group.members}
            if any(len(members & others) * 2 >= len(members) for others in known):
                continue
            _propose(survey, group, summaries[group.members[0][0]], now)
            found += 1
        survey.state, survey.done_at = Survey.State.DONE, now
        survey.read, survey.left_out, survey.found = read, len(texts) - read, found
        record(
            SurveyDone(survey_id=survey.pk, read=read, found=found),
            about=survey,
            by=by,
            now=now,
            place=survey.place_path,
            save=("state", "done_at", "read", "left_out", "found"),
        )
    return found


def _bodies(ids: Sequence[int]) -> dict[int, str]:
    """What the voices of each case say; of many voices the first few."""
    said: dict[int, list[str]] = {}
    for start in range(0, len(ids), 900):
        told = Voice.objects.filter(case_id__in=ids[start : start + 900]).order_by("pk")
        for pk, text in told.values_list("case_id", "message__text"):
            said.setdefault(pk, []).append(text)
    return {pk: "\n".join(words[:VOICES_READ]) for pk, words in said.items()}


def _top(category_id: int | None) -> int:
    node = category_by_id(category_id)
    return lineage(node)[-1].pk if node is not None else 0


def _blocks(texts: list[Text], tops: dict[int, int]) -> Iterator[list[Text]]:
    """Pieces that can be compared at once: everything; else town by town (nothing is lost, towns are kept apart
    anyway); else by top category inside a town, of each the newest."""
    if len(texts) <= MOST_AT_ONCE:
        yield texts
        return
    towns: dict[str, list[Text]] = {}
    for text in texts:
        towns.setdefault(text.town, []).append(text)
    for inside in towns.values():
        if len(inside) <= MOST_AT_ONCE:
            yield inside
            continue
        kinds: dict[int, list[Text]] = {}
        for text in inside:
            kinds.setdefault(tops[text.pk], []).append(text)
        for block in kinds.values():
            yield block[:MOST_AT_ONCE]


def _known(survey: Survey) -> list[set[int]]:
    """The cases of the themes of this area that live, or that somebody has called no theme."""
    near = Theme.objects.filter(until__gt=survey.since, state__in=[*LIVE, "dropped"])
    by_theme: dict[int, set[int]] = {}
    for theme, case in ThemeCase.objects.filter(theme__in=near).values_list("theme_id", "case_id"):
        by_theme.setdefault(theme, set()).add(case)
    return list(by_theme.values())


def _propose(survey: Survey, group: Group, summary: str, now: datetime) -> Theme:
    ids = [pk for pk, _closeness in group.members]
    theme = Theme(
        survey=survey,
        name=mask_personal(summary)[:80],
        place=survey.place,
        place_path=survey.place_path,
        terms=list(group.terms),
        proposed_at=now,
        since=survey.since,
        until=survey.until,
    )
    _measure(theme, ids)
    theme.save()
    ThemeCase.objects.bulk_create(
        [ThemeCase(theme=theme, case_id=pk, closeness=closeness) for pk, closeness in group.members]
    )
    event = ThemeProposed(theme_id=theme.pk, cases=len(ids))
    record(event, about=theme, by=None, now=now, place=theme.place_path)
    return theme


def _measure(theme: Theme, ids: Iterable[int]) -> None:
    """The number of cases, and from when to when they are."""
    ids = list(ids)
    found: dict[str, list[datetime]] = {"first": [], "last": []}
    for start in range(0, len(ids), 900):
        ends = Case.objects.filter(pk__in=ids[start : start + 900]).aggregate(
            first=Min("opened_at"), last=Max("opened_at")
        )
        for name, moment in ends.items():
            if moment is not None:
                found[name].append(moment)
    theme.size = len(ids)
    if found["first"]:
        theme.since, theme.until = min(found["first"]), max(found["last"])


# --- what a person makes of it -----------------------------------------------------------------------


def _locked(theme_id: int, by: User, now: datetime) -> tuple[Theme, Post]:
    """The theme, locked, if the person may look for themes where it lies. The owner only reads: 403."""
    theme = Theme.objects.visible_to(by).select_for_update(of=("self",)).filter(pk=theme_id).first()
    if theme is None:
        raise NotThere()
    return theme, require(by, "themes.look", theme.place_path, now)


def _record(event: Event, theme: Theme, by: User, now: datetime, post: Post, *save: str) -> None:
    record(event, about=theme, by=by, now=now, post=post, place=theme.place_path, save=save)


def _name(given: str) -> str:
    clean = " ".join(given.replace("\x00", "").split())
    if len(clean) < 2:
        raise Refusal(_("Give the theme a name."), field="name", status=422)
    if len(clean) > 80:
        raise Refusal(_("The name has at most 80 characters."), field="name", status=422)
    _nothing_personal(clean, "name")
    return clean


def _nothing_personal(text: str, field: str) -> None:
    # A name that the house proposed may hold what was masked already.
    if mask_personal(text).count(BOX) > text.count(BOX):
        raise Refusal(
            _("This looks like a name, a number or a door of somebody. Others read it: please leave that out."),
            field=field,
            status=422,
        )


@transaction.atomic
def open_theme(*, place: Place, name: str, numbers: Sequence[str], by: User, now: datetime) -> Theme:
    """Gather a theme by hand: a person has seen that these cases are one thing. It is confirmed by that."""
    post = require(by, "themes.look", place.path, now)
    clean = _name(name)
    cases = _usable(numbers, place.path, by)
    if not cases:
        raise Refusal(_("Name at least one case."), field="cases", status=422)
    theme = Theme(
        name=clean, place=place, place_path=place.path, proposed_at=now, since=now, until=now, state="confirmed"
    )
    theme.confirmed_at, theme.confirmed_by = now, by
    _measure(theme, [case.pk for case in cases])
    theme.save()
    ThemeCase.objects.bulk_create([ThemeCase(theme=theme, case=case) for case in cases])
    record(
        ThemeOpened(theme_id=theme.pk, cases=len(cases)), about=theme, by=by, now=now, post=post, place=theme.place_path
    )
    return theme


def _usable(numbers: Sequence[str], path: str, by: User) -> list[Case]:
    wanted = list(dict.fromkeys(number.strip() for number in numbers if number.strip()))
    if len(wanted) > 500:
        raise Refusal(_("At most %(count)d cases at once, please.") % {"count": 500}, field="cases", status=422)
    found = list(Case.objects.visible_to(by).at(path).filter(number__in=wanted))
    missing = sorted(set(wanted) - {case.number for case in found})
    if missing:
        raise Refusal(
            _("There is no case %(number)s in this area.") % {"number": missing[0][:20]}, field="cases", status=422
        )
    for case in found:
        node = category_by_id(case.category_id)
        if node is not None and any(one.private for one in lineage(node)):
            raise Refusal(
                _("Case %(number)s is a matter between people; it does not belong into a theme.")
                % {"number": case.number},
                field="cases",
                status=422,
            )
    return found


@transaction.atomic
def confirm_theme(*, theme_id: int, name: str, by: User, now: datetime) -> Theme:
    """It is one thing, and this is its name."""
    theme, post = _locked(theme_id, by, now)
    theme.go(Move.CONFIRM)
    if not theme.theme_cases.exists():
        raise Refusal(_("A theme has at least one case."))
    theme.name, theme.confirmed_at, theme.confirmed_by = _name(name), now, by
    _record(ThemeConfirmed(theme_id=theme.pk), theme, by, now, post, "state", "name", "confirmed_at", "confirmed_by")
    return theme


@transaction.atomic
def rename_theme(*, theme_id: int, name: str, by: User, now: datetime) -> Theme:
    theme, post = _locked(theme_id, by, now)
    theme.must_allow(Move.EDIT)
    theme.name = _name(name)
    _record(ThemeRenamed(theme_id=theme.pk), theme, by, now, post, "name")
    return theme


@transaction.atomic
def add_cases(*, theme_id: int, numbers: Sequence[str], by: User, now: datetime) -> Theme:
    """Put cases into a theme. Those that are in it already stay."""
    theme, post = _locked(theme_id, by, now)
    theme.must_allow(Move.EDIT)
    known = set(theme.theme_cases.values_list("case_id", flat=True))
    new = [case for case in _usable(numbers, theme.place_path, by) if case.pk not in known]
    if not new:
        raise Refusal(_("Name at least one case that is not in the theme yet."), field="cases", status=422)
    if len(known) + len(new) > MOST_CASES:
        raise Refusal(_("A theme has at most %(count)d cases.") % {"count": MOST_CASES}, field="cases", status=422)
    ThemeCase.objects.bulk_create([ThemeCase(theme=theme, case=case) for case in new])
    _measure(theme, [*known, *(case.pk for case in new)])
    event = CasesAdded(theme_id=theme.pk, case_ids=sorted(case.pk for case in new))
    _record(event, theme, by, now, post, "size", "since", "until")
    return theme


@transaction.atomic
def take_out_cases(*, theme_id: int, case_ids: Sequence[int], by: User, now: datetime) -> Theme:
    """These do not belong to it. Their quotes go with them."""
    theme, post = _locked(theme_id, by, now)
    theme.must_allow(Move.EDIT)
    known = set(theme.theme_cases.values_list("case_id", flat=True))
    gone = known & set(case_ids)
    if not gone:
        raise Refusal(_("Choose the cases that do not belong to it."), field="cases", status=422)
    if gone == known:
        raise Refusal(_("At least one case stays; or say that it is no theme."), field="cases", status=422)
    theme.theme_cases.filter(case_id__in=gone).delete()
    for quote in theme.quotes.filter(case_id__in=gone, taken_out_at__isnull=True):
        _take_out(quote, theme, by, now, post)
    _measure(theme, known - gone)
    event = CasesTakenOut(theme_id=theme.pk, case_ids=sorted(gone))
    _record(event, theme, by, now, post, "size", "since", "until")
    return theme


@transaction.atomic
def choose_quote(*, theme_id: int, case_id: int, text: str, by: User, now: datetime) -> Quote:
    """Take a sentence into the brief. What the rules know as personal is masked, whoever typed it."""
    theme, post = _locked(theme_id, by, now)
    theme.must_allow(Move.EDIT)
    if not theme.theme_cases.filter(case_id=case_id).exists():
        raise Refusal(_("This case is not in the theme."), field="text", status=422)
    clean = mask_personal(" ".join(text.replace("\x00", "").split()))
    if len(clean) < 4:
        raise Refusal(_("The quote is empty."), field="text", status=422)
    if len(clean) > 300:
        raise Refusal(_("A quote has at most 300 characters."), field="text", status=422)
    if theme.quotes.filter(taken_out_at__isnull=True).count() >= 20:
        raise Refusal(_("Twenty quotes are enough."), field="text", status=422)
    quote = Quote.objects.create(theme=theme, case_id=case_id, text=clean, chosen_by=by, chosen_at=now)
    event = QuoteChosen(theme_id=theme.pk, quote_id=quote.pk)
    record(event, about=quote, by=by, now=now, post=post, place=theme.place_path)
    return quote


@transaction.atomic
def take_out_quote(*, quote_id: int, by: User, now: datetime) -> None:
    quote = Quote.objects.filter(pk=quote_id).first()
    if quote is None:
        raise NotThere()
    theme, post = _locked(quote.theme_id, by, now)
    theme.must_allow(Move.EDIT)
    quote = Quote.objects.select_for_update(of=("self",)).get(pk=quote_id)
    if quote.taken_out_at is not None:
        raise Refusal(_("This quote has already been taken out."))
    _take_out(quote, theme, by, now, post)


def _take_out(quote: Quote, theme: Theme, by: User, now: datetime, post: Post) -> None:
    quote.taken_out_at = now
    event = QuoteTakenOut(theme_id=theme.pk, quote_id=quote.pk)
    record(event, about=quote, by=by, now=now, post=post, place=theme.place_path, save=("taken_out_at",))


def owners_for(path: str, on: date) -> list[Position]:
    """Who can be given a theme of this area: the positions above and below it that answer themes."""
    able = roles_with("themes.answer")
    return [position for position in positions_at(path, on) if position.role in able]


@transaction.atomic
def assign_theme(
    *, theme_id: int, role: str, place_id: int, by: User, now: datetime, due_on: date | None = None
) -> Theme:
    """Give the theme to a position, with a deadline: the day, or what the rule says. From now on it reads the brief."""
    theme, post = _locked(theme_id, by, now)
    on = timezone.localdate(now)
    if due_on is not None and due_on <= on:
        raise Refusal(_("The deadline must lie ahead."), field="due_on", status=422)
    held = {(one.role, one.place_id) for one in owners_for(theme.place_path, on)}
    if (role, place_id) not in held:
        raise Refusal(_("Nobody holds this post today."), field="owner", status=422)
    theme.go(Move.ASSIGN)
    theme.owner_role, theme.owner_place_id = role, place_id
    theme.assigned_at, theme.assigned_by = now, by
    if due_on is not None:
        theme.due_at = clock.deadline(now, Span((due_on - on).days, Unit.NATURAL_DAYS), path=theme.place_path)
    else:
        span = Span.parse(rule("themes.answer", path=theme.place_path, on=on))
        theme.due_at = clock.deadline(now, span, path=theme.place_path)
    event = ThemeAssigned(theme_id=theme.pk, role=role, place_id=place_id)
    save = ("state", "owner_role", "owner_place", "due_at", "assigned_at", "assigned_by")
    _record(event, theme, by, now, post, *save)
    return theme


@transaction.atomic
def answer_theme(*, theme_id: int, outcome: str, by: User, now: datetime) -> Theme:
    """The owner says what becomes of it, for everybody behind it. It is told to each of them in these words."""
    theme = Theme.objects.visible_to(by).select_for_update(of=("self",)).filter(pk=theme_id).first()
    if theme is None:
        raise NotThere()
    own = [
        post
        for post in posts_of(by, timezone.localdate(now))
        if (post.role, post.place_id) == (theme.owner_role, theme.owner_place_id) and "themes.answer" in post.verbs
    ]
    if not own:
        raise Refusal(_("The owner of the theme answers it."), status=403)
    clean = outcome.replace("\x00", "").strip()
    if len(clean) < 8:
        raise Refusal(
            _("Say in a few sentences what was done; everybody behind it reads it."), field="outcome", status=422
        )
    if len(clean) > 1000:
        raise Refusal(_("At most %(count)d characters, please.") % {"count": 1000}, field="outcome", status=422)
    _nothing_personal(clean, "outcome")
    theme.go(Move.ANSWER)
    theme.outcome, theme.answered_at, theme.answered_by = clean, now, by
    event = ThemeAnswered(theme_id=theme.pk, cases=theme.size)
    _record(event, theme, by, now, own[0], "state", "outcome", "answered_at", "answered_by")
    return theme


@transaction.atomic
def drop_theme(*, theme_id: int, reason: str, by: User, now: datetime) -> Theme:
    """It is no theme. It is not proposed again."""
    theme, post = _locked(theme_id, by, now)
    clean = reason.replace("\x00", "").strip()
    if len(clean) < 2:
        raise Refusal(_("Say why it is no theme."), field="reason", status=422)
    theme.go(Move.DROP)
    theme.drop_reason, theme.dropped_at, theme.dropped_by = clean[:300], now, by
    _record(ThemeDropped(theme_id=theme.pk), theme, by, now, post, "state", "drop_reason", "dropped_at", "dropped_by")
    return theme
