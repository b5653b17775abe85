"""The door of programs: who asks (a token), how often, and how a refusal is said."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, TypeVar

from django.core.exceptions import BadRequest, RequestDataTooBig
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation
from ninja.security import HttpBearer

from gongzhi.front.api.schemas import Problem
from gongzhi.front.limits import count_question, count_token
from gongzhi.ground.access.models import Token
from gongzhi.ground.access.reach import posts_with
from gongzhi.ground.access.tokens import bearer_of, once
from gongzhi.ground.accounts.models import User
from gongzhi.ground.refusals import NotThere, Refusal

Listed = TypeVar("Listed")
Row = TypeVar("Row", bound=Model)
PROBLEM_TYPE: Final = "application/problem+json"
# Every way in which any operation may say no.
REFUSALS: Final = frozenset({400, 401, 403, 404, 409, 422, 429})


class May(HttpBearer):
    """A token with one of these verbs, of a person with a post that has it. None: any token."""

    def __init__(self, *verbs: str) -> None:
        super().__init__()
        self.verbs = verbs

    def authenticate(self, request: HttpRequest, token: str) -> Token | None:
        now = timezone.now()
        found = bearer_of(token.strip(), now=now)
        if found is None:
            count_question(request, now, what="token/wrong")
            return None
        count_token(found.pk, now)
        # The session that a browser may have sent along counts for nothing here.
        request.user = found.user
        if self.verbs:
            given = [verb for verb in self.verbs if verb in found.verbs]
            if not given:
                raise Refusal(
                    _("This token was not made for that: it needs “%(verb)s”.") % {"verb": self.verbs[0]}, status=403
                )
            if not any(posts_with(found.user, verb, timezone.localdate(now)) for verb in given):
                raise Refusal(_("None of your posts allows this here."), status=403)
        return found


class Door(NinjaAPI):
    """The interface with its description: refusals are problems (RFC 9457), on every operation."""

    def get_openapi_schema(self, **given: Any) -> OpenAPISchema:
        schema = super().get_openapi_schema(**given)
        for operations in schema["paths"].values():
            for operation in operations.values():
                for status, answer in operation["responses"].items():
                    if int(status) >= 400 and "application/json" in answer.get("content", {}):
                        answer["content"] = {PROBLEM_TYPE: answer["content"]["application/json"]}
                        answer["description"] = _SAID[int(status)]
        return schema

    def get_openapi_operation_id(self, operation: Operation) -> str:
        return str(operation.view_func.__name__)


_SAID: Final = {
    400: "The request could not be read.",
    401: "No token, or one that opens nothing (any more).",
    403: "Neither the token nor a post of its person allows this.",
    404: "Not there, or not for you: the two look the same.",
    409: "Not possible in the present state, or somebody else was quicker (`version`).",
    422: "Something in the request is not as it must be; `field` names it.",
    429: "Too many requests within a minute.",
}

api = Door(
    title="Gongzhi",
    version="1",
    description=(
        "The actions of the workbench for programs. A program sends a person's access token (made on the page “Access "
        "tokens”) as `Authorization: Bearer …` and can do at most what the token and the person's posts allow. "
        "Refusals are problems in the language of `Accept-Language`."
    ),
    urls_namespace="api",
    docs_url="/docs",
)


def problem(status: int, detail: str, field: str | None = None) -> HttpResponse:
    body = Problem(title=_SAID.get(status, ""), status=status, detail=detail, field=field)
    response = HttpResponse(body.model_dump_json(), content_type=PROBLEM_TYPE, status=status)
    response["Cache-Control"] = "no-store"
    if status == 401:
        response["WWW-Authenticate"] = "Bearer"
    if status == 429:
        response["Retry-After"] = "60"
    return response


@api.exception_handler(Refusal)
def _refused(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    return problem(refusal.status, str(refusal.reason) or _SAID.get(refusal.status, ""), refusal.field)


@api.exception_handler(Http404)
def _not_there(request: HttpRequest, _error: Http404) -> HttpResponse:
    return problem(404, _("There is nothing at this address."))


@api.exception_handler(AuthenticationError)
def _unknown(request: HttpRequest, _error: AuthenticationError) -> HttpResponse:
    return problem(401, _("This needs an access token: Authorization: Bearer …"))


@api.exception_handler(ValidationError)
def _not_valid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    first = error.errors[0] if error.errors else {}
    place = [str(part) for part in first.get("loc", ()) if part not in ("body", "query", "path", "header", "given")]
    return problem(422, str(first.get("msg", "")) or _SAID[422], place[0] if place else None)


@api.exception_handler(HttpError)
def _http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    return problem(error.status_code if error.status_code in REFUSALS else 400, _("This request could not be read."))


@api.exception_handler(BadRequest)
@api.exception_handler(RequestDataTooBig)
@api.exception_handler(UnicodeDecodeError)
def _unreadable(request: HttpRequest, _error: Exception) -> HttpResponse:
    return problem(400, _("This request could not be read."))


def may(verbs: str | tuple[str, ...], answer: Any, *, status: int = 200, **more: Any) -> dict[str, Any]:
    """What every operation says of itself: who may call it (one of the verbs), what it answers, how it refuses."""
    wanted = (verbs,) if isinstance(verbs, str) else verbs
    wanted = tuple(verb for verb in wanted if verb)
    named = " or ".join(f"`{verb}`" for verb in wanted)
    return {
        "auth": May(*wanted),
        "response": {status: answer, REFUSALS: Problem},
        "description": f"Needs the verb {named}." if wanted else "Any token.",
        "openapi_extra": {"x-verbs": list(wanted)},
        **more,
    }


def token_of(request: HttpRequest) -> Token:
    token = getattr(request, "auth", None)
    if not isinstance(token, Token):
        raise NotThere()
    return token


def person_of(request: HttpRequest) -> User:
    return token_of(request).user


def once_per_key(request: HttpRequest, key: str | None, do: Callable[[datetime], int]) -> int:
    """Do it, once for each idempotency key; the id of the row it was done to."""
    now = timezone.now()
    if not key:
        return do(now)
    asked = f"{request.method} {request.path} {hashlib.sha256(request.body).hexdigest()}"
    return once(token_of(request), key, asked, lambda: do(now), now=now)[0]


def act(request: HttpRequest, key: str | None, action: Callable[..., Model], /, **given: Any) -> int:
    """One action of a room, by the person who asks, once for each idempotency key; the id of the row it gives back."""
    person = person_of(request)
    return once_per_key(request, key, lambda now: action(**given, by=person, now=now).pk)


def page_of(
    answer: Callable[..., Listed], rows: QuerySet[Row], shown: Callable[[Row], Any], page: int, size: int
) -> Listed:
    """One page of a list. Whether there is another one is seen from one row more, not from a count."""
    first = (page - 1) * size
    found = list(rows[first : first + size + 1])
    return answer(items=[shown(row) for row in found[:size]], page=page, has_next=len(found) > size)
