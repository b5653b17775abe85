"""Who asks, places and categories: what a program needs before it can say anything."""

from __future__ import annotations

from typing import Annotated

from django.http import HttpRequest
from django.utils import timezone
from ninja import Field, Query

from gongzhi.front.api import schemas
from gongzhi.front.api.door import api, may, page_of, person_of, token_of
from gongzhi.ground.access.reach import reach
from gongzhi.ground.places.models import Place
from gongzhi.ground.places.paths import parent_of
from gongzhi.ground.refusals import NotThere
from gongzhi.understand.cases.models import Category, Question
from gongzhi.understand.cases.tree import category_by_code, category_by_id, tree


@api.get("/me", **may("", schemas.Me), tags=["ground"], summary="Who this token acts for")
def me(request: HttpRequest) -> schemas.Me:
    token = token_of(request)
    return schemas.Me(
        username=token.user.username,
        name=token.user.name,
        token=token.name,
        verbs=token.verbs,
        expires_on=token.expires_on,
    )


@api.get("/places", **may("places.read", schemas.Places), tags=["ground"], summary="Places within reach")
def list_places(
    request: HttpRequest,
    parent: schemas.Digits | None = None,
    level: Annotated[schemas.Text, Field(max_length=10)] = "",
    page: schemas.Page = 1,
    page_size: schemas.PageSize = 50,
) -> schemas.Places:
    found = Place.objects.current().filter(reach(person_of(request), "places.read", field="path")).order_by("path")
    if parent is not None:
        found = found.filter(parent__path=parent)
    if level:
        found = found.filter(level=level)
    return page_of(schemas.Places, found, _place, page, page_size)


@api.get("/places/{path}", **may("places.read", schemas.PlaceOut), tags=["ground"], summary="One place")
def read_place(request: HttpRequest, path: schemas.Digits) -> schemas.PlaceOut:
    place = Place.objects.filter(reach(person_of(request), "places.read", field="path"), path=path).first()
    if place is None:
        raise NotThere()
    return _place(place)


def _place(place: Place) -> schemas.PlaceOut:
    return schemas.PlaceOut(
        path=place.path,
        code=place.code,
        level=place.level,
        name=place.name,
        parent=parent_of(place.path) or None,
        lon=place.lon,
        lat=place.lat,
    )


@api.get("/categories", **may("", list[schemas.CategoryOut]), tags=["ground"], summary="The category tree")
def list_categories(
    request: HttpRequest, retired: Annotated[bool, Query(description="Also those no longer used.")] = False
) -> list[schemas.CategoryOut]:
    on = timezone.localdate()
    nodes = sorted(tree().nodes.values(), key=lambda node: (node.position, node.code))
    return [_category(node) for node in nodes if retired or node.is_in_force(on)]


@api.get(
    "/categories/{code}", **may("", schemas.CategoryWhole), tags=["ground"], summary="One category with its questions"
)
def read_category(request: HttpRequest, code: Annotated[schemas.Text, Field(max_length=80)]) -> schemas.CategoryWhole:
    node = category_by_code(code)
    if node is None:
        raise NotThere()
    questions = Question.objects.filter(category=node, retired_on__isnull=True)
    return schemas.CategoryWhole(
        **_category(node).model_dump(),
        questions=[
            schemas.QuestionOut(
                code=one.code, kind=one.kind, label=one.label, required=one.required, choices=list(one.choices)
            )
            for one in questions
        ],
    )


def _category(node: Category) -> schemas.CategoryOut:
    parent = category_by_id(node.parent_id)
    return schemas.CategoryOut(
        code=node.code,
        parent=parent.code if parent is not None else None,
        name=node.name,
        hint=node.hint,
        retired_on=node.retired_on,
    )
