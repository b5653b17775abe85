"""Household points: the claims before the group, the rules, the households, the wall, and the exchange desk."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import segno
from django.core.paginator import Paginator
from django.db.models import Count, Prefetch, Q
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from gongzhi.act.points import actions as points
from gongzhi.act.points.links import code_of
from gongzhi.act.points.models import (
    Booking,
    Check,
    Claim,
    Exchange,
    Good,
    Household,
    Item,
    Member,
    Objection,
    Publication,
    Rulebook,
    State,
    own,
)
from gongzhi.front.workbench.forms.points import (
    AdoptForm,
    AnswerForm,
    BackForm,
    CheckForm,
    DeedForm,
    EvidenceForm,
    ExchangeForm,
    GoodForm,
    ItemForm,
    JoinForm,
    LeaveForm,
    MemberForm,
    ObjectForm,
    RulebookForm,
    StockForm,
)
from gongzhi.ground.access.actions import holding
from gongzhi.ground.access.guard import Guarded
from gongzhi.ground.accounts.models import User
from gongzhi.ground.places.models import Place
from gongzhi.ground.privacy.actions import reveal
from gongzhi.ground.refusals import Refusal
from gongzhi.ground.rules.actions import rule

A_PAGE: Final = 50
TAGS: Final = {
    State.CLAIMED: ("blue", "inbox"),
    State.CHECKED: ("", "check"),
    State.PUBLISHED: ("", "eye"),
    State.OBJECTED: ("amber", "warning"),
    State.BOOKED: ("green", "check"),
    State.REFUSED: ("", "cross"),
    State.STRUCK: ("", "cross"),
    State.WITHDRAWN: ("", "undo"),
}
Handler = Callable[..., object]  # takes the fields of the form by name


def private(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "private, no-store"
    return response


def signed(amount: int) -> str:
    return f"+{amount}" if amount > 0 else f"−{-amount}" if amount < 0 else "0"


def claim_row(claim: Claim) -> dict[str, Any]:
    return {"claim": claim, "tag": TAGS[State(claim.state)], "points": signed(claim.signed)}


class PointsView(Guarded):
    """A page about one place: for who manages its points, and for its group. For others it is not there."""

    verb = "points.read"

    def place(self, path: str) -> Place:
        found = Place.objects.filter(own(self.person, "path"), path=path, level="village").first()
        if found is None:
            raise Http404
        return found

    def manages(self, path: str) -> bool:
        return holding(self.person, "points.manage", path, self.now) is not None

    def about(self, place: Place, tab: str) -> dict[str, Any]:
        """What every page of a place shows: who the person is here, and what is in force."""
        on = timezone.localdate(self.now)
        book = points.rulebook_at(place.path)
        return {
            "place": place,
            "tab": tab,
            "manages": self.manages(place.path),
            "seat": points.member_of(self.person, place.path, self.now),
            "on": points.is_on(place.path, on),
            "rulebook": book,
        }

    def doors(self, place: Place) -> list[Household]:
        return points.doors(list(Household.objects.joined().filter(place=place)))

    def do(self, request: HttpRequest, form: Form, handler: Handler) -> tuple[object, int]:
        """What the action gave, and 0; or nothing, and the status to show the page again with."""
        if not form.is_valid():
            return None, 422
        try:
            return handler(**form.cleaned_data), 0
        except Refusal as refusal:
            if refusal.status == 404:
                raise Http404 from None
            form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal.reason))
            return None, refusal.status


# --- claims ------------------------------------------------------------------------------------------


class Points(PointsView):
    """The places whose points are this person's business; the page of the place when there is only one."""

    def get(self, request: HttpRequest) -> HttpResponse:
        found = list(Place.objects.filter(own(self.person, "path"), level="village").order_by("path")[:200])
        if len(found) == 1:
            return show_claims(self, request, found[0])
        on = timezone.localdate(self.now)
        rows = [{"place": place, "on": points.is_on(place.path, on)} for place in found]
        rows.sort(key=lambda row: not row["on"])
        return private(render(request, "workbench/points.html", {"rows": rows}))


class PointsPlace(PointsView):
    def get(self, request: HttpRequest, path: str) -> HttpResponse:
        return show_claims(self, request, self.place(path))


