"""Everything that can happen to household points: the rulebook, joining, claiming, checking, publishing, objecting,
exchanging, and what the clock books.

A household acts by its own code (``by=None``), or somebody of the group notes what it said on paper. Nobody books by
hand: points are booked by the clock once two members have confirmed the claim, its publication has ended and no
objection is open.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Max, Q, Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from gongzhi.act.points.events import (
    ClaimChecked,
    ClaimPublished,
    ClaimStruck,
    ClaimWithdrawn,
    CodeRenewed,
    DeductionProposed,
    ExchangeTakenBack,
    GoodChanged,
    GoodOffered,
    HouseholdJoined,
    HouseholdLeft,
    ItemDropped,
    ItemWritten,
    MemberAdded,
    MemberEnded,
    ObjectionAnswered,
    ObjectionDropped,
    ObjectionRaised,
    PointsBooked,
    PointsClaimed,
    PointsExchanged,
    PublicationOpened,
    RulebookAdopted,
    RulebookChanged,
    RulebookDrafted,
    RulebookDropped,
    RulebookReplaced,
)
from gongzhi.act.points.links import digest_for
from gongzhi.act.points.models import (
    COUNTED,
    HIGHEST_CAP,
    HIGHEST_PRICE,
    HIGHEST_VALUE,
    Account,
    Booking,
    Check,
    Claim,
    Exchange,
    Good,
    Household,
    Item,
    Member,
    Move,
    Objection,
    Publication,
    Rulebook,
    State,
    Way,
)
from gongzhi.ground.access.actions import holding, require
from gongzhi.ground.access.models import Post
from gongzhi.ground.access.reach import posts_with
from gongzhi.ground.access.roles import roles_with
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.actions import record
from gongzhi.ground.places.models import Place
from gongzhi.ground.places.paths import ancestors, below
from gongzhi.ground.refusals import NotThere, Refusal
from gongzhi.ground.rules import clock
from gongzhi.ground.rules.actions import rule
from gongzhi.ground.rules.spans import Span, Unit

CONSENT_VERSION: Final = 1  # of the words that a household agrees to (portal and paper); a change asks anew
CHECKERS: Final = 2
MOST_ITEMS: Final = 60
MOST_WAITING: Final = 20  # claims of one household at a time
MOST_STOCK: Final = 100_000
MOST_PIECES: Final = 100  # in one exchange


# --- what is asked again and again -------------------------------------------------------------------


def is_on(path: str, on: date) -> bool:
    """Whether household points are switched on at this path. Off unless the place says otherwise."""
    return bool(rule("points.enabled", path=path, on=on))


def places_on(on: date) -> list[Place]:
    """Where points are switched on and rules are in force, by path. One statement."""
    found = Rulebook.objects.adopted().select_related("place").order_by("place_path")
    return [book.place for book in found if is_on(book.place_path, on)]


def _must_be_on(path: str, now: datetime) -> None:
    if not is_on(path, timezone.localdate(now)):
        raise Refusal(_("Household points are not switched on here."))


def _words(given: str, field: str, least: int, most: int, missing: str) -> str:
    clean = given.replace("\x00", "").strip()
    if len(clean) < least:
        raise Refusal(missing, field=field, status=422)
    if len(clean) > most:
        raise Refusal(_("At most %(count)d characters, please.") % {"count": most}, field=field, status=422)
    return clean


def _between(value: int, least: int, most: int, field: str) -> int:
    if not least <= value <= most:
        raise Refusal(
            _("Between %(least)d and %(most)d, please.") % {"least": least, "most": most}, field=field, status=422
        )
    return value


def checking_post(user: User, path: str, now: datetime) -> Post | None:
    """The post by which somebody may sit in the group of a place: there, above it, or in a grid or building of it."""
    able = posts_with(user, "points.check", timezone.localdate(now))
    return next((one for one in able if one.place_path.startswith(path) or path.startswith(one.place_path)), None)


def candidates(path: str, on: date) -> list[User]:
    """Who may be asked into the group of a place: everybody with the verb there, above or below, once, by name."""
    able = Post.objects.current(on).filter(
        Q(place_path__in=ancestors(path)) | below(path, "place_path"),
        role__in=sorted(roles_with("points.check")),
        user__is_active=True,
    )
    return list(User.objects.filter(pk__in=able.values("user_id")).order_by("name", "pk"))


def member_of(user: User, path: str, now: datetime) -> Member | None:
    """The person's seat in the group of a place, while their post allows it."""
    if checking_post(user, path, now) is None:
        return None
    return Member.objects.current().filter(place_path=path, user_id=user.pk).first()


def _member(by: User, path: str, now: datetime) -> tuple[Member, Post]:
    seat, post = member_of(by, path, now), checking_post(by, path, now)
    if seat is None or post is None:
        raise Refusal(_("Only the assessment group of this place does this."), status=403)
    return seat, post


def _staff(by: User, path: str, now: datetime) -> Post:
    """The post of somebody who manages the points here or sits in the group."""
    post = holding(by, "points.manage", path, now)
    return post if post is not None else _member(by, path, now)[1]


def rulebook_at(path: str) -> Rulebook | None:
    return Rulebook.objects.adopted().filter(place_path=path).first()


def _rulebook(path: str) -> Rulebook:
    found = rulebook_at(path)
    if found is None:
        raise Refusal(_("No rules of points have been adopted here yet."))
    return found


def _seen_claim(claim_id: int, by: User) -> Claim:
    """The claim, locked, with its household; not there for whoever has nothing to do with it."""
    found = Claim.objects.visible_to(by).filter(pk=claim_id).values_list("household_id", flat=True).first()
    if found is None:
        raise NotThere()
    return _lock_claim(claim_id, found)


def _lock_claim(claim_id: int, household_id: int) -> Claim:
    """Household first, then the claim: everything that moves points waits for the same row."""
    Household.objects.select_for_update(of=("self",)).get(pk=household_id)
    return (
        Claim.objects.select_for_update(of=("self",))
        .select_related("household", "item__rulebook", "place")
        .get(pk=claim_id)
    )


