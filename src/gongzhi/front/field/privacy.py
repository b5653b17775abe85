"""What the field door keeps about people, and for how long."""

from django.utils.translation import gettext_lazy as _

from gongzhi.ground.privacy import DataClass, Personal, declare

_BASIS = _("statutory duty to receive and answer residents' demands")

declare(
    Personal(
        "field.Sent",
        "words",
        why=_("to keep what was typed without a network and could not be taken in any more"),
        basis=_BASIS,
        clock="at",
        keep_days=90,
    ),
    # Longer than anything may wait on a device, so that what is sent twice is known.
    Personal(
        "field.Sent",
        "says",
        why=_("to give the same answer to what is sent twice"),
        basis=_BASIS,
        data_class=DataClass.INTERNAL,
        clock="at",
        keep_days=400,
        whole_row=True,
    ),
    harmless={"field.Sent.key", "field.Sent.kind", "field.Sent.outcome", "field.Sent.ids"},
)
