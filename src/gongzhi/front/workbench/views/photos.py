"""Photos and voice notes of a matter, for those who may see the matter."""

from __future__ import annotations

import re
from uuid import UUID

from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase

from gongzhi.act.tasks.models import TaskPhoto
from gongzhi.ground.access.guard import Guarded
from gongzhi.sense.channels.models import Photo, Recording
from gongzhi.sense.channels.recordings import TYPES
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


class PlayRecording(Guarded):
    """A voice note. Some telephones play sound only when they may ask for a part of it."""

    verb = "tasks.work"

    def get(self, request: HttpRequest, uid: UUID) -> HttpResponseBase:
        visible = Case.objects.visible_to(self.person)
        found = Recording.objects.filter(uid=uid, message__voice__case__in=visible).first()
        if found is None or not found.file:  # erased when its time was over
            raise Http404
        try:
            with found.file.open("rb") as file:
                content = file.read()
        except FileNotFoundError:
            raise Http404 from None
        part = re.fullmatch(r"bytes=(\d{1,9})-(\d{0,9})", request.headers.get("Range", ""))
        first = int(part[1]) if part else 0
        last = min(int(part[2]), len(content) - 1) if part and part[2] else len(content) - 1
        if part and first <= last:
            response = HttpResponse(content[first : last + 1], status=206)
            response["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
        else:
            response = HttpResponse(content)
        response["Content-Type"] = TYPES[found.kind]
        response["Accept-Ranges"] = "bytes"
        response["Cache-Control"] = "private, no-store"
        return response