def show_claims(
    view: PointsView, request: HttpRequest, place: Place, status: int = 200, error: str = ""
) -> HttpResponse:
    """What waits: for a check, for an answer, for publication; and what is on the wall."""
    about = view.about(place, "claims")
    known = Claim.objects.filter(place=place).select_related("household", "item")
    mine = Prefetch("checks", Check.objects.select_related("checker").order_by("pk"))
    waiting = list(known.filter(state=State.CLAIMED).prefetch_related(mine).order_by("made_at", "pk")[:200])
    seat: Member | None = about["seat"]
    rows = []
    for claim in waiting:
        said = [one for one in claim.checks.all() if one.round == claim.round]
        own_claim = seat is not None and seat.household_id == claim.household_id
        spoken = any(one.checker_id == view.person.pk for one in said)
        proposed = claim.deducts and claim.entered_by_id == view.person.pk
        rows.append(
            {
                **claim_row(claim),
                "said": said,
                "own": own_claim,
                "may_check": seat is not None and not own_claim and not spoken and not proposed,
            }
        )
    rows.sort(key=lambda row: not row["may_check"])
    on = timezone.localdate(view.now)
    book: Rulebook | None = about["rulebook"]
    objections = (
        Objection.objects.open()
        .filter(claim__place=place)
        .select_related("claim__household", "claim__item")
        .order_by("pk")
    )
    ready = list(known.filter(state=State.CHECKED).order_by("made_at", "pk")[:200])
    wall = known.on_the_wall(view.now)
    context = {
        **about,
        "rows": rows,
        "objections": [{"row": one, **claim_row(one.claim)} for one in objections[:100]],
        "ready": [claim_row(one) for one in sorted(ready, key=lambda one: points.door_key(one.household.label))],
        "wall": [claim_row(one) for one in sorted(wall[:500], key=lambda one: points.door_key(one.household.label))],
        "days": int(rule("points.publication_days", path=place.path, on=on)),
        "left": points.budget_left(place.path, book, on) if book is not None else None,
        "error": error,
    }
    return private(render(request, "workbench/points_claims.html", context, status=status))


class PointsPublish(PointsView):
    """Put what two have confirmed on the wall."""

    def get(self, request: HttpRequest, path: str) -> HttpResponse:
        return redirect("workbench:points_place", path=path)

    def post(self, request: HttpRequest, path: str) -> HttpResponse:
        place = self.place(path)
        try:
            points.publish(place=place, by=self.person, now=self.now)
        except Refusal as refusal:
            return show_claims(self, request, place, refusal.status, str(refusal.reason))
        return redirect("workbench:points_place", path=path)


class PointsPoster(PointsView):
    """What is on the wall now, on A4 in large type."""

    def get(self, request: HttpRequest, path: str) -> HttpResponse:
        place = self.place(path)
        wall = Claim.objects.on_the_wall(self.now).filter(place=place).select_related("household", "item")
        rows = sorted(wall[:500], key=lambda one: points.door_key(one.household.label))
        last = Publication.objects.filter(pk__in={one.publication_id for one in rows}).order_by("ends_at").last()
        link = request.build_absolute_uri(reverse("portal:points_place", args=[place.path]))
        context = {
            "place": place,
            "rows": [claim_row(one) for one in rows],
            "last": last,
            "rulebook": points.rulebook_at(place.path),
            "printed_at": self.now,
            "code": segno.make(link, error="m").svg_data_uri(scale=3, border=1),
        }
        return private(render(request, "workbench/points_poster.html", context))