# --- the rulebook ------------------------------------------------------------------------------------


@transaction.atomic
def draft_rulebook(
    *,
    place: Place,
    cap: int,
    by: User,
    now: datetime,
    reset_month: int = 1,
    deductions: bool = False,
    words: str = "",
) -> Rulebook:
    """Begin the next version. It starts with the items of the rules in force."""
    post = require(by, "points.manage", place.path, now)
    _must_be_on(place.path, now)
    if place.level != "village":
        raise Refusal(_("Household points belong to a village or a community."), field="place", status=422)
    _between(cap, 1, HIGHEST_CAP, "cap")
    _between(reset_month, 1, 12, "reset_month")
    clean = _words(words, "words", 0, 2000, "")
    Place.objects.select_for_update(of=("self",)).get(pk=place.pk)
    if Rulebook.objects.filter(place=place, state=Rulebook.State.DRAFT).exists():
        raise Refusal(_("There is a draft already. Change it, or drop it."))
    newest = Rulebook.objects.filter(place=place).aggregate(newest=Max("number"))["newest"] or 0
    book = Rulebook.objects.create(
        place=place,
        place_path=place.path,
        number=newest + 1,
        cap=cap,
        reset_month=reset_month,
        deductions=deductions,
        words=clean,
        drafted_at=now,
        drafted_by=by,
    )
    event = RulebookDrafted(rulebook_id=book.pk, number=book.number)
    record(event, about=book, by=by, now=now, post=post, place=place.path)
    before = rulebook_at(place.path)
    for old in before.items.filter(dropped=False) if before is not None else ():
        if old.deducts and not deductions:
            continue
        item = Item(
            rulebook=book,
            kind=old.kind,
            name=old.name,
            value=old.value,
            deducts=old.deducts,
            checked=old.checked,
            yearly=old.yearly,
        )
        _write_item(item, book, post, by, now)
    return book


def _draft(rulebook_id: int, by: User, now: datetime) -> tuple[Rulebook, Post]:
    book = (
        Rulebook.objects.visible_to(by)
        .select_for_update(of=("self",))
        .select_related("place")
        .filter(pk=rulebook_id)
        .first()
    )
    if book is None:
        raise NotThere()
    post = require(by, "points.manage", book.place_path, now)
    _must_be_on(book.place_path, now)
    if book.state != Rulebook.State.DRAFT:
        raise Refusal(_("Adopted rules do not change. Draft the next version."))
    return book, post


@transaction.atomic
def change_draft(
    *, rulebook_id: int, cap: int, reset_month: int, deductions: bool, words: str, by: User, now: datetime
) -> Rulebook:
    book, post = _draft(rulebook_id, by, now)
    book.cap = _between(cap, 1, HIGHEST_CAP, "cap")
    book.reset_month = _between(reset_month, 1, 12, "reset_month")
    book.words = _words(words, "words", 0, 2000, "")
    if not deductions and book.items.filter(dropped=False, deducts=True).exists():
        raise Refusal(_("First take out the items that deduct points."), field="deductions", status=422)
    book.deductions = deductions
    event = RulebookChanged(rulebook_id=book.pk)
    save = ("cap", "reset_month", "words", "deductions")
    record(event, about=book, by=by, now=now, post=post, place=book.place_path, save=save)
    return book


def _write_item(item: Item, book: Rulebook, post: Post, by: User, now: datetime) -> Item:
    newest = book.items.aggregate(newest=Max("number"))["newest"] or 0
    if book.items.filter(dropped=False).count() >= MOST_ITEMS:
        raise Refusal(_("At most %(count)d items, please.") % {"count": MOST_ITEMS}, field="name", status=422)
    item.number = newest + 1
    item.save()
    event = ItemWritten(rulebook_id=book.pk, item_id=item.pk, value=item.value, deducts=item.deducts)
    record(event, about=item, by=by, now=now, post=post, place=book.place_path)
    return item


@transaction.atomic
def write_item(
    *,
    rulebook_id: int,
    kind: str,
    name: str,
    value: int,
    checked: str,
    by: User,
    now: datetime,
    deducts: bool = False,
    yearly: int | None = None,
) -> Item:
    """Write an item into the draft: for what, how many points, how it is checked."""
    book, post = _draft(rulebook_id, by, now)
    if kind not in Item.Kind.values:
        raise Refusal(_("There is no such kind of item."), field="kind", status=422)
    if deducts and not book.deductions:
        raise Refusal(
            _("Deductions are off in this draft. Switch them on there first, if the meeting wants them."),
            field="deducts",
            status=422,
        )
    item = Item(
        rulebook=book,
        kind=kind,
        name=_words(name, "name", 2, 80, _("Say for what the points are.")),
        value=_between(value, 1, HIGHEST_VALUE, "value"),
        deducts=deducts,
        checked=_words(checked, "checked", 2, 200, _("Say how it is checked.")),
        yearly=_between(yearly, 1, 1000, "yearly") if yearly is not None else None,
    )
    return _write_item(item, book, post, by, now)


@transaction.atomic
def drop_item(*, item_id: int, by: User, now: datetime) -> Item:
    """Take an item out of the draft."""
    found = Item.objects.filter(pk=item_id).values_list("rulebook_id", flat=True).first()
    if found is None:
        raise NotThere()
    book, post = _draft(found, by, now)
    item = Item.objects.select_for_update(of=("self",)).get(pk=item_id)
    if item.dropped:
        raise Refusal(_("This item has already been taken out."))
    item.dropped = True
    event = ItemDropped(rulebook_id=book.pk, item_id=item.pk)
    record(event, about=item, by=by, now=now, post=post, place=book.place_path, save=("dropped",))
    return item


