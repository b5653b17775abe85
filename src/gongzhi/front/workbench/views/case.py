from __future__ import annotations

from gongzhi.ground.access.guard import Guarded


class CasePage(Guarded):
    verb = "workbench.enter"


class HandOver(Guarded):
    verb = "workbench.enter"


class Pause(Guarded):
    verb = "workbench.enter"


class Resume(Guarded):
    verb = "workbench.enter"


class Extend(Guarded):
    verb = "workbench.enter"


class WriteNote(Guarded):
    verb = "workbench.enter"


class Reopen(Guarded):
    verb = "workbench.enter"


class RevealReporter(Guarded):
    verb = "workbench.enter"