class ClaimView(PointsView):
    def found(self, pk: int) -> Claim:
        claim = (
            Claim.objects.visible_to(self.person)
            .select_related("household", "item__rulebook", "place", "publication", "entered_by")
            .filter(pk=pk)
            .first()
        )
        if claim is None:
            raise Http404
        return claim

    def show(
        self, request: HttpRequest, claim: Claim, *, status: int = 200, wrong: str = "", form: Form | None = None
    ) -> HttpResponse:
        about = self.about(claim.place, "claims")
        seat: Member | None = about["seat"]
        checks = list(claim.checks.select_related("checker").order_by("pk"))
        said = any(one.checker_id == self.person.pk and one.round == claim.round for one in checks)
        is_own = seat is not None and seat.household_id == claim.household_id
        objections = list(claim.objections.select_related("household", "answered_by").order_by("pk"))
        forms: dict[str, Form] = {
            "check": CheckForm(auto_id="check_%s"),
            "object": self.object_form(claim),
            "answer": AnswerForm(auto_id="answer_%s"),
        }
        if form is not None:
            forms[wrong] = form
        may_object = points.may_object(claim, self.now, own=False, staff=True)
        context = {
            **about,
            **claim_row(claim),
            "checks": checks,
            "is_own": is_own,
            "may_check": claim.state == State.CLAIMED
            and seat is not None
            and not is_own
            and not said
            and not (claim.deducts and claim.entered_by_id == self.person.pk),
            "objections": [
                {
                    "row": one,
                    "may_answer": one.state == Objection.State.OPEN
                    and seat is not None
                    and one.entered_by_id != self.person.pk
                    and (seat.household_id is None or seat.household_id not in (one.about_id, one.household_id)),
                }
                for one in objections
            ],
            "may_object": may_object,
            "may_withdraw": claim.way != "link" and claim.state in ("claimed", "checked", "published", "objected"),
            "forms": forms,
            "wrong": wrong,
        }
        return private(render(request, "workbench/points_claim.html", context, status=status))

    def object_form(self, claim: Claim, given: QueryDict | None = None) -> ObjectForm:
        doors = [(str(one.pk), one.label) for one in self.doors(claim.place)]
        return ObjectForm(given, households=doors, auto_id="object_%s")


class PointsClaim(ClaimView):
    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self.show(request, self.found(pk))


class PointsClaimAct(ClaimView):
    """What the group does with a claim: check, note an objection, answer one, take it back."""

    def get(self, request: HttpRequest, pk: int, act: str) -> HttpResponse:
        return redirect("workbench:points_claim", pk=pk)

    def post(self, request: HttpRequest, pk: int, act: str) -> HttpResponse:
        claim = self.found(pk)
        given: dict[str, Any] = {"by": self.person, "now": self.now}
        back = redirect("workbench:points_claim", pk=pk)
        form: Form
        handler: Handler
        match act:
            case "yes" | "no":
                form = CheckForm(request.POST, auto_id="check_%s")
                name, agrees = "check", act == "yes"
                handler = partial(points.check, claim_id=pk, agrees=agrees, **given)
                back = redirect("workbench:points_place", path=claim.place_path)
            case "object":
                form, name = self.object_form(claim, request.POST), "object"

                def handler(**data: Any) -> object:
                    by_door = int(data["household"]) if data["household"] else None
                    return points.object_to(
                        claim_id=pk, words=data["words"], way=data["way"], household_id=by_door, **given
                    )

            case "answer":
                form, name = AnswerForm(request.POST, auto_id="answer_%s"), "answer"
                asked = claim.objections.filter(pk=number_in(request.POST.get("objection"))).first()
                if asked is None:
                    raise Http404
                handler = partial(points.answer_objection, objection_id=asked.pk, **given)
            case "withdraw":
                form, name = Form(request.POST), "withdraw"
                handler = partial(points.withdraw, claim_id=pk, **given)
            case _:
                raise Http404
        _found, status = self.do(request, form, handler)
        return self.show(request, self.found(pk), status=status, wrong=name, form=form) if status else back


def number_in(given: str | None) -> int:
    return int(given) if given and given.isascii() and given.isdigit() and len(given) < 19 else 0


# --- the rules and the group -------------------------------------------------------------------------


