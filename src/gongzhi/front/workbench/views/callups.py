"""The call list of capable people, and the pieces that groups claim."""

from __future__ import annotations

from typing import Any, Final

from django.core.paginator import Paginator
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from gongzhi.act.callups import actions as callups
from gongzhi.act.callups.models import Answer, CallUp, Capable, Claim, Group, Skill
from gongzhi.act.directives.models import OWED, Assignment
from gongzhi.front.workbench.forms.callups import CallForm, CapableForm, ClaimForm, EndClaimForm, GroupForm
from gongzhi.ground.access.actions import holding
from gongzhi.ground.access.guard import Guarded
from gongzhi.ground.access.reach import posts_with
from gongzhi.ground.places.models import Place
from gongzhi.ground.privacy.actions import reveal
from gongzhi.ground.refusals import Refusal
from gongzhi.ground.rules.working import Module, flow_of

A_PAGE: Final = 50


def number_in(request: HttpRequest, name: str) -> int:
    given = request.POST.get(name, "")
    if not (given.isascii() and given.isdigit() and len(given) < 18):
        raise Http404
    return int(given)


def refuse(form: Form, refusal: Refusal) -> int:
    if refusal.status == 404:
        raise Http404
    form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal.reason))
    return refusal.status


class Kept(Guarded):
    """What the pages of both modules share: the community of the person's post."""

    verb = "callups.keep"

    def place(self) -> Place:
        return min(posts_with(self.person, self.verb), key=lambda post: (len(post.place_path), post.place_path)).place


class CallUps(Kept):
    """The register, without anybody's number; entering somebody; calling all who can do something."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.show(request)

    def show(
        self,
        request: HttpRequest,
        *,
        enter: CapableForm | None = None,
        call: CallForm | None = None,
        status: int = 200,
    ) -> HttpResponse:
        place = self.place()
        skill = request.GET.get("skill", "")
        people = Capable.objects.visible_to(self.person).standing().filter(place=place).order_by("pk")
        listed = [one for one in people if not skill or skill in one.skills]
        page = Paginator(listed, A_PAGE).get_page(request.GET.get("page"))
        context = {
            "place": place,
            "page": page,
            "total": len(listed),
            "skill": skill,
            "skills": Skill.choices,
            "calls": CallUp.objects.visible_to(self.person).filter(place=place).order_by("-pk")[:10],
            "used": flow_of(place.path, self.now).uses(Module.CAPABLE_PEOPLE),
            "enter_form": enter or CapableForm(auto_id="enter_%s"),
            "call_form": call or CallForm(auto_id="call_%s"),
        }
        return render(request, "workbench/callups.html", context, status=status)


class CallUpsDo(CallUps):
    """Entering, leaving, calling, noting an answer, ending a call."""

    def get(self, request: HttpRequest, act: str) -> HttpResponse:  # type: ignore[override]
        return redirect("workbench:callups")

    def post(self, request: HttpRequest, act: str) -> HttpResponse:
        match act:
            case "enter":
                return self.enter(request)
            case "call":
                return self.call(request)
            case "leave":
                callups.leave_register(capable_id=number_in(request, "capable"), by=self.person, now=self.now)
                return redirect("workbench:callups")
            case "answer":
                row = callups.note_answer(
                    called_id=number_in(request, "called"),
                    answer=request.POST.get("answer", ""),
                    by=self.person,
                    now=self.now,
                )
                return redirect("workbench:callup", pk=row.call_up_id)
            case "end":
                callups.end_call(call_up_id=number_in(request, "call"), by=self.person, now=self.now)
                return redirect("workbench:callups")
        raise Http404

    def enter(self, request: HttpRequest) -> HttpResponse:
        form = CapableForm(request.POST, auto_id="enter_%s")
        if not form.is_valid():
            return self.show(request, enter=form, status=422)
        try:
            callups.enter_capable(place=self.place(), **form.cleaned_data, by=self.person, now=self.now)
        except Refusal as refusal:
            return self.show(request, enter=form, status=refuse(form, refusal))
        return redirect("workbench:callups")

    def call(self, request: HttpRequest) -> HttpResponse:
        form = CallForm(request.POST, auto_id="call_%s")
        if not form.is_valid():
            return self.show(request, call=form, status=422)
        try:
            call = callups.call_up(place=self.place(), **form.cleaned_data, by=self.person, now=self.now)
        except Refusal as refusal:
            return self.show(request, call=form, status=refuse(form, refusal))
        return redirect("workbench:callup", pk=call.pk)


class CallPage(Kept):
    """One call: who is on the list, and what each said. The numbers are shown on request, for the call's reason."""

    def found(self, pk: int) -> CallUp:
        call = CallUp.objects.visible_to(self.person).select_related("place").filter(pk=pk).first()
        if call is None:
            raise Http404
        return call

    def show(self, request: HttpRequest, call: CallUp, *, numbers: bool) -> HttpResponse:
        rows: list[dict[str, Any]] = []
        for one in call.called.select_related("capable").order_by("pk"):
            person, shown = one.capable, numbers and one.capable.left_at is None
            rows.append(
                {
                    "called": one,
                    "name": reveal(person, "name", by=self.person, reason=call.words, now=self.now) if shown else "",
                    "phone": reveal(person, "phone", by=self.person, reason=call.words, now=self.now) if shown else "",
                }
            )
        context = {
            "call": call,
            "rows": rows,
            "numbers": numbers,
            "comes": sum(row["called"].answer == Answer.COMES for row in rows),
            "answers": [choice for choice in Answer.choices if choice[0] != Answer.WAITING],
            "may_see": holding(self.person, "privacy.reveal", call.place_path, self.now) is not None,
        }
        return render(request, "workbench/callup.html", context)

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self.show(request, self.found(pk), numbers=False)

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        call = self.found(pk)
        return self.show(request, call, numbers=call.ended_at is None)


