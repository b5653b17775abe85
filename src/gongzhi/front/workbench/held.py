"""What the workbench shows already, so that nobody is asked to report it (``act.directives.held``)."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from gongzhi.act.directives.held import Held, declare_held

declare_held(
    Held(
        "cases",
        _("Cases: list and table to download"),
        ("案件", "诉求", "工单", "投诉", "信件", "case", "complaint", "request", "work order"),
        "workbench:cases",
        "cases.read",
    ),
    Held(
        "rates",
        _("Cases by category and period, and the rates of response and settlement"),
        (
            "办结率",
            "响应率",
            "解决率",
            "满意率",
            "办理情况",
            "分类",
            "settlement rate",
            "response rate",
            "satisfaction",
        ),
        "workbench:rates",
        "rates.read",
    ),
    Held(
        "bulletins",
        _("Bulletins of weeks, months and years"),
        ("月报", "周报", "通报", "简报", "bulletin", "monthly report", "weekly report"),
        "workbench:bulletins",
        "rates.read",
    ),
    Held(
        "late_cases",
        _("Open cases that are late"),
        ("超期", "逾期", "未办结", "积压", "overdue", "unsettled", "late case"),
        "workbench:cases",
        "cases.read",
        "?clock=late",
    ),
    Held(
        "places",
        _("Grids, buildings and communities"),
        ("网格", "楼栋", "小区", "社区", "grid", "building", "community", "communities"),
        "workbench:places",
        "places.read",
    ),
    Held(
        "posts",
        _("Who holds which post, and the telephone numbers of offices"),
        (
            "网格员",
            "楼长",
            "楼栋长",
            "干部",
            "工作人员",
            "值班",
            "联系电话",
            "联系方式",
            "通讯录",
            "post holder",
            "telephone",
            "staff",
        ),
        "workbench:load",
        "load.read",
    ),
    Held(
        "load",
        _("Open work of every post, in pieces and hours"),
        ("工作量", "在办", "待办", "workload", "open work"),
        "workbench:load",
        "load.read",
        "?sort=hours",
    ),
    Held(
        "visits",
        _("Visits and what was promised at the door"),
        ("走访", "入户", "visit", "visits"),
        "field:visits",
        "directives.work",
    ),
    Held(
        "disputes",
        _("Disputes that are being mediated"),
        ("纠纷", "调解", "dispute", "mediation"),
        "workbench:disputes",
        "disputes.enter",
    ),
)
