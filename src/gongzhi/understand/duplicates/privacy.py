"""What the search for duplicates keeps about people, and for how long."""

from django.utils.translation import gettext_lazy as _

from gongzhi.ground.privacy import DataClass, Personal, declare

declare(
    Personal(
        "duplicates.Signature",
        "grams",
        why=_("to notice that others report the same matter"),
        basis=_("statutory duty to receive and answer residents' demands"),
        data_class=DataClass.INTERNAL,
        clock="case__closed_at",
        keep_days="duplicates.window_days",
        whole_row=True,
    ),
)
