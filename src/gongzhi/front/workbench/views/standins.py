"""Moving the work of a person or of a place to deputies in one step, and giving it back in one step."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.db.models import Prefetch
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from gongzhi.front.workbench.deputies import MOST_POSITIONS, Candidate, Choice, candidates, named_to, propose
from gongzhi.front.workbench.filters import place_choices
from gongzhi.front.workbench.forms.standins import MoveForm
from gongzhi.front.workbench.load import lines_of
from gongzhi.ground.access.actions import holding
from gongzhi.ground.access.guard import Guarded
from gongzhi.ground.access.models import Move, StandIn
from gongzhi.ground.access.reach import posts_with, reach
from gongzhi.ground.access.standins import MOST, Seat, end_stand_in, move_work, posts_within, undo_move
from gongzhi.ground.accounts.models import User
from gongzhi.ground.places.models import Place
from gongzhi.ground.refusals import Refusal

MOST_PEOPLE: Final = 300  # in a select; in a larger place the page of the load leads to each of them
PAST: Final = 20


def tops(person: User, verb: str) -> list[str]:
    """The paths of the person's posts with this verb, without those that lie in another."""
    found: list[str] = []
    for path in sorted({post.place_path for post in posts_with(person, verb)}):
        if not any(path.startswith(top) for top in found):
            found.append(path)
    return found


class StandIns(Guarded):
    """What is moved now, with one button to undo each; and the start of a new one."""

    verb = "access.stand_in"

    def people(self) -> list[tuple[str, str]]:
        found: dict[int, tuple[str, str]] = {}
        for post in posts_within(self.person, timezone.localdate(self.now)):
            found.setdefault(post.user_id, (str(post.user_id), f"{post.user} · {post}"))
        return list(found.values())

    def form(self, data: Any = None) -> MoveForm:
        people = self.people()
        asked = (data or self.request.GET).get("person", "")
        shown = people if len(people) <= MOST_PEOPLE else [one for one in people if one[0] == asked]
        places = [("", _("— choose —")), *place_choices(self.person, self.verb)]
        everybody = [("", _("everybody’s in this place")), *shown]
        initial = {
            "until": timezone.localdate(self.now) + timedelta(days=7),
            **{name: self.request.GET[name] for name in ("person", "place") if name in self.request.GET},
        }
        return MoveForm(data, places=places, people=everybody, initial=initial)

    def get(self, request: HttpRequest) -> HttpResponse:
        on = timezone.localdate(self.now)
        rows = Prefetch("stand_ins", StandIn.objects.select_related("place", "deputy").order_by("place_path", "pk"))
        moves = Move.objects.filter(reach(self.person, self.verb)).select_related(
            "place", "person", "made_by", "undone_by"
        )
        moves = moves.prefetch_related(rows).order_by("-pk")
        current = list(moves.filter(undone_at__isnull=True, until__gte=on)[:100])
        past = list(moves.exclude(pk__in=[move.pk for move in current])[:PAST])
        context = {
            "form": self.form(),
            "moves": [_shown(move) for move in current],
            "past": past,
            "may_read_load": bool(posts_with(self.person, "load.read")),
        }
        return render(request, "workbench/standins.html", context)


def _shown(move: Move) -> dict[str, Any]:
    rows = list(move.stand_ins.all())
    return {"move": move, "rows": [row for row in rows if row.ended_at is None], "all": len(rows)}


@dataclass(frozen=True)
class Plan:
    """What is to be moved, and to whom it could go."""

    place: Place
    person: User | None
    choices: list[Choice]
    people: list[Candidate]
    too_many: bool = False


