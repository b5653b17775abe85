"""The same matter told twice, and many voices behind one case: proposals, comparing, merging, taking apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from gongzhi.front.workbench.forms.voices import AddVoiceForm, MergeForm, UnmergeForm
from gongzhi.front.workbench.rows import place_words, state_tag
from gongzhi.front.workbench.views.case import CaseMove, clock_of, find_case, lead_words
from gongzhi.ground.access.actions import holding, require
from gongzhi.ground.access.guard import Guarded
from gongzhi.ground.places.actions import grid_at
from gongzhi.ground.places.cells import on_earth
from gongzhi.ground.refusals import NotThere, Refusal
from gongzhi.sense.channels.actions import Draft, receive_message
from gongzhi.sense.channels.models import LONGEST_TEXT, Photo
from gongzhi.understand.cases import merging
from gongzhi.understand.cases.models import Case, State, Voice
from gongzhi.understand.cases.tree import category_by_code, category_by_id
from gongzhi.understand.cases.voices import JOINABLE, is_private
from gongzhi.understand.duplicates.actions import find_apart
from gongzhi.understand.duplicates.finding import Like, like_case, like_text, text_of
from gongzhi.understand.duplicates.grams import marked, shared_words

SHOWN = 5
WEAK = 0.55  # less alike than this, and not about the same at the same place: folded away
VOICES_A_PAGE = 50


def likeness_words(likeness: float) -> str:
    if likeness >= 0.8:
        return _("nearly the same words")
    if likeness >= 0.55:
        return _("very alike")
    if likeness >= 0.35:
        return _("alike")
    return _("a few words in common")


def reasons(like: Like) -> list[str]:
    """What speaks for it besides the words."""
    told = []
    if like.metres is not None:
        told.append(_("%(metres)d metres away") % {"metres": like.metres})
    elif like.near:
        told.append(_("at the same place"))
    if like.same_category:
        told.append(_("the same subject"))
    apart = ngettext("%(days)d day apart", "%(days)d days apart", like.days) % {"days": like.days}
    told.append(_("within a day") if like.days == 0 else apart)
    return told


def proposals(likes: Sequence[Like], person: Any, text: str) -> list[dict[str, Any]]:
    """What is shown of each: only of cases that the person may read."""
    seen = Case.objects.visible_to(person).filter(
        pk__in={like.case_id for like in likes} | {like.told_by for like in likes}
    )
    cases = {case.pk: case for case in seen.select_related("place__parent", "lead_place")}
    found: list[dict[str, Any]] = []
    for like in likes:
        case = cases.get(like.case_id)
        if case is None or like.told_by not in cases:
            continue
        category = category_by_id(case.category_id)
        above = case.place.parent.name if case.place.parent is not None else None
        found.append(
            {
                "case": case,
                "likeness": likeness_words(like.likeness),
                "percent": round(100 * like.likeness),
                "reasons": reasons(like),
                "words": shared_words(text, like.text),
                "category": category.name if category is not None else "",
                "place": place_words(case.place.name, case.place.level, above) if case.placed else "",
                "state_html": state_tag(case.state),
                "lead": lead_words(case),
                "joinable": case.state in JOINABLE,
                "weak": like.likeness < WEAK and not (like.near and like.same_category),
            }
        )
    return sorted(found, key=lambda one: bool(one["weak"]))[:SHOWN]


def folded(found: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """What is shown at once, and what only on demand."""
    return {"strong": [one for one in found if not one["weak"]], "weak": [one for one in found if one["weak"]]}


def may_merge(case: Case, person: Any, now: Any) -> bool:
    return holding(person, merging.VERB, case.place_path, now) is not None


class Similar(Guarded):
    """What may be the same matter as this case: a fragment of the case page and of the inbox, or a page of its own."""

    verb = "tasks.work"

    def get(self, request: HttpRequest, number: str) -> HttpResponse:
        case = find_case(number, self.person)
        found = proposals(like_case(case, now=self.now), self.person, text_of(case))
        able = may_merge(case, self.person, self.now) and not is_private(case)
        for one in found:
            # The younger goes into the older, whose deadline was promised first.
            older = one["case"].opened_at <= case.opened_at
            source, kept = (case, one["case"]) if older else (one["case"], case)
            one["keep"] = kept.number
            one["may_merge"] = (
                able
                and source.state in JOINABLE
                and kept.state in JOINABLE
                and may_merge(one["case"], self.person, self.now)
                and not is_private(one["case"])
            )
        name = "similar_part" if request.headers.get("HX-Request") else "similar"
        context = {
            "case": case,
            "found": found,
            **folded(found),
            "may_judge": able,
            "state_html": state_tag(case.state),
        }
        response = render(request, f"workbench/{name}.html", context)
        response["Cache-Control"] = "private, no-store"
        response["Vary"] = "HX-Request, Cookie"
        return response


class Compare(Guarded):
    """Two cases side by side, the words that both have marked; and the three things one may decide."""

    verb = "tasks.work"

    def get(self, request: HttpRequest, number: str, other: str) -> HttpResponse:
        return self.draw(find_case(number, self.person), find_case(other, self.person))

    def post(self, request: HttpRequest, number: str, other: str) -> HttpResponse:
        case, beside = find_case(number, self.person), find_case(other, self.person)
        keep = request.POST.get("keep", "")
        if keep not in (case.number, beside.number):
            raise Refusal(_("Choose which of the two is handled."), status=422)
        kept, source = (case, beside) if keep == case.number else (beside, case)
        try:
            merging.merge_cases(source_id=source.pk, target_id=kept.pk, by=self.person, now=self.now)
        except Refusal as refusal:
            if refusal.status == 404:
                raise NotThere() from None
            return self.draw(case, beside, refusal)
        response = redirect("workbench:case", number=kept.number)
        response.status_code = 303
        return response

    def draw(self, case: Case, beside: Case, refusal: Refusal | None = None) -> HttpResponse:
        texts = text_of(case), text_of(beside)
        sides = []
        for one, own, foreign in ((case, texts[0], texts[1]), (beside, texts[1], texts[0])):
            above = one.place.parent.name if one.place.parent is not None else None
            photos = Photo.objects.filter(message__voice__first_case=one, state=Photo.State.READY)[:4]
            sides.append(
                {
                    "case": one,
                    "runs": marked(own, foreign),
                    "state_html": state_tag(one.state),
                    "clock_html": clock_of(one, self.now).html,
                    "place": place_words(one.place.name, one.place.level, above) if one.placed else "",
                    "lead": lead_words(one),
                    "photos": list(photos),
                }
            )
        able = (
            may_merge(case, self.person, self.now)
            and may_merge(beside, self.person, self.now)
            and case.pk != beside.pk
            and not (is_private(case) or is_private(beside))
            and case.state in JOINABLE
            and beside.state in JOINABLE
        )
        context = {
            "case": case,
            "other": beside,
            "sides": sides,
            "may_merge": able,
            "may_judge": may_merge(case, self.person, self.now) and case.pk != beside.pk,
            "older": min((case, beside), key=lambda one: (one.opened_at, one.pk)).number,
            "refusal": refusal,
        }
        status = refusal.status if refusal is not None else 200
        response = render(self.request, "workbench/compare.html", context, status=status)
        response["Cache-Control"] = "private, no-store"
        return response


class FindApart(Guarded):
    """ "Not the same": remembered, so that the two are not proposed to each other again."""

    verb = merging.VERB

    def get(self, request: HttpRequest, number: str, other: str) -> HttpResponse:
        case, beside = find_case(number, self.person), find_case(other, self.person)
        return redirect("workbench:compare", number=case.number, other=beside.number)

    def post(self, request: HttpRequest, number: str, other: str) -> HttpResponse:
        case, beside = find_case(number, self.person), find_case(other, self.person)
        find_apart(case_id=case.pk, other_id=beside.pk, by=self.person, now=self.now)
        page = "workbench:inbox_case" if case.state == State.NEW else "workbench:case"
        response = redirect(page, number=case.number)
        response.status_code = 303
        return response


class Merge(CaseMove):
    """Merging by number, for what the house has not proposed."""

    name = "merge"
    title = gettext_lazy("Handle it with another case")
    words = gettext_lazy(
        "This case goes into the other one: one handling, and everybody behind both is told each step and asked at the "
        "end. It can be undone."
    )
    button = gettext_lazy("Merge into that one")
    icon = "people"

    def form(self, case: Case, given: QueryDict | None = None) -> MergeForm:
        return MergeForm(given)

    def move(self, case: Case, data: dict[str, Any]) -> HttpResponse:
        target = Case.objects.visible_to(self.person).filter(number=data["target"]).first()
        if target is None:
            raise Refusal(_("There is no case with this number that you may see."), field="target", status=422)
        merging.merge_cases(
            source_id=case.pk, target_id=target.pk, version=data["version"], by=self.person, now=self.now
        )
        response = redirect("workbench:case", number=target.number)
        response.status_code = 303
        return response


class Unmerge(CaseMove):
    name = "unmerge"
    title = gettext_lazy("Take it out of the other case")
    words = gettext_lazy(
        "It is handled on its own again, by the post that had it, with the deadline that it had from its opening. "
        "Those who reported it go back with it and are told."
    )
    button = gettext_lazy("Take it out")
    icon = "undo"

    def form(self, case: Case, given: QueryDict | None = None) -> UnmergeForm:
        return UnmergeForm(given)

    def act(self, case: Case, data: dict[str, Any]) -> None:
        merging.unmerge_case(case_id=case.pk, version=data["version"], by=self.person, now=self.now)


class Voices(Guarded):
    """Everybody who reported this matter: when, by which way, how they came to it. Names stay masked."""

    verb = "tasks.work"

    def get(self, request: HttpRequest, number: str) -> HttpResponse:
        case = find_case(number, self.person)
        here = Voice.objects.filter(first_case=case) if case.state == State.MERGED else Voice.objects.filter(case=case)
        page = Paginator(here.select_related("message", "first_case").order_by("pk"), VOICES_A_PAGE).get_page(
            request.GET.get("page")
        )
        context = {
            "case": case,
            "page": page,
            "total": page.paginator.count,
            "merged": list(Case.objects.visible_to(self.person).filter(merged_into=case).order_by("pk")[:50]),
            "may_add": case.state in JOINABLE
            and holding(self.person, "cases.enter", case.place_path, self.now) is not None,
            "may_reveal": holding(self.person, "privacy.reveal", case.place_path, self.now) is not None,
            "may_merge": may_merge(case, self.person, self.now),
        }
        response = render(request, "workbench/voices.html", context)
        response["Cache-Control"] = "private, no-store"
        return response


class AddVoice(CaseMove):
    """Another caller about the same: one more voice, with a follow link of their own."""

    name = "voice"
    title = gettext_lazy("Another one reports the same")
    words = gettext_lazy("They are told each step and asked at the end, as everybody else who reported it.")
    button = gettext_lazy("Add this voice")
    icon = "plus"

    def form(self, case: Case, given: QueryDict | None = None) -> AddVoiceForm:
        return AddVoiceForm(given)

    def move(self, case: Case, data: dict[str, Any]) -> HttpResponse:
        post = require(self.person, "cases.enter", case.place_path, self.now)
        if case.state not in JOINABLE:
            raise Refusal(_("This case has ended or is being checked. Enter it as a report of its own."))
        message = receive_message(
            Draft(
                text=data["text"],
                channel=data["channel"],
                place=case.place if case.placed else None,
                name=data["name"],
                phone=data["phone"],
                answer_by=data["answer_by"],
                idempotency_key=data["key"],
                joins=case.number,
            ),
            by=self.person,
            post=post,
            now=self.now,
        )
        response = redirect("workbench:entered", number=message.number)
        response.status_code = 303
        return response


class SimilarWhileEntering(Guarded):
    """The piece of the desk's form: what may be the same, while a caller is still on the line."""

    verb = "cases.enter"

    def get(self, request: HttpRequest) -> HttpResponse:
        return redirect("workbench:enter")

    def post(self, request: HttpRequest) -> HttpResponse:
        given = request.POST
        text = given.get("text", "")[:LONGEST_TEXT].replace("\x00", "")
        point = _point(given)
        chosen = given.get("place", "")
        path = chosen if chosen.isascii() and chosen.isdigit() and len(chosen) <= 30 else ""
        where = grid_at(*point) if point is not None else None
        category = category_by_code(given.get("category", "")[:80])
        likes = like_text(
            text,
            now=self.now,
            point=point,
            place_path=where.path if where is not None else path,
            category_id=category.pk if category is not None else None,
            limit=20,
        )
        found = [one for one in proposals(likes, self.person, text) if one["joinable"]]
        response = render(request, "workbench/similar_enter.html", {"found": found, **folded(found)})
        response["Cache-Control"] = "private, no-store"
        return response


def _point(given: QueryDict) -> tuple[float, float] | None:
    try:
        point = float(given.get("lon", "")), float(given.get("lat", ""))
    except ValueError:
        return None
    return point if on_earth(*point) else None


def joined_number(number: str, person: Any) -> str:
    """The number that a desk's form joins, if the person may see that case; else nothing."""
    return next(iter(Case.objects.visible_to(person).filter(number=number).values_list("number", flat=True)), "")
