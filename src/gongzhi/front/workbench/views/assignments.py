"""What was sent to the own offices: the list, a piece and all that can be done with it, and the list on paper."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Prefetch, Q
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext, pgettext_lazy

from gongzhi.act.directives import admission, held, pieces
from gongzhi.act.directives.models import (
    OPEN,
    OWED,
    RECEIVERS,
    Assignment,
    AssignmentQuerySet,
    Question,
    Report,
    State,
    Step,
)
from gongzhi.act.directives.pieces import Piece
from gongzhi.act.values.models import Item
from gongzhi.front.codes import code_of, drawn
from gongzhi.front.story import Step as Told
from gongzhi.front.story import position_words, stand_ins_behind, with_post
from gongzhi.front.workbench.forms.assignments import (
    AnswerBelowForm,
    AskForm,
    BackForm,
    DecideForm,
    PassForm,
    ResultForm,
    SplitForm,
)
from gongzhi.front.workbench.received import clock_of
from gongzhi.front.working import hides, modules_for, words_of, working_for
from gongzhi.ground.access.actions import holding
from gongzhi.ground.access.guard import Guarded
from gongzhi.ground.access.models import Post
from gongzhi.ground.access.reach import acting_for, posts_of, posts_with
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.events import label_of
from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.places.models import Level, Place
from gongzhi.ground.refusals import Refusal
from gongzhi.ground.rules.working import Module

A_PAGE: Final = 50
A_SHEET: Final = 200  # more than this nobody carries
MOST_BELOW: Final = 300
TAGS: Final[Mapping[str, tuple[str, str]]] = {
    State.SENT: ("amber", "inbox"),
    State.READ: ("", "eye"),
    State.ACCEPTED: ("blue", "hand"),
    State.ASKING: ("", "clock"),
    State.PASSED: ("blue", "assign"),
    State.SUBMITTED: ("", "send"),
    State.RETURNED: ("amber", "undo"),
    State.DONE: ("green", "check"),
    State.TAKEN: ("", "hand"),
    State.REFUSED: ("", "minus"),
    State.WITHDRAWN: ("", "cross"),
}
_FILTERS: Final[Mapping[str, tuple[Any, frozenset[State]]]] = {
    "open": (gettext_lazy("all that is open"), OPEN),
    "unread": (gettext_lazy("to read"), frozenset({State.SENT})),
    "hand": (gettext_lazy("under way"), frozenset({State.READ, State.ACCEPTED, State.RETURNED})),
    "asking": (gettext_lazy("asked, waiting for an answer"), frozenset({State.ASKING})),
    "below": (gettext_lazy("with those below"), frozenset({State.PASSED})),
    "reported": (pgettext_lazy("directed work", "reported"), frozenset({State.SUBMITTED})),
    "late": (gettext_lazy("late"), OWED),
    "ended": (gettext_lazy("that has ended"), frozenset(State) - OPEN),
}
_BELOW: Final[Mapping[str, tuple[str, ...]]] = {
    Level.COUNTY: (Level.TOWN,),
    Level.TOWN: (Level.VILLAGE,),
    Level.VILLAGE: (Level.GRID, Level.BUILDING),
    Level.GRID: (Level.BUILDING,),
}
_ICONS: Final = {
    "directives.AssignmentRead": "eye",
    "directives.AssignmentAccepted": "hand",
    "directives.AssignmentSplit": "list",
    "directives.AssignmentPassedDown": "assign",
    "directives.AssignmentRecalled": "undo",
    "directives.PieceGiven": "inbox",
    "directives.QuestionAsked": "info",
    "directives.QuestionAnswered": "reply",
    "directives.AssignmentReported": "send",
    "directives.AssignmentReturned": "undo",
    "directives.AssignmentRefused": "minus",
    "directives.AssignmentWithdrawn": "cross",
    "directives.StepTaken": "flag",
}


class Lists(Guarded):
    verb = "directives.work"

    def listed(self, request: HttpRequest) -> tuple[AssignmentQuerySet, str]:
        show = request.GET.get("show", "")
        show = show if show in _FILTERS else "open"
        rows = Assignment.objects.for_hands_of(self.person).filter(state__in=sorted(_FILTERS[show][1]))
        if show == "late":
            rows = rows.filter(due_at__lt=self.now)
        rows = rows.select_related("directive", "directive__issuer_place", "place", "asker_place")
        return rows.order_by("-ended_at", "-pk") if show == "ended" else rows.order_by("due_at", "pk"), show

    def rows(self, found: Any) -> list[dict[str, Any]]:
        return [
            {
                "piece": piece,
                "url": reverse("workbench:assignment", args=[piece.pk]),
                "clock": clock_of(piece, self.now),
                "tag": TAGS[piece.state],
                "code": code_of("A", piece.pk),
            }
            for piece in found
        ]


class Assignments(Lists):
    """The pieces of the person's own offices, the most pressing first."""

    def get(self, request: HttpRequest) -> HttpResponse:
        query, show = self.listed(request)
        mine = Assignment.objects.for_hands_of(self.person).open()
        kinds = {name: Q(state__in=sorted(states)) for name, (_words, states) in _FILTERS.items() if name != "ended"}
        kinds["late"] &= Q(due_at__lt=self.now)
        totals = mine.aggregate(**{name: Count("pk", filter=where) for name, where in kinds.items()})
        page = Paginator(query, A_PAGE).get_page(request.GET.get("page"))
        context = {
            "rows": self.rows(page.object_list),
            "page": page,
            "total": page.paginator.count,
            "show": show,
            "filters": [
                {"name": name, "words": words, "count": totals.get(name)}
                for name, (words, _states) in _FILTERS.items()
                if totals.get(name) != 0 or name in ("open", show)  # what holds nothing is no choice
            ],
            "words": words_of(working_for(request)),
        }
        return render(request, "workbench/assignments.html", context)


