"""What the own office sends down: writing it, the board of one, looking at pieces, on paper."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Final
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Prefetch, Q
from django.forms import Form
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext, pgettext_lazy

from gongzhi.act.directives import actions, admission, pieces
from gongzhi.act.directives.board import board_of, pieces_of
from gongzhi.act.directives.files import TYPES, detach_file
from gongzhi.act.directives.models import (
    Assignment,
    AssignmentQuerySet,
    Directive,
    DirectiveFile,
    DirectiveState,
    PlaceGroup,
    Question,
    Report,
    ReportPhoto,
    Round,
    State,
    at_office,
    standings,
)
from gongzhi.act.directives.sending import targets
from gongzhi.act.directives.supervision import remind
from gongzhi.act.directives.writing import write_directive
from gongzhi.front.clock_words import Clock, running_clock
from gongzhi.front.codes import code_of, drawn
from gongzhi.front.workbench.forms.directives import (
    ALL,
    AnswerForm,
    DirectiveForm,
    ReturnForm,
    WithdrawForm,
    initial_of,
)
from gongzhi.ground.access.guard import Guarded
from gongzhi.ground.access.reach import posts_with
from gongzhi.ground.places.models import Level, Place
from gongzhi.ground.places.paths import LEVELS, is_path
from gongzhi.ground.refusals import Refusal
from gongzhi.ground.rules.spans import Span

A_PAGE: Final = 25
PIECES_A_PAGE: Final = 50
MOST_PRINTED: Final = 200
STATE_TAGS: Final = {
    DirectiveState.DRAFT: ("", "edit"),
    DirectiveState.ISSUED: ("blue", "send"),
    DirectiveState.WITHDRAWN: ("", "cross"),
    DirectiveState.CLOSED: ("green", "check"),
}
PIECE_TAGS: Final = {
    State.SENT: ("amber", "inbox"),
    State.READ: ("", "eye"),
    State.ACCEPTED: ("blue", "hand"),
    State.ASKING: ("amber", "info"),
    State.PASSED: ("blue", "assign"),
    State.SUBMITTED: ("amber", "report"),
    State.RETURNED: ("amber", "undo"),
    State.DONE: ("green", "check"),
    State.TAKEN: ("", "hand"),
    State.REFUSED: ("", "minus"),
    State.WITHDRAWN: ("", "cross"),
}
# What the board counts, in the order of its columns: (name, words, colour when there are any).
FIGURES: Final = (
    ("places", pgettext_lazy("of a board", "Sent to"), ""),
    ("unread", gettext_lazy("Not read"), "amber"),
    ("working", gettext_lazy("At work"), ""),
    ("late", gettext_lazy("Late"), "red"),
    ("asking", gettext_lazy("Asking us"), "amber"),
    ("results", gettext_lazy("To look at"), "amber"),
    ("done", gettext_lazy("Done"), ""),
    ("over", gettext_lazy("Ended otherwise"), ""),
)
SHOWN: Final = frozenset(name for name, _words, _colour in FIGURES)


def refuse(form: Form, refusal: Refusal) -> None:
    form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal.reason))


def clock_of(piece: Assignment, now: Any) -> Clock:
    if piece.state in (State.TAKEN, State.REFUSED, State.WITHDRAWN):
        return Clock("still", _("ended"))
    if piece.state == State.DONE and (piece.due_at is None or piece.reported_at is None):
        return Clock("done", _("ended"))
    if piece.due_at is None:
        return Clock("still", _("waits for our answer"))
    if piece.state in (State.SUBMITTED, State.DONE):
        late = piece.reported_at is not None and piece.reported_at > piece.due_at
        return Clock("amber" if late else "done", _("reported late") if late else _("reported in time"))
    return running_clock(piece.due_at, piece.yellow_at, now)


# --- the list -------------------------------------------------------------------------------------------------


class Directives(Guarded):
    """What the own office has sent, and how it stands, one line each."""

    verb = "directives.issue"

    def get(self, request: HttpRequest) -> HttpResponse:
        own = Directive.objects.of_office(self.person)
        totals = own.aggregate(
            **{state.value: Count("pk", filter=Q(state=state)) for state in DirectiveState},
            recurring=Count("pk", filter=Q(state=DirectiveState.ISSUED, next_on__isnull=False)),
        )
        shown = request.GET.get("show", "")
        conditions = {
            "running": Q(state=DirectiveState.ISSUED),
            "drafts": Q(state=DirectiveState.DRAFT),
            "ended": Q(state__in=[DirectiveState.CLOSED, DirectiveState.WITHDRAWN]),
        }
        shown = shown if shown in conditions else "running"
        page = Paginator(
            own.filter(conditions[shown]).select_related("issuer_place").order_by("-created_at", "-pk"), A_PAGE
        ).get_page(request.GET.get("page"))
        listed = list(page.object_list)
        newest: dict[int, Round] = {}
        for row in Round.objects.filter(directive__in=listed).order_by("number"):
            newest[row.directive_id] = row
        stand = {
            one["round_id"]: one
            for one in Assignment.objects.top()
            .filter(round__in=[row.pk for row in newest.values()])
            .figures(self.now, "round_id")
        }
        rows = []
        for directive in listed:
            sent = newest.get(directive.pk)
            figures = stand.get(sent.pk) if sent is not None else None
            rows.append(
                {
                    "directive": directive,
                    "tag": STATE_TAGS[DirectiveState(directive.state)],
                    "round": sent,
                    "figures": cells(figures, reverse("workbench:directive", args=[directive.pk])) if figures else [],
                    "clock": running_clock(sent.due_at, sent.yellow_at, self.now)
                    if sent is not None and directive.state == DirectiveState.ISSUED
                    else None,
                }
            )
        tabs = [
            ("running", _("Under way"), totals["issued"]),
            ("drafts", _("Drafts"), totals["draft"]),
            ("ended", _("Ended"), totals["closed"] + totals["withdrawn"]),
        ]
        context = {"page": page, "total": page.paginator.count, "rows": rows, "shown": shown, "tabs": tabs}
        return render(request, "workbench/directives.html", context)


@dataclass
class Cell:
    """One number of a line, which opens its pieces."""

    name: str
    words: Any
    number: int
    colour: str
    url: str


def cells(figures: dict[str, Any], base: str, **query: Any) -> list[Cell]:
    given = {key: value for key, value in query.items() if value}
    return [
        Cell(
            name=name,
            words=words,
            number=figures[name],
            colour=colour if figures[name] else "",
            url=f"{base}?{urlencode({**given, 'show': name})}",
        )
        for name, words, colour in FIGURES
    ]


# --- writing --------------------------------------------------------------------------------------------------


class Writing(Guarded):
    """What the form for a new one and the form for a draft have in common."""

    verb = "directives.issue"

    def offices(self) -> list[Place]:
        held = {post.place_id: post.place for post in posts_with(self.person, self.verb)}
        return sorted(held.values(), key=lambda place: (len(place.path), place.path))

    def form(
        self, given: Any = None, files: Any = None, initial: dict[str, Any] | None = None, office: Place | None = None
    ) -> DirectiveForm:
        offices = [office] if office is not None else self.offices()
        groups = list(PlaceGroup.objects.visible_to(self.person).order_by("name"))
        start = {"unit": "working_days", "parts": ["all"], **(initial or {})}
        return DirectiveForm(given, files, initial=start, offices=offices, groups=groups)

    def write(self, request: HttpRequest, form: DirectiveForm, before: Directive | None) -> HttpResponse:
        act = request.POST.get("act", "save")
        if not form.is_valid():
            return self.show(request, form, before, status=422)
        if act == "look":
            return self.show(request, form, before)
        data = form.cleaned_data
        try:
            directive = write_directive(
                ask=form.ask(),
                directive_id=before.pk if before is not None else None,
                place_id=data["office"].pk,
                uploads=data["attached"],
                keep_as=data["keep_as"],
                send=act == "send",
                by=self.person,
                now=self.now,
            )
        except Refusal as refusal:
            if refusal.status == 404:
                raise Http404 from None
            shown = {"target_places": "parts", "reply_span": "amount", "name": "keep_as"}.get(refusal.field or "")
            refuse(form, Refusal(refusal.reason, field=shown, status=refusal.status) if shown else refusal)
            return self.show(request, form, before, status=refusal.status)
        if act == "send":
            told_sent(request, directive)
        return redirect("workbench:directive", pk=directive.pk)

    def show(
        self, request: HttpRequest, form: DirectiveForm, before: Directive | None = None, status: int = 200
    ) -> HttpResponse:
        context = {
            "form": form,
            "before": before,
            "files": list(before.files.order_by("pk")) if before is not None else [],
            "preview": preview(form, self.now) if form.is_bound else all_of_it(form, self.now),
        }
        return render(request, "workbench/directive_write.html", context, status=status)


@dataclass(frozen=True)
class Preview:
    """How many places would get it, and what it costs all of them together."""

    places: int
    minutes: int  # of one place

    @property
    def hours(self) -> float:
        return self.places * self.minutes / 60


def preview(form: DirectiveForm, now: Any) -> Preview | None:
    """What the places filled in so far come to; None while they say nothing."""
    data = getattr(form, "cleaned_data", {})
    if not data.get("target_level") or not data.get("target_places"):
        return None
    places = targets(
        ids=data["target_places"],
        level=data["target_level"],
        profile=data.get("target_profile") or "",
        on=timezone.localdate(now),
    )
    return Preview(places.count(), data.get("minutes") or 0)


def all_of_it(form: DirectiveForm, now: Any) -> Preview | None:
    """The same for a form that nobody has touched yet, where it goes to the whole area."""
    level = form.initial.get("target_level")
    if not level or form.initial.get("parts") != [ALL]:
        return None
    whole = targets(ids=[form.sender.pk], level=level, profile="", on=timezone.localdate(now))
    return Preview(whole.count(), form.initial.get("minutes") or 0)


def told_sent(request: HttpRequest, directive: Directive) -> None:
    """Say to how many it went. What is sent later says when on its page."""
    count = directive.assignments.top().count()
    if count:
        words = ngettext("Sent to %(count)d place.", "Sent to %(count)d places.", count)
        messages.success(request, words % {"count": count})


class DirectiveNew(Writing):
    def get(self, request: HttpRequest) -> HttpResponse:
        return self.show(request, self.form())

    def post(self, request: HttpRequest) -> HttpResponse:
        return self.write(request, self.form(request.POST, request.FILES), None)


class DirectiveReach(Writing):
    """How many places would get it: the line below the form, while it is being filled in."""

    def get(self, request: HttpRequest) -> HttpResponse:
        form = self.form(request.GET)
        form.is_valid()
        return render(request, "workbench/directive_reach.html", {"preview": preview(form, self.now)})


class DirectiveChange(Writing):
    def found(self, pk: int) -> Directive:
        directive = Directive.objects.of_office(self.person).select_related("issuer_place").filter(pk=pk).first()
        if directive is None:
            raise Http404
        if directive.state != DirectiveState.DRAFT:
            raise Refusal(_("This has been sent already. Withdraw it and send a new one."))
        return directive

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        directive = self.found(pk)
        return self.show(request, self.form(initial=initial_of(directive), office=directive.issuer_place), directive)

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        directive = self.found(pk)
        return self.write(request, self.form(request.POST, request.FILES, office=directive.issuer_place), directive)


# --- the board ------------------------------------------------------------------------------------------------


@dataclass
class Line:
    """One place of the board with what lies below it."""

    path: str
    name: str
    url: str
    cells: list[Cell]


@dataclass
class PieceLine:
    """One piece in a list."""

    piece: Assignment
    tag: tuple[str, str]
    clock: Clock
    url: str
    words: str = ""
    meta: str = ""
    may_confirm: bool = False
    code: str = ""
    drawing: str = ""


@dataclass
class Standing:
    """How one round of a directive stands at a place and below."""

    at: str
    query: dict[str, Any]
    totals: list[Cell]
    figures: dict[str, int]
    lines: list[Line]
    above: list[tuple[str, str]] = field(default_factory=list)


class BoardView(Guarded):
    verb = "directives.issue"

    def found(self, pk: int) -> Directive:
        directive = (
            Directive.objects.boards_for(self.person)
            .select_related("issuer_place", "issued_by", "created_by", "ended_by")
            .filter(pk=pk)
            .first()
        )
        if directive is None:
            raise Http404
        return directive

    def ours(self, directive: Directive) -> bool:
        return any(post.place_id == directive.issuer_place_id for post in posts_with(self.person, self.verb))

    def rounds(self, directive: Directive) -> list[Round]:
        return list(directive.rounds.order_by("-number"))

    def chosen(self, rounds: list[Round], given: str) -> Round | None:
        return next((one for one in rounds if str(one.number) == given), rounds[0] if rounds else None)

    def at(self, directive: Directive, given: str) -> str:
        """The place whose part of the board is shown: the issuer's, or one below it."""
        return given if is_path(given) and given.startswith(directive.place_path) else directive.place_path

    def standing(self, directive: Directive, sent: Round, at: str, newest: bool) -> Standing:
        """The numbers of the board, each with the address of its pieces."""
        board = board_of(directive, sent, at, self.now)
        query = {"at": at if at != directive.place_path else "", "round": "" if newest else sent.number}
        base = reverse("workbench:directive", args=[directive.pk])
        lines = []
        for part in board.parts:
            deeper = {**query, "at": part.path}
            url = f"{base}?{urlencode({key: value for key, value in deeper.items() if value})}"
            lines.append(Line(part.path, part.name, url, cells(part.figures, base, **deeper)))
        return Standing(at, query, cells(board.figures, base, **query), board.figures, lines)

    def lines_of(self, found: list[Assignment], directive: Directive, ours: bool) -> list[PieceLine]:
        lines = []
        for piece in found:
            line = PieceLine(
                piece=piece,
                tag=PIECE_TAGS[State(piece.state)],
                clock=clock_of(piece, self.now),
                url=reverse("workbench:directive_piece", args=[piece.pk]),
            )
            above = piece.place.parent
            told = [above.name] if above is not None and above.pk != directive.issuer_place_id else []
            if piece.state == State.SUBMITTED:
                said = next((one for one in piece.reports.all() if one.counted), None)
                if said is not None:
                    line.words = said.words
                    if photos := len(said.photos.all()):
                        told.append(ngettext("%(count)d photo", "%(count)d photos", photos) % {"count": photos})
                    if said.minutes:
                        told.append(_("%(minutes)d minutes") % {"minutes": said.minutes})
                    line.may_confirm = ours and said.by_id != self.person.pk
            elif piece.state == State.ASKING:
                asked = next((one for one in piece.questions.all() if one.is_open), None)
                line.words = f"{asked.get_kind_display()} · {asked.words}" if asked is not None else ""
            elif piece.state == State.RETURNED:
                line.words = piece.return_reason
            elif piece.state == State.REFUSED:
                line.words = _article_words(piece.article)
            if piece.returns:
                told.append(
                    ngettext("sent back once", "sent back %(count)d times", piece.returns) % {"count": piece.returns}
                )
            line.meta = " · ".join(told)
            lines.append(line)
        return lines

    @staticmethod
    def with_words(rows: AssignmentQuerySet, shown: str) -> AssignmentQuerySet:
        """The pieces with what a line of the list tells of them."""
        rows = rows.select_related("place__parent")
        if shown in ("results", "places", "late"):
            newest = Report.objects.order_by("-at", "-pk").prefetch_related("photos")
            rows = rows.prefetch_related(Prefetch("reports", newest))
        if shown in ("asking", "places"):
            rows = rows.prefetch_related(Prefetch("questions", Question.objects.filter(outcome="")))
        return rows


