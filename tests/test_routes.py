"""Every address of the house: it says who may use it, and whatever is written into it gets an answer, never a crash."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RoutePattern

import gongzhi
from gongzhi.ground.access.guard import Guarded
from gongzhi.ground.access.reach import posts_with
from gongzhi.ground.access.roles import ADMINISTRATIONS, POWERS, ROLE_VERBS, Role, every_verb
from tests.scenes import SIGN_IN

SOURCE = Path(gongzhi.__file__).parent

# Views of others that the house lets people reach, and why they need no verb of ours.
OTHERS = {
    "allauth.account": "signing in and out, changing one's own password",
    "allauth.mfa": "one's own second factor",
    "allauth.socialaccount": "signing in by the town's own directory",
    "allauth.urls": "addresses that were renamed",
    "allauth.decorators": "wrapped views of the above",
    "ninja": "the REST interface: a token with the verb that each operation names (tests/test_api.py)",
    "django.views.i18n": "choosing the language",
    "django.views.generic.base": "redirects of allauth to its own pages",
}


@dataclass(frozen=True)
class Route:
    address: str
    pattern: URLPattern
    chain: tuple[Any, ...]

    @property
    def view(self) -> Any:
        callback = self.pattern.callback
        if isinstance(callback, functools.partial):
            callback = callback.func
        return getattr(callback, "view_class", callback)

    @property
    def ours(self) -> bool:
        return self.view.__module__.startswith("gongzhi.")

    @property
    def parameters(self) -> list[str]:
        return re.findall(r"<[^>]+>", self.address)

    def __str__(self) -> str:
        return self.address


def walk(resolver: URLResolver, prefix: str = "", chain: tuple[Any, ...] = ()) -> Iterator[Route]:
    for one in resolver.url_patterns:
        address = prefix + (one.pattern._route if isinstance(one.pattern, RoutePattern) else str(one.pattern))
        if isinstance(one, URLResolver):
            yield from walk(one, address, (*chain, one))
        else:
            yield Route("/" + address, one, chain)


ROUTES = list(walk(get_resolver()))
OURS = [route for route in ROUTES if route.ours]


def test_the_walk_finds_the_house() -> None:
    names = {route.pattern.name for route in OURS}
    assert {"home", "report", "follow", "case", "task_done", "roots", "healthz", "demo_sign_in"} <= names
    assert len(OURS) > 40


@pytest.mark.parametrize("route", OURS, ids=str)
def test_every_view_says_who_may_use_it(route: Route) -> None:
    verb = getattr(route.view, "verb", None)
    if not issubclass(route.view, Guarded):  # the record lies below posts and verbs; all its pages are for everybody
        assert verb == Guarded.PUBLIC, "say who may use it: class …(Guarded), verb = …"
    assert verb in {Guarded.PUBLIC, Guarded.SIGNED_IN} | every_verb()


def test_views_of_others_stand_on_the_list() -> None:
    strangers = {
        route.address: route.view.__module__
        for route in ROUTES
        if not route.ours and not any(route.view.__module__.startswith(name) for name in OTHERS)
    }
    assert not strangers
    reached = {name for name in OTHERS if any(route.view.__module__.startswith(name) for route in ROUTES)}
    assert {"allauth.account", "allauth.mfa", "django.views.i18n"} <= reached


def test_there_is_no_back_office() -> None:
    assert not [route for route in ROUTES if "admin" in route.view.__module__.split(".")]


# --- verbs ----------------------------------------------------------------------------------------------------------

VERB = re.compile(r"[a-z]+\.[a-z_]+")
ASKING = {"require", "reach", "holding", "posts_with", "roles_with", "place_choices", "_locked"}


def asked() -> dict[str, set[str]]:
    """Verbs that code asks about: ``verb = "…"`` of a view, and the arguments of the functions that ask."""
    found: dict[str, set[str]] = {}

    def note(node: ast.AST, where: str) -> None:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and VERB.fullmatch(node.value):
            found.setdefault(node.value, set()).add(where)

    for path in SOURCE.rglob("*.py"):
        if {"tests", "migrations"} & set(path.parts) or path.name == "roles.py":
            continue
        where = str(path.relative_to(SOURCE))
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                if name in ASKING:
                    for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
                        note(argument, where)
            elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                if {"verb", "changing"} & {getattr(target, "id", "") for target in targets}:
                    note(node.value, where)
            elif isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In | ast.NotIn):
                note(node.left, where)  # "tasks.work" in post.verbs
            elif isinstance(node, ast.Tuple):
                for part in node.elts:  # tables of menus and moves
                    note(part, where)
    return {verb: where for verb, where in found.items() if verb in every_verb() or looks_like_a_verb(verb)}


def looks_like_a_verb(text: str) -> bool:
    """Rule keys, event names and labels of fields have the same spelling; verbs are the rooms' present-tense words."""
    return text in POWERS or text.split(".")[-1] in {verb.split(".")[-1] for verb in every_verb()}


def test_every_verb_that_is_asked_exists() -> None:
    assert set(asked()) <= every_verb()


def test_every_verb_is_asked_somewhere() -> None:
    assert every_verb() <= set(asked()), "a verb that nobody asks protects nothing"