@transaction.atomic
def adopt_rulebook(
    *,
    rulebook_id: int,
    meeting: str,
    meeting_name: str,
    adopted_on: date,
    entitled: int,
    present: int,
    in_favour: int,
    by: User,
    now: datetime,
) -> Rulebook:
    """Note that the meeting adopted the draft. From now on it is in force, and the version before it is not."""
    book, post = _draft(rulebook_id, by, now)
    today = timezone.localdate(now)
    if meeting not in Rulebook.Meeting.values:
        raise Refusal(_("Please choose which meeting adopted the rules."), field="meeting", status=422)
    if not timezone.localdate(book.drafted_at) - timedelta(days=366) <= adopted_on <= today:
        raise Refusal(_("The meeting lies within the last year."), field="adopted_on", status=422)
    _between(entitled, 1, 1_000_000, "entitled")
    _between(present, 1, entitled, "present")
    _between(in_favour, 0, present, "in_favour")
    quorum = float(rule("points.quorum", path=book.place_path, on=adopted_on))
    if present < quorum * entitled:
        raise Refusal(
            _("Too few were present: the rule asks for %(share)d percent of those entitled.")
            % {"share": round(quorum * 100)},
            field="present",
            status=422,
        )
    if in_favour * 2 <= present:
        raise Refusal(_("More than half of those present must be in favour."), field="in_favour", status=422)
    if not book.items.filter(dropped=False).exists():
        raise Refusal(_("Rules without an item cannot be adopted."))
    name = _words(meeting_name, "meeting_name", 2, 120, _("Say which meeting it was."))
    old = Rulebook.objects.adopted().select_for_update(of=("self",)).filter(place=book.place).first()
    if old is not None:
        year = old.year_of(today)
        running = Booking.objects.filter(place_path=book.place_path, year__gte=year).exists()
        if old.reset_month != book.reset_month and running:
            raise Refusal(
                _("The month in which the year begins can change only before anything is booked in a year."),
                field="meeting",
            )
        old.state, old.ended_at = Rulebook.State.REPLACED, now
        replaced = RulebookReplaced(rulebook_id=old.pk, by_rulebook_id=book.pk)
        record(replaced, about=old, by=by, now=now, post=post, place=old.place_path, save=("state", "ended_at"))
    book.state, book.entered_at, book.entered_by = Rulebook.State.ADOPTED, now, by
    book.meeting, book.meeting_name, book.adopted_on = meeting, name, adopted_on
    book.entitled, book.present, book.in_favour = entitled, present, in_favour
    save = (
        "state", "entered_at", "entered_by", "meeting", "meeting_name", "adopted_on", "entitled", "present",
        "in_favour",
    )  # fmt: skip
    event = RulebookAdopted(rulebook_id=book.pk, meeting=meeting, present=present, in_favour=in_favour)
    record(event, about=book, by=by, now=now, post=post, place=book.place_path, save=save)
    return book


@transaction.atomic
def drop_draft(*, rulebook_id: int, by: User, now: datetime) -> Rulebook:
    book, post = _draft(rulebook_id, by, now)
    book.state, book.ended_at = Rulebook.State.DROPPED, now
    event = RulebookDropped(rulebook_id=book.pk)
    record(event, about=book, by=by, now=now, post=post, place=book.place_path, save=("state", "ended_at"))
    return book


# --- households and the group ------------------------------------------------------------------------


@transaction.atomic
def join(*, place: Place, label: str, way: str, consent: bool, by: User, now: datetime, contact: str = "") -> Household:
    """A household takes part, of its own will: its consent is noted, with the way in which it was given."""
    post = _staff(by, place.path, now)
    _must_be_on(place.path, now)
    _rulebook(place.path)
    if way not in (Way.PAPER, Way.ORAL):
        raise Refusal(_("Please choose how the household agreed."), field="way", status=422)
    if not consent:
        raise Refusal(
            _("Taking part is voluntary: without its consent no household is entered."), field="consent", status=422
        )
    door = _words(label, "label", 1, 30, _("Write the door, for example “3-12”."))
    whom = _words(contact, "contact", 0, 60, "")
    if Household.objects.joined().filter(place=place, label=door).exists():
        raise Refusal(_("This door takes part already."), field="label")
    household = Household(
        place=place,
        place_path=place.path,
        label=door,
        consent_version=CONSENT_VERSION,
        consent_way=way,
        joined_at=now,
        joined_by=by,
    )
    household.contact = whom
    household.code_digest = digest_for(household)
    household.save()
    event = HouseholdJoined(household_id=household.pk, way=way, consent_version=CONSENT_VERSION)
    record(event, about=household, by=by, now=now, post=post, place=place.path)
    return household


def _household(household_id: int, by: User | None) -> Household:
    """The household, locked. ``by=None``: it showed its own code."""
    rows = Household.objects.all() if by is None else Household.objects.visible_to(by)
    found = rows.select_for_update(of=("self",)).select_related("place").filter(pk=household_id).first()
    if found is None:
        raise NotThere()
    if not found.is_in:
        raise Refusal(_("This household does not take part any more."))
    return found


@transaction.atomic
def leave(*, household_id: int, by: User | None, now: datetime, way: str = Way.PAPER) -> Household:
    """The household takes part no longer. Nobody asks why; what waits is withdrawn, and its points lapse."""
    household = _household(household_id, by)
    post = _staff(by, household.place_path, now) if by is not None else None
    for claim in household.claims.waiting().select_for_update(of=("self",)):
        _withdraw(claim, post, by, now)
    objections = Objection.objects.open().select_for_update(of=("self",)).select_related("claim")
    for one in objections.filter(Q(household=household) | Q(about=household)):
        _drop_objection(one, post, by, now)
    book = rulebook_at(household.place_path)
    year = book.year_of(timezone.localdate(now)) if book is not None else timezone.localdate(now).year
    left = household.balance_now()
    if left:
        _book(household, Booking.Kind.LEAVE, -left, Account.LAPSED, year, by=by, post=post, now=now)
    for seat in Member.objects.current().select_for_update(of=("self",)).filter(household=household):
        _end_member(seat, post, by, now)  # whose household they are in is asked anew when they come back
    household.left_at = now
    household.left_way = Way.LINK if by is None else (way if way in (Way.PAPER, Way.ORAL) else Way.PAPER)
    left_event = HouseholdLeft(household_id=household.pk, way=str(household.left_way))
    save = ("left_at", "left_way")
    record(left_event, about=household, by=by, now=now, post=post, place=household.place_path, save=save)
    return household