class RulesView(PointsView):
    def show(
        self, request: HttpRequest, place: Place, *, status: int = 200, wrong: str = "", form: Form | None = None
    ) -> HttpResponse:
        about = self.about(place, "rules")
        books = list(
            Rulebook.objects.visible_to(self.person)
            .filter(place=place)
            .select_related("entered_by")
            .prefetch_related(Prefetch("items", Item.objects.filter(dropped=False).order_by("number")))
            .order_by("-number")
        )
        draft = next((one for one in books if one.state == Rulebook.State.DRAFT), None)
        seats = list(
            Member.objects.current().filter(place=place).select_related("user", "household").order_by("user__name")
        )
        begin: dict[str, Any] = {}
        book: Rulebook | None = draft or about["rulebook"]
        if book is not None:
            begin = {name: getattr(book, name) for name in ("cap", "reset_month", "deductions", "words")}
        forms: dict[str, Form] = {
            "draft": RulebookForm(initial=begin, auto_id="draft_%s"),
            "change": RulebookForm(initial=begin, auto_id="change_%s"),
            "item": ItemForm(auto_id="item_%s"),
            "adopt": AdoptForm(auto_id="adopt_%s"),
            "member": self.member_form(place),
        }
        if form is not None:
            forms[wrong] = form
        on = timezone.localdate(self.now)
        year = about["rulebook"].year_of(on) if about["rulebook"] is not None else None
        context = {
            **about,
            "books": [one for one in books if one.state != Rulebook.State.DRAFT],
            "draft": draft,
            "current": next((one for one in books if one.state == Rulebook.State.ADOPTED), None),
            "seats": seats,
            "problem": form if wrong in ("drop", "drop-item", "end-member") else None,
            "given": Booking.objects.given(place.path, year) if year is not None else 0,
            "year": year,
            "forms": forms,
            "wrong": wrong,
        }
        return private(render(request, "workbench/points_rules.html", context, status=status))

    def member_form(self, place: Place, given: QueryDict | None = None) -> MemberForm:
        able = points.candidates(place.path, timezone.localdate(self.now))
        users = [(str(one.pk), str(one)) for one in able]
        doors = [(str(one.pk), one.label) for one in self.doors(place)]
        return MemberForm(given, users=users, households=doors, auto_id="member_%s")


class PointsRules(RulesView):
    def get(self, request: HttpRequest, path: str) -> HttpResponse:
        return self.show(request, self.place(path))


class PointsRulesAct(RulesView):
    """Draft, write items, adopt; and who is in the group."""

    def get(self, request: HttpRequest, path: str, act: str) -> HttpResponse:
        return redirect("workbench:points_rules", path=path)

    def post(self, request: HttpRequest, path: str, act: str) -> HttpResponse:
        place = self.place(path)
        sent = request.POST
        draft = Rulebook.objects.visible_to(self.person).filter(place=place, state=Rulebook.State.DRAFT).first()
        about: dict[str, Any] = {"rulebook_id": draft.pk if draft is not None else 0}
        given: dict[str, Any] = {"by": self.person, "now": self.now}
        form: Form
        handler: Handler
        match act:
            case "draft":
                form = RulebookForm(sent, auto_id="draft_%s")
                handler = partial(points.draft_rulebook, place=place, **given)
            case "change":
                form = RulebookForm(sent, auto_id="change_%s")
                handler = partial(points.change_draft, **about, **given)
            case "item":
                form = ItemForm(sent, auto_id="item_%s")
                handler = partial(points.write_item, **about, **given)
            case "drop-item":
                form = Form(sent)
                item = number_in(sent.get("item"))
                if draft is None or not draft.items.filter(pk=item).exists():
                    raise Http404
                handler = partial(points.drop_item, item_id=item, **given)
            case "adopt":
                form = AdoptForm(sent, auto_id="adopt_%s")
                handler = partial(points.adopt_rulebook, **about, **given)
            case "drop":
                form = Form(sent)
                handler = partial(points.drop_draft, **about, **given)
            case "member":
                form = self.member_form(place, sent)

                def handler(**data: Any) -> object:
                    user = User.objects.get(pk=int(data["user"]))
                    own_door = int(data["household"]) if data["household"] else None
                    return points.add_member(place=place, user=user, household_id=own_door, **given)

            case "end-member":
                form = Form(sent)
                seat = number_in(sent.get("member"))
                if not Member.objects.filter(pk=seat, place=place).exists():
                    raise Http404
                handler = partial(points.end_member, member_id=seat, **given)
            case _:
                raise Http404
        _found, status = self.do(request, form, handler)
        if status:
            return self.show(request, place, status=status, wrong=act, form=form)
        return redirect("workbench:points_rules", path=path)


# --- households --------------------------------------------------------------------------------------


