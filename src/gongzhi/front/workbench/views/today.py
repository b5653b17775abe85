from __future__ import annotations

from gongzhi.ground.access.guard import Guarded


class Today(Guarded):
    verb = "workbench.enter"