@transaction.atomic
def renew_code(*, household_id: int, by: User, now: datetime) -> Household:
    """Give the household a new code; the one before opens nothing any more."""
    household = _household(household_id, by)
    post = _staff(by, household.place_path, now)
    household.turn += 1
    household.code_digest = digest_for(household)
    event = CodeRenewed(household_id=household.pk, turn=household.turn)
    save = ("turn", "code_digest")
    record(event, about=household, by=by, now=now, post=post, place=household.place_path, save=save)
    return household


@transaction.atomic
def add_member(*, place: Place, user: User, by: User, now: datetime, household_id: int | None = None) -> Member:
    """Take somebody into the assessment group, and say which household that takes part is theirs."""
    post = require(by, "points.manage", place.path, now)
    _must_be_on(place.path, now)
    if checking_post(user, place.path, now) is None:
        raise Refusal(_("None of their posts allows them to check claims here."), field="user", status=422)
    if holding(user, "points.manage", place.path, now) is not None:
        raise Refusal(_("Who manages the points does not check claims as well."), field="user", status=422)
    own = None
    if household_id is not None:
        own = Household.objects.joined().filter(place=place, pk=household_id).first()
        if own is None:
            raise Refusal(_("This household does not take part here."), field="household", status=422)
    if Member.objects.current().filter(place=place, user=user).exists():
        raise Refusal(_("They are in the group already."), field="user")
    seat = Member.objects.create(
        place=place, place_path=place.path, user=user, household=own, added_at=now, added_by=by
    )
    record(MemberAdded(member_id=seat.pk, user_id=user.pk), about=seat, by=by, now=now, post=post, place=place.path)
    return seat


@transaction.atomic
def end_member(*, member_id: int, by: User, now: datetime) -> Member:
    seat = Member.objects.visible_to(by).select_for_update(of=("self",)).filter(pk=member_id).first()
    if seat is None:
        raise NotThere()
    post = require(by, "points.manage", seat.place_path, now)
    if seat.ended_at is not None:
        raise Refusal(_("They have left the group already."))
    return _end_member(seat, post, by, now)


def _end_member(seat: Member, post: Post | None, by: User | None, now: datetime) -> Member:
    seat.ended_at = now
    event = MemberEnded(member_id=seat.pk, user_id=seat.user_id)
    record(event, about=seat, by=by, now=now, post=post, place=seat.place_path, save=("ended_at",))
    return seat


# --- claims ------------------------------------------------------------------------------------------


def _item(item_id: int, path: str, *, deducts: bool) -> Item:
    found = (
        Item.objects.select_related("rulebook")
        .filter(pk=item_id, rulebook__place_path=path, rulebook__state=Rulebook.State.ADOPTED, dropped=False)
        .first()
    )
    if found is None or found.deducts != deducts:
        raise Refusal(_("This item is not in the rules in force."), field="item", status=422)
    return found


def _on(on: date, path: str, now: datetime) -> date:
    today = timezone.localdate(now)
    longest = int(rule("points.claim_days", path=path, on=today))
    if not today - timedelta(days=longest) <= on <= today:
        raise Refusal(_("The day lies within the last %(count)d days.") % {"count": longest}, field="on", status=422)
    return on


@transaction.atomic
def claim(
    *,
    household_id: int,
    item_id: int,
    on: date,
    by: User | None,
    now: datetime,
    words: str = "",
    key: str = "",
) -> Claim:
    """A household says what it did. By its own code, or on paper that somebody of the group enters."""
    household = _household(household_id, by)
    path = household.place_path
    post = _staff(by, path, now) if by is not None else None
    _must_be_on(path, now)
    key = key[:32]
    known = household.claims.filter(key=key).first() if key else None
    if known is not None:
        return known
    item = _item(item_id, path, deducts=False)
    _on(on, path, now)
    clean = _words(words, "words", 0, 500, "")
    if household.claims.waiting().count() >= MOST_WAITING:
        raise Refusal(_("Many claims of this household wait already. Please let the group look at them first."))
    same = household.claims.filter(item__name=item.name, item__rulebook__place_path=path, state__in=COUNTED)
    if item.yearly is not None and sum(1 for one in same if _same_year(item, one.on, on)) >= item.yearly:
        raise Refusal(
            _("This item counts at most %(count)d times in a year.") % {"count": item.yearly}, field="item", status=422
        )
    if same.filter(on=on).exists():
        raise Refusal(_("This has been claimed for this day already."), field="on")
    row = Claim.objects.create(
        household=household,
        place=household.place,
        place_path=path,
        item=item,
        value=item.value,
        allowed=item.rulebook.deductions,
        on=on,
        words=clean,
        way=Way.LINK if by is None else Way.PAPER,
        key=key,
        made_at=now,
        entered_by=by,
    )
    event = PointsClaimed(claim_id=row.pk, item_id=item.pk, value=item.value, way=str(row.way))
    record(event, about=row, by=by, now=now, post=post, place=path)
    return row


def _same_year(item: Item, one: date, other: date) -> bool:
    return item.rulebook.year_of(one) == item.rulebook.year_of(other)