class AssignmentsPrint(Lists):
    """The list on paper: a code for each row, and room for the result."""

    def get(self, request: HttpRequest) -> HttpResponse:
        query, show = self.listed(request)
        rows = self.rows(query[:A_SHEET])
        for row in rows:
            row["drawing"] = drawn(row["code"])
        context = {
            "rows": rows,
            "show": show,
            "printed_at": self.now,
            "posts": posts_of(self.person),
            "words": words_of(working_for(request)),
        }
        return render(request, "workbench/assignments_print.html", context)


class OnePiece(Guarded):
    verb = "directives.work"

    def found(self, pk: int) -> Assignment:
        piece = (
            Assignment.objects.visible_to(self.person)
            .select_related(
                "directive", "directive__issuer_place", "round", "place", "asker_place", "parent", "accepted_by"
            )
            .filter(pk=pk)
            .first()
        )
        if piece is None:
            raise Http404
        return piece

    def hands(self, piece: Assignment) -> Post | None:
        """The post through which the person does this piece; it says so when they stand in for somebody."""
        there = [post for post in posts_with(self.person, "directives.work") if post.place_id == piece.place_id]
        return there[0] if there else acting_for(self.person, piece.role, piece.place_id, "directives.work")

    def below(self, piece: Assignment) -> list[tuple[int, str]]:
        levels = _BELOW.get(piece.place.level, ())
        rows = Place.objects.current().below(piece.place_path).filter(level__in=levels).order_by("path")[:MOST_BELOW]
        return [(place.pk, place.name) for place in rows if place.level in RECEIVERS]

    def show(self, request: HttpRequest, piece: Assignment, *, status: int = 200, **forms: Form) -> HttpResponse:
        post = self.hands(piece)
        mine = post is not None
        directive = piece.directive
        parts = self.parts(piece)
        below = self.below(piece) if mine and piece.in_hand else []
        reports = list(piece.reports.prefetch_related("photos").order_by("at", "pk"))
        questions = list(piece.questions.order_by("pk"))
        steps = list(piece.steps.order_by("pk"))
        stands = admission.standing(piece)
        working = working_for(request)
        words = words_of(working)
        may_value = (
            mine
            and not hides("workbench:values", modules_for(request))
            and holding(self.person, "values.manage", piece.place_path, self.now) is not None
        )
        made_of = Item.objects.managed_by(self.person).filter(assignment=piece).order_by("pk")
        context = {
            "piece": piece,
            "directive": directive,
            "files": directive.files.order_by("pk"),
            "clock": clock_of(piece, self.now),
            "tag": TAGS[piece.state],
            "position": position_words(piece.role, piece.place.name),
            "issuer": position_words(directive.issuer_role, directive.issuer_place.name),
            "code": code_of("A", piece.pk),
            "mine": mine,
            "standing_in": post is not None and post.stand_in_id is not None,
            "unread": mine and piece.state == State.SENT,
            "may_accept": mine and piece.state in (State.SENT, State.READ),
            "may_report": mine and (piece.in_hand or (piece.state == State.PASSED and not parts["open"])),
            "may_ask": mine and piece.in_hand,
            "may_add": mine and not piece.is_open and piece.state != State.REFUSED,
            "may_recall": mine and piece.state == State.PASSED,
            "may_refuse": mine and stands is not None and stands.article and piece.state in (State.SENT, State.READ),
            "stands": stands,
            "refused_by": admission.article(piece.article) if piece.article else None,
            "like_held": held.alike(directive.title, directive.text) if directive.asks_because else [],
            "parts": parts,
            "below": below,
            "may_offer": mine
            and piece.in_hand
            and working.uses(Module.CLAIMS)
            and bool(posts_with(self.person, "callups.keep")),
            "question": next((one for one in questions if one.is_open), None),
            "answered": next((one for one in reversed(questions) if one.answer), None),
            "reports": reports,
            "uncounted": [one for one in reports if not one.counted],
            "slips": [one for one in steps if one.kind == Step.Kind.SLIP and one.answered_at is None],
            "story": story_of(piece, reports, questions, steps),
            "words": words,
            "may_value": may_value,
            "items": list(made_of.select_related("holder")) if may_value else [],
            "result_form": ResultForm(),
            "ask_form": AskForm(auto_id="ask_%s"),
            "decide_form": DecideForm(auto_id="decide_%s"),
            "pass_form": PassForm(below=below, auto_id="pass_%s"),
            "split_form": SplitForm(auto_id="split_%s"),
            **forms,
        }
        return render(request, "workbench/assignment.html", context, status=status)

    def parts(self, piece: Assignment) -> dict[str, Any]:
        """What was split off or passed down, each with its last result and its open question."""
        rows = piece.pieces.select_related("place").prefetch_related(
            Prefetch("reports", Report.objects.prefetch_related("photos").order_by("-at")),
            Prefetch("questions", Question.objects.filter(outcome=""), to_attr="asked"),
        )
        shown: list[dict[str, Any]] = [
            {
                "piece": row,
                "tag": TAGS[row.state],
                "clock": clock_of(row, self.now),
                "report": next(iter(row.reports.all()), None),
                "question": next(iter(row.asked), None),  # type: ignore[attr-defined]
                "own_report": any(one.by_id == self.person.pk for one in list(row.reports.all())[:1]),
                "back_form": BackForm(auto_id=f"back{row.pk}_%s"),
                "answer_form": AnswerBelowForm(auto_id=f"answer{row.pk}_%s"),
            }
            for row in rows.order_by("place_path", "pk")
        ]
        open_ = sum(1 for row in shown if row["piece"].is_open)
        return {"rows": shown, "open": open_, "done": len(shown) - open_}