def test_powers_are_verbs_of_administrations() -> None:
    assert every_verb() >= POWERS
    for role, verbs in ROLE_VERBS.items():
        assert not verbs & POWERS or role in ADMINISTRATIONS, role


def test_every_role_has_its_verbs_and_a_way_in() -> None:
    assert set(ROLE_VERBS) == set(Role)
    assert all("workbench.enter" in verbs for verbs in ROLE_VERBS.values())


def test_administrations_share_nothing_that_changes() -> None:
    looking = {"workbench.enter", "places.read", "access.read", "rules.read"}
    first, second, third = (ROLE_VERBS[role] - looking for role in sorted(ADMINISTRATIONS))
    assert not first & (second | third)
    assert not second & third
    assert {
        verb for verb in first | second | third if verb.startswith(("cases.", "tasks.", "checks.", "privacy."))
    } == {"cases.categories"}


# --- answers --------------------------------------------------------------------------------------------------------

# One value for each kind of parameter, well formed and of nobody.
WELL_FORMED = {
    "str:token": "a" * 52,
    "uuid:uid": "00000000-0000-0000-0000-000000000000",
    "str:size": "small",
    "int:pk": "1",
    "int:number": "1",
    "int:person": "1",
    "slug:act": "report",
    "number:number": "261118-0000000",
    "str:path": "110108",
    "georeport:form": "json",
    "tableform:form": "csv",
}
NONSENSE = (
    "0", "9" * 30, "%00", "東😀", "x", "-1", "%FF", "..%2f", "'", '"><script>', "%25s", "a" * 3000,
)  # fmt: skip


def fill(route: Route, value: str | None = None) -> str:
    """The address with every parameter replaced, by ``value`` or by something well formed."""
    address = route.address
    for parameter in route.parameters:
        kind = parameter.strip("<>")
        chosen = value if value is not None else WELL_FORMED.get(kind, WELL_FORMED.get(f"str:{kind}", "1"))
        address = address.replace(parameter, chosen, 1)
    return address


@pytest.mark.django_db
@pytest.mark.parametrize("route", OURS, ids=str)
def test_a_visitor_gets_an_answer(route: Route, client: Any, town: Any) -> None:
    url = fill(route)
    answer = client.get(url)
    assert answer.status_code in (200, 302, 400, 404, 405, 409), url
    if route.view.verb != Guarded.PUBLIC:
        assert answer.status_code in (302, 404, 405)
        if answer.status_code == 302:
            assert answer["Location"].startswith("/accounts/login/")
        assert client.post(url, {"x": "y"}).status_code in (302, 404, 405)
    else:
        # 403: Open311 takes what comes with a key, and a carrier's text what is signed.
        refused = {403} if route.address.startswith(("/open311/", "/notices/")) else set()
        assert client.post(url, {"x": "y"}).status_code in {200, 302, 400, 404, 405, 422} | refused
    assert client.head(url).status_code == answer.status_code


@pytest.mark.django_db
@pytest.mark.parametrize("route", [route for route in OURS if route.parameters], ids=str)
def test_what_is_not_there_is_not_there(route: Route, client: Any, town: Any) -> None:
    """Wrong numbers, huge ones, other alphabets and null bytes: 404 for a visitor as for those with every right."""
    verb = route.view.verb
    holders = [town.street_clerk, town.system, town.security, town.audit]
    able = [user for user in holders if verb in (Guarded.PUBLIC, Guarded.SIGNED_IN) or posts_with(user, verb)]
    people = [None, *able[:1]]
    client.raise_request_exception = False
    for user in people:
        client.logout()
        if user is not None:
            client.force_login(user, backend=SIGN_IN)
        for value in NONSENSE if user is not None or verb == Guarded.PUBLIC else NONSENSE[:3]:
            for method in ("get", "post") if value in NONSENSE[:5] else ("get",):
                status = getattr(client, method)(fill(route, value)).status_code
                expected = {404, 405}
                if user is None and route.view.verb != Guarded.PUBLIC:
                    expected |= {302}
                elif method == "get" and route.pattern.name and "_" in route.pattern.name:
                    expected |= {302}  # an address that only takes posts leads back to its page
                elif method == "post" and user is not None:
                    expected |= {403}
                assert status in expected, (method, value[:20], getattr(user, "username", "nobody"), status)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "address", ["/nothing", "/staff/nothing/", "/%00", "/%FF%FE", "/ä/", "/report/x", "/" + "a" * 5000]
)
def test_other_addresses(client: Any, town: Any, address: str) -> None:
    assert client.get(address).status_code == 404


@pytest.mark.django_db
@pytest.mark.parametrize("route", [route for route in OURS if route.address.startswith("/staff/")], ids=str)
def test_staff_pages_stay_out_of_shared_caches(route: Route, client: Any, town: Any) -> None:
    client.force_login(town.street_clerk, backend=SIGN_IN)
    answer = client.get(fill(route))
    assert "public" not in answer.get("Cache-Control", "")
    assert answer["X-Frame-Options"] == "DENY"
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert "unsafe" not in answer["Content-Security-Policy"]
