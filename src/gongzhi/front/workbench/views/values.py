"""Valued work: what a cadre has, what the village has to give out, score and answer, and the minutes.

People stand in the order of their names; a person's total is for that person and for those who score there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Prefetch, QuerySet
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from gongzhi.act.directives.models import Assignment
from gongzhi.act.tasks.models import Task
from gongzhi.act.values import actions as values
from gongzhi.act.values.models import LIVE, Agreement, Item, Objection, Score, State, Turn, by_name
from gongzhi.front.clock_words import Clock, day_words, moment_words, running_clock
from gongzhi.front.story import Step
from gongzhi.front.workbench.forms.values import (
    AgreementForm,
    AnswerForm,
    GiveForm,
    ItemForm,
    ObjectForm,
    ReportForm,
    ScoreForm,
    WithdrawForm,
    last_moment,
    person_choices,
)
from gongzhi.front.working import flow_of, post_words, role_words
from gongzhi.ground.access.guard import Guarded
from gongzhi.ground.access.models import Post
from gongzhi.ground.access.reach import posts_with
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.events import label_of
from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.places.models import Level, Place
from gongzhi.ground.places.paths import below
from gongzhi.ground.refusals import Refusal

Source = Task | Assignment
A_PAGE = 50
ON_THE_BOARD = 300  # items that wait; a village has a few dozen
ON_PAPER = 500
SOURCES = 60

TAGS = {
    State.OPEN: ("blue", "clock"),
    State.REPORTED: ("amber", "mark"),
    State.SCORED: ("", "check"),
    State.OBJECTED: ("red", "reply"),
    State.SETTLED: ("green", "check"),
    State.WITHDRAWN: ("", "minus"),
}


def refuse(form: Form, refusal: Refusal) -> None:
    form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal.reason))


def clock_of(item: Item, now: datetime) -> Clock:
    """The clock that runs now: of the work, of the time to object, of the answer."""
    match item.state:
        case State.OPEN:
            return running_clock(item.due_at, None, now)
        case State.SCORED:
            return running_clock(item.object_by, None, now) if item.may_object(now) else Clock("still", _("stands"))
        case State.OBJECTED:
            return running_clock(item.objection.answer_by, None, now)
        case State.REPORTED if item.reported_at is not None:
            when = day_words(timezone.localdate(item.reported_at), now)
            return Clock("still", _("reported %(when)s") % {"when": when})
    return Clock("done" if item.state == State.SETTLED else "still", item.get_state_display())


@dataclass
class Line:
    """One item as a list shows it."""

    item: Item
    clock: Clock
    tag: tuple[str, str]
    score: Score | None
    called_off: bool
    role: Any  # the post of whoever has it, as the place calls it


def lines(items: Sequence[Item], now: datetime) -> list[Line]:
    """Items with the score that counts. The scores were read beforehand."""
    return [
        Line(
            item,
            clock_of(item, now),
            TAGS[State(item.state)],
            last_score(item),
            item.source_called_off,
            role_words(item.post.role, flow_of(item.place_path, now)) if item.post is not None else "",
        )
        for item in items
    ]


def last_score(item: Item) -> Score | None:
    return next((one for one in item.scores.all() if one.round == item.rounds), None)


def full(query: QuerySet[Item]) -> QuerySet[Item]:
    """With everything that a list or the minutes show of an item."""
    scored = Prefetch("scores", Score.objects.select_related("by").order_by("round"))
    related = (
        "agreement__place",
        "holder",
        "post__place",
        "task__case",
        "objection__answered_by",
        "objection__next_place",
    )
    return query.select_related(*related).prefetch_related(scored)


@dataclass
class Total:
    """A person's points in one period: what is settled, and what can still change."""

    settled: int
    pending: int
    items: int


def total_of(found: Sequence[Line]) -> Total:
    with_score = [line for line in found if line.score is not None]
    return Total(
        settled=sum(line.score.points for line in with_score if line.score and line.item.state == State.SETTLED),
        pending=sum(line.score.points for line in with_score if line.score and line.item.state != State.SETTLED),
        items=len(with_score),
    )