class StandInNew(StandIns):
    """The proposal: for each position a deputy that can be changed; one button makes all of it."""

    def plan(self, data: Any, staying: set[int]) -> Plan:
        on = timezone.localdate(self.now)
        everybody = posts_within(self.person, on)
        known = [line for top in tops(self.person, self.verb) for line in lines_of(top, on=on)]
        people = [one for one in candidates(everybody, known) if one.user.pk != self.person.pk]
        if data["person"]:
            pk = int(data["person"])
            held = {(post.role, post.place_id): post for post in everybody if post.user_id == pk}
            if not held:
                raise Http404
            post = next(iter(held.values()))
            person: User | None = post.user
            place = post.place
            lines = [line for line in known if line.position in held]
            away = {pk}
        else:
            found = Place.objects.current().filter(path=data["place"]).first()
            if found is None or holding(self.person, self.verb, found.path, self.now) is None:
                raise Http404
            person, place = None, found
            lines = [line for line in known if line.place_path.startswith(place.path)]
            away = {pk for line in lines for pk in line.people} - staying
        shown = lines[:MOST_POSITIONS]
        choices = propose(shown, people, away=away, staying=staying)
        return Plan(place, person, choices, people, too_many=len(lines) > len(shown))

    def show(
        self, request: HttpRequest, given: QueryDict, form: MoveForm, refusal: Refusal | None = None
    ) -> HttpResponse:
        staying = _numbers(given.getlist("staying"))
        plan = self.plan(form.cleaned_data, staying)
        chosen = {choice.name: _numbers(given.getlist(choice.name)) for choice in plan.choices}
        sent = any(name in given for name in chosen)
        inside = {pk for choice in plan.choices for pk in choice.line.people}
        context = {
            "form": form,
            "plan": plan,
            "rows": [
                {
                    "choice": choice,
                    "first": _nth(given.getlist(choice.name), 0) if sent else choice.chosen,
                    "second": _nth(given.getlist(choice.name), 1) if sent else 0,
                }
                for choice in plan.choices
            ],
            "staying": staying,
            "could_stay": [one for one in plan.people if one.user.pk in inside] if plan.person is None else [],
            "by_hand": named_to(plan.person, seen_by=self.person) if plan.person is not None else [],
            "refusal": refusal,
            "given": {name: form.cleaned_data[name] for name in ("place", "person", "why", "until", "words")},
            "most": MOST_POSITIONS,
        }
        return render(request, "workbench/standin_new.html", context, status=refusal.status if refusal else 200)

    def get(self, request: HttpRequest) -> HttpResponse:
        if "until" not in request.GET:
            return super().get(request)  # nothing was chosen yet: the list offers the choice, and reproaches nobody
        form = self.form(request.GET)
        if not form.is_valid():
            return self.again(request, form)
        return self.show(request, request.GET, form)

    def again(self, request: HttpRequest, form: MoveForm) -> HttpResponse:
        context = {"form": form, "moves": [], "past": [], "choosing": True}
        return render(request, "workbench/standins.html", context, status=422 if request.method == "POST" else 200)

    def post(self, request: HttpRequest) -> HttpResponse:
        form = self.form(request.POST)
        if not form.is_valid():
            return self.again(request, form)
        plan = self.plan(form.cleaned_data, _numbers(request.POST.getlist("staying")))
        seats = [
            Seat(choice.line.role, choice.line.place_id, tuple(deputies))
            for choice in plan.choices
            if (deputies := sorted(_numbers(request.POST.getlist(choice.name))))
        ]
        try:
            move_work(
                seats=seats,
                place=plan.place,
                person=plan.person,
                why=form.cleaned_data["why"],
                until=form.cleaned_data["until"],
                words=form.cleaned_data["words"],
                by=self.person,
                now=self.now,
            )
        except Refusal as refusal:
            return self.show(request, request.POST, form, refusal)
        return redirect("workbench:standins")


def _numbers(given: list[str]) -> set[int]:
    return {
        int(text) for text in given[:MOST] if text.isascii() and text.isdigit() and 0 < len(text) < 10 and int(text)
    }


def _nth(given: list[str], place: int) -> int:
    return next(iter(_numbers(given[place : place + 1])), 0)


class StandInUndo(Guarded):
    """One button gives everything of one step back."""

    verb = "access.stand_in"

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        return redirect("workbench:standins")

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        undo_move(move_id=pk, by=self.person, now=self.now)
        return redirect("workbench:standins")


class StandInEnd(Guarded):
    """Give back the work of one position."""

    verb = "access.stand_in"

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        return redirect("workbench:standins")

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        end_stand_in(stand_in_id=pk, by=self.person, now=self.now)
        return redirect("workbench:standins")
