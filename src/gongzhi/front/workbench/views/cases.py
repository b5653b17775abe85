from __future__ import annotations

from gongzhi.ground.access.guard import Guarded


class Cases(Guarded):
    verb = "workbench.enter"


class CasesPrint(Guarded):
    verb = "workbench.enter"