class ValuesView(Guarded):
    verb = "values.work"

    def managed(self) -> list[Place]:
        """The villages and communities where this person scores, by name."""
        held = {post.place_id: post.place for post in posts_with(self.person, "values.manage")}
        return sorted(
            (one for one in held.values() if one.level == Level.VILLAGE), key=lambda place: by_name(place.name)
        )

    def agreement(self, pk: int) -> Agreement:
        found = Agreement.objects.visible_to(self.person).select_related("place").filter(pk=pk).first()
        if found is None:
            raise Http404
        return found


class Values(ValuesView):
    """The board of the village for those who score there; for everybody else, their own items."""

    def get(self, request: HttpRequest) -> HttpResponse:
        places = self.managed()
        if not places:
            return my_items(self, request)
        asked = request.GET.get("place", "")
        place = next((one for one in places if str(one.pk) == asked), places[0])
        state = request.GET.get("state", "")
        context = {
            "places": places,
            "place": place,
            "agreement": Agreement.objects.standing().filter(place=place).first(),
            "today": timezone.localdate(self.now),
        }
        query = full(Item.objects.managed_by(self.person).filter(place=place))
        if state in ("settled", "withdrawn"):
            ended = query.filter(state=state).order_by("-ended_at", "-pk")
            page = Paginator(ended, A_PAGE).get_page(request.GET.get("page"))
            context |= {
                "state": state,
                "page": page,
                "total": page.paginator.count,
                "rows": lines(list(page.object_list), self.now),
            }
            return render(request, "workbench/values_ended.html", context)
        waiting = lines(list(query.filter(state__in=LIVE).order_by("due_at", "pk")[:ON_THE_BOARD]), self.now)
        sections = [
            ("objections", _("Objections"), _("An objection stands here until it is answered."), State.OBJECTED, None),
            ("score", _("To score"), _("What was reported as done waits here for its score."), State.REPORTED, None),
            ("give", _("To give out"), _("Items that nobody has yet stand here."), State.OPEN, False),
            ("way", _("Under way"), _("What somebody is doing stands here with its deadline."), State.OPEN, True),
            ("scored", _("Scored, can be objected to"), _("A score stands here until it is settled."), State.SCORED,
             None),
        ]  # fmt: skip
        context["sections"] = [
            {
                "slug": slug,
                "title": title,
                "empty": empty,
                "rows": [
                    line
                    for line in waiting
                    if line.item.state == wanted and given in (None, line.item.holder_id is not None)
                ],
            }
            for slug, title, empty, wanted, given in sections
        ]
        return render(request, "workbench/values.html", context)


class MyItems(ValuesView):
    def get(self, request: HttpRequest) -> HttpResponse:
        return my_items(self, request)


def my_items(view: ValuesView, request: HttpRequest) -> HttpResponse:
    """What this person has to do, may object to, and what came of it. Nobody else's."""
    query = full(Item.objects.of(view.person))
    found = lines(list(query.filter(state__in=LIVE).order_by("due_at", "pk")[:ON_THE_BOARD]), view.now)
    ended = lines(list(query.exclude(state__in=LIVE).order_by("-ended_at", "-pk")[:A_PAGE]), view.now)
    periods = {line.item.agreement_id: line.item.agreement for line in [*found, *ended]}
    context = {
        "managed": view.managed(),
        "open": [line for line in found if line.item.state == State.OPEN],
        "scored": [line for line in found if line.item.state == State.SCORED],
        "waiting": [line for line in found if line.item.state in (State.REPORTED, State.OBJECTED)],
        "ended": ended,
        "periods": sorted(periods.values(), key=lambda one: (one.starts_on, one.pk), reverse=True),
    }
    return render(request, "workbench/values_mine.html", context)


class Agreements(ValuesView):
    """What was agreed, edition by edition."""

    def get(self, request: HttpRequest) -> HttpResponse:
        found = Agreement.objects.visible_to(self.person).select_related("place").order_by("place_path", "-edition")
        context = {"agreements": list(found[:A_PAGE]), "managed": self.managed()}
        return render(request, "workbench/value_agreements.html", context)


