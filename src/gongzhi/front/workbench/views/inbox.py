"""The desk's queue: say what each new case is, where it belongs and who takes care of it; then the next one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from django.contrib import messages
from django.db import models
from django.db.models import F
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from gongzhi.front.clock_words import case_clock, moment_words, running_clock
from gongzhi.front.story import Step, photos_of, position_words, read_matter
from gongzhi.front.workbench.filters import CaseFilter, category_choices, place_choices
from gongzhi.front.workbench.forms.cases import MATRIX, SortForm
from gongzhi.front.workbench.models import SavedView
from gongzhi.front.workbench.rows import case_rows, place_words, state_tag, tick_box, urgency_tag
from gongzhi.front.workbench.suggested import Suggested, choose, of_case
from gongzhi.front.workbench.views.bulk import deeds_for
from gongzhi.front.workbench.views.case import changes_since, find_case
from gongzhi.front.workbench.views.cases import drawn_select
from gongzhi.front.workbench.views.saved import Tabs, count_tabs, tidy
from gongzhi.ground.access.actions import holding
from gongzhi.ground.access.guard import Guarded
from gongzhi.ground.access.models import Post
from gongzhi.ground.access.reach import posts_with, reach
from gongzhi.ground.access.roles import Role
from gongzhi.ground.places.models import Place
from gongzhi.ground.refusals import NotThere, Refusal
from gongzhi.sense.channels.models import Message, Photo
from gongzhi.understand.cases import actions as cases
from gongzhi.understand.cases.asides import asked_whose
from gongzhi.understand.cases.models import RUNNING, Case, CaseQuerySet, Category, Ruling, State
from gongzhi.understand.cases.responsibility import positions_at, proposal_for
from gongzhi.understand.cases.tree import category_by_code, category_by_id, condition, lineage

SHOWN: Final = 50
URGENT_FIRST: Final = models.Case(
    models.When(urgency=Case.Urgency.DANGER, then=0),
    models.When(urgency=Case.Urgency.URGENT, then=1),
    default=2,
    output_field=models.IntegerField(),
)


@dataclass(frozen=True)
class Lead:
    """Who would lead, in words, and why."""

    who: str
    why: str
    code: str = ""
    opens: str = ""  # when a matter is taken up under the category


def lead_words(category: Category | None, place: Place | None, now: Any) -> Lead:
    """What the responsibility matrix says, with its reason; or that somebody has to choose. And what the category
    says about when it is taken up."""
    return replace(_lead_words(category, place, now), opens=condition(category, "opens_when"))


def _lead_words(category: Category | None, place: Place | None, now: Any) -> Lead:
    if category is None or place is None:
        return Lead("", _("Choose category and place first; then the matrix says who leads."))
    proposal = proposal_for(category, place, timezone.localdate(now))
    if proposal.row is not None:
        node = category_by_id(proposal.row.category_id)
        why = _("Matrix row “%(category)s × %(place)s”: %(role)s.") % {
            "category": node.name if node is not None else "",
            "place": proposal.row.place.name,
            "role": Role(proposal.role).label,
        }
    elif proposal.role:
        top = next(node for node in lineage(category) if node.role)
        why = _("The category “%(category)s” belongs to: %(role)s.") % {
            "category": top.name,
            "role": Role(proposal.role).label,
        }
    else:
        return Lead("", _("The matrix names nobody: you choose."))
    if proposal.position is None:
        return Lead("", why + " " + _("Nobody holds that post here today: you choose."))
    return Lead(str(proposal.position), why, proposal.position.code)


class Desk(Guarded):
    """What the pages of the queue have in common."""

    verb = "cases.sort"

    def queue(self) -> CaseQuerySet:
        """New cases within reach: the urgent first, then by when somebody must have called, then by deadline."""
        new: CaseQuerySet = Case.objects.filter(reach(self.person, "cases.sort"), state=State.NEW)
        return new.order_by(
            URGENT_FIRST, F("contact_due_at").asc(nulls_last=True), F("due_at").asc(nulls_last=True), "pk"
        )

    @cached_property
    def chosen(self) -> CaseFilter:
        """The filters of the address. They stay in it from case to case."""
        return CaseFilter(self.request.GET.dict(), person=self.person, now=self.now, base=self.queue())

    @property
    def query(self) -> str:
        return tidy(self.request.META.get("QUERY_STRING", ""))

    def waiting(self) -> CaseQuerySet:
        return self.queue().none() if self.chosen.errors else self.chosen.rows()

    def lists(self) -> dict[str, Any]:
        """The queue of cases with a place, and that of cases without a grid."""
        waiting = self.waiting()
        placed = case_rows(waiting.filter(placed=True)[: SHOWN + 1], self.now)
        adrift = [
            {
                "case": case,
                "clock": running_clock(case.due_at, case.yellow_at, self.now).html,
                "nearest": case.nearest,
            }
            for case in waiting.filter(placed=False).select_related("nearest")[:SHOWN]
        ]
        deeds = deeds_for(self.person)
        words = _("choose %(number)s")
        return {
            "queue": [(row, tick_box(row, words) if deeds else "") for row in placed[:SHOWN]],
            "more": len(placed) > SHOWN,
            "adrift": adrift,
            "query": self.query,
            "deeds": deeds,
            "undo": self.request.session.get("undo"),
        }

    def onwards(self, done: Case) -> HttpResponse:
        """To the next case of the queue, or to the empty desk."""
        # What waits for a ruling stays in the list, and does not come up again and again.
        others = self.waiting().exclude(pk=done.pk).exclude(rulings__state=Ruling.State.OPEN)
        numbers = others.values_list("number", flat=True)
        following = numbers.filter(placed=True)[:1] or numbers.filter(placed=False)[:1]
        name, given = ("workbench:inbox_case", [following[0]]) if following else ("workbench:inbox", [])
        response = redirect(reverse(name, args=given) + (f"?{self.query}" if self.query else ""))
        response.status_code = 303
        return response


class Inbox(Desk):
    def get(self, request: HttpRequest) -> HttpResponse:
        tabs = Tabs(request, self.person, SavedView.Over.INBOX, self.now)
        if usual := tabs.first(request):
            return redirect(usual)
        drawn = tabs.drawn()
        if "counts" in request.GET:
            count_tabs(drawn, person=self.person, now=self.now, base=self.queue())
        selects = self.chosen.selects()
        dangers = self.queue().filter(suggestion__urgency=Case.Urgency.DANGER).exclude(urgency=Case.Urgency.DANGER)
        context = {
            **self.lists(),
            "dangers": list(dangers.order_by("pk").values_list("number", "summary")[:5]),
            "case": None,
            "tabs": drawn,
            "chosen": self.chosen,
            "filters": {name: drawn_select(selects[name]) for name in ("place", "category", "urgency", "channel")},
        }
        return render(request, "workbench/inbox.html", context, status=400 if self.chosen.errors else 200)


class InboxCase(Desk):
    """One case with the form to sort and assign it. An assigned case can be corrected here as well."""

    told: Message | None = None
    read: Suggested
    category_source = ""

    def get(self, request: HttpRequest, number: str) -> HttpResponse:
        case = self.find(number)
        if case.state not in RUNNING:
            return redirect("workbench:case", number=case.number)
        return self.draw(case, self.form(case))

    def find(self, number: str) -> Case:
        case = find_case(number, self.person)
        if holding(self.person, "cases.sort", case.place_path, self.now) is None:
            raise NotThere()
        return case

    def form(self, case: Case, given: Any = None) -> SortForm:
        today = timezone.localdate(self.now)
        places: list[tuple[str, str]] = place_choices(self.person, "cases.sort")
        if case.placed and case.place.path not in {path for path, _name in places}:
            places.append((case.place.path, case.place.name))
        held = positions_at(case.place_path, today) if case.state == State.NEW else []
        if not case.placed and case.nearest is not None and case.state == State.NEW:
            known = {position.code for position in held}
            held += [one for one in positions_at(case.nearest.path, today) if one.code not in known]
        category, self.category_source = choose(case, self.suggested(case), self.request.GET.get("as", ""), today)
        return SortForm(
            given,
            categories=category_choices(today, everything=_("Choose …")),
            places=[("", _("Choose …")), *places],
            positions=[
                (MATRIX, _("As the responsibility matrix says")),
                *((position.code, str(position)) for position in held),
            ],
            initial={
                "category": category,
                "place": case.place.path if case.placed else "",
                "summary": case.summary,
                "urgency": case.urgency if case.sorted_at or case.urgency != Case.Urgency.NORMAL else self.read.urgency,
            },
        )

    def suggested(self, case: Case) -> Suggested:
        """What the message that opened the case seems to say. Read once."""
        self.told = Message.objects.filter(voice__first_case=case).order_by("voice__id").first()
        self.read = of_case(case, self.told.text if self.told is not None else "", timezone.localdate(self.now))
        return self.read

    def post(self, request: HttpRequest, number: str) -> HttpResponse:
        case = self.find(number)
        form = self.form(case, request.POST)
        if not form.is_valid():
            return self.draw(case, form, status=422)
        data = form.cleaned_data
        try:
            done = self.save(case, data, mine=request.POST.get("who") == "mine")
        except cases.StaleEdit as stale:
            form.add_error(None, str(stale.reason))
            fresh = self.find(number)
            changes = changes_since(read_matter(fresh), stale.seen)
            return self.draw(fresh, form, changes=changes, status=stale.status)
        except Refusal as refusal:
            if refusal.status == 404:
                raise Http404 from None
            form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal.reason))
            return self.draw(self.find(number), form, status=refusal.status)
        if done.state == State.ASSIGNED and case.state == State.NEW and done.lead_place is not None:
            words = _("%(number)s now lies with: %(who)s.") % {
                "number": done.number,
                "who": position_words(done.lead_role, done.lead_place.name),
            }
            messages.success(request, words)
            request.session["undo"] = {"number": done.number, "version": done.version}
            return self.onwards(done)
        asked = asked_whose(done) if done.state == State.NEW else None
        if asked is not None:
            words = _("%(number)s: nobody is named for it. %(place)s rules by %(moment)s.") % {
                "number": done.number,
                "place": asked.place.name,
                "moment": moment_words(asked.due_at, self.now),
            }
            messages.success(request, words)
            return self.onwards(done)
        messages.success(request, _("%(number)s is corrected.") % {"number": done.number})
        response = redirect("workbench:case", number=done.number)
        response.status_code = 303
        return response

    def save(self, case: Case, data: dict[str, Any], *, mine: bool) -> Case:
        place = Place.objects.filter(path=data["place"]).first()
        if place is None:
            raise Refusal(_("We do not know this place. Please choose from the list."), field="place", status=422)
        common: dict[str, Any] = {
            "case_id": case.pk,
            "category": data["category"],
            "place": place,
            "summary": data["summary"],
            "urgency": data["urgency"],
            "version": data["version"],
            "by": self.person,
            "now": self.now,
        }
        if case.state != State.NEW:
            return cases.sort_case(**common)
        role, _at, at_place = data["position"].replace(MATRIX, "").partition("@")
        chosen = int(at_place) if at_place else None
        if mine:
            own = self.own_post(place.path)
            if own is None:
                raise Refusal(_("None of your posts works here."), field="position", status=422)
            role, chosen = own.role, own.place_id
        return cases.dispatch_case(**common, role=role, place_id=chosen)

    def own_post(self, path: str) -> Post | None:
        """The nearest post of the person that can do the work itself."""
        able = [post for post in posts_with(self.person, "tasks.work") if path.startswith(post.place_path)]
        return max(able, key=lambda post: len(post.place_path), default=None)

    def draw(self, case: Case, form: SortForm, *, changes: list[Step] | None = None, status: int = 200) -> HttpResponse:
        told = self.told
        clock = case_clock(
            state=case.state,
            due=case.due_at,
            yellow=case.yellow_at,
            review_on=case.review_on,
            closed_at=case.closed_at,
            now=self.now,
        )
        category, place = case.category, case.place if case.placed else None
        if form.is_bound:
            category = category_by_code(str(form.data.get("category", ""))) or category
            place = self.chosen_place(str(form.data.get("place", ""))) or place
        lists = self.lists()
        numbers = [row.number for row, _box in lists["queue"]]
        at = numbers.index(case.number) + 1 if case.number in numbers else 0
        above = case.place.parent.name if case.place.parent is not None else None
        own = self.own_post(case.place_path)
        context = {
            **lists,
            "case": case,
            "following": numbers[at] if at < len(numbers) and numbers[at] != case.number else "",
            "message": told,
            "suggested": self.read,
            "category_source": self.category_source,
            "photos": photos_of([told], Photo.objects.filter(message=told)) if told is not None else [],
            "form": form,
            "changes": changes,
            "state_html": state_tag(case.state),
            "urgency_html": urgency_tag(case.urgency),
            "clock_html": clock.html,
            "place_words": place_words(case.place.name, case.place.level, above) if case.placed else "",
            "new": case.state == State.NEW,
            "asked": asked_whose(case) if case.state == State.NEW else None,
            "lead": lead_words(category, place, self.now),
            "lead_url": reverse("workbench:inbox_lead", args=[case.number]),
            "mine": str(own) if own is not None and case.state == State.NEW else "",
        }
        return render(self.request, "workbench/inbox.html", context, status=status)

    def chosen_place(self, path: str) -> Place | None:
        if not path.isascii() or not path.isdigit() or len(path) > 30:
            return None
        return Place.objects.filter(path=path).first()


class LeadProposal(InboxCase):
    """Who would lead for the category and place chosen in the form: the piece that htmx asks for."""

    def get(self, request: HttpRequest, number: str) -> HttpResponse:
        self.find(number)
        category = category_by_code(request.GET.get("category", ""))
        place = self.chosen_place(request.GET.get("place", ""))
        return render(request, "workbench/inbox_lead.html", {"lead": lead_words(category, place, self.now)})

    def post(self, request: HttpRequest, number: str) -> HttpResponse:
        raise NotThere()


class There(Desk):
    """ "Yes, there": the nearest grid is the right one for a case without a grid."""

    def get(self, request: HttpRequest, number: str) -> HttpResponse:
        return redirect("workbench:inbox")

    def post(self, request: HttpRequest, number: str) -> HttpResponse:
        case = find_case(number, self.person)
        version = request.POST.get("version", "")
        if case.nearest is None or case.placed:
            raise Refusal(_("There is no proposal for this case any more."))
        if not version.isascii() or not version.isdigit() or len(version) > 9:
            raise Refusal(_("Please open the page again."), status=422)
        if holding(self.person, "cases.sort", case.nearest.path, self.now) is None:
            raise Refusal(_("That place lies outside your reach: give the case to the desk above."), status=403)
        cases.place_case(case_id=case.pk, place=case.nearest, version=int(version), by=self.person, now=self.now)
        response = redirect("workbench:inbox_case", number=case.number)
        response.status_code = 303
        return response


class Undo(Desk):
    """The last one lies at the desk again."""

    def get(self, request: HttpRequest, number: str) -> HttpResponse:
        return redirect("workbench:inbox")

    def post(self, request: HttpRequest, number: str) -> HttpResponse:
        case = find_case(number, self.person)
        version = request.POST.get("version", "")
        if not version.isascii() or not version.isdigit() or len(version) > 9:
            raise Refusal(_("Please open the page again."), status=422)
        request.session.pop("undo", None)
        cases.undo_assignment(case_id=case.pk, version=int(version), by=self.person, now=self.now)
        messages.success(request, _("%(number)s lies at the desk again.") % {"number": case.number})
        response = redirect(reverse("workbench:inbox_case", args=[number]) + (f"?{self.query}" if self.query else ""))
        response.status_code = 303
        return response
