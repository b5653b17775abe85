"""What directives keep about people, and for how long. They are papers between offices."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from gongzhi.ground.privacy import DataClass, Personal, declare

_DUTY = _("statutory duties of the offices among each other")


def _paper(model: str, field: str, why: str | Promise, clock: str) -> Personal:
    return Personal(
        f"directives.{model}",
        field,
        why=why,
        basis=_DUTY,
        data_class=DataClass.INTERNAL,
        clock=clock,
        keep_days=1825,
    )


declare(
    _paper("Directive", "text", _("to say what is to be done"), "ended_at"),
    _paper("Directive", "ending", _("to say why it was withdrawn"), "ended_at"),
    _paper("DirectiveFile", "file", _("to say what is to be done"), "directive__ended_at"),
    _paper("Assignment", "part", _("to say which part is whose"), "ended_at"),
    _paper("Assignment", "return_reason", _("to say what is missing"), "ended_at"),
    _paper("Question", "words", _("to ask about the work"), "answered_at"),
    _paper("Question", "answer", _("to answer a question about the work"), "answered_at"),
    _paper("Report", "words", _("to report a result"), "at"),
    Personal(
        "directives.ReportPhoto",
        "large",
        why=_("to show what was done"),
        basis=_DUTY,
        clock="report__at",
        keep_days="privacy.keep_days.photo",
    ),
    Personal(
        "directives.ReportPhoto",
        "small",
        why=_("to show what was done"),
        basis=_DUTY,
        clock="report__at",
        keep_days="privacy.keep_days.photo",
    ),
    _paper("Step", "answer", _("to answer a supervision slip"), "answered_at"),
    harmless={
        "directives.Directive.state",
        "directives.Directive.title",
        "directives.Directive.legal_basis",
        "directives.Directive.done_when",
        "directives.Directive.issuer_role",
        "directives.Directive.place_path",
        "directives.Directive.reply_span",
        "directives.Directive.evidence",
        "directives.Directive.evidence_reason",
        "directives.Directive.assist_item",
        "directives.Directive.asks_for",
        "directives.Directive.asks_because",
        "directives.Directive.rhythm",
        "directives.Directive.target_level",
        "directives.Directive.target_places",
        "directives.Directive.target_profile",
        "directives.DirectiveFile.name",
        "directives.PlaceGroup.place_path",
        "directives.PlaceGroup.name",
        "directives.PlaceGroup.places",
        "directives.Round.place_path",
        "directives.Assignment.state",
        "directives.Assignment.place_path",
        "directives.Assignment.role",
        "directives.Assignment.left",
        "directives.Assignment.article",
        "directives.Question.kind",
        "directives.Question.outcome",
        "directives.Step.kind",
        "directives.Step.place_path",
    },
)
