"""A party's own page in a mediation, opened by a secret link: what that party may see, and what it may say."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from gongzhi.act.disputes import actions as disputes
from gongzhi.act.disputes.links import party_of, token_of
from gongzhi.act.disputes.models import Agreement, Meeting, Party, State
from gongzhi.ground.access.guard import Guarded
from gongzhi.ground.privacy.actions import lookups_about
from gongzhi.ground.refusals import Refusal


class StatementForm(forms.Form):
    words = forms.CharField(
        label=_("In your own words"),
        help_text=_("Only the mediator reads it."),
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 5}),
        error_messages={"required": _("Say in your own words what happened and what you wish.")},
    )


class ByPartyLink(Guarded):
    """A page that a party's link opens. A wrong link is a page that is not there."""

    verb = Guarded.PUBLIC
    party: Party

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        party = party_of(kwargs.pop("token"))
        if party is None:
            raise Http404
        self.party = party
        response = super().dispatch(request, *args, **kwargs)
        patch_cache_control(response, private=True, no_store=True)
        response["X-Robots-Tag"] = "noindex, nofollow"
        response["Referrer-Policy"] = "same-origin"
        return response

    def back(self) -> HttpResponse:
        return redirect("portal:mediation", token=token_of(self.party))

    def mediators(self) -> list[tuple[str, str]]:
        dispute = self.party.dispute
        on = timezone.localdate(self.now)
        return [
            (str(post.pk), f"{post.user.name} ({post})")
            for post in disputes.mediators_for(dispute.place_path, on)
            if post.user_id != self.party.person_id
        ]

    def show(self, request: HttpRequest, *, status: int = 200, statement: forms.Form | None = None) -> HttpResponse:
        party, dispute = self.party, self.party.dispute
        others = [
            {
                # Only what they agreed to be told: their side, and their name once they said so.
                "name": other.name.open() if other.named_at is not None else "",
                "side": other.get_side_display(),
                "number": other.number,
            }
            for other in dispute.parties.exclude(pk=party.pk)
        ]
        agreement = dispute.agreements.exclude(state=Agreement.State.WITHDRAWN).first()
        signed = set(agreement.signatures.values_list("party_id", flat=True)) if agreement is not None else set()
        named = {other["number"]: other["name"] for other in others}
        context = {
            "party": party,
            "dispute": dispute,
            "token": token_of(party),
            "own_name": party.name.open() if party.name else "",
            "others": others,
            "meetings": Meeting.objects.filter(attendances__party=party).order_by("at"),
            "own_statement": party.statement.open() if party.statement else "",
            "agreement": agreement,
            "obligations": [
                {
                    "row": one,
                    "who": _t("You") if one.party_id == party.pk else named.get(one.party.number, ""),
                }
                for one in (agreement.obligations.select_related("party") if agreement is not None else [])
            ],
            "has_signed": party.pk in signed,
            "signatures": len(signed),
            "may_change": dispute.state in (State.OPEN, State.MEDIATING),
            "may_choose": dispute.state == State.OPEN,
            "mediators": self.mediators() if dispute.state == State.OPEN else [],
            "statement_form": statement or StatementForm(),
            "lookups": lookups_about("disputes.Party", party.pk),
        }
        return render(request, "portal/mediation.html", context, status=status)


class Mediation(ByPartyLink):
    def get(self, request: HttpRequest) -> HttpResponse:
        return self.show(request)


class MediationAct(ByPartyLink):
    """One thing that a party says."""

    def get(self, request: HttpRequest, act: str) -> HttpResponse:
        return self.back()

    def post(self, request: HttpRequest, act: str) -> HttpResponse:
        given: dict[str, Any] = {"party_id": self.party.pk, "by": None, "now": self.now}
        match act:
            case "agree":
                disputes.consent(**given)
            case "stop":
                disputes.refuse(**given)
            case "name":
                disputes.allow_name(**given)
            case "mediator":
                post = request.POST.get("post", "")
                known = dict(self.mediators())
                if post and post not in known:
                    raise Refusal(_t("This mediator is not on the list."), status=422)
                disputes.choose_mediator(post_id=int(post) if post else None, **given)
            case "sign":
                agreement = self.party.dispute.agreements.filter(state=Agreement.State.PROPOSED).first()
                # What is signed is what was read: a text that was written anew meanwhile is not signed by an old page.
                if agreement is None or request.POST.get("agreement") != str(agreement.round):
                    raise Refusal(_t("This agreement cannot be signed any more."))
                disputes.sign_agreement(agreement_id=agreement.pk, **given)
            case "statement":
                form = StatementForm(request.POST)
                if not form.is_valid():
                    return self.show(request, statement=form, status=422)
                try:
                    disputes.give_statement(words=form.cleaned_data["words"], **given)
                except Refusal as refusal:
                    form.add_error(refusal.field, str(refusal.reason))
                    return self.show(request, statement=form, status=refusal.status)
            case _:
                raise Http404
        return self.back()