class AgreementNew(ValuesView):
    verb = "values.manage"

    def form(self, given: QueryDict | None = None, **options: Any) -> AgreementForm:
        places = self.managed()
        return AgreementForm(given, places=[(str(one.pk), one.name) for one in places], **options)

    def get(self, request: HttpRequest) -> HttpResponse:
        places = self.managed()
        if not places:
            raise Http404
        today = timezone.localdate(self.now)
        before = Agreement.objects.standing().filter(place=places[0]).first()
        initial: dict[str, Any] = {
            "objection_days": values.least_objection_days(places[0].path, today),
            "adopted_on": today,
            "starts_on": today,
        }
        if before is not None:
            weights = before.weights
            initial |= {
                "done_weight": weights.done,
                "timeliness_weight": weights.timeliness,
                "quality_weight": weights.quality,
                "objection_days": max(before.objection_days, initial["objection_days"]),
            }
        return self.show(request, self.form(initial=initial))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = self.form(request.POST)
        if not form.is_valid():
            return self.show(request, form, 422)
        data = form.cleaned_data
        try:
            agreement = values.adopt_agreement(
                place=next(one for one in self.managed() if str(one.pk) == data["place"]),
                adopted_on=data["adopted_on"],
                meeting=data["meeting"],
                weights=form.weights(),
                objection_days=data["objection_days"],
                starts_on=data["starts_on"],
                ends_on=data["ends_on"],
                by=self.person,
                now=self.now,
            )
        except Refusal as refusal:
            refuse(form, refusal)
            return self.show(request, form, refusal.status)
        return redirect("workbench:value_agreement", pk=agreement.pk)

    def show(self, request: HttpRequest, form: AgreementForm, status: int = 200) -> HttpResponse:
        return render(request, "workbench/value_agree.html", {"form": form}, status=status)


class AgreementPage(ValuesView):
    """One edition, and the people who have items by it, in the order of their names and without a number."""

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        agreement = self.agreement(pk)
        manages = values.manages(self.person, agreement.place_path, self.now)
        holders = Item.objects.filter(agreement=agreement, holder__isnull=False).values("holder_id")
        people = User.objects.filter(pk__in=holders)
        if not manages:
            people = people.filter(pk=self.person.pk)
        named = sorted(people, key=lambda user: (by_name(user.name), user.pk))
        context = {"agreement": agreement, "people": named, "manages": manages}
        return render(request, "workbench/value_agreement.html", context)


class PersonView(ValuesView):
    """One person's items by one agreement, one by one, with their total. For that person and for those who score."""

    def show(
        self, request: HttpRequest, pk: int, person: int, *, status: int = 200, form: GiveForm | None = None
    ) -> HttpResponse:
        agreement = self.agreement(pk)
        manages = values.manages(self.person, agreement.place_path, self.now)
        if person != self.person.pk and not manages:
            raise Http404
        items = full(Item.objects.filter(agreement=agreement, holder_id=person)).order_by("due_at", "pk")[:ON_PAPER]
        found = lines(list(items), self.now)
        steps = values.handed_over(agreement.place, person) if manages else []
        who = User.objects.filter(pk=person).first() if found or steps else None
        if who is None:
            raise Http404
        to_do = sum(line.item.state == State.OPEN and not line.called_off for line in found) if manages else 0
        context = {
            "agreement": agreement,
            "who": who,
            "rows": found,
            "total": total_of(found),
            "own": person == self.person.pk,
            "manages": manages,
            "to_do": to_do,
            "steps": [(step, moment_words(step.at, self.now)) for step in steps],
            "hand_over": form or (self.form(agreement, person) if to_do else None),
        }
        return render(request, "workbench/value_person.html", context, status=status)

    def form(self, agreement: Agreement, person: int, given: QueryDict | None = None) -> GiveForm:
        cadres = values.cadres_of(agreement.place_path, timezone.localdate(self.now))
        people = person_choices(
            [one for one in cadres if one.user_id != person], flow_of(agreement.place_path, self.now)
        )
        return GiveForm(given, people=people, moving=True, auto_id="hand_over_%s")