@transaction.atomic
def propose_deduction(*, household_id: int, item_id: int, on: date, evidence: str, by: User, now: datetime) -> Claim:
    """The group proposes a deduction, where the adopted rules allow it: with evidence, and open to objection."""
    household = _household(household_id, by)
    path = household.place_path
    seat, post = _member(by, path, now)
    _must_be_on(path, now)
    if not _rulebook(path).deductions:
        raise Refusal(_("The rules in force do not allow deductions."), field="item", status=422)
    item = _item(item_id, path, deducts=True)
    _on(on, path, now)
    clean = _words(evidence, "words", 10, 500, _("Write down the evidence: what was seen, when, by whom."))
    if seat.household_id == household.pk:
        raise Refusal(_("This is your own household."), status=403)
    row = Claim.objects.create(
        household=household,
        place=household.place,
        place_path=path,
        item=item,
        value=item.value,
        deducts=True,
        allowed=item.rulebook.deductions,
        on=on,
        words=clean,
        way=Way.PAPER,
        made_at=now,
        entered_by=by,
    )
    event = DeductionProposed(claim_id=row.pk, item_id=item.pk, value=item.value)
    record(event, about=row, by=by, now=now, post=post, place=path)
    return row


@transaction.atomic
def withdraw(*, claim_id: int, by: User | None, now: datetime) -> Claim:
    """The household takes its claim back, or the group a deduction it proposed."""
    if by is None:
        found = Claim.objects.filter(pk=claim_id).values_list("household_id", flat=True).first()
        if found is None:
            raise NotThere()
        row = _lock_claim(claim_id, found)
        if row.deducts:
            raise Refusal(_("Object to the deduction; the group answers."), status=403)
    else:
        row = _seen_claim(claim_id, by)
    post = _staff(by, row.place_path, now) if by is not None else None
    if by is not None and row.way == Way.LINK:
        raise Refusal(_("The household itself takes its claim back. You may check it, or object."), status=403)
    _withdraw(row, post, by, now)
    for one in Objection.objects.open().select_for_update(of=("self",)).select_related("claim").filter(claim=row):
        _drop_objection(one, post, by, now)
    return row


def _withdraw(row: Claim, post: Post | None, by: User | None, now: datetime) -> None:
    row.go(Move.WITHDRAW)
    row.settled_at, row.open_objections = now, 0
    event = ClaimWithdrawn(claim_id=row.pk)
    save = ("state", "settled_at", "open_objections")
    record(event, about=row, by=by, now=now, post=post, place=row.place_path, save=save)


@transaction.atomic
def check(*, claim_id: int, agrees: bool, by: User, now: datetime, words: str = "") -> Claim:
    """One member of the group says whether it is so. The second who agrees, or does not, settles it."""
    row = _seen_claim(claim_id, by)
    seat, post = _member(by, row.place_path, now)
    _must_be_on(row.place_path, now)
    row.must_allow(Move.CHECK)
    if seat.household_id == row.household_id:
        raise Refusal(_("This is your own household. Somebody else checks it."), status=403)
    if row.deducts and row.entered_by_id == by.pk:
        raise Refusal(_("You proposed this deduction. Somebody else checks it."), status=403)
    clean = _words(words, "words", 0 if agrees else 2, 300, _("Say why not: the household reads it."))
    if row.checks.filter(round=row.round, checker=by).exists():
        raise Refusal(_("You have checked this claim already."))
    Check.objects.create(
        claim=row,
        round=row.round,
        checker=by,
        household=row.household,
        own=seat.household,
        agrees=agrees,
        words=clean,
        at=now,
    )
    said = list(row.checks.filter(round=row.round, agrees=agrees).order_by("pk"))
    if len(said) >= CHECKERS:
        if agrees:
            row.go(Move.PASS)
            row.first_check, row.second_check = said[0], said[1]
        else:
            row.go(Move.REFUSE)
            row.settled_at = now
    event = ClaimChecked(claim_id=row.pk, agrees=agrees, round=row.round)
    save = ("state", "first_check", "second_check", "settled_at")
    record(event, about=row, by=by, now=now, post=post, place=row.place_path, save=save)
    return row


# --- publication and objection -----------------------------------------------------------------------


def budget_left(path: str, rulebook: Rulebook, on: date) -> int:
    """What the year’s budget still holds: less what was booked, and what is published and will be."""
    year = rulebook.year_of(on)
    coming = Claim.objects.filter(
        place_path=path, deducts=False, state__in=[State.PUBLISHED, State.OBJECTED]
    ).aggregate(sum=Sum("value", default=0))["sum"]
    return rulebook.cap - Booking.objects.given(path, year) - int(coming)


@transaction.atomic
def publish(*, place: Place, by: User, now: datetime) -> Publication:
    """Put everything that two have confirmed on the wall, as far as the year’s budget reaches."""
    post = require(by, "points.manage", place.path, now)
    _must_be_on(place.path, now)
    Place.objects.select_for_update(of=("self",)).get(pk=place.pk)
    book = _rulebook(place.path)
    today = timezone.localdate(now)
    days = int(rule("points.publication_days", path=place.path, on=today))
    ready = list(
        Claim.objects.select_for_update(of=("self",)).filter(place=place, state=State.CHECKED).order_by("made_at", "pk")
    )
    left = budget_left(place.path, book, today)
    chosen: list[Claim] = []
    for row in ready:
        if row.deducts and not book.deductions:
            _strike(row, None, post, by, now)  # the meeting has switched deductions off meanwhile
        elif row.deducts or row.value <= left:
            chosen.append(row)
            left -= 0 if row.deducts else row.value
    if not chosen:
        if any(not row.deducts for row in ready):
            raise Refusal(_("The budget of this year is used up. The claims wait for the next."))
        raise Refusal(_("Nothing is ready to be published."))
    newest = Publication.objects.filter(place=place).aggregate(newest=Max("number"))["newest"] or 0
    wall = Publication.objects.create(
        place=place,
        place_path=place.path,
        number=newest + 1,
        opened_at=now,
        opened_by=by,
        ends_at=clock.deadline(now, Span(days, Unit.NATURAL_DAYS), path=place.path),
    )
    event = PublicationOpened(publication_id=wall.pk, claims=len(chosen), days=days)
    record(event, about=wall, by=by, now=now, post=post, place=place.path)
    for row in chosen:
        row.go(Move.PUBLISH)
        row.publication, row.published_until = wall, wall.ends_at
        save = ("state", "publication", "published_until")
        shown = ClaimPublished(claim_id=row.pk, publication_id=wall.pk)
        record(shown, about=row, by=by, now=now, post=post, place=place.path, save=save)
    return wall


