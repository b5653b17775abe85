from __future__ import annotations

from gongzhi.ground.access.guard import Guarded


class ShowPhoto(Guarded):
    verb = "workbench.enter"