class DirectivePage(BoardView):
    """The board of one directive, or of a draft what it says and what sending it would mean."""

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self.show(request, self.found(pk))

    def show(
        self, request: HttpRequest, directive: Directive, *, withdraw: WithdrawForm | None = None, status: int = 200
    ) -> HttpResponse:
        ours = self.ours(directive)
        context: dict[str, Any] = {
            "directive": directive,
            "tag": STATE_TAGS[DirectiveState(directive.state)],
            "ours": ours,
            "files": list(directive.files.order_by("pk")),
            "withdraw_form": withdraw or WithdrawForm(auto_id="withdraw_%s"),
            "level_words": Level(directive.target_level).label,
            "span_words": _span_words(directive),
        }
        if directive.state == DirectiveState.DRAFT:
            places = targets(
                ids=directive.target_places,
                level=directive.target_level,
                profile=directive.target_profile,
                on=timezone.localdate(self.now),
            )
            context |= {"preview": Preview(places.count(), directive.minutes)}
            return render(request, "workbench/directive_draft.html", context, status=status)
        context |= self.board(request, directive, ours)
        return render(request, "workbench/directive.html", context, status=status)

    def board(self, request: HttpRequest, directive: Directive, ours: bool) -> dict[str, Any]:
        rounds = self.rounds(directive)
        sent = self.chosen(rounds, request.GET.get("round", ""))
        if sent is None:
            return {"rounds": [], "round": None}
        at = self.at(directive, request.GET.get("at", ""))
        standing = self.standing(directive, sent, at, sent is rounds[0])
        shown = request.GET.get("show", "")
        if shown not in SHOWN:
            shown = "" if standing.lines else "places"
        page = None
        lines: list[PieceLine] = []
        if shown:
            rows = pieces_of(sent, at)
            if shown != "places":
                rows = rows.filter(standings(self.now)[shown])
            ordered = self.with_words(rows, shown).order_by("due_at" if shown == "late" else "place_path", "pk")
            paginator = Paginator(ordered, PIECES_A_PAGE)
            paginator.count = standing.figures[shown]  # counted already
            page = paginator.get_page(request.GET.get("page"))
            lines = self.lines_of(list(page.object_list), directive, ours)
        above = []
        if at != directive.place_path:
            base = reverse("workbench:directive", args=[directive.pk])
            wanted = [at[:length] for length in LEVELS if len(directive.place_path) <= length <= len(at)]
            for path, name in Place.objects.filter(path__in=wanted).order_by("path").values_list("path", "name"):
                kept = {key: value for key, value in {**standing.query, "at": path}.items() if value}
                above.append((name, f"{base}?{urlencode(kept)}"))
        answered = standing.figures["results"] + standing.figures["done"]
        return {
            "rounds": rounds,
            "round": sent,
            "clock": running_clock(sent.due_at, sent.yellow_at, self.now)
            if directive.state == DirectiveState.ISSUED
            else None,
            "standing": standing,
            "above": above,
            "shown": shown,
            "shown_words": next((words for name, words, _colour in FIGURES if name == shown), ""),
            "page": page,
            "total": page.paginator.count if page is not None else 0,
            "lines": lines,
            "may_confirm": any(line.may_confirm for line in lines),
            "answered": answered,
            "hours": standing.figures["places"] * directive.minutes / 60,
            "may_close": ours and not directive.next_on and self.nothing_open(standing.figures),
            "query": urlencode({key: value for key, value in {**standing.query, "show": shown}.items() if value}),
        }

    @staticmethod
    def nothing_open(figures: dict[str, int]) -> bool:
        return not any(figures[name] for name in ("unread", "working", "asking", "results"))


