from __future__ import annotations

from gongzhi.ground.access.guard import Guarded


class Enter(Guarded):
    verb = "workbench.enter"


class Entered(Guarded):
    verb = "workbench.enter"
