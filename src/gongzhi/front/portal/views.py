"""The residents' pages."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.core.cache import cache
from django.db.models import Count, Q
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from gongzhi.act.tasks.models import State as TaskState
from gongzhi.act.tasks.models import TaskPhoto
from gongzhi.front.limits import count_question, count_report
from gongzhi.front.portal.forms import AnswerForm, LetterForm, NeighbourlyForm, ReportForm, SatisfiedForm
from gongzhi.front.portal.neighbours import Neighbourly, case_for, neighbourly, number_for
from gongzhi.front.portal.points import places_with_points
from gongzhi.front.portal.telling import kept, next_step
from gongzhi.front.standing import served
from gongzhi.front.story import Matter, Step, photos_of, read_matter, resident_story, with_replies
from gongzhi.ground.access.guard import Guarded
from gongzhi.ground.places.actions import grid_at, map_layer, nearest_grid
from gongzhi.ground.places.paths import below
from gongzhi.ground.privacy.actions import lookups_about
from gongzhi.ground.privacy.declarations import every_personal
from gongzhi.ground.refusals import Refusal
from gongzhi.sense.channels.actions import Draft, receive_message
from gongzhi.sense.channels.follow import message_of, token_of
from gongzhi.sense.channels.models import LONGEST_TEXT, Message, Photo
from gongzhi.understand.cases import actions as cases
from gongzhi.understand.cases import contact, rulings
from gongzhi.understand.cases.merging import join_case
from gongzhi.understand.cases.models import OPEN, Case, Voice
from gongzhi.understand.cases.models import State as CaseState
from gongzhi.understand.cases.tree import as_json, category_by_id, lineage
from gongzhi.understand.cases.voices import JOINABLE
from gongzhi.understand.suggestions.urgency import Alarm, alarms, for_the_form
from gongzhi.understand.themes.models import Theme
from gongzhi.verify.checks import actions as checks
from gongzhi.verify.checks.models import Answer as CheckAnswer
from gongzhi.verify.checks.models import State as CheckState
from gongzhi.verify.notices import actions as notices
from gongzhi.verify.notices.models import WRITTEN_TO, Stop

BASE_LAYER = "gongzhi/map/base-qinghuayuan.geojson"


class Home(Guarded):
    verb = Guarded.PUBLIC

    def get(self, request: HttpRequest) -> HttpResponse:
        context = {"results": results(self.now), "feeds": served(self.now), "points": places_with_points(self.now)}
        return render(request, "portal/home.html", context)


class Report(Guarded):
    """The report form: three parts on one page; scripts show them one after the other."""

    verb = Guarded.PUBLIC

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.show(request, ReportForm(now=self.now))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = ReportForm(request.POST, request.FILES, now=self.now)
        if not form.is_valid():
            return self.show(request, form, status=422)
        if form.asks_first:
            return self.show(request, form, status=422)
        data = form.cleaned_data
        try:
            count_report(request, self.now)
            message = receive_message(
                Draft(
                    text=data["text"],
                    category=data["category"],
                    place=data["place"],
                    point=form.point,
                    address=data["address"],
                    name=data["name"],
                    phone=data["phone"],
                    email=data.get("email", ""),
                    answer_by=data["answer_by"],
                    language=get_language() or "",
                    answers=form.answers,
                    idempotency_key=data["key"],
                    photos=data["photos"],
                    joins=number_for(data["joins"]) if data["joins"] else "",
                ),
                by=None,
                now=self.now,
            )
        except Refusal as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal.reason))
            return self.show(request, form, status=refusal.status)
        received = reverse("portal:received", kwargs={"token": token_of(message)})
        # Who has seen what neighbours reported need not be asked again.
        return redirect(f"{received}?seen=1" if data["joins"] else received)

    def show(self, request: HttpRequest, form: ReportForm, status: int = 200) -> HttpResponse:
        context = {
            "form": form,
            "step_words": [_("What"), _("Where"), _("How to reach you")],
            "base_url": static(BASE_LAYER),
            "grids_url": reverse("portal:grids"),
            "find_url": reverse("portal:where"),
            "danger_url": reverse("portal:danger"),
            "alarms": dangers(str(form.data.get("text", ""))) if form.is_bound else [],
        }
        return render(request, "portal/report.html", context, status=status)


def dangers(text: str) -> list[Alarm]:
    """What in a text speaks of danger to life: then the page says first whom to call."""
    return [alarm for alarm in alarms(text[:LONGEST_TEXT]) if alarm.rule.urgency == Case.Urgency.DANGER]


class Danger(Guarded):
    """The words of danger as JSON: the form looks for them itself, while somebody writes."""

    verb = Guarded.PUBLIC

    def get(self, request: HttpRequest) -> HttpResponse:
        response = HttpResponse(for_the_form(get_language() or ""), content_type="application/json; charset=utf-8")
        patch_cache_control(response, public=True, max_age=3600)
        patch_vary_headers(response, ["Accept-Language", "Cookie"])
        return response


class Neighbours(Guarded):
    """What neighbours have reported that may be the same: a piece of the form, asked for while somebody writes.

    Sent, and not named in the address, because what somebody is writing belongs into no log.
    """

    verb = Guarded.PUBLIC

    def get(self, request: HttpRequest) -> HttpResponse:
        return redirect("portal:report")

    def post(self, request: HttpRequest) -> HttpResponse:
        count_question(request, self.now, what="neighbours")
        form = NeighbourlyForm(request.POST, now=self.now)
        found = []
        if form.is_valid():
            data = form.cleaned_data
            found = neighbourly(
                data["text"], now=self.now, point=form.point, place=data["place"], category=data["category"]
            )
        response = render(request, "portal/neighbours.html", {"neighbours": found})
        response["Cache-Control"] = "private, no-store"
        return response


class ByLink(Guarded):
    """A page that a secret link opens. A wrong link is a page that is not there."""

    verb = Guarded.PUBLIC
    message: Message

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        message = message_of(kwargs.pop("token"))
        if message is None:
            raise Http404
        self.message = message
        response = super().dispatch(request, *args, **kwargs)
        # The address is the key: it stays out of caches, search engines and other sites' logs. (Not "no-referrer":
        # browsers then send our own forms without an origin, and the guard against forgery refuses them.)
        patch_cache_control(response, private=True, no_store=True)
        response["X-Robots-Tag"] = "noindex, nofollow"
        response["Referrer-Policy"] = "same-origin"
        return response

    @property
    def token(self) -> str:
        return token_of(self.message)

    def back(self) -> HttpResponse:
        return redirect("portal:follow", token=self.token)


class Received(ByLink):
    """The acknowledgement. What it says is already committed."""

    def get(self, request: HttpRequest) -> HttpResponse:
        link = request.build_absolute_uri(reverse("portal:follow", kwargs={"token": self.token}))
        own = next(iter(Case.objects.filter(voices__message=self.message)), None)
        joined = own is not None and own.number != self.message.number
        context = {
            "message": self.message,
            "link": link,
            "token": self.token,
            "others": own.voice_count - 1 if own is not None and joined else 0,
            "alarms": dangers(self.message.text),
            "neighbours": self.neighbours(own) if "seen" not in request.GET and not joined else [],
        }
        return render(request, "portal/received.html", context)

    def neighbours(self, own: Case | None) -> list[Neighbourly]:
        """For whom the form could not ask while they wrote: one step more, after everything is kept."""
        message = self.message
        if self.message.joins or (own is not None and (own.state not in JOINABLE or own.voice_count > 1)):
            return []
        return neighbourly(
            message.text,
            now=self.now,
            point=(message.lon, message.lat) if message.lon is not None and message.lat is not None else None,
            place=message.place,
            category=message.category,
            but=(own.pk,) if own is not None else (),
        )


class Join(ByLink):
    """ "That is mine too", said after sending."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return redirect("portal:received", token=self.token)

    def post(self, request: HttpRequest) -> HttpResponse:
        case_id = case_for(request.POST.get("joins", ""))
        if case_id is None:
            return redirect(reverse("portal:received", kwargs={"token": self.token}) + "?seen=1")
        join_case(message=self.message, target_id=case_id, now=self.now)
        return self.back()