class Claims(Kept):
    """Groups of the alliance, and the pieces of assignments that they have taken."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.show(request)

    def pieces(self, place: Place) -> list[Assignment]:
        waiting = Assignment.objects.visible_to(self.person).filter(place=place, state__in=sorted(OWED))
        return list(waiting.select_related("directive").order_by("due_at", "pk")[:A_PAGE])

    def claim_form(self, data: Any = None) -> ClaimForm:
        place = self.place()
        groups = list(Group.objects.visible_to(self.person).standing().filter(place=place).order_by("name"))
        return ClaimForm(data, pieces=self.pieces(place), groups=groups, auto_id="claim_%s")

    def show(
        self,
        request: HttpRequest,
        *,
        group: GroupForm | None = None,
        claim: ClaimForm | None = None,
        end: EndClaimForm | None = None,
        status: int = 200,
    ) -> HttpResponse:
        place = self.place()
        claims = Claim.objects.visible_to(self.person).filter(group__place=place)
        working = flow_of(place.path, self.now)
        context = {
            "place": place,
            "groups": Group.objects.visible_to(self.person).standing().filter(place=place).order_by("name"),
            "open": claims.open().select_related("group", "assignment__directive").order_by("assignment__due_at", "pk"),
            "ended": claims.exclude(state=Claim.State.CLAIMED).select_related("group", "assignment__directive")[:20],
            "pieces": self.pieces(place),
            "used": working.uses(Module.CLAIMS),
            "joins": working.uses(Module.ALLIANCES),
            "group_form": group or GroupForm(auto_id="group_%s"),
            "claim_form": claim or self.claim_form(),
            "end_form": end,
        }
        return render(request, "workbench/claims.html", context, status=status)


class ClaimsDo(Claims):
    """Joining and leaving the alliance, claiming a piece, saying what became of it."""

    def get(self, request: HttpRequest, act: str) -> HttpResponse:  # type: ignore[override]
        return redirect("workbench:claims")

    def post(self, request: HttpRequest, act: str) -> HttpResponse:
        given: dict[str, Any] = {"by": self.person, "now": self.now}
        form: Form
        shown: dict[str, Any]
        if act == "leave":
            callups.leave_alliance(group_id=number_in(request, "group"), **given)
            return redirect("workbench:claims")
        if act == "join":
            form = GroupForm(request.POST, auto_id="group_%s")
            shown = {"group": form}
        elif act == "claim":
            form = self.claim_form(request.POST)
            shown = {"claim": form}
        elif act == "end":
            form = EndClaimForm(request.POST)
            shown = {"end": form}
        else:
            raise Http404
        if not form.is_valid():
            return self.show(request, status=422, **shown)
        data = form.cleaned_data
        try:
            if act == "join":
                callups.join_alliance(place=self.place(), **data, **given)
            elif act == "claim":
                assignment, group = int(data["assignment"]), int(data["group"])
                callups.claim_piece(assignment_id=assignment, group_id=group, part=data["part"], **given)
            else:
                callups.end_claim(claim_id=data["claim"], state=data["state"], words=data["words"], **given)
        except Refusal as refusal:
            return self.show(request, status=refuse(form, refusal), **shown)
        return redirect("workbench:claims")