def _article_words(code: str) -> str:
    """What a refusal is founded on, as people call it."""
    found = admission.article(code)
    return f"{found.name}: {found.says}" if found is not None else code


def _span_words(directive: Directive) -> str:
    if directive.reply_span:
        return Span.parse(directive.reply_span).in_words()
    local = timezone.localtime(directive.reply_by) if directive.reply_by is not None else None
    return f"{local:%Y-%m-%d %H:%M}" if local is not None else ""


class DirectiveAct(DirectivePage):
    """What the issuing office does with the whole of it: send, remind, accept results, close, withdraw."""

    ACTS: ClassVar = ("send", "remind", "confirm", "close", "withdraw", "drop")

    def get(self, request: HttpRequest, pk: int, act: str = "") -> HttpResponse:
        return redirect("workbench:directive", pk=pk)

    def post(self, request: HttpRequest, pk: int, act: str) -> HttpResponse:
        if act not in self.ACTS:
            raise Http404
        directive = self.found(pk)
        given: QueryDict = request.POST
        if act == "withdraw":
            form = WithdrawForm(given, auto_id="withdraw_%s")
            if not form.is_valid():
                return self.show(request, directive, withdraw=form, status=422)
            try:
                actions.withdraw_directive(
                    directive_id=pk, reason=form.cleaned_data["reason"], by=self.person, now=self.now
                )
            except Refusal as refusal:
                refuse(form, refusal)
                return self.show(request, self.found(pk), withdraw=form, status=refusal.status)
            return redirect("workbench:directive", pk=pk)
        if act == "drop":
            detach_file(directive_id=pk, file_id=_number(given.get("file")), by=self.person, now=self.now)
            return redirect("workbench:directive_change", pk=pk)
        self.act(request, pk, act, given)
        back = reverse("workbench:directive", args=[pk])
        return redirect(f"{back}?{_kept(given)}" if _kept(given) else back)

    def act(self, request: HttpRequest, pk: int, act: str, given: QueryDict) -> None:
        if act == "send":
            told_sent(request, actions.issue_directive(directive_id=pk, by=self.person, now=self.now))
        elif act == "close":
            actions.close_directive(directive_id=pk, by=self.person, now=self.now)
        elif act == "remind":
            count = remind(directive_id=pk, whom=given.get("whom", ""), by=self.person, now=self.now)
            words = ngettext("%(count)d place was reminded.", "%(count)d places were reminded.", count)
            none = _("Nobody had to be reminded: all of them were, within the last four hours.")
            messages.success(request, words % {"count": count} if count else none)
        else:
            wanted = [_number(one) for one in given.getlist("piece")[:PIECES_A_PAGE]]
            mine = list(Assignment.objects.filter(directive_id=pk, pk__in=wanted).values_list("pk", flat=True))
            count = pieces.confirm_results(assignment_ids=mine, by=self.person, now=self.now)
            words = ngettext("%(count)d result accepted.", "%(count)d results accepted.", count)
            messages.success(request, words % {"count": count})