class Follow(ByLink):
    """The story of one report, what comes next, and the question whether it helped."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.show(request, AnswerForm())

    def show(
        self,
        request: HttpRequest,
        form: AnswerForm,
        status: int = 200,
        satisfied: SatisfiedForm | None = None,
        letter: LetterForm | None = None,
    ) -> HttpResponse:
        # A message speaks about one case, so there is nothing to sort.
        voices = Voice.objects.filter(message=self.message).select_related("case__lead_place", "first_case")
        voice = next(iter(voices), None)
        case = voice.case if voice is not None else None
        matter = read_matter(case, names=False, voice=voice) if case is not None else None
        stays = voice is not None and voice.withdrawn_at is None
        own = list(Photo.objects.filter(message=self.message)) if matter is None else matter.photos
        context = {
            "message": self.message,
            "token": self.token,
            "case": case,
            "matter": matter,
            "next": next_step(matter, self.now, self.message.pk),
            "story": self.story(matter),
            "photos": photos_of([self.message], own),
            "waiting_photos": sum(1 for photo in own if photo.state == Photo.State.RECEIVED),
            "form": form,
            "satisfied_form": satisfied or SatisfiedForm(),
            "may_answer": self.may_answer(matter),
            "answered": self.own_answer(matter),
            "may_withdraw": stays and case is not None and case.is_open,
            "may_reopen": stays and case is not None and case.state == CaseState.CLOSED,
            "others": case.voice_count - 1 if stays and case is not None else 0,
            "lookups": lookups_about("channels.Message", self.message.pk),
            "answered_themes": list(Theme.objects.answered().about(case.pk)) if case is not None else [],
            **self.messages_sent(),
            "letter": letter or LetterForm(),
            "may_write": stays and case is not None and case.is_open,
            "may_object": stays and case is not None and case.state == CaseState.REFERRED,
        }
        return render(request, "portal/follow.html", context, status=status)

    def messages_sent(self) -> dict[str, Any]:
        """Whether this reporter is written to, and whether they have said that it is enough."""
        if self.message.answer_by not in WRITTEN_TO:
            return {}
        return {"written_to": True, "stopped": Stop.objects.filter(message=self.message).exists()}

    def story(self, matter: Matter | None) -> list[Step]:
        if matter is None:
            return [Step(self.message.received_at, _("We have received your report"), "inbox")]
        # The message is one of the voices: others' words are never shown here.
        return with_replies(resident_story(matter, self.message.pk), matter.case, self.message.pk)

    def may_answer(self, matter: Matter | None) -> bool:
        check = matter.check if matter is not None else None
        return (
            check is not None
            and matter is not None
            and (matter.voice is None or matter.voice.withdrawn_at is None)
            and check.state in (CheckState.ASKED, CheckState.AT_DESK)
            and self.own_answer(matter) is None
            and (self.message.entered_by_id is None or self.message.entered_by_id != check.worker_id)
        )

    def own_answer(self, matter: Matter | None) -> CheckAnswer | None:
        """What this reporter has answered in the newest check."""
        check = matter.check if matter is not None else None
        return matter.answer_of(check, self.message.pk) if matter is not None and check is not None else None


class Answer(Follow):
    verb = Guarded.PUBLIC

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.back()

    def post(self, request: HttpRequest) -> HttpResponse:
        form = AnswerForm(request.POST)
        if not form.is_valid():
            return self.show(request, form, status=422)
        try:
            checks.answer_by_link(
                message=self.message,
                helped=form.cleaned_data["helped"] == "yes",
                satisfied=form.cleaned_data["satisfied"],
                words=form.cleaned_data["words"],
                now=self.now,
            )
        except Refusal as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal.reason))
            return self.show(request, form, status=refusal.status)
        return self.back()


class Write(Follow):
    """The reporter adds something, or objects to a referral."""

    verb = Guarded.PUBLIC

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.back()

    def post(self, request: HttpRequest) -> HttpResponse:
        form = LetterForm(request.POST)
        if not form.is_valid():
            return self.show(request, AnswerForm(), status=422, letter=form)
        try:
            self.keep(form.cleaned_data["text"])
        except Refusal as refusal:
            form.add_error(None if refusal.field not in ("text", "words") else "text", str(refusal.reason))
            return self.show(request, AnswerForm(), status=refusal.status, letter=form)
        return self.back()

    def keep(self, text: str) -> None:
        contact.write_back(message=self.message, text=text, now=self.now)


class ObjectTo(Write):
    def keep(self, text: str) -> None:
        rulings.object_to_referral(message=self.message, words=text, now=self.now)


class SayHowSatisfied(Follow):
    """The second question, answered after the first."""

    verb = Guarded.PUBLIC

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.back()

    def post(self, request: HttpRequest) -> HttpResponse:
        form = SatisfiedForm(request.POST)
        if not form.is_valid():
            return self.show(request, AnswerForm(), status=422, satisfied=form)
        try:
            checks.say_how_satisfied(message=self.message, satisfied=form.cleaned_data["satisfied"], now=self.now)
        except Refusal as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal.reason))
            return self.show(request, AnswerForm(), status=refusal.status, satisfied=form)
        return self.back()


class NoMessages(ByLink):
    """The reporter wants no more text messages or e-mails about this report."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.back()

    def post(self, request: HttpRequest) -> HttpResponse:
        notices.stop_notices(message=self.message, now=self.now)
        return self.back()


