"""Totals of posts, never of persons; and what a sender answered."""

from django.utils.translation import gettext_lazy as _

from gongzhi.ground.privacy import DataClass, Personal, declare

declare(
    Personal(
        "burden.BurdenQuestion",
        "answer",
        why=_("so that those who are asked know why, and what will be asked less"),
        basis=_("Provisions against formalism, to lighten the work of the grassroots"),
        data_class=DataClass.INTERNAL,
        clock="answered_at",
        keep_days=1095,
    ),
    harmless={
        "burden.WeekLoad.role",
        "burden.WeekLoad.place_path",
        "burden.SenderWeek.role",
        "burden.SenderWeek.place_path",
        "burden.BurdenQuestion.role",
        "burden.BurdenQuestion.place_path",
    },
)