def _number(text: Any) -> int:
    """The number of an id that came with a form; 0, which no row has, for anything else."""
    return int(text) if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < 16 else 0


def _kept(given: QueryDict) -> str:
    """The part of the board to come back to."""
    kept = {name: given.get(name, "") for name in ("at", "round", "show")}
    return urlencode({name: value for name, value in kept.items() if value and len(value) < 30})


class DirectivePrint(BoardView):
    """The pieces on paper: a row each with its code, so that results can be typed or scanned in."""

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        directive = self.found(pk)
        rounds = self.rounds(directive)
        sent = self.chosen(rounds, request.GET.get("round", ""))
        if sent is None:
            raise Http404
        at = self.at(directive, request.GET.get("at", ""))
        rows = pieces_of(sent, at)
        shown = request.GET.get("show", "")
        if shown in SHOWN and shown != "places":
            rows = rows.filter(standings(self.now)[shown])
        page = Paginator(self.with_words(rows, "places").order_by("place_path", "pk"), MOST_PRINTED).get_page(
            request.GET.get("page")
        )
        lines = self.lines_of(list(page.object_list), directive, ours=False)
        for line in lines:
            line.code = code_of("A", line.piece.pk)
            line.drawing = drawn(line.code)
        context = {
            "directive": directive,
            "round": sent,
            "lines": lines,
            "page": page,
            "total": page.paginator.count,
            "place": Place.objects.filter(path=at).first(),
            "printed_at": self.now,
            "span_words": _span_words(directive),
        }
        return render(request, "workbench/directive_print.html", context)


