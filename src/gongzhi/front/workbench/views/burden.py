"""What is asked of posts: one's own figures, those of the places one looks after, and what one's own askings cost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from django.db.models import Max, Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from gongzhi.front.story import position_words
from gongzhi.front.workbench.forms.burden import AnswerForm
from gongzhi.ground.access.guard import Guarded
from gongzhi.ground.access.reach import posts_of, posts_with
from gongzhi.ground.places.models import Place
from gongzhi.ground.refusals import Refusal
from gongzhi.ground.rules.actions import rule
from gongzhi.learn.burden import actions as burden
from gongzhi.learn.burden.counting import monday_of
from gongzhi.learn.burden.models import BurdenQuestion, SenderWeek, WeekLoad

WEEKS: Final = 8  # of the own history
MOST_LINES: Final = 200
TOTALS: Final = ("pieces", "forms", "minutes", "messages")


@dataclass
class Line:
    """A post, or all posts of a community, in one week."""

    name: str
    pieces: int
    forms: int
    minutes: int
    messages: int
    over: bool = False
    url: str = ""


class Burden(Guarded):
    """The burden meter of one week, on one page for all three: the post, the community, the sender."""

    verb = "burden.read"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.show(request, AnswerForm())

    def show(
        self, request: HttpRequest, form: AnswerForm, at_question: BurdenQuestion | None = None, status: int = 200
    ) -> HttpResponse:
        this = monday_of(timezone.localdate(self.now))
        week = self.week(request.GET.get("week", ""), this)
        top = self.top(request.GET.get("place", ""))
        questions = BurdenQuestion.objects.visible_to(self.person).filter(week=week).select_related("place")
        own_offices = {post.place_id for post in posts_with(self.person, "directives.issue")}
        context = {
            "week": week,
            "until": week + timedelta(days=6),
            "before": week - timedelta(days=7),
            "after": week + timedelta(days=7) if week < this else None,
            "current": week == this,
            "mine": self.mine(week),
            "history": self.history(this),
            "top": top,
            "lines": self.lines(top, week) if top is not None else [],
            "senders": [
                (position_words(row.role, row.place.name), row)
                for row in SenderWeek.objects.visible_to(self.person)
                .filter(week=week)
                .select_related("place")
                .order_by("place_path", "role")[:MOST_LINES]
            ],
            "questions": [
                {
                    "question": one,
                    "who": position_words(one.role, one.place.name),
                    "ours": one.is_open and one.place_id in own_offices,
                    "form": form if at_question is not None and one.pk == at_question.pk else AnswerForm(),
                }
                for one in questions.order_by("place_path", "role")[:MOST_LINES]
            ],
            "at_question": at_question,
            "printed_at": self.now,
        }
        return render(request, "workbench/burden.html", context, status=status)

    def week(self, given: str, this: date) -> date:
        if not given:
            return this
        try:
            week = monday_of(date.fromisoformat(given))
        except (ValueError, OverflowError):
            raise Http404 from None
        if not date(2000, 1, 3) <= week <= this:
            raise Http404
        return week

    def mine(self, week: date) -> list[dict[str, Any]]:
        """The figures of each of the person's own posts, zero where nothing was asked."""
        known = {(row.role, row.place_id): row for row in WeekLoad.objects.own(self.person).filter(week=week)}
        found = []
        for post in posts_of(self.person):
            if "burden.read" not in post.verbs:
                continue
            row = known.get((post.role, post.place_id)) or WeekLoad(role=post.role, place=post.place, week=week)
            reports = rule("burden.reports_week", path=post.place_path, on=week)
            minutes = rule("burden.minutes_week", path=post.place_path, on=week)
            found.append(
                {
                    "name": position_words(post.role, post.place.name),
                    "row": row,
                    "counted": (post.role, post.place_id) in known,
                    "reports": reports,
                    "minutes": minutes,
                    "over": row.forms > reports or max(row.minutes, row.asked_minutes) > minutes,
                }
            )
        return found

    def history(self, this: date) -> list[dict[str, Any]]:
        """The own posts together, week by week, the newest first."""
        since = this - timedelta(weeks=WEEKS - 1)
        rows: Any = (
            WeekLoad.objects.own(self.person)
            .filter(week__gte=since)
            .order_by()
            .values("week")
            .annotate(**{f"its_{name}": Sum(name) for name in TOTALS})
        )
        found = {row["week"]: {name: row[f"its_{name}"] for name in TOTALS} for row in rows}
        if not found:
            return []
        weeks = [this - timedelta(weeks=back) for back in range(WEEKS)]
        nothing = dict.fromkeys(TOTALS, 0)
        return [{"week": week, **found.get(week, nothing)} for week in weeks if week >= min(found)]

    def top(self, path: str) -> Place | None:
        """The place whose posts are shown: one that the person looks after, the highest unless another is asked for."""
        posts = posts_with(self.person, "load.read")
        if not posts:
            if path:
                raise Http404
            return None
        if not path:
            return min(posts, key=lambda post: (len(post.place_path), post.place_path)).place
        if not any(path.startswith(post.place_path) for post in posts):
            raise Http404
        place = Place.objects.filter(path=path[:30]).first()
        if place is None:
            raise Http404
        return place

    def lines(self, top: Place, week: date) -> list[Line]:
        """A line for each community, and within one a line for each post. In the order of places."""
        rows = WeekLoad.objects.visible_to(self.person).filter(week=week).below(top.path)
        if len(top.path) >= 12:
            return [
                Line(
                    name=position_words(row.role, row.place.name),
                    pieces=row.pieces,
                    forms=row.forms,
                    minutes=row.minutes,
                    messages=row.messages,
                    over=self.is_over(row.place_path, row.forms, max(row.minutes, row.asked_minutes), week),
                )
                for row in rows.select_related("place").order_by("place_path", "role")[:MOST_LINES]
            ]
        length = 12 if len(top.path) >= 9 else 9
        sums = rows.by_ancestor(length).annotate(
            **{f"its_{name}": Sum(name) for name in TOTALS}, most=Max("forms"), longest=Max("minutes")
        )
        found = list(sums.order_by("above")[:MOST_LINES])
        names = dict(Place.objects.filter(path__in=[row["above"] for row in found]).values_list("path", "name"))
        return [
            Line(
                name=names.get(row["above"], row["above"]),
                **{name: row[f"its_{name}"] for name in TOTALS},
                over=self.is_over(row["above"], row["most"], row["longest"], week),
                url=row["above"] if len(row["above"]) > len(top.path) else "",
            )
            for row in found
        ]

    def is_over(self, path: str, forms: int, minutes: int, week: date) -> bool:
        return bool(
            forms > rule("burden.reports_week", path=path, on=week)
            or minutes > rule("burden.minutes_week", path=path, on=week)
        )


class BurdenAnswer(Burden):
    """The sender's answer to the question that a threshold raised."""

    verb = "directives.issue"

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:  # type: ignore[override]
        return redirect("workbench:burden")

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        question = BurdenQuestion.objects.visible_to(self.person).filter(pk=pk).first()
        if question is None:
            raise Http404
        form = AnswerForm(request.POST)
        if not form.is_valid():
            return self.show(request, form, question, 422)
        try:
            burden.answer_question(question_id=pk, words=form.cleaned_data["words"], by=self.person, now=self.now)
        except Refusal as refusal:
            if refusal.status == 404:
                raise Http404 from None
            form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal.reason))
            return self.show(request, form, question, refusal.status)
        return redirect("workbench:burden")
