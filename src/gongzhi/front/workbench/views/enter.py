"""Entering a report for a caller, a visitor, or from one's own round."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone

from gongzhi.front.standing import desk_path
from gongzhi.front.workbench.filters import place_choices
from gongzhi.front.workbench.forms.enter import EnterForm
from gongzhi.front.workbench.suggested import Suggested, of_reading
from gongzhi.front.workbench.views.today import address
from gongzhi.front.workbench.views.voices import joined_number
from gongzhi.ground.access.actions import holding
from gongzhi.ground.access.guard import Guarded
from gongzhi.ground.access.models import Post
from gongzhi.ground.access.reach import posts_with
from gongzhi.ground.places.actions import grid_at
from gongzhi.ground.places.models import Place
from gongzhi.ground.places.paths import is_path
from gongzhi.ground.refusals import Refusal
from gongzhi.sense.channels.actions import Draft, receive_message
from gongzhi.sense.channels.follow import token_of
from gongzhi.sense.channels.models import LONGEST_TEXT, Message
from gongzhi.understand.cases.models import Case
from gongzhi.understand.suggestions.reading import read_text

BASE_LAYER = "gongzhi/map/base-qinghuayuan.geojson"


class Enter(Guarded):
    """The public form in the hands of staff: who entered it, and in which post, stands in the record."""

    verb = "cases.enter"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.draw(self.form())

    def form(self, *given: Any) -> EnterForm:
        places = place_choices(self.person, "cases.enter")
        # Somebody with one place need not choose it.
        initial = {"place": places[0][0]} if len(places) == 1 else {}
        return EnterForm(*given, on=timezone.localdate(self.now), places=places, initial=initial)

    def post(self, request: HttpRequest) -> HttpResponse:
        if "suggest" in request.POST or "as" in request.POST:
            return self.read_on(request)
        form = self.form(request.POST, request.FILES)
        if not form.is_valid():
            return self.draw(form, 422)
        if form.asks_first:
            return self.draw(form, 422)
        data = form.cleaned_data
        try:
            place = Place.objects.filter(path=data["place"]).first() if data["place"] else None
            message = receive_message(
                Draft(
                    text=data["text"],
                    channel=data["channel"],
                    category=data["category"],
                    place=place,
                    point=form.point,
                    address=data["address"],
                    name=data["name"],
                    phone=data["phone"],
                    email=data.get("email", ""),
                    answer_by=data["answer_by"],
                    answers=form.answers,
                    idempotency_key=data["key"],
                    photos=data["photos"],
                    joins=joined_number(data["joins"], self.person) if data["joins"] else "",
                ),
                by=self.person,
                post=self.acting_post(place, form.point),
                now=self.now,
            )
        except Refusal as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal.reason))
            return self.draw(form, refusal.status)
        response = redirect("workbench:entered", number=message.number)
        response.status_code = 303
        return response

    def read_on(self, request: HttpRequest) -> HttpResponse:
        """What does the text say? The form again, as it was filled in, with a suggestion; nothing is taken in yet."""
        form = self.form()
        given = {name: request.POST[name] for name in form.fields if name in request.POST}
        form.initial = {**form.initial, **given}
        suggested = suggested_for(request.POST, self.now)
        chosen = request.POST.get("as", "")
        if not chosen and not request.POST.get("category") and suggested.first is not None:
            chosen = suggested.first.category.code
        if any(choice.category.code == chosen for choice in suggested.choices):
            form.initial["category"] = chosen
        return self.draw(form, suggested=suggested)

    def acting_post(self, place: Place | None, point: tuple[float, float] | None) -> Post:
        """The post over the place of the matter. A caller's matter may lie elsewhere; then any post that may enter."""
        where = (grid_at(*point) if point is not None else None) or place
        near = holding(self.person, "cases.enter", where.path, self.now) if where is not None else None
        return near or posts_with(self.person, "cases.enter")[0]

    def draw(self, form: EnterForm, status: int = 200, suggested: Suggested | None = None) -> HttpResponse:
        if suggested is None and form.is_bound:
            suggested = suggested_for(self.request.POST, self.now)
        context = {
            "form": form,
            "suggested": suggested,
            "suggest_url": reverse("workbench:enter_suggest"),
            "base_url": static(BASE_LAYER),
            "grids_url": reverse("portal:grids"),
            "find_url": reverse("portal:where"),
            "import_url": address("workbench:imports") if posts_with(self.person, "channels.import") else "",
        }
        return render(self.request, "workbench/enter.html", context, status=status)


def suggested_for(given: QueryDict, now: datetime) -> Suggested:
    """What a text that is being written seems to say. It is read and forgotten."""
    text, place = given.get("text", "")[:LONGEST_TEXT], given.get("place", "")
    if not text.strip():
        return Suggested()
    path = place if is_path(place) else desk_path(now)
    return of_reading(read_text(text.replace("\x00", ""), path, now), text.replace("\x00", ""), timezone.localdate(now))


class EnterSuggest(Guarded):
    """The suggestion for a text that is being written: the piece that the form asks for."""

    verb = "cases.enter"

    def get(self, request: HttpRequest) -> HttpResponse:
        return redirect("workbench:enter")

    def post(self, request: HttpRequest) -> HttpResponse:
        suggested = suggested_for(request.POST, self.now)
        if not suggested:
            return HttpResponse("")
        response = render(request, "workbench/suggested.html", {"suggested": suggested})
        response["Cache-Control"] = "private, no-store"
        return response


class Entered(Guarded):
    """Number and follow link, to be given to the person. Only who entered it sees them, and only on that day."""

    verb = "cases.enter"

    def get(self, request: HttpRequest, number: str) -> HttpResponse:
        message = Message.objects.filter(number=number, entered_by=self.person).first()
        if message is None or timezone.localdate(message.received_at) != timezone.localdate(self.now):
            raise Http404
        token = token_of(message)
        context = {
            "message": message,
            "link": request.build_absolute_uri(reverse("portal:follow", kwargs={"token": token})),
            "case": Case.objects.visible_to(self.person).filter(voices__message=message).first(),
        }
        response = render(request, "workbench/entered.html", context)
        response["Cache-Control"] = "private, no-store"
        return response