# --- one piece, for the office that asks for it ---------------------------------------------------------------


@dataclass
class Told:
    """One thing that happened to a piece."""

    at: Any
    icon: str
    title: str
    words: str = ""
    by: str = ""
    tone: str = ""
    photos: list[ReportPhoto] = field(default_factory=list)


class PieceView(Guarded):
    """A piece as the asking office sees it: the issuer, or the office that passed it down."""

    verb = "directives.work"

    def found(self, pk: int) -> Assignment:
        visible = Assignment.objects.filter(pk=pk).select_related(
            "directive__issuer_place", "round", "place__parent", "asker_place", "accepted_by", "parent__place"
        )
        piece = visible.asked_by(self.person).first()
        if piece is None:
            boards = Directive.objects.boards_for(self.person)
            piece = visible.filter(directive__in=boards.values("pk")).first()
        if piece is None:
            raise Http404
        return piece

    def ours(self, piece: Assignment) -> bool:
        verb = "directives.issue" if piece.parent_id is None else "directives.work"
        return any(post.place_id == piece.asker_place_id for post in posts_with(self.person, verb))

    def show(self, request: HttpRequest, piece: Assignment, *, status: int = 200, **forms: Form | None) -> HttpResponse:
        reports = list(piece.reports.select_related("by").prefetch_related("photos").order_by("at", "pk"))
        questions = list(piece.questions.select_related("asked_by", "answered_by").order_by("asked_at", "pk"))
        below_it = list(piece.pieces.select_related("place").order_by("place_path", "pk"))
        last = next((one for one in reversed(reports) if one.counted), None)
        ours = self.ours(piece)
        context: dict[str, Any] = {
            "piece": piece,
            "directive": piece.directive,
            "tag": PIECE_TAGS[State(piece.state)],
            "clock": clock_of(piece, self.now),
            "ours": ours,
            "open_question": next((one for one in questions if one.is_open), None),
            "last": last,
            "may_confirm": ours
            and piece.state == State.SUBMITTED
            and last is not None
            and last.by_id != self.person.pk,
            "own_report": last is not None and last.by_id == self.person.pk,
            "below": [(one, PIECE_TAGS[State(one.state)], clock_of(one, self.now)) for one in below_it],
            "story": story_of(piece, reports, questions),
            "code": code_of("A", piece.pk),
            "refused_by": admission.article(piece.article) if piece.article else None,
            "board": Directive.objects.boards_for(self.person).filter(pk=piece.directive_id).exists(),
            "answer_form": AnswerForm(auto_id="answer_%s"),
            "return_form": ReturnForm(auto_id="return_%s"),
            **forms,
        }
        return render(request, "workbench/directive_piece.html", context, status=status)


