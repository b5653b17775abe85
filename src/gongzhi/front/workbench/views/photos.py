"""Photos of a matter, for those who may see the matter."""

from __future__ import annotations

from uuid import UUID

from django.http import FileResponse, Http404, HttpRequest, HttpResponseBase

from gongzhi.act.tasks.models import TaskPhoto
from gongzhi.ground.access.guard import Guarded
from gongzhi.sense.channels.models import Photo
from gongzhi.understand.cases.models import Case


class ShowPhoto(Guarded):
    """A clean copy of a photo that a reporter or a worker sent, small or large."""

    verb = "tasks.work"

    def get(self, request: HttpRequest, uid: UUID, size: str) -> HttpResponseBase:
        if size not in ("small", "large"):
            raise Http404
        visible = Case.objects.visible_to(self.person)
        found: Photo | TaskPhoto | None = Photo.objects.filter(
            uid=uid, state=Photo.State.READY, message__voice__case__in=visible
        ).first()
        if found is None:
            found = TaskPhoto.objects.filter(uid=uid, task__case__in=visible).first()
        if found is None:
            raise Http404
        if not found.large or not found.small:  # erased when their time was over
            raise Http404
        try:
            file = (found.large if size == "large" else found.small).open("rb")
        except FileNotFoundError:
            raise Http404 from None
        response = FileResponse(file, content_type="image/webp")
        response["Cache-Control"] = "private, no-store"
        return response