def may_object(row: Claim, now: datetime, *, own: bool, staff: bool = False) -> bool:
    """Published: everybody, until it ends. Not confirmed: the household, for some days. Booked: the household and
    the group, while the year of points lasts."""
    if row.state in (State.PUBLISHED, State.OBJECTED):
        return row.published_until is not None and now <= row.published_until
    if row.state == State.REFUSED and row.settled_at is not None:
        days = int(rule("points.objection_days", path=row.place_path, on=timezone.localdate(now)))
        return own and now <= clock.deadline(row.settled_at, Span(days, Unit.NATURAL_DAYS), path=row.place_path)
    if row.state == State.BOOKED and (own or staff) and row.household.is_in:
        booked = row.bookings.filter(kind=Booking.Kind.CLAIM).first()
        book = rulebook_at(row.place_path)
        if booked is None or book is None or booked.countered.exists():
            return False
        return booked.year == book.year_of(timezone.localdate(now))
    return False


@transaction.atomic
def object_to(
    *, claim_id: int, words: str, by: User | None, now: datetime, household_id: int | None = None, way: str = Way.ORAL
) -> Objection:
    """Somebody does not agree. ``household_id``: who objects; with ``by=None`` it showed its own code."""
    if by is None:
        found = Claim.objects.filter(pk=claim_id).values_list("household_id", "place_path").first()
    else:
        visible = Claim.objects.visible_to(by).filter(pk=claim_id)
        found = visible.values_list("household_id", "place_path").first()
    if found is None:
        raise NotThere()
    row = _lock_claim(claim_id, found[0])
    path = row.place_path
    post = _staff(by, path, now) if by is not None else None
    objector = None
    if household_id is not None:
        objector = Household.objects.joined().filter(pk=household_id, place_path=path).first()
    if by is None and objector is None:
        raise NotThere()
    _must_be_on(path, now)
    own = objector is not None and objector.pk == row.household_id
    if not may_object(row, now, own=own, staff=by is not None):
        if by is None and not own and row.state not in (State.PUBLISHED, State.OBJECTED):
            raise NotThere()  # other households know only what is on the wall
        raise Refusal(_("The time to object to this has ended."))
    clean = _words(words, "words", 2, 500, _("Say what is wrong."))
    if by is not None and way not in (Way.PAPER, Way.ORAL):
        raise Refusal(_("Please choose how it was said."), field="way", status=422)
    late = row.state == State.BOOKED
    standing = row.objections.open()
    if late and standing.exists():
        raise Refusal(_("An objection to this is open already."))
    if objector is not None and standing.filter(household=objector).exists():
        raise Refusal(_("Your objection is with the group already."))
    one = Objection.objects.create(
        claim=row,
        about_id=row.household_id,
        household=objector,
        late=late,
        way=Way.LINK if by is None else way,
        words=clean,
        made_at=now,
        entered_by=by,
    )
    event = ObjectionRaised(claim_id=row.pk, objection_id=one.pk, way=str(one.way))
    record(event, about=one, by=by, now=now, post=post, place=path)
    if not late:
        if row.state != State.REFUSED:
            row.go(Move.OBJECT)
        row.open_objections += 1
        record(event, about=row, by=by, now=now, post=post, place=path, save=("state", "open_objections"))
    return one


@transaction.atomic
def answer_objection(*, objection_id: int, upheld: bool, answer: str, by: User, now: datetime) -> Objection:
    """A member of the group answers, with the reason. Nobody answers for their own household or what they entered."""
    found = Objection.objects.visible_to(by).filter(pk=objection_id).values_list("claim_id", "about_id").first()
    if found is None:
        raise NotThere()
    row = _lock_claim(*found)
    one = Objection.objects.select_for_update(of=("self",)).get(pk=objection_id)
    seat, post = _member(by, row.place_path, now)
    if one.state != Objection.State.OPEN:
        raise Refusal(_("This objection has been answered already."))
    if seat.household_id is not None and seat.household_id in (one.about_id, one.household_id):
        raise Refusal(_("This is about your own household. Somebody else answers."), status=403)
    if one.entered_by_id == by.pk:
        raise Refusal(_("You entered this objection. Somebody else answers."), status=403)
    one.answer = _words(answer, "answer", 2, 500, _("Give the reason: everybody concerned reads it."))
    one.state = Objection.State.UPHELD if upheld else Objection.State.REJECTED
    one.answered_at, one.answered_by, one.own = now, by, seat.household
    event = ObjectionAnswered(claim_id=row.pk, objection_id=one.pk, upheld=upheld)
    save = ("answer", "state", "answered_at", "answered_by", "own")
    record(event, about=one, by=by, now=now, post=post, place=row.place_path, save=save)
    if one.late:
        if upheld:
            _counter(row, one, post, by, now)
        return one
    row.open_objections -= 1
    if row.state == State.REFUSED:
        if upheld:
            row.go(Move.REOPEN)
            row.round, row.settled_at = row.round + 1, None
        save_row: tuple[str, ...] = ("state", "round", "settled_at", "open_objections")
        record(event, about=row, by=by, now=now, post=post, place=row.place_path, save=save_row)
    elif upheld:
        for other in row.objections.open().select_for_update(of=("self",)).exclude(pk=one.pk):
            _drop_objection(other, post, by, now)
        _strike(row, one, post, by, now)
    else:
        if row.open_objections == 0:
            row.go(Move.CLEAR)
        record(event, about=row, by=by, now=now, post=post, place=row.place_path, save=("state", "open_objections"))
    return one