def story_of(piece: Assignment, reports: list[Report], questions: list[Question]) -> list[Told]:
    """What happened to a piece, oldest first."""
    told = [Told(piece.round.sent_at, "send", pgettext("directed work", "Sent"))]
    if piece.read_at is not None:
        told.append(Told(piece.read_at, "eye", _("Read")))
    if piece.accepted_at is not None:
        told.append(
            Told(piece.accepted_at, "hand", pgettext("directed work", "Accepted"), by=str(piece.accepted_by or ""))
        )
    for one in questions:
        told.append(Told(one.asked_at, "info", one.get_kind_display(), one.words, str(one.asked_by)))
        if one.answered_at is not None:
            told.append(
                Told(one.answered_at, "reply", one.get_outcome_display(), one.answer, str(one.answered_by or ""))
            )
    for said in reports:
        words = said.words
        if said.minutes:
            words += "\n" + _("It took %(minutes)d minutes.") % {"minutes": said.minutes}
        title = _("Result reported") if said.counted else _("Reported when it was no longer asked for; kept")
        told.append(Told(said.at, "report", title, words, str(said.by), photos=list(said.photos.all())))
    for step in piece.steps.select_related("by").order_by("at", "pk"):
        by = str(step.by) if step.by is not None else _("by rule")
        told.append(Told(step.at, "warning", step.get_kind_display(), step.answer, by, tone="is-wrong"))
    if piece.state == State.RETURNED:
        last = max((said.at for said in reports), default=piece.round.sent_at)
        told.append(Told(max(last, piece.accepted_at or last), "undo", _("Sent back"), piece.return_reason))
    if piece.ended_at is not None:
        words = _article_words(piece.article) if piece.state == State.REFUSED else ""
        if piece.state == State.WITHDRAWN:
            words = piece.directive.ending
        told.append(Told(piece.ended_at, PIECE_TAGS[State(piece.state)][1], piece.get_state_display(), words))
    return sorted(told, key=lambda one: one.at)


