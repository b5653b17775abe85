"""GeoReport v2. Reading is for everybody and shows what everybody may know; handing in needs an api_key."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from datetime import date
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.core.validators import validate_email
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.http.multipartparser import MultiPartParserError
from django.urls import reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from gongzhi.front.limits import count_question, count_token
from gongzhi.front.open311 import reading
from gongzhi.front.open311.reading import wrong
from gongzhi.front.open311.writing import answer, errors
from gongzhi.front.public import is_private
from gongzhi.ground.access.actions import holding
from gongzhi.ground.access.guard import Guarded
from gongzhi.ground.access.models import Token
from gongzhi.ground.access.reach import posts_with
from gongzhi.ground.access.tokens import bearer_of, once
from gongzhi.ground.places.actions import grid_at
from gongzhi.ground.places.models import Place
from gongzhi.ground.refusals import Refusal
from gongzhi.sense.channels.actions import Draft, receive_message
from gongzhi.sense.channels.follow import token_of
from gongzhi.sense.channels.models import LONGEST_TEXT, AnswerBy, Channel, Message
from gongzhi.understand.cases.models import Category, Question
from gongzhi.understand.cases.questions import check_answers
from gongzhi.understand.cases.tree import category_by_code, leaves, questions_of

CHANGED: Final = "2026-11-22T00:00:00+08:00"  # when this interface last changed
VERB: Final = "cases.enter"
_DATATYPES: Final = {
    Question.Kind.TEXT: "string",
    Question.Kind.NUMBER: "number",
    Question.Kind.DAY: "datetime",
    Question.Kind.ONE: "singlevaluelist",
    Question.Kind.SOME: "multivaluelist",
}


@method_decorator(csrf_exempt, name="dispatch")
class GeoReport(Guarded):
    """What all addresses share: the form of the answer, the count of questions, and how they say no."""

    verb = Guarded.PUBLIC
    form = "xml"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.form = kwargs.pop("form")
        try:
            if request.method in ("GET", "HEAD"):
                count_question(request, self.now, what="open311")
            given = request.GET.get("jurisdiction_id", "").strip()
            if given and settings.GONGZHI_JURISDICTION and given != settings.GONGZHI_JURISDICTION:
                raise wrong(_("There is no such jurisdiction_id here."), 404)
        except Refusal as refusal:
            return self.refused(request, refusal)
        return super().dispatch(request, *args, **kwargs)

    def refused(self, request: HttpRequest, refusal: Refusal) -> HttpResponse:
        # The standard knows 403 and 404; "everything else" is 400. Too many requests have a status of their own.
        status = refusal.status if refusal.status in (403, 404, 429) else 400
        return errors(str(refusal.reason) or _("There is nothing at this address."), status, self.form)

    @property
    def on(self) -> date:
        return timezone.localdate(self.now)


class Discovery(GeoReport):
    def get(self, request: HttpRequest) -> HttpResponse:
        base = request.build_absolute_uri("/open311/v2")
        found = {
            "changeset": CHANGED,
            "contact": _("%(name)s, telephone %(telephone)s")
            % {"name": settings.GONGZHI_NAME or "Gongzhi", "telephone": settings.GONGZHI_TELEPHONE},
            "key_service": _("The office that runs this system gives a key to systems that hand in demands."),
            "endpoints": [
                {
                    "specification": "http://wiki.open311.org/GeoReport_v2",
                    "url": base,
                    "changeset": CHANGED,
                    "type": "test" if settings.DEMO else "production",
                    "formats": ["text/xml", "application/json"],
                }
            ],
        }
        return answer("discovery", found, self.form)


def offered(on: date) -> list[tuple[Category, Category]]:
    """(group, category) of everything that can be asked for by another system."""
    found = []
    for top, below in leaves(on, public=True):
        parents = {node.parent_id for node in below}
        ends = [node for node in below if node.pk not in parents] or [top]
        found += [(top, node) for node in ends if not is_private(node)]
    return found


class Services(GeoReport):
    def get(self, request: HttpRequest) -> HttpResponse:
        services = [
            {
                "service_code": node.code,
                "service_name": node.name,
                "description": node.hint or node.name,
                "metadata": bool(questions_of(node, self.on)),
                "type": "realtime",
                "keywords": ", ".join(str(word) for word in node.keywords[:20]),
                "group": top.name,
            }
            for top, node in offered(self.on)
        ]
        return answer("services", services, self.form)


class ServiceDefinition(GeoReport):
    def get(self, request: HttpRequest, code: str) -> HttpResponse:
        node = service(code, self.on)
        attributes = [
            {
                "variable": True,
                "code": question.code,
                "datatype": _DATATYPES[Question.Kind(question.kind)],
                "required": question.required,
                "datatype_description": _("A day, like 2026-11-22.") if question.kind == Question.Kind.DAY else "",
                "order": order,
                "description": question.label,
                "values": _values(question),
            }
            for order, question in enumerate(questions_of(node, self.on), start=1)
        ]
        return answer("service_definition", {"service_code": node.code, "attributes": attributes}, self.form)


def _values(question: Question) -> list[dict[str, str]]:
    language = "zh" if (get_language() or "zh").startswith("zh") else "en"
    return [{"key": one["key"], "name": one.get(language) or one["key"]} for one in question.choices]


def service(code: str, on: date) -> Category:
    node = category_by_code(code.strip())
    if node is None or not node.is_in_force(on) or is_private(node) or not node.in_public_form:
        raise wrong(_("There is no service with the code “%(code)s”.") % {"code": code[:80]}, 404)
    return node


class Requests(GeoReport):
    """The list, and handing in."""

    def get(self, request: HttpRequest) -> HttpResponse:
        found = reading.find(reading.asked(request.GET.dict(), self.now))
        return self.listed(found)

    def listed(self, found: Sequence[tuple[str, Any]]) -> HttpResponse:
        rows = [reading.shown(number, case) for number, case in found]
        if self.request.GET.get("extensions", "") == "true":
            notes = reading.notes_of(case for _number, case in found)
            for row, (_number, case) in zip(rows, found, strict=True):
                row["notes"] = notes[case.pk]
        return answer("service_requests", rows, self.form)

    def post(self, request: HttpRequest) -> HttpResponse:
        try:
            given, files = request.POST, request.FILES.getlist("media")
        except (MultiPartParserError, RequestDataTooBig, TooManyFieldsSent):
            raise wrong(_("This request could not be read.")) from None
        key = self.key(given.get("api_key", ""))
        jurisdiction = given.get("jurisdiction_id", "").strip()
        if jurisdiction and settings.GONGZHI_JURISDICTION and jurisdiction != settings.GONGZHI_JURISDICTION:
            raise wrong(_("There is no such jurisdiction_id here."), 404)
        if not given.get("service_code", "").strip():
            raise wrong(_("service_code is missing."))
        node = service(given["service_code"], self.on)
        draft = self.draft(
            node, {name: value.strip() for name, value in given.items() if isinstance(value, str)}, files
        )
        message = self.take_in(draft, key)
        link = request.build_absolute_uri(reverse("portal:follow", kwargs={"token": token_of(message)}))
        notice = _("The reporter follows the matter and answers here: %(link)s") % {"link": link}
        made = {
            "service_request_id": message.number,
            "service_notice": notice,
            "account_id": given.get("account_id", "")[:80] or None,
        }
        return answer("service_requests", [made], self.form)

    def key(self, secret: str) -> Token:
        key = bearer_of(secret.strip(), now=self.now)
        if key is None or VERB not in key.verbs or not posts_with(key.user, VERB, self.on):
            count_question(self.request, self.now, what="open311/wrong")
            raise wrong(_("The api_key is missing or not valid."), 403)
        count_token(key.pk, self.now)
        return key

    def draft(self, node: Category, given: dict[str, str], files: Sequence[UploadedFile[bytes]]) -> Draft:
        point, place, address = self.where(given)
        text = given.get("description", "").replace("\x00", "") or node.name
        link = given.get("media_url", "")
        if link:
            # Kept as words: this house never fetches an address that somebody names.
            if not re.fullmatch(r"https?://[^\s\x00]{1,480}", link):
                raise wrong(_("media_url is not an address that begins with http:// or https://."))
            text = f"{text}\n\n{_('Picture or film: %(link)s') % {'link': link}}"
        if len(text) > LONGEST_TEXT:
            raise wrong(_("description has at most %(most)d characters.") % {"most": LONGEST_TEXT})
        email = given.get("email", "").replace("\x00", "")
        if email:
            try:
                validate_email(email)
            except ValidationError:
                raise wrong(_("email is not an e-mail address.")) from None
        phone = given.get("phone", "").replace("\x00", "")[:30]
        name = " ".join(given[part] for part in ("first_name", "last_name") if given.get(part)).replace("\x00", "")
        return Draft(
            text=text,
            channel=Channel.SYSTEM,
            category=node.code,
            place=place,
            point=point,
            address=address.replace("\x00", ""),
            name=name,
            phone=phone,
            email=email,
            answers=check_answers(node, self.answers(), self.on),
            answer_by=AnswerBy.EMAIL if email else AnswerBy.LINK,
            language=get_language() or "",
            photos=files,
        )

    def where(self, given: dict[str, str]) -> tuple[tuple[float, float] | None, Place | None, str]:
        lat, long = given.get("lat", ""), given.get("long", "")
        point = None
        if lat or long:
            try:
                point = (float(long), float(lat))
            except ValueError:
                raise wrong(_("lat and long are two numbers and belong together.")) from None
            if not (-180 <= point[0] <= 180 and -90 <= point[1] <= 90):
                raise wrong(_("This point is not on the map."))
        place = None
        if given.get("address_id"):
            path = given["address_id"] if re.fullmatch(r"[0-9]{2,30}", given["address_id"]) else ""
            place = Place.objects.current().filter(path=path).first() if path else None
            if place is None:
                place = Place.objects.current().filter(code=path).first() if path else None
            if place is None:
                raise wrong(_("There is no place with this address_id."))
        address = given.get("address_string", "")[:200]
        if point is None and place is None and not address:
            raise wrong(_("Say where: lat and long, address_string or address_id."))
        return point, place, address

    def answers(self) -> dict[str, Any]:
        """``attribute[CODE]=v`` and ``attribute[CODE][]=v``."""
        found: dict[str, Any] = {}
        for name in self.request.POST:
            match = re.fullmatch(r"attribute\[([^\[\]]{1,40})\](\[\])?", name)
            if match is None:
                continue
            values = [one for one in self.request.POST.getlist(name) if one.strip()]
            question = match[1]
            if values:
                found[question] = values if match[2] or len(values) > 1 else _day(values[0])
        return found

    def take_in(self, draft: Draft, key: Token) -> Message:
        person = key.user

        def do() -> int:
            where = (grid_at(*draft.point) if draft.point is not None else None) or draft.place
            near = holding(person, VERB, where.path, self.now) if where is not None else None
            post = near or posts_with(person, VERB)[0]
            return receive_message(draft, by=person, post=post, now=self.now).pk

        word = self.request.headers.get("Idempotency-Key", "").strip()
        if not word:
            return Message.objects.get(pk=do())
        told = sorted((name, values) for name, values in self.request.POST.lists() if name != "api_key")
        asked = f"POST open311 {hashlib.sha256(repr(told).encode()).hexdigest()}"
        return Message.objects.get(pk=once(key, word[:200], asked, do, now=self.now)[0])


def _day(value: str) -> str:
    """GeoReport's days are moments; our questions ask for the day."""
    match = re.fullmatch(r"(\d{4}-\d{2}-\d{2})T[0-9:.]+(Z|[+ -]\d{2}:?\d{2})?", value.strip())
    return match[1] if match else value


class OneRequest(Requests):
    def get(self, request: HttpRequest, number: str) -> HttpResponse:  # type: ignore[override]
        found = reading.by_ids([number])
        if not found and (row := reading.waiting(number[:14])) is not None:
            return answer("service_requests", [row], self.form)
        if not found:
            raise wrong(_("There is no request with this service_request_id."), 404)
        return self.listed(found)

    http_method_names = ["get", "head", "options"]


class Tokens(GeoReport):
    """We answer with the number at once, so a token is the number."""

    def get(self, request: HttpRequest, number: str) -> HttpResponse:
        clean = number if re.fullmatch(r"[0-9A-Za-z-]{1,14}", number) else ""
        if not clean or not Message.objects.filter(number=clean, channel=Channel.SYSTEM).exists():
            raise wrong(_("There is no such token."), 404)
        return answer("service_requests", [{"service_request_id": clean, "token": clean}], self.form)


class Updates(GeoReport):
    def get(self, request: HttpRequest) -> HttpResponse:
        return answer("service_requests_updates", reading.updates(request.GET.dict(), self.now), self.form)
