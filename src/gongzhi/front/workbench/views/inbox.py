from __future__ import annotations

from gongzhi.ground.access.guard import Guarded


class Inbox(Guarded):
    verb = "workbench.enter"


class InboxCase(Guarded):
    verb = "workbench.enter"


class Lead(Guarded):
    verb = "workbench.enter"


class There(Guarded):
    verb = "workbench.enter"
