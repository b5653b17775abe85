"""What lies with whom today: the open load of every post, and the pieces behind each number."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from gongzhi.front.workbench.filters import place_choices
from gongzhi.front.workbench.load import Line, lines_of, pieces_of
from gongzhi.ground.access.actions import holding
from gongzhi.ground.access.guard import Guarded
from gongzhi.ground.access.models import Post, StandIn
from gongzhi.ground.access.reach import posts_with
from gongzhi.ground.access.roles import work_of
from gongzhi.ground.places.models import Place

A_PAGE = 100


class Load(Guarded):
    """Every position of a place and below, in the order of places. Counted now; nothing of it is kept."""

    verb = "load.read"

    def get(self, request: HttpRequest) -> HttpResponse:
        top = min(posts_with(self.person, self.verb), key=lambda post: (len(post.place_path), post.place_path))
        path = request.GET.get("place") or top.place_path
        place = Place.objects.current().filter(path=path).first() if path.isascii() and path.isdigit() else None
        if place is None or holding(self.person, self.verb, place.path, self.now) is None:
            raise Http404
        lines = lines_of(place.path, on=timezone.localdate(self.now))
        page = Paginator(lines, A_PAGE).get_page(request.GET.get("page"))
        context = {
            "place": place,
            "places": place_choices(self.person, self.verb),
            "page": page,
            "total": page.paginator.count,
            "pieces": sum(line.total for line in lines),
            "hours": sum(line.minutes for line in lines) / 60,
            "may_move": holding(self.person, "access.stand_in", place.path, self.now) is not None,
        }
        return render(request, "workbench/load.html", context)


class LoadPosition(Guarded):
    """The pieces of one position."""

    verb = "load.read"

    def get(self, request: HttpRequest, role: str, place: int) -> HttpResponse:
        where = Place.objects.filter(pk=place).first()
        if not work_of(role) or where is None or holding(self.person, self.verb, where.path, self.now) is None:
            raise Http404
        on = timezone.localdate(self.now)
        held = list(
            Post.objects.current(on)
            .filter(role=role, place=where, user__is_active=True)
            .select_related("user")
            .order_by("pk")
        )
        found = pieces_of(role, where, person=self.person, now=self.now, on=on)
        context = {
            "line": Line(role, where.pk, where.path, where.name, {post.user_id: str(post.user) for post in held}),
            "place": where,
            "found": found,
            "pieces": sum(one.total for one in found),
            "hours": sum(one.minutes for one in found) / 60,
            "stand_ins": StandIn.objects.current(on).filter(role=role, place=where).select_related("deputy"),
            "may_move": holding(self.person, "access.stand_in", where.path, self.now) is not None,
        }
        return render(request, "workbench/load_position.html", context)