class PersonPage(PersonView):
    def get(self, request: HttpRequest, pk: int, person: int) -> HttpResponse:
        return self.show(request, pk, person)


class PersonAct(PersonView):
    """Somebody is away, and is back: their items go to somebody else and return, each in one step."""

    verb = "values.manage"

    def get(self, request: HttpRequest, pk: int, person: int, act: str) -> HttpResponse:
        return redirect("workbench:value_person", pk=pk, person=person)

    def post(self, request: HttpRequest, pk: int, person: int, act: str) -> HttpResponse:
        agreement = self.agreement(pk)
        given: dict[str, Any] = {"place": agreement.place, "by": self.person, "now": self.now}
        match act:
            case "away":
                form = self.form(agreement, person, request.POST)
                if not form.is_valid():
                    return self.show(request, pk, person, status=422, form=form)
                data = form.cleaned_data
                try:
                    values.hand_over(from_user_id=person, post_id=int(data["post"]), words=data["words"], **given)
                except Refusal as refusal:
                    if refusal.status != 422:
                        raise
                    refuse(form, refusal)
                    return self.show(request, pk, person, status=422, form=form)
            case "back":
                at = parse_datetime(request.POST.get("at", "")[:40])
                if at is None or timezone.is_naive(at):
                    raise Http404
                values.hand_back(to_user_id=person, at=at, **given)
            case _:
                raise Http404
        return redirect("workbench:value_person", pk=pk, person=person)


class Minutes(ValuesView):
    """The minutes on paper: every item, its score and why. All for those who score there; a cadre's own for a cadre."""

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        agreement = self.agreement(pk)
        manages = values.manages(self.person, agreement.place_path, self.now)
        asked = request.GET.get("person", "")[:12]
        person = int(asked) if asked.isdecimal() and asked.isascii() else None
        if not manages:
            person = self.person.pk
        query = Item.objects.filter(agreement=agreement).exclude(state=State.WITHDRAWN)
        if person is not None:
            query = query.filter(holder_id=person)
        found = lines(list(full(query).order_by("due_at", "pk")[:ON_PAPER]), self.now)
        who = User.objects.filter(pk=person).first() if person is not None else None
        if person is not None and (who is None or not found):
            raise Http404
        context = {
            "agreement": agreement,
            "rows": found,
            "who": who,
            "total": total_of(found) if who is not None else None,  # sums never stand side by side
            "printed_at": self.now,
        }
        return render(request, "workbench/value_minutes.html", context)


def source_key(source: Source) -> str:
    return f"task:{source.pk}" if isinstance(source, Task) else f"assignment:{source.pk}"


def source_words(source: Source) -> str:
    if isinstance(source, Task):
        return f"{source.case.number} {source.case.summary[:60]}"
    return f"{source.directive.number} {source.directive.title[:60]}"


