"""What the search keeps about people, and for how long."""

from django.utils.translation import gettext_lazy as _

from gongzhi.ground.privacy import DataClass, Personal, declare

declare(
    Personal(
        "search.CaseText",
        "words",
        why=_("to find a matter by the words in it"),
        basis=_("statutory duty to receive and answer residents' demands"),
        clock="case__closed_at",
        keep_days=1825,
        whole_row=True,
    ),
    Personal(
        "search.CallerSearch",
        "reason",
        why=_("to answer for having looked"),
        basis=_("duty to keep proof of how personal data are used"),
        data_class=DataClass.INTERNAL,
        clock="at",
        keep_days=1825,
    ),
)
