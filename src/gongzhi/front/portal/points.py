"""Household points for residents: what is on the wall, and a household's own page, opened by its code."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.cache import cache
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.utils.translation import gettext_lazy as _

from gongzhi.act.points import actions as points
from gongzhi.act.points.links import code_of, household_of, plain
from gongzhi.act.points.models import Claim, Household, Objection, State
from gongzhi.front.limits import count_question
from gongzhi.ground.access.guard import Guarded
from gongzhi.ground.places.models import Place
from gongzhi.ground.refusals import Refusal


class CodeForm(forms.Form):
    code = forms.CharField(
        label=_("Code of your household"),
        help_text=_("Twelve letters and digits on your card. Capitals, hyphens and blanks do not matter."),
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}),
        error_messages={"required": _("Type the code that stands on your card.")},
    )


class ClaimForm(forms.Form):
    item = forms.ChoiceField(label=_("What did your household do?"), widget=forms.RadioSelect)
    on = forms.DateField(label=_("On which day?"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    words = forms.CharField(
        label=_("In your words"),
        help_text=_("Only the assessment group reads it. Please no names of children. No photo is needed."),
        max_length=500,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    key = forms.CharField(max_length=32, required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, items: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chosen: Any = self.fields["item"]
        chosen.choices = items
        if not self.is_bound:
            self.initial.setdefault("key", uuid.uuid4().hex)


class ObjectForm(forms.Form):
    words = forms.CharField(
        label=_("What is wrong?"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": _("Say what is wrong.")},
    )


def signed(amount: int) -> str:
    return f"+{amount}" if amount > 0 else f"−{-amount}" if amount < 0 else "0"


def on_the_wall(place: Place, now: Any) -> list[dict[str, Any]]:
    """What is published now, by door: the door, the item, the points, until when. Nothing else."""
    found = Claim.objects.on_the_wall(now).filter(place=place).select_related("household", "item")[:1000]
    rows = sorted(found, key=lambda one: points.door_key(one.household.label))
    return [{"claim": one, "points": signed(one.signed)} for one in rows]


def places_with_points(now: Any) -> list[Place]:
    """Where household points are in use. Kept for half a minute."""
    known: list[Place] | None = cache.get("points:places")
    if known is None:
        known = points.places_on(timezone.localdate(now))
        cache.set("points:places", known, 30)
    return known


class Points(Guarded):
    """Where there are household points, and the way to one's own."""

    verb = Guarded.PUBLIC

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.show(request, CodeForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = CodeForm(request.POST)
        if not form.is_valid():
            return self.show(request, form, 422)
        try:
            count_question(request, self.now, what="points")
        except Refusal as refusal:
            form.add_error("code", str(refusal.reason))
            return self.show(request, form, refusal.status)
        household = household_of(form.cleaned_data["code"])
        if household is None:
            form.add_error("code", _("We do not know this code. Look at your card again, or ask for a new one."))
            return self.show(request, form, 422)
        return redirect("portal:points_household", code=code_of(household))

    def show(self, request: HttpRequest, form: CodeForm, status: int = 200) -> HttpResponse:
        context = {"form": form, "places": places_with_points(self.now)}
        return render(request, "portal/points.html", context, status=status)


class PointsPlace(Guarded):
    """What is published in one place, and by which rules."""

    verb = Guarded.PUBLIC

    def get(self, request: HttpRequest, path: str) -> HttpResponse:
        place = Place.objects.filter(path=path, level="village").first()
        book = points.rulebook_at(path) if place is not None else None
        if place is None or book is None or not points.is_on(path, timezone.localdate(self.now)):
            raise Http404
        context = {
            "place": place,
            "rulebook": book,
            "items": book.items.filter(dropped=False),
            "wall": on_the_wall(place, self.now),
        }
        return render(request, "portal/points_place.html", context)


class ByCode(Guarded):
    """A page that a household's code opens. A wrong code is a page that is not there; trying many is stopped."""

    verb = Guarded.PUBLIC
    household: Household

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        typed = str(kwargs.pop("code"))
        found = household_of(typed) if plain(typed) else None
        if found is None:
            self.seek()
            raise Http404
        self.household = found
        response = super().dispatch(request, *args, **kwargs)
        patch_cache_control(response, private=True, no_store=True)
        response["X-Robots-Tag"] = "noindex, nofollow"
        response["Referrer-Policy"] = "same-origin"
        return response

    def seek(self) -> None:
        """Count a code that is wrong; who tries very many is not even told that it is wrong."""
        try:
            count_question(self.request, self.now, what="points")
        except Refusal:
            raise Http404 from None

    def back(self) -> HttpResponse:
        return redirect("portal:points_household", code=code_of(self.household))

    def claim_form(self, given: Any = None) -> ClaimForm:
        book = points.rulebook_at(self.household.place_path)
        items = book.items.filter(dropped=False, deducts=False) if book is not None else ()
        return ClaimForm(
            given,
            items=[(str(one.pk), f"{one.name} ({signed(one.signed)})") for one in items],
            initial={"on": timezone.localdate(self.now)},
        )

    def show(
        self,
        request: HttpRequest,
        *,
        status: int = 200,
        form: ClaimForm | None = None,
        objecting: ObjectForm | None = None,
        about: int = 0,
    ) -> HttpResponse:
        household = self.household
        claims = list(
            household.claims.select_related("item")
            .prefetch_related("checks", "objections")
            .order_by("-made_at", "-pk")[:60]
        )
        rows = []
        for one in claims:
            mine = [said for said in one.objections.all() if said.household_id == household.pk]
            waits = any(said.state == Objection.State.OPEN for said in one.objections.all())
            rows.append(
                {
                    "claim": one,
                    "points": signed(one.signed),
                    "reasons": [
                        said.words
                        for said in one.checks.all()
                        if one.state == State.REFUSED and not said.agrees and said.round == one.round
                    ],
                    "objections": [said for said in one.objections.all() if said.answer or said in mine],
                    "may_withdraw": not one.deducts and one.state in ("claimed", "checked", "published", "objected"),
                    "may_object": not waits and points.may_object(one, self.now, own=True),
                }
            )
        ledger = household.bookings.select_related("claim__item", "exchange__good", "objection").order_by("-pk")[:100]
        on = timezone.localdate(self.now)
        context = {
            "household": household,
            "code": code_of(household),
            "balance": household.balance_now(),
            "rows": rows,
            "ledger": [{"row": one, "points": signed(one.amount)} for one in ledger],
            "wall": [
                one for one in on_the_wall(household.place, self.now) if one["claim"].household_id != household.pk
            ],
            "form": form or self.claim_form(),
            "object_form": objecting or ObjectForm(),
            "about": about,
            "on": points.is_on(household.place_path, on) and points.rulebook_at(household.place_path) is not None,
        }
        return render(request, "portal/points_household.html", context, status=status)


class PointsHousehold(ByCode):
    """The household's own page."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.show(request)


class PointsAct(ByCode):
    """One thing that a household says: a claim, taking it back, an objection, or that it leaves."""

    def get(self, request: HttpRequest, act: str) -> HttpResponse:
        return self.back()

    def post(self, request: HttpRequest, act: str) -> HttpResponse:
        given: dict[str, Any] = {"by": None, "now": self.now}
        sent = request.POST.get("claim", "")
        claim = int(sent) if sent.isascii() and sent.isdigit() and len(sent) < 19 else 0
        match act:
            case "claim":
                form = self.claim_form(request.POST)
                if not form.is_valid():
                    return self.show(request, form=form, status=422)
                data = form.cleaned_data
                try:
                    points.claim(
                        household_id=self.household.pk,
                        item_id=int(data["item"]),
                        on=data["on"],
                        words=data["words"],
                        key=data["key"],
                        **given,
                    )
                except Refusal as refusal:
                    form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal.reason))
                    return self.show(request, form=form, status=refusal.status)
            case "withdraw":
                if not self.household.claims.filter(pk=claim).exists():
                    raise Http404
                points.withdraw(claim_id=claim, **given)
            case "object":
                if not Claim.objects.filter(pk=claim, place_path=self.household.place_path).exists():
                    raise Http404
                objecting = ObjectForm(request.POST)
                if not objecting.is_valid():
                    return self.show(request, objecting=objecting, about=claim, status=422)
                points.object_to(
                    claim_id=claim,
                    words=objecting.cleaned_data["words"],
                    household_id=self.household.pk,
                    **given,
                )
            case "leave":
                if request.POST.get("sure") != "yes":
                    return self.back()
                points.leave(household_id=self.household.pk, **given)
                return redirect("portal:points")
            case _:
                raise Http404
        return self.back()