class Withdraw(ByLink):
    def get(self, request: HttpRequest) -> HttpResponse:
        return render(request, "portal/withdraw.html", {"message": self.message, "token": self.token})

    def post(self, request: HttpRequest) -> HttpResponse:
        cases.withdraw_case(message=self.message, now=self.now)
        return self.back()


class Reopen(ByLink):
    def get(self, request: HttpRequest) -> HttpResponse:
        return self.back()

    def post(self, request: HttpRequest) -> HttpResponse:
        cases.reopen_by_reporter(message=self.message, now=self.now)
        return self.back()


class PhotoByLink(ByLink):
    """A clean copy of a photo of this message, or of the work done for it."""

    def get(self, request: HttpRequest, uid: str, size: str) -> HttpResponseBase:
        found: Photo | TaskPhoto | None = Photo.objects.filter(
            message=self.message, uid=uid, state=Photo.State.READY
        ).first()
        if found is None:
            found = TaskPhoto.objects.filter(
                task__case__voices__message=self.message, task__state=TaskState.DONE, uid=uid
            ).first()
        if found is None:
            raise Http404
        copy = {"large": found.large, "small": found.small}.get(size)
        try:
            if not copy:  # another size, or erased when its time was over
                raise Http404
            return FileResponse(copy.open("rb"), content_type="image/webp")
        except FileNotFoundError:
            raise Http404 from None


