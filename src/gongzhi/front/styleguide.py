"""The style guide: every component with realistic content, to look at and to test (axe runs on it)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django import forms
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _

from gongzhi.front.mode import Mode
from gongzhi.ground.access.guard import Guarded

# What residents and staff wrote stays in their language on every page: these are such words, and no interface texts.
CASES = (
    ("QHY-2025-004812", "荷清苑 6 号楼下水道返水，一层进水", "荷清苑社区第 3 网格", "red", "超时 2 小时", "王立新"),
    ("QHY-2025-004809", "照澜院菜市场西口路灯三盏不亮", "照澜院社区 · 第 1 网格", "amber", "还剩 3 小时", "李春梅"),
    ("QHY-2025-004797", "西王庄小区电梯异响，老人不敢坐", "西王庄社区 · 第 5 网格", "amber", "今天 17:00 前", "赵国栋"),
    ("QHY-2025-004783", "楼道堆放杂物堵住消防通道", "蓝旗营社区 · 第 2 网格", "green", "还剩 2 天", "孙慧"),
    ("QHY-2025-004760", "夜间施工噪声，反映过一次", "双清苑社区 · 第 4 网格", "still", "暂停：等城管科回复", "王立新"),
)


@dataclass(frozen=True)
class Kind:
    """A choice with an icon and a hint; prints as its title."""

    title: str
    icon: str
    hint: str

    def __str__(self) -> str:
        return self.title


class SampleForm(forms.Form):
    text = forms.CharField(
        label=_("What is the matter?"),
        help_text=_("In your own words. A sentence is enough."),
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    kind = forms.ChoiceField(
        label=_("What is it about?"),
        widget=forms.RadioSelect,
        choices=[
            ("water", Kind("上下水", "drop", "漏水、停水、下水道堵塞")),
            ("light", Kind("路灯照明", "light", "灯不亮、灯杆倾斜")),
            ("road", Kind("道路", "road", "坑洼、积水、井盖")),
            ("noise", Kind("噪声", "noise", "施工、广场舞、邻居")),
        ],
    )
    where = forms.CharField(label=_("Address, or how to find it"), max_length=200)
    phone = forms.CharField(
        label=_("Your telephone number"), required=False, widget=forms.TextInput(attrs={"type": "tel"})
    )
    when = forms.DateField(label=_("Since when?"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    photo = forms.FileField(label=_("A photo, if it helps"), required=False)
    answer = forms.ChoiceField(
        label=_("How shall we answer you?"),
        widget=forms.RadioSelect,
        choices=[("call", _("By telephone")), ("link", _("On the page of this report"))],
    )
    grid = forms.ChoiceField(label=_("Grid"), choices=[("3", "荷清苑社区 第 3 网格"), ("4", "荷清苑社区 第 4 网格")])
    agree = forms.BooleanField(label=_("My report may be shown to neighbours without my name"), required=False)


class Styleguide(Guarded):
    verb = Guarded.PUBLIC

    def get(self, request: HttpRequest) -> HttpResponse:
        filled = SampleForm(
            {"text": "6 号楼一层厨房地漏往外返水，昨天晚上开始的。", "kind": "water", "phone": "1380013"}
        )
        filled.is_valid()
        filled.add_error("phone", _("This number is too short. A mobile number has 11 digits."))
        page = Paginator(range(520), 50).get_page(3)
        context: dict[str, Any] = {
            "blank": SampleForm(auto_id="blank_%s"),
            "form": filled,
            "cases": [
                dict(zip(("number", "title", "where", "state", "clock", "who"), case, strict=True)) for case in CASES
            ],
            "steps": [_("What"), _("Where"), _("How to reach you")],
            "soon": self.now + timedelta(hours=3),
            "page": page,
            "alarms": [alarm(self.now) for alarm in ALARMS],
            "icon_names": icon_names(),
        }
        if colour := request.GET.get("alarm"):
            context["mode"] = next((mode for mode in context["alarms"] if mode.colour == colour), Mode())
        return render(request, "styleguide.html", context)


def icon_names() -> list[str]:
    """The names of the drawings in the sprite, read from the file itself."""
    sprite = Path(__file__).parent / "static" / "gongzhi" / "icons.svg"
    return re.findall(r'symbol id="([a-z-]+)"', sprite.read_text())


def _alarm(colour: str, level: str, matter: str, meaning: str) -> Callable[[datetime], Mode]:
    def at(now: datetime) -> Mode:
        return Mode(
            emergency=True,
            colour=colour,
            level=level,
            matter=matter,
            meaning=meaning,
            until=now + timedelta(hours=18),
        )

    return at


ALARMS = (
    _alarm(
        "red",
        "I 级响应（红色）",
        "特大暴雨，清河水位超过警戒线。",
        "低洼院落和地下室的居民现在转移，到社区公布的安置点。行动不便的人请打 12345，有人上门接。",
    ),
    _alarm("orange", "II 级响应（橙色）", "暴雨橙色预警。", "今晚不要进地下室和桥下。水电抢修照常，其他事项推后两天。"),
    _alarm("yellow", "III 级响应（黄色）", "持续高温。", "社区活动室全天开放纳凉。独居老人今天有人上门看望。"),
    _alarm("blue", "IV 级响应（蓝色）", "大风蓝色预警。", "请收好阳台和窗台上的东西，不要在围挡和大树下停留。"),
)