class AssignmentPage(OnePiece):
    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self.show(request, self.found(pk))


class AssignmentAct(OnePiece):
    """Whatever is done with a piece: one address for each."""

    def get(self, request: HttpRequest, pk: int, act: str) -> HttpResponse:
        return redirect("workbench:assignment", pk=pk)

    def post(self, request: HttpRequest, pk: int, act: str) -> HttpResponse:
        piece = self.found(pk)
        doing = getattr(self, f"do_{act}", None)
        if doing is None:
            raise Http404
        done: HttpResponse | None = doing(request, piece)
        if done is not None:
            return done
        return redirect("workbench:assignment", pk=piece.pk)

    def do_read(self, request: HttpRequest, piece: Assignment) -> HttpResponse | None:
        pieces.read_assignment(assignment_id=piece.pk, by=self.person, now=self.now)
        if request.headers.get("HX-Request"):
            return render(request, "workbench/assignment_read.html", {})
        return None

    def do_accept(self, request: HttpRequest, piece: Assignment) -> None:
        pieces.accept_assignment(assignment_id=piece.pk, by=self.person, now=self.now)

    def do_refuse(self, request: HttpRequest, piece: Assignment) -> None:
        pieces.refuse_assignment(assignment_id=piece.pk, by=self.person, now=self.now)

    def do_recall(self, request: HttpRequest, piece: Assignment) -> None:
        pieces.recall_pieces(assignment_id=piece.pk, by=self.person, now=self.now)

    def do_report(self, request: HttpRequest, piece: Assignment) -> HttpResponse | None:
        form = ResultForm(request.POST, request.FILES)
        if not form.is_valid():
            return self.show(request, piece, status=422, result_form=form)
        try:
            report = pieces.report_result(
                assignment_id=piece.pk,
                words=form.cleaned_data["words"],
                minutes=int(form.cleaned_data["minutes"] or 0),
                photos=form.cleaned_data["photos"] or [],
                key=form.cleaned_data["key"],
                by=self.person,
                now=self.now,
            )
        except Refusal as refusal:
            return self.told(request, piece, refusal, form, "result_form")
        if not report.counted:
            messages.warning(request, _("Kept, but it does not count: this was no longer asked for."))
        return None

    def do_ask(self, request: HttpRequest, piece: Assignment) -> HttpResponse | None:
        form = AskForm(request.POST, auto_id="ask_%s")
        if not form.is_valid():
            return self.show(request, piece, status=422, ask_form=form)
        return self.ask(request, piece, form, "ask_form", form.cleaned_data["kind"])

    def do_decide(self, request: HttpRequest, piece: Assignment) -> HttpResponse | None:
        form = DecideForm(request.POST, auto_id="decide_%s")
        if not form.is_valid():
            return self.show(request, piece, status=422, decide_form=form)
        return self.ask(request, piece, form, "decide_form", Question.Kind.DECIDE)

    def ask(self, request: HttpRequest, piece: Assignment, form: Form, name: str, kind: str) -> HttpResponse | None:
        try:
            pieces.ask_sender(
                assignment_id=piece.pk, kind=kind, words=form.cleaned_data["words"], by=self.person, now=self.now
            )
        except Refusal as refusal:
            return self.told(request, piece, refusal, form, name)
        return None

    def do_pass(self, request: HttpRequest, piece: Assignment) -> HttpResponse | None:
        form = PassForm(request.POST, below=self.below(piece), auto_id="pass_%s")
        if not form.is_valid():
            return self.show(request, piece, status=422, pass_form=form)
        wanted = [Piece(place_id=pk, part=form.cleaned_data["part"]) for pk in form.cleaned_data["places"]]
        if form.cleaned_data["own"]:
            wanted.append(Piece(place_id=piece.place_id, part=form.cleaned_data["own"]))
        return self.give(request, piece, wanted, form, "pass_form")

    def do_split(self, request: HttpRequest, piece: Assignment) -> HttpResponse | None:
        form = SplitForm(request.POST, auto_id="split_%s")
        if not form.is_valid():
            return self.show(request, piece, status=422, split_form=form)
        wanted = [Piece(place_id=piece.place_id, part=part) for part in form.cleaned_data["parts"]]
        return self.give(request, piece, wanted, form, "split_form")

    def give(
        self, request: HttpRequest, piece: Assignment, wanted: list[Piece], form: Form, name: str
    ) -> HttpResponse | None:
        try:
            pieces.pass_down(assignment_id=piece.pk, pieces=wanted, by=self.person, now=self.now)
        except Refusal as refusal:
            return self.told(request, piece, refusal, form, name)
        return None

    # What was given to those below: the piece is theirs, and the page is that of the piece above it.

    def do_confirm(self, request: HttpRequest, piece: Assignment) -> HttpResponse:
        pieces.confirm_result(assignment_id=piece.pk, by=self.person, now=self.now)
        return self.above(piece)

    def do_back(self, request: HttpRequest, piece: Assignment) -> HttpResponse:
        form = BackForm(request.POST)
        words = form.cleaned_data["reason"] if form.is_valid() else ""
        pieces.return_result(assignment_id=piece.pk, reason=words, by=self.person, now=self.now)
        return self.above(piece)

    def do_answer(self, request: HttpRequest, piece: Assignment) -> HttpResponse:
        form = AnswerBelowForm(request.POST)
        valid = form.is_valid()
        question = piece.questions.filter(outcome="").first()
        if question is None:
            raise Refusal(_("This question has been answered already."))
        pieces.answer_question(
            question_id=question.pk,
            outcome=form.cleaned_data["outcome"] if valid else "",
            answer=form.cleaned_data["answer"] if valid else "",
            by=self.person,
            now=self.now,
        )
        return self.above(piece)

    def above(self, piece: Assignment) -> HttpResponse:
        return redirect("workbench:assignment", pk=piece.parent_id or piece.pk)

    def told(self, request: HttpRequest, piece: Assignment, refusal: Refusal, form: Form, name: str) -> HttpResponse:
        if refusal.status == 404:
            raise Http404 from None
        form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal.reason))
        return self.show(request, self.found(piece.pk), status=refusal.status, **{name: form})