class DirectivePiece(PieceView):
    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self.show(request, self.found(pk))


class DirectivePieceAct(PieceView):
    """Answer the question, accept the result, send it back, release the place."""

    def get(self, request: HttpRequest, pk: int, act: str = "") -> HttpResponse:
        return redirect("workbench:directive_piece", pk=pk)

    def post(self, request: HttpRequest, pk: int, act: str) -> HttpResponse:
        piece = self.found(pk)
        if act == "accept":
            pieces.confirm_result(assignment_id=pk, by=self.person, now=self.now)
        elif act == "release":
            pieces.release_piece(assignment_id=pk, by=self.person, now=self.now)
        elif act == "answer":
            return self.with_form(request, piece, "answer_form", AnswerForm(request.POST, auto_id="answer_%s"))
        elif act == "return":
            return self.with_form(request, piece, "return_form", ReturnForm(request.POST, auto_id="return_%s"))
        else:
            raise Http404
        return redirect("workbench:directive_piece", pk=pk)

    def with_form(self, request: HttpRequest, piece: Assignment, name: str, form: Form) -> HttpResponse:
        forms: dict[str, Form | None] = {name: form}
        if not form.is_valid():
            return self.show(request, piece, status=422, **forms)
        data = form.cleaned_data
        try:
            if name == "answer_form":
                asked = piece.questions.filter(outcome="").first()
                if asked is None:
                    raise Refusal(_("This question has been answered already."))
                pieces.answer_question(
                    question_id=asked.pk, outcome=data["outcome"], answer=data["answer"], by=self.person, now=self.now
                )
            else:
                pieces.return_result(assignment_id=piece.pk, reason=data["reason"], by=self.person, now=self.now)
        except Refusal as refusal:
            if refusal.status == 404:
                raise Http404 from None
            refuse(form, refusal)
            return self.show(request, self.found(piece.pk), status=refusal.status, **forms)
        return redirect("workbench:directive_piece", pk=piece.pk)


