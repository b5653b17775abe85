"""What the channels keep about people, and for how long."""

from django.utils.translation import gettext_lazy as _

from gongzhi.ground.privacy import DataClass, Personal, declare

_DUTY = _("statutory duty to receive and answer residents' demands")
# Counted from the end of the case that was made of the message (the cases room adds that relation).
_END = "voice__case__closed_at"

declare(
    Personal(
        "channels.Message",
        "text",
        why=_("to understand and settle the matter"),
        basis=_DUTY,
        clock=_END,
        keep_days=1825,
    ),
    Personal(
        "channels.Message", "address", why=_("to find the place of the matter"), basis=_DUTY, clock=_END, keep_days=1825
    ),
    Personal(
        "channels.Message",
        "reporter_name",
        why=_("to speak to the reporter by name"),
        basis=_DUTY,
        data_class=DataClass.SENSITIVE,
        clock=_END,
        keep_days="privacy.keep_days.contact",
    ),
    Personal(
        "channels.Message",
        "reporter_phone",
        why=_("to call back and ask whether it helped"),
        basis=_DUTY,
        data_class=DataClass.SENSITIVE,
        clock=_END,
        keep_days="privacy.keep_days.contact",
    ),
    Personal(
        "channels.Message",
        "reporter_email",
        why=_("to tell the reporter what happens, where they asked for it by e-mail"),
        basis=_DUTY,
        data_class=DataClass.SENSITIVE,
        clock=_END,
        keep_days="privacy.keep_days.contact",
    ),
    Personal(
        "channels.Message",
        "answers",
        why=_("to understand and settle the matter"),
        basis=_DUTY,
        clock=_END,
        keep_days=1825,
    ),
    Personal(
        "channels.Photo",
        "upload",
        why=_("to make the clean copies"),
        basis=_DUTY,
        until=_("the clean copies are made, seconds later"),
    ),
    Personal(
        "channels.Photo",
        "large",
        why=_("to see the matter"),
        basis=_DUTY,
        clock="message__voice__case__closed_at",
        keep_days="privacy.keep_days.photo",
    ),
    Personal(
        "channels.Photo",
        "small",
        why=_("to see the matter"),
        basis=_DUTY,
        clock="message__voice__case__closed_at",
        keep_days="privacy.keep_days.photo",
    ),
    Personal(
        "channels.Recording",
        "file",
        why=_("to hear what was seen on site"),
        basis=_DUTY,
        clock="message__voice__case__closed_at",
        keep_days="privacy.keep_days.photo",
    ),
    Personal(
        "channels.Ending",
        "words",
        why=_("to tell the outcome"),
        basis=_DUTY,
        clock="message__voice__case__closed_at",
        keep_days=1825,
    ),
    Personal(
        "channels.BulkImport",
        "file",
        why=_("to take the import up again and to answer questions about a row"),
        basis=_DUTY,
        clock="finished_at",
        keep_days=90,
    ),
    harmless={
        "channels.Message.joins",
        "channels.Message.number",
        "channels.Message.channel",
        "channels.Message.category",
        "channels.Message.place_path",
        "channels.Message.answer_by",
        "channels.Message.language",
        "channels.Message.idempotency_key",
        "channels.Message.source",
        "channels.Message.external_id",
        "channels.Photo.state",
        "channels.Recording.kind",
        "channels.Mapping.name",
        "channels.Mapping.columns",
        "channels.BulkImport.file_name",
        "channels.BulkImport.sha256",
        "channels.BulkImport.source",
        "channels.BulkImport.columns",
        "channels.BulkImport.layout",
        "channels.BulkImport.place_path",
        "channels.BulkImport.state",
        "channels.RefusedRow.column",
        "channels.RefusedRow.reason",
    },
)