def story_of(piece: Assignment, reports: list[Report], questions: list[Question], steps: list[Step]) -> list[Told]:
    """What happened to a piece, oldest first, from the record."""
    told = {one.pk: one for one in reports}
    asked = {one.pk: one for one in questions}
    taken = {one.pk: one for one in steps}
    # A report that did not count stands in the record only about itself.
    things = [(piece.noun(), piece.pk), *((one.noun(), one.pk) for one in reports if not one.counted)]
    things += [(one.noun(), one.pk) for one in steps]
    entries = sorted(Entry.objects.about_any(things).order_by(), key=lambda entry: entry.pk)
    held_by = {entry.post_id for entry in entries if entry.post_id is not None}
    posts = {post.pk: post for post in Post.objects.filter(pk__in=held_by).select_related("place")}
    deputies = stand_ins_behind(entries)
    users = User.objects.in_bulk({entry.by_id for entry in entries if entry.by_id is not None})
    story = []
    if piece.parent_id is None:
        story.append(
            Told(
                piece.round.sent_at, pgettext("directed work", "Sent"), "inbox", fact=piece.directive.issuer_place.name
            )
        )
    seen = set()
    for entry in entries:
        key = (entry.event, entry.data.get("step_id"))
        if entry.data.get("step_id") and key in seen:
            continue  # about the step and about the piece
        seen.add(key)
        name = str(users.get(entry.by_id, "")) if entry.by_id is not None else _("by rule")
        post = posts.get(entry.post_id) if entry.post_id is not None else None
        row = Told(
            at=entry.at,
            title=str(label_of(entry.event)),
            by=with_post(name, post, deputies.get(entry.data.get("stand_in", 0))),
            icon=_ICONS.get(entry.event, "check"),
            entry_id=entry.pk,
        )
        match entry.event:
            case "directives.AssignmentReported" if report := told.get(entry.data["report_id"]):
                row.words, row.photos = report.words, list(report.photos.all())
                if not report.counted:
                    row.tone, row.fact = "is-wrong", _("It came after this was no longer asked for: kept, not counted.")
            case "directives.QuestionAsked" if question := asked.get(entry.data["question_id"]):
                row.title, row.words = question.get_kind_display(), question.words
            case "directives.QuestionAnswered" if question := asked.get(entry.data["question_id"]):
                row.fact, row.words = question.get_outcome_display(), question.answer
            case "directives.StepTaken" if step := taken.get(entry.data["step_id"]):
                row.title, row.tone = step.get_kind_display(), "is-wrong"
            case "directives.StepAnswered" if step := taken.get(entry.data["step_id"]):
                row.words = step.answer
            case "directives.AssignmentReturned" if piece.return_reason:
                row.words = piece.return_reason
            case "directives.AssignmentRefused":
                found = admission.article(entry.data["article"])
                row.fact = str(found.name) if found is not None else entry.data["article"]
            case _:
                pass
        story.append(row)
    return story