def _drop_objection(one: Objection, post: Post | None, by: User | None, now: datetime) -> None:
    """What it was about is settled otherwise. A published claim that nobody objects to any more stands again."""
    one.state, one.answered_at = Objection.State.DROPPED, now
    event = ObjectionDropped(claim_id=one.claim_id, objection_id=one.pk)
    path = one.claim.place_path
    record(event, about=one, by=by, now=now, post=post, place=path, save=("state", "answered_at"))
    row = Claim.objects.select_for_update(of=("self",)).get(pk=one.claim_id)
    if one.late or row.open_objections == 0:
        return
    row.open_objections -= 1
    if row.state == State.OBJECTED and row.open_objections == 0:
        row.go(Move.CLEAR)
    record(event, about=row, by=by, now=now, post=post, place=path, save=("state", "open_objections"))


def _strike(row: Claim, one: Objection | None, post: Post | None, by: User | None, now: datetime) -> None:
    fresh = Claim.objects.select_for_update(of=("self",)).get(pk=row.pk)
    fresh.go(Move.STRIKE)
    fresh.settled_at, fresh.open_objections = now, 0
    event = ClaimStruck(claim_id=row.pk, objection_id=one.pk if one is not None else None)
    save = ("state", "settled_at", "open_objections")
    record(event, about=fresh, by=by, now=now, post=post, place=row.place_path, save=save)


# --- the ledger --------------------------------------------------------------------------------------


def _book(
    household: Household,
    kind: Booking.Kind,
    amount: int,
    account: Account,
    year: int,
    *,
    by: User | None,
    post: Post | None,
    now: datetime,
    claim: Claim | None = None,
    exchange: Exchange | None = None,
    counters: Booking | None = None,
    objection: Objection | None = None,
) -> Booking:
    """Add one row. The household's row is locked by whoever calls."""
    row = Booking.objects.create(
        household=household,
        place_path=household.place_path,
        year=year,
        kind=kind,
        account=account,
        amount=amount,
        claim=claim,
        exchange=exchange,
        counters=counters,
        objection=objection,
        at=now,
        by=by,
    )
    event = PointsBooked(household_id=household.pk, booking_id=row.pk, kind=kind.value, amount=amount)
    record(event, about=row, by=by, now=now, post=post, place=household.place_path)
    return row


def _turn_year(household: Household, year: int, now: datetime) -> bool:
    """What is left of earlier years lapses, once, before anything is booked in this one. By rule."""
    left = int(household.bookings.filter(year__lt=year).aggregate(sum=Sum("amount", default=0))["sum"])
    if not left:
        return False
    _book(household, Booking.Kind.RESET, -left, Account.LAPSED, year - 1, by=None, post=None, now=now)
    return True


def _counter(row: Claim, one: Objection, post: Post, by: User, now: datetime) -> None:
    """Undo a booked claim by a row against it. The row it undoes stays as it is."""
    booked = row.bookings.filter(kind=Booking.Kind.CLAIM).first()
    book = _rulebook(row.place_path)
    year = book.year_of(timezone.localdate(now))
    if booked is None or booked.countered.exists() or booked.year != year:
        raise Refusal(_("This can no longer be put right: its year is over, or it has been put right."))
    _book(
        row.household,
        Booking.Kind.COUNTER,
        -booked.amount,
        Account.BUDGET,
        year,
        by=by,
        post=post,
        now=now,
        claim=row,
        counters=booked,
        objection=one,
    )


def book_ended(*, now: datetime, by: User | None = None) -> int:
    """Book every claim whose publication has ended without an open objection. By the clock, by nobody's hand.

    What the year’s budget does not hold any more waits. A deduction that the rules do not allow any more is struck.
    """
    booked = 0
    ripe = Claim.objects.ripe(now).order_by("published_until", "made_at", "pk")
    for pk, household_id in list(ripe.values_list("pk", "household_id")[:2000]):
        with transaction.atomic():
            row = _lock_claim(pk, household_id)
            if (
                row.state != State.PUBLISHED
                or row.open_objections
                or not is_on(row.place_path, timezone.localdate(now))
            ):
                continue
            Place.objects.select_for_update(of=("self",)).get(pk=row.place_id)  # one after the other into one budget
            book = rulebook_at(row.place_path)
            if book is None:
                continue
            year = book.year_of(timezone.localdate(now))
            if row.deducts and not book.deductions:
                _strike(row, None, None, by, now)
                continue
            if not row.deducts and Booking.objects.given(row.place_path, year) + row.value > book.cap:
                continue
            _turn_year(row.household, year, now)
            row.go(Move.BOOK)
            row.settled_at = now
            entry = _book(
                row.household,
                Booking.Kind.CLAIM,
                row.signed,
                Account.BUDGET,
                year,
                by=by,
                post=None,
                now=now,
                claim=row,
            )
            event = PointsBooked(
                household_id=row.household_id, booking_id=entry.pk, kind=entry.kind, amount=entry.amount
            )
            record(event, about=row, by=by, now=now, place=row.place_path, save=("state", "settled_at"))
            booked += 1
    return booked


def turn_years(*, now: datetime, by: User | None = None) -> int:
    """Let what is left of the year before lapse, in every household. By the clock, once a year."""
    lapsed = 0
    on = timezone.localdate(now)
    for book in Rulebook.objects.adopted().order_by("pk"):
        if not is_on(book.place_path, on):
            continue
        year = book.year_of(on)
        old = Household.objects.joined().filter(place_id=book.place_id, bookings__year__lt=year)
        for pk in sorted(set(old.values_list("pk", flat=True))):
            with transaction.atomic():
                household = Household.objects.select_for_update(of=("self",)).get(pk=pk)
                lapsed += _turn_year(household, year, now)
    return lapsed


# --- exchange ----------------------------------------------------------------------------------------