class PointsHouseholds(PointsView):
    """The households by door, and the form by which one joins."""

    def get(self, request: HttpRequest, path: str) -> HttpResponse:
        return self.show(request, self.place(path), JoinForm())

    def post(self, request: HttpRequest, path: str) -> HttpResponse:
        place = self.place(path)
        form = JoinForm(request.POST)
        found, status = self.do(request, form, partial(points.join, place=place, by=self.person, now=self.now))
        if not isinstance(found, Household):
            return self.show(request, place, form, status)
        return redirect("workbench:points_household", pk=found.pk)

    def show(self, request: HttpRequest, place: Place, form: JoinForm, status: int = 200) -> HttpResponse:
        waiting = Count("claims", filter=Q(claims__state__in=["claimed", "checked", "published", "objected"]))
        known = points.doors(list(Household.objects.joined().filter(place=place).annotate(waiting=waiting)))
        page = Paginator(known, A_PAGE).get_page(request.GET.get("page"))
        context = {**self.about(place, "households"), "page": page, "total": len(known), "form": form}
        return private(render(request, "workbench/points_households.html", context, status=status))


class HouseholdView(PointsView):
    def found(self, pk: int) -> Household:
        household = (
            Household.objects.visible_to(self.person).with_balance().select_related("place").filter(pk=pk).first()
        )
        if household is None:
            raise Http404
        return household

    def items(self, household: Household, *, deducts: bool) -> list[tuple[str, str]]:
        book = points.rulebook_at(household.place_path)
        if book is None:
            return []
        found = book.items.filter(dropped=False, deducts=deducts)
        return [(str(one.pk), f"{one.name} ({signed(one.signed)})") for one in found]

    def show(
        self,
        request: HttpRequest,
        household: Household,
        *,
        status: int = 200,
        wrong: str = "",
        form: Form | None = None,
        contact: str = "",
    ) -> HttpResponse:
        about = self.about(household.place, "households")
        book: Rulebook | None = about["rulebook"]
        forms: dict[str, Form] = {
            "claim": DeedForm(items=self.items(household, deducts=False), auto_id="claim_%s"),
            "leave": LeaveForm(auto_id="leave_%s"),
            "reveal": Form(),
        }
        if book is not None and book.deductions:
            forms["deduct"] = EvidenceForm(items=self.items(household, deducts=True), auto_id="deduct_%s")
        if form is not None:
            forms[wrong] = form
        bookings = household.bookings.select_related("claim__item", "exchange__good", "objection", "by").order_by("-pk")
        running = int(getattr(household, "balance", 0))
        lines = []
        for row in bookings[:200]:
            lines.append({"row": row, "points": signed(row.amount), "balance": running})
            running -= row.amount
        claims = household.claims.select_related("item").order_by("-made_at", "-pk")[:50]
        context = {
            **about,
            "household": household,
            "lines": lines,
            "claims": [claim_row(one) for one in claims],
            "forms": forms,
            "wrong": wrong,
            "contact": contact,
        }
        return private(render(request, "workbench/points_household.html", context, status=status))


class PointsHousehold(HouseholdView):
    """One household: its ledger, its claims, its card."""

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self.show(request, self.found(pk))


class PointsHouseholdAct(HouseholdView):
    def get(self, request: HttpRequest, pk: int, act: str) -> HttpResponse:
        return redirect("workbench:points_household", pk=pk)

    def post(self, request: HttpRequest, pk: int, act: str) -> HttpResponse:
        household = self.found(pk)
        sent = request.POST
        given: dict[str, Any] = {"household_id": pk, "by": self.person, "now": self.now}
        form: Form
        handler: Handler
        match act:
            case "claim":
                form = DeedForm(sent, items=self.items(household, deducts=False), auto_id="claim_%s")

                def handler(**data: Any) -> object:
                    return points.claim(
                        item_id=int(data["item"]), on=data["on"], words=data["words"], key=data["key"], **given
                    )

            case "deduct":
                form = EvidenceForm(sent, items=self.items(household, deducts=True), auto_id="deduct_%s")

                def handler(**data: Any) -> object:
                    return points.propose_deduction(
                        item_id=int(data["item"]), on=data["on"], evidence=data["words"], **given
                    )

            case "renew":
                form = Form(sent)
                handler = partial(points.renew_code, **given)
            case "leave":
                form = LeaveForm(sent, auto_id="leave_%s")
                handler = partial(points.leave, **given)
            case "reveal":
                form = Form(sent)
                reason = sent.get("reason", "")
                handler = partial(reveal, household, "contact", by=self.person, reason=reason, now=self.now)
            case _:
                raise Http404
        found, status = self.do(request, form, handler)
        if status:
            return self.show(request, self.found(pk), status=status, wrong=act, form=form)
        if act == "reveal":
            return self.show(request, self.found(pk), contact=str(found))
        return redirect("workbench:points_household", pk=pk)