def results(now: datetime) -> dict[str, Any]:
    """What came in and what was settled in the last 30 days, by top category. Kept for some minutes."""
    tops = served(now)
    if not tops:
        return {}
    key = f"portal:results:{','.join(place.path for place in tops)}:{get_language()}"
    known: dict[str, Any] | None = cache.get(key)
    if known is None:
        since = now - timedelta(days=30)
        scope = Q(pk__in=[])
        for top in tops:
            scope |= below(top.path, "place_path")
        everywhere = Case.objects.filter(scope).exclude(channel="import")
        counted = everywhere.values("category_id").annotate(
            received=Count("pk", filter=Q(opened_at__gte=since)),
            closed=Count("pk", filter=Q(closed_at__gte=since, state=CaseState.CLOSED)),
            open=Count("pk", filter=Q(state__in=OPEN)),
        )
        groups: dict[str, dict[str, Any]] = {}
        total = {"received": 0, "closed": 0, "open": 0}
        for row in counted:
            node = category_by_id(row["category_id"])
            group_of = lineage(node)[-1] if node is not None else None
            name = group_of.name if group_of is not None else _("Not sorted yet")
            group = groups.setdefault(name, {"name": name, "received": 0, "closed": 0, "open": 0})
            counts = {"received": row["received"], "closed": row["closed"], "open": row["open"]}
            for number, count in counts.items():
                group[number] += count
                total[number] += count
        spans = sorted(
            (closed - opened).total_seconds() / 86400
            for opened, closed in everywhere.filter(state=CaseState.CLOSED, closed_at__gte=since).values_list(
                "opened_at", "closed_at"
            )
            if closed is not None
        )
        known = {
            "total": total,
            "median_days": round(spans[len(spans) // 2], 1) if spans else None,
            "groups": sorted(
                (group for group in groups.values() if group["received"] or group["closed"] or group["open"]),
                key=lambda group: -group["received"],
            ),
            "place": _(", ").join(place.name for place in tops),
        }
        cache.set(key, known, timeout=300)
    return known


class Progress(Guarded):
    """What is being done: sums only, never a single matter."""

    verb = Guarded.PUBLIC

    def get(self, request: HttpRequest) -> HttpResponse:
        return render(request, "portal/progress.html", {"results": results(self.now), "feeds": served(self.now)})


class How(Guarded):
    verb = Guarded.PUBLIC

    def get(self, request: HttpRequest) -> HttpResponse:
        return render(request, "portal/how.html")


class Privacy(Guarded):
    """What is kept about a reporter, why and for how long: from the declarations themselves."""

    verb = Guarded.PUBLIC

    def get(self, request: HttpRequest) -> HttpResponse:
        told = [
            one
            for one in every_personal()
            if one.model.split(".")[0] in {"channels", "cases", "tasks", "checks"} and one.data_class != "internal"
        ]
        return render(request, "portal/privacy.html", {"declared": kept(told, timezone.localdate(self.now))})


class Categories(Guarded):
    """The public category tree as JSON, with an ETag."""

    verb = Guarded.PUBLIC

    def get(self, request: HttpRequest) -> HttpResponse:
        body, tag = as_json(get_language() or "", timezone.localdate(self.now))
        if request.headers.get("If-None-Match") == tag:
            response = HttpResponse(status=304)
        else:
            response = HttpResponse(body, content_type="application/json; charset=utf-8")
        response["ETag"] = tag
        response["Cache-Control"] = "public, max-age=60"
        return response


class Where(Guarded):
    """Which grid lies at a point, for the form's map."""

    verb = Guarded.PUBLIC

    def get(self, request: HttpRequest) -> JsonResponse:
        try:
            lon, lat = float(request.GET["lon"]), float(request.GET["lat"])
        except (KeyError, ValueError):
            return JsonResponse({"error": _("This point is not on the map.")}, status=400)
        if not (-180 <= lon <= 180 and -90 <= lat <= 90):
            return JsonResponse({"error": _("This point is not on the map.")}, status=400)
        grid = grid_at(lon, lat)
        if grid is not None:
            community = grid.parent.name if grid.parent is not None else ""
            return JsonResponse({"inside": True, "name": f"{community} · {grid.name}" if community else grid.name})
        near = nearest_grid(lon, lat)
        return JsonResponse({"inside": False, "name": near[0].name if near is not None else ""})


class Grids(Guarded):
    """The grid boundaries (they are posted publicly anyway), for the form's map."""

    verb = Guarded.PUBLIC

    def get(self, request: HttpRequest) -> HttpResponse:
        response = JsonResponse(map_layer([place.path for place in served(self.now)]))
        response["Cache-Control"] = "public, max-age=300"
        return response