# --- files ----------------------------------------------------------------------------------------------------


class ShowFile(Guarded):
    """An attachment, for whoever may see the directive. It is always saved, never opened in our page."""

    verb = "directives.work"

    def get(self, request: HttpRequest, uid: UUID) -> HttpResponseBase:
        visible = Directive.objects.visible_to(self.person)
        row = DirectiveFile.objects.filter(uid=uid, directive__in=visible).first()
        if row is None or not row.file:
            raise Http404
        suffix = str(row.file.name).rpartition(".")[2]
        if suffix not in TYPES:
            raise Http404
        try:
            opened = row.file.open("rb")
        except FileNotFoundError:
            raise Http404 from None
        response = FileResponse(opened, as_attachment=True, filename=row.name, content_type=TYPES[suffix])
        response["X-Content-Type-Options"] = "nosniff"
        response["Content-Security-Policy"] = "default-src 'none'; sandbox"
        response["Cache-Control"] = "private, no-store"
        return response


class ShowResultPhoto(Guarded):
    """A photo of a result, for whoever may see the piece."""

    verb = "directives.work"

    def get(self, request: HttpRequest, uid: UUID, size: str) -> HttpResponseBase:
        if size not in ("small", "large"):
            raise Http404
        visible = Assignment.objects.filter(
            Q(pk__in=Assignment.objects.visible_to(self.person).values("pk"))
            | at_office(self.person, "directives.issue", "directive__issuer_place_id")
        )
        row = ReportPhoto.objects.filter(uid=uid, report__assignment__in=visible).first()
        if row is None or not row.large or not row.small:
            raise Http404
        try:
            opened = (row.large if size == "large" else row.small).open("rb")
        except FileNotFoundError:
            raise Http404 from None
        response = FileResponse(opened, content_type="image/webp")
        response["Cache-Control"] = "private, no-store"
        return response