class PointsCard(HouseholdView):
    """The card of a household on paper: its code, and what it agreed to."""

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        household = self.found(pk)
        if not household.is_in:
            raise Http404
        code = code_of(household)
        link = request.build_absolute_uri(reverse("portal:points_household", args=[code])) if code else ""
        context = {
            "household": household,
            "place": household.place,
            "typed": code,
            "address": request.build_absolute_uri(reverse("portal:points")),
            "code": segno.make(link, error="m").svg_data_uri(scale=4, border=1) if link else "",
        }
        return private(render(request, "workbench/points_card.html", context))


# --- exchange ----------------------------------------------------------------------------------------


class DeskView(PointsView):
    def show(
        self, request: HttpRequest, place: Place, *, status: int = 200, wrong: str = "", form: Form | None = None
    ) -> HttpResponse:
        goods = list(Good.objects.filter(place=place).order_by("-offered", "price", "pk"))
        forms: dict[str, Form] = {
            "exchange": self.exchange_form(place),
            "good": GoodForm(auto_id="good_%s"),
            "back": BackForm(auto_id="back_%s"),
        }
        if form is not None:
            forms[wrong] = form
        latest = Exchange.objects.filter(good__place=place).select_related("household", "good", "by").order_by("-pk")
        stock = {
            one.pk: StockForm(initial={"stock": one.stock, "offered": one.offered}, auto_id=f"stock_{one.pk}_%s")
            for one in goods
        }
        context = {
            **self.about(place, "exchange"),
            "goods": [{"row": one, "form": stock[one.pk]} for one in goods],
            "exchanges": latest[:30],
            "forms": forms,
            "wrong": wrong,
        }
        return private(render(request, "workbench/points_exchange.html", context, status=status))

    def exchange_form(self, place: Place, given: QueryDict | None = None) -> ExchangeForm:
        doors = [(str(one.pk), one.label) for one in self.doors(place)]
        goods = [
            (str(one.pk), _("%(good)s: %(price)d points") % {"good": one.name, "price": one.price})
            for one in Good.objects.offered().filter(place=place).order_by("price", "pk")
        ]
        return ExchangeForm(given, households=doors, goods=goods, auto_id="exchange_%s")


class PointsExchange(DeskView):
    def get(self, request: HttpRequest, path: str) -> HttpResponse:
        return self.show(request, self.place(path))


class PointsExchangeAct(DeskView):
    def get(self, request: HttpRequest, path: str, act: str) -> HttpResponse:
        return redirect("workbench:points_exchange", path=path)

    def post(self, request: HttpRequest, path: str, act: str) -> HttpResponse:
        place = self.place(path)
        sent = request.POST
        given: dict[str, Any] = {"by": self.person, "now": self.now}
        form: Form
        handler: Handler
        match act:
            case "exchange":
                form = self.exchange_form(place, sent)

                def handler(**data: Any) -> object:
                    return points.exchange(
                        household_id=int(data["household"]),
                        good_id=int(data["good"]),
                        count=data["count"],
                        key=data["key"],
                        **given,
                    )

            case "good":
                form = GoodForm(sent, auto_id="good_%s")
                handler = partial(points.offer_good, place=place, **given)
            case "stock":
                form = StockForm(sent)
                good = number_in(sent.get("good"))
                if not Good.objects.filter(pk=good, place=place).exists():
                    raise Http404
                handler = partial(points.change_good, good_id=good, **given)
            case "back":
                form = BackForm(sent, auto_id="back_%s")
                row = number_in(sent.get("exchange"))
                if not Exchange.objects.filter(pk=row, good__place=place).exists():
                    raise Http404
                handler = partial(points.take_back, exchange_id=row, **given)
            case _:
                raise Http404
        _found, status = self.do(request, form, handler)
        if status:
            return self.show(request, place, status=status, wrong=act, form=form)
        return redirect("workbench:points_exchange", path=path)
