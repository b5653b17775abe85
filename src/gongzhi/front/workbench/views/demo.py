from __future__ import annotations

from gongzhi.ground.access.guard import Guarded


class DemoSignIn(Guarded):
    verb = "workbench.enter"