class ItemNew(ValuesView):
    """Write an item: from received work, or in own words."""

    verb = "values.manage"

    def place(self, request: HttpRequest) -> Place:
        places = self.managed()
        if not places:
            raise Http404
        asked = request.POST.get("place") or request.GET.get("place", "")
        return next((one for one in places if str(one.pk) == asked), places[0])

    def sources(self, place: Place) -> list[Source]:
        """What was received and waits here: pieces of directives first, then work orders."""
        here = below(place.path, "place_path")
        pieces = Assignment.objects.for_hands_of(self.person).owed().filter(here).select_related("directive")
        tasks = Task.objects.visible_to(self.person).waiting().filter(here).select_related("case")
        return [*pieces.order_by("due_at", "pk")[:SOURCES], *tasks.order_by("due_at", "pk")[:SOURCES]]

    def form(
        self, place: Place, given: QueryDict | None = None, *, source: Source | None = None, **options: Any
    ) -> ItemForm:
        today = timezone.localdate(self.now)
        offered = self.sources(place)
        if source is not None and source not in offered:
            offered.insert(0, source)
        return ItemForm(
            given,
            places=[(str(one.pk), one.name) for one in self.managed()],
            sources=[(source_key(one), source_words(one)) for one in offered],
            people=person_choices(values.cadres_of(place.path, today), flow_of(place.path, self.now)),
            most=values.largest_value(place.path, today),
            **options,
        )

    def get(self, request: HttpRequest) -> HttpResponse:
        place = self.place(request)
        kind = "assignment" if "assignment" in request.GET else "task"
        source = self.named(f"{kind}:{request.GET.get(kind, '')}")
        initial: dict[str, Any] = {}
        if source is not None:
            place = next((one for one in self.managed() if source.place_path.startswith(one.path)), place)
            initial = {"source": source_key(source)}
            if source.due_at is not None:
                initial["due_at"] = timezone.localdate(source.due_at)
            if isinstance(source, Task):
                initial["title"] = source.case.summary[:120]
            else:
                directive = source.directive
                initial |= {
                    "title": directive.title,
                    "done_when": directive.done_when,
                    "value": directive.value or None,
                }
        initial["place"] = str(place.pk)
        return self.show(request, place, self.form(place, source=source, initial=initial))

    def named(self, asked: str) -> Source | None:
        """The work that an address or a form names, if this person may see it."""
        kind, _colon, number = asked.partition(":")
        if not (number.isascii() and number.isdecimal() and len(number) < 12):
            return None
        if kind == "assignment":
            pieces = Assignment.objects.visible_to(self.person).select_related("directive")
            return pieces.filter(pk=int(number)).first()
        return Task.objects.visible_to(self.person).select_related("case").filter(pk=int(number)).first()

    def post(self, request: HttpRequest) -> HttpResponse:
        place = self.place(request)
        source = self.named(request.POST.get("source", ""))
        form = self.form(place, request.POST, source=source)
        if not form.is_valid():
            return self.show(request, place, form, 422)
        data = form.cleaned_data
        try:
            item = values.write_item(
                place=place,
                title=data["title"],
                done_when=data["done_when"],
                value=data["value"],
                due_at=last_moment(data["due_at"]),
                source=source,
                origin=data["origin"],
                post_id=int(data["post"]) if data["post"] else None,
                by=self.person,
                now=self.now,
            )
        except Refusal as refusal:
            refuse(form, refusal)
            return self.show(request, place, form, refusal.status)
        return redirect("workbench:value", pk=item.pk)

    def show(self, request: HttpRequest, place: Place, form: ItemForm, status: int = 200) -> HttpResponse:
        agreement = Agreement.objects.standing().filter(place=place).first()
        context = {
            "form": form,
            "place": place,
            "agreement": agreement,
            "holds": agreement is not None and agreement.covers(timezone.localdate(self.now)),
        }
        return render(request, "workbench/value_new.html", context, status=status)


