"""One-click sign-in to the posts of the demonstration. Without the demonstration this page does not exist."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.contrib.auth import login
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gongzhi.ground.access.guard import Guarded
from gongzhi.ground.access.models import Post
from gongzhi.ground.access.roles import Role
from gongzhi.ground.accounts.models import User

BACKEND: Final = "allauth.account.auth_backends.AuthenticationBackend"
FIRST_SHOWN: Final = 2  # of each role; the others stand behind a word

# In the order in which a matter passes through their hands.
JOBS: Final[dict[str, Any]] = {
    Role.HOTLINE_DESK: gettext_lazy("Takes calls, sorts what comes in and says who takes care of it."),
    Role.COMMUNITY_CLERK: gettext_lazy("Sorts and assigns the cases of one community, and checks what was done."),
    Role.GRID_WORKER: gettext_lazy("Goes there, does the work, and says in a sentence what was done."),
    Role.BUILDING_CHIEF: gettext_lazy("A neighbour who reports for others in the building."),
    Role.PROPERTY_MANAGER: gettext_lazy("Gets the work orders that are the property company’s duty."),
    Role.MEDIATOR: gettext_lazy("Helps people in a dispute to find an agreement, and sees nothing else."),
    Role.DEPARTMENT_OFFICER: gettext_lazy("Gets what only a department of the district can settle."),
    Role.COMMUNITY_SECRETARY: gettext_lazy("Answers for one community; may give a case more time."),
    Role.STREET_CLERK: gettext_lazy("Sees the whole street or town, and places what lies in no grid."),
    Role.STREET_LEADER: gettext_lazy("Sees the whole street or town, and what is late."),
    Role.SYSTEM_ADMINISTRATOR: gettext_lazy("Keeps rules, categories and places. Reads no case."),
    Role.SECURITY_ADMINISTRATOR: gettext_lazy("Gives and ends posts. Reads no case."),
    Role.AUDIT_ADMINISTRATOR: gettext_lazy("Reads the record: who did what, when. Changes nothing."),
}


@dataclass(frozen=True)
class Group:
    """A role, what it does, and who holds it."""

    role: str
    job: str
    posts: list[Post]

    @property
    def first(self) -> list[Post]:
        return self.posts[:FIRST_SHOWN]

    @property
    def others(self) -> list[Post]:
        return self.posts[FIRST_SHOWN:]


class DemoSignIn(Guarded):
    verb = Guarded.PUBLIC

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not settings.DEMO:
            raise Http404
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.draw(request)

    def post(self, request: HttpRequest) -> HttpResponse:
        user = User.objects.filter(
            is_demo=True, is_active=True, username=request.POST.get("username", "").replace("\x00", "")
        ).first()
        if user is None:
            return self.draw(request, wrong=_("There is nobody of that name in the demonstration."), status=422)
        login(request, user, backend=BACKEND)
        response = redirect("workbench:today")
        response.status_code = 303
        return response

    def draw(self, request: HttpRequest, *, wrong: str = "", status: int = 200) -> HttpResponse:
        held = (
            Post.objects.current(timezone.localdate(self.now))
            .filter(user__is_demo=True, user__is_active=True)
            .select_related("user", "place")
            .order_by("place_path", "user__username")
        )
        by_role: dict[str, list[Post]] = {role: [] for role in JOBS}
        for post in held:
            by_role[Role(post.role)].append(post)
        groups = [
            Group(str(Role(role).label), str(JOBS[role]), _spread(posts)) for role, posts in by_role.items() if posts
        ]
        return render(request, "workbench/demo.html", {"groups": groups, "wrong": wrong}, status=status)


def _spread(posts: list[Post]) -> list[Post]:
    """The first of one town, then the first of the next one: both kinds of place are seen at once."""
    towns: dict[str, list[Post]] = {}
    for post in posts:
        towns.setdefault(post.place_path[:9], []).append(post)
    first = [own[0] for own in towns.values()]
    return first + [post for own in towns.values() for post in own[1:]]