@transaction.atomic
def offer_good(*, place: Place, kind: str, name: str, price: int, stock: int | None, by: User, now: datetime) -> Good:
    """Offer a good or an honour for points."""
    post = require(by, "points.manage", place.path, now)
    _must_be_on(place.path, now)
    if kind not in Good.Kind.values:
        raise Refusal(_("There is no such kind."), field="kind", status=422)
    if stock is None and kind == Good.Kind.GOOD:
        raise Refusal(_("Say how many pieces there are."), field="stock", status=422)
    good = Good.objects.create(
        place=place,
        place_path=place.path,
        kind=kind,
        name=_words(name, "name", 1, 60, _("Say what it is.")),
        price=_between(price, 1, HIGHEST_PRICE, "price"),
        stock=_between(stock, 0, MOST_STOCK, "stock") if stock is not None else None,
        added_at=now,
    )
    record(GoodOffered(good_id=good.pk, price=good.price), about=good, by=by, now=now, post=post, place=place.path)
    return good


@transaction.atomic
def change_good(*, good_id: int, stock: int | None, offered: bool, by: User, now: datetime) -> Good:
    """Count the stock anew, or stop offering it. The price stays: for another price offer another good."""
    good = Good.objects.visible_to(by).select_for_update(of=("self",)).filter(pk=good_id).first()
    if good is None:
        raise NotThere()
    post = require(by, "points.manage", good.place_path, now)
    if stock is None and good.kind == Good.Kind.GOOD:
        raise Refusal(_("Say how many pieces there are."), field="stock", status=422)
    good.stock = _between(stock, 0, MOST_STOCK, "stock") if stock is not None else None
    good.offered = offered
    event = GoodChanged(good_id=good.pk, stock=good.stock, offered=offered)
    record(event, about=good, by=by, now=now, post=post, place=good.place_path, save=("stock", "offered"))
    return good


@transaction.atomic
def exchange(*, household_id: int, good_id: int, by: User, now: datetime, count: int = 1, key: str = "") -> Exchange:
    """Hand something over for points, at the desk."""
    household = _household(household_id, by)
    path = household.place_path
    post = _staff(by, path, now)
    _must_be_on(path, now)
    key = key[:32]
    known = household.exchanges.filter(key=key).first() if key else None
    if known is not None:
        return known
    good = Good.objects.select_for_update(of=("self",)).filter(pk=good_id, place_path=path).first()
    if good is None or not good.offered:
        raise Refusal(_("This is not offered."), field="good", status=422)
    _between(count, 1, MOST_PIECES, "count")
    price = good.price * count
    year = _rulebook(path).year_of(timezone.localdate(now))
    balance = household.balance_now()
    left = household.bookings.filter(year__lt=year).aggregate(sum=Sum("amount", default=0))["sum"]
    if balance - left < price:
        raise Refusal(
            _("The household has %(balance)d points; this takes %(price)d.")
            % {"balance": balance - left, "price": price},
            field="good",
        )
    if good.stock is not None and good.stock < count:
        raise Refusal(_("Only %(count)d are left.") % {"count": good.stock}, field="count")
    _turn_year(household, year, now)
    row = Exchange.objects.create(household=household, good=good, count=count, price=price, key=key, at=now, by=by)
    event = PointsExchanged(exchange_id=row.pk, good_id=good.pk, count=count)
    record(event, about=row, by=by, now=now, post=post, place=path)
    if good.stock is not None:
        good.stock -= count
        record(event, about=good, by=by, now=now, post=post, place=path, save=("stock",))
    _book(household, Booking.Kind.EXCHANGE, -price, Account.SHOP, year, by=by, post=post, now=now, exchange=row)
    return row


@transaction.atomic
def take_back(*, exchange_id: int, reason: str, by: User, now: datetime) -> Exchange:
    """Undo an exchange: the piece comes back, the points by a row against it. Within the year of points."""
    found = Exchange.objects.visible_to(by).filter(pk=exchange_id).values_list("household_id", flat=True).first()
    if found is None:
        raise NotThere()
    household = _household(found, by)
    post = _staff(by, household.place_path, now)
    row = Exchange.objects.select_for_update(of=("self",)).get(pk=exchange_id)
    if row.state != Exchange.State.GIVEN:
        raise Refusal(_("This has been taken back already."))
    booked = row.bookings.get(kind=Booking.Kind.EXCHANGE)
    year = _rulebook(household.place_path).year_of(timezone.localdate(now))
    if booked.year != year:
        raise Refusal(_("The year in which this was exchanged is over."))
    row.reason = _words(reason, "reason", 2, 300, _("Say why it is taken back."))
    row.state, row.taken_back_at, row.taken_back_by = Exchange.State.TAKEN_BACK, now, by
    event = ExchangeTakenBack(exchange_id=row.pk)
    save = ("reason", "state", "taken_back_at", "taken_back_by")
    record(event, about=row, by=by, now=now, post=post, place=household.place_path, save=save)
    good = Good.objects.select_for_update(of=("self",)).get(pk=row.good_id)
    if good.stock is not None:
        good.stock += row.count
        record(event, about=good, by=by, now=now, post=post, place=good.place_path, save=("stock",))
    _book(
        household,
        Booking.Kind.COUNTER,
        row.price,
        Account.SHOP,
        year,
        by=by,
        post=post,
        now=now,
        exchange=row,
        counters=booked,
    )
    return row


def doors(households: Sequence[Household]) -> list[Household]:
    """By door, as people count: 2 before 10. Never by points."""
    return sorted(households, key=lambda one: door_key(one.label))


def door_key(label: str) -> list[tuple[int, int, str]]:
    """How doors are sorted: digits as numbers."""
    parts: list[tuple[int, int, str]] = []
    digits = ""
    for letter in label + "\x00":
        if letter.isascii() and letter.isdigit():
            digits += letter
            continue
        if digits:
            parts.append((0, int(digits), ""))
            digits = ""
        parts.append((1, 0, letter))
    return parts