class ItemView(ValuesView):
    """A page about one item that the person may see."""

    def found(self, pk: int) -> Item:
        found = full(Item.objects.visible_to(self.person)).select_related(
            "place__parent", "written_by", "objection__raised_by", "objection__score"
        )
        item = found.filter(pk=pk).first()
        if item is None:
            raise Http404
        return item

    def readable(self, item: Item) -> bool:
        """Whether the person may open the work that the item was made of."""
        if item.task_id is not None:
            return Task.objects.visible_to(self.person).filter(pk=item.task_id).exists()
        pieces = Assignment.objects.visible_to(self.person)
        return item.assignment_id is not None and pieces.filter(pk=item.assignment_id).exists()

    def show(
        self,
        request: HttpRequest,
        item: Item,
        *,
        status: int = 200,
        refused: tuple[str, str] = ("", ""),
        forms: dict[str, Form] | None = None,
    ) -> HttpResponse:
        today = timezone.localdate(self.now)
        mine = item.holder_id == self.person.pk
        manages = values.manages(self.person, item.place_path, self.now)
        objection = getattr(item, "objection", None)
        score = last_score(item)
        people = values.cadres_of(item.place_path, today) if manages and item.state == State.OPEN else []
        context: dict[str, Any] = {
            "item": item,
            "agreement": item.agreement,
            "mine": mine,
            "manages": manages,
            "score": score,
            "scores": list(item.scores.all()),
            "objection": objection,
            "clock": clock_of(item, self.now),
            "tag": TAGS[State(item.state)],
            "may_object": item.may_object(self.now),
            "object_words": moment_words(item.object_by, self.now) if item.object_by else "",
            "due_words": moment_words(item.due_at, self.now),
            "days_late": values.days_late(item),
            "called_off": item.source_called_off,
            "readable": self.readable(item),
            "post_words": post_words(item.post) if item.post is not None else "",
            "story": item_story(item),
            "refused": refused[0],
            "typed": refused[1],
        }
        match item.state:
            case State.OPEN:
                others = [one for one in people if one.user_id != item.holder_id]
                options = {"people": person_choices(others, flow_of(item.place_path, self.now))}
                context["give_form"] = GiveForm(auto_id="give_%s", moving=bool(item.turns), **options)
                context["withdraw_form"] = WithdrawForm(auto_id="withdraw_%s")
                context["report_form"] = ReportForm(auto_id="report_%s")
            case State.REPORTED | State.SCORED:
                context["by_clock"] = values.proposed_timeliness(item, self.now)
                context["other_scorers"] = [
                    user for user in values.scorers_of(item.place_path, today) if user.pk != item.holder_id
                ]
                context["score_form"] = ScoreForm(
                    auto_id="score_%s",
                    agreement=item.agreement,
                    initial={"timeliness": context["by_clock"], "rounds": item.rounds},
                )
                context["object_form"] = ObjectForm(auto_id="object_%s")
            case State.OBJECTED if objection is not None:
                context["may_answer"] = manages and values.may_answer(item, objection, self.person, today)
                context["others"] = values.others_for(item, objection, today)
                context["answer_words"] = moment_words(objection.answer_by, self.now)
                context["answer_form"] = AnswerForm(auto_id="answer_%s", agreement=item.agreement)
        context |= forms or {}
        return render(request, "workbench/value.html", context, status=status)


def item_story(item: Item) -> list[Step]:
    """What happened to the item, oldest first, with the words that were written."""
    entries = list(Entry.objects.about(item))
    turns = {one.number: one for one in Turn.objects.filter(item=item).select_related("user", "post__place")}
    scores = {one.round: one for one in item.scores.all()}
    objection: Objection | None = getattr(item, "objection", None)
    posts = Post.objects.select_related("place").in_bulk({entry.post_id for entry in entries if entry.post_id})
    users = User.objects.in_bulk({entry.by_id for entry in entries if entry.by_id is not None})
    steps = []
    for entry in entries:
        name = str(users.get(entry.by_id, "")) if entry.by_id is not None else _("by rule")
        post = posts.get(entry.post_id) if entry.post_id is not None else None
        step = Step(
            at=entry.at,
            title=str(label_of(entry.event)),
            by=_("%(name)s (%(post)s)") % {"name": name, "post": post} if post is not None else name,
            icon=_ICONS.get(entry.event, "check"),
            entry_id=entry.pk,
        )
        match entry.event:
            case "values.ItemWritten":
                step.fact = _("Value %(value)d") % {"value": entry.data["value"]}
            case "values.ItemGiven" | "values.ItemMoved":
                turn = turns.get(entry.data["turn"])
                if turn is not None:
                    step.fact = _("To %(name)s (%(post)s)") % {"name": turn.user.name, "post": turn.post}
                    step.words = turn.words
            case "values.ItemReported":
                step.words = item.report
                if entry.data["days_late"]:
                    step.tone = "is-wrong"
                    step.fact = _("Working days after the deadline: %(days)d") % {"days": entry.data["days_late"]}
            case "values.ItemScored":
                step.fact, step.words = _score_words(scores.get(entry.data["round"]))
            case "values.ItemObjected" if objection is not None:
                step.words = objection.words
            case "values.ItemSettled" if objection is not None:
                fact, _reason = _score_words(scores.get(entry.data["round"]))
                step.fact = f"{objection.get_outcome_display()} · {fact}"
                step.words = objection.answer
            case "values.ItemWithdrawn":
                step.words = item.end_words
        steps.append(step)
    return steps


def _score_words(score: Score | None) -> tuple[str, str]:
    if score is None:
        return "", ""
    fact = _("Completion %(done)d · timeliness %(timeliness)d · quality %(quality)d: %(points)d points") % {
        "done": score.done,
        "timeliness": score.timeliness,
        "quality": score.quality,
        "points": score.points,
    }
    return fact, score.reason


_ICONS = {
    "values.ItemWritten": "edit",
    "values.ItemGiven": "hand",
    "values.ItemMoved": "users",
    "values.ItemScored": "mark",
    "values.ItemObjected": "reply",
    "values.ItemWithdrawn": "minus",
    "values.ScoreStood": "clock",
}


class ItemPage(ItemView):
    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self.show(request, self.found(pk))


class ItemAct(ItemView):
    """One step with an item: give, withdraw, report, score, accept, object, answer."""

    def get(self, request: HttpRequest, pk: int, act: str) -> HttpResponse:
        return redirect("workbench:value", pk=pk)

    def form(self, request: HttpRequest, item: Item, act: str) -> Form | None:
        given: dict[str, Any] = {"data": request.POST, "auto_id": f"{act}_%s"}
        match act:
            case "give":
                people = values.cadres_of(item.place_path, timezone.localdate(self.now))
                choices = person_choices(people, flow_of(item.place_path, self.now))
                return GiveForm(people=choices, moving=bool(item.turns), **given)
            case "withdraw":
                return WithdrawForm(**given)
            case "report":
                return ReportForm(**given)
            case "score":
                return ScoreForm(agreement=item.agreement, **given)
            case "object":
                return ObjectForm(**given)
            case "answer":
                return AnswerForm(agreement=item.agreement, **given)
            case "accept":
                return None
        raise Http404

    def post(self, request: HttpRequest, pk: int, act: str) -> HttpResponse:
        item = self.found(pk)
        form = self.form(request, item, act)
        if form is not None and not form.is_valid():
            return self.show(request, item, status=422, forms={f"{act}_form": form})
        try:
            self.act(item, act, form)
        except Refusal as refusal:
            if form is None or refusal.status in (403, 404):
                raise
            if refusal.status == 422:
                refuse(form, refusal)
                return self.show(request, self.found(pk), status=422, forms={f"{act}_form": form})
            # The item has moved on, and the form may be gone from its page: say why, and keep what was typed.
            typed = form.cleaned_data.get("reason") or form.cleaned_data.get("words") or ""
            return self.show(request, self.found(pk), status=refusal.status, refused=(str(refusal.reason), typed))
        return redirect("workbench:value", pk=pk)

    def act(self, item: Item, act: str, form: Form | None) -> None:
        given: dict[str, Any] = {"item_id": item.pk, "by": self.person, "now": self.now}
        data = form.cleaned_data if form is not None else {}
        match form:
            case GiveForm():
                due = last_moment(data["due_at"]) if data["due_at"] else None
                values.give_item(**given, post_id=int(data["post"]), words=data["words"], due_at=due)
            case WithdrawForm():
                values.withdraw_item(**given, words=data["words"])
            case ReportForm():
                values.report_item(**given, words=data["words"])
            case ScoreForm():
                values.score_item(**given, marks=form.marks(), reason=data["reason"], rounds=data["rounds"])
            case ObjectForm():
                values.object_to_score(**given, words=data["words"])
            case AnswerForm():
                changed = data["outcome"] == Objection.Outcome.CHANGED
                values.answer_objection(**given, words=data["words"], marks=form.marks() if changed else None)
            case None:
                values.accept_score(**given)
