"""What is filled in at directives: asking, answering, looking at results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django import forms
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from gongzhi.act.directives import admission, held
from gongzhi.act.directives.asking import Ask
from gongzhi.act.directives.models import MOST_VALUE, RECEIVERS, Directive, Evidence, PlaceGroup, Question
from gongzhi.act.directives.rhythm import Rhythm
from gongzhi.front.workbench.forms.enter import PhotosField as FilesField
from gongzhi.front.workbench.forms.selects import PlainSelect
from gongzhi.ground.places.models import Level, Place, Profile
from gongzhi.ground.places.paths import LENGTHS, below
from gongzhi.ground.rules.spans import Span, Unit

ALL: Final = "all"
MOST_WRITTEN: Final = 300
PROFILES: Final = (
    ("", _("whatever their profile")),
    ("urban", _("urban")),
    ("rural", _("rural")),
    ("rich", _("with rich administrative resources")),
    ("scarce", _("with scarce administrative resources")),
    ("high", _("with strong self-organisation")),
    ("low", _("with weak self-organisation")),
    *Profile.choices,
)


def levels_below(office: Place) -> list[tuple[str, Any]]:
    """To places of which levels an office can send."""
    own = LENGTHS[office.level]
    return [(str(level), Level(level).label) for level in RECEIVERS if LENGTHS[level] > own]


class DirectiveForm(forms.Form):
    """What is asked, of whom, by when. Only the first three and the time must be given."""

    title = forms.CharField(
        label=_("What is to be done, in one line?"),
        max_length=120,
        error_messages={"required": _("Give it a title that says what is to be done.")},
    )
    text = forms.CharField(
        label=_("In words"),
        help_text=_("Who reads only this must be able to start. No personal data."),
        max_length=5000,
        widget=forms.Textarea(attrs={"rows": 6}),
        error_messages={"required": _("Say what is to be done.")},
    )
    done_when = forms.CharField(
        label=_("What counts as done?"),
        help_text=_("Results are looked at by this, and by nothing else."),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": _("Say what counts as done, so that nobody has to guess.")},
    )
    legal_basis = forms.CharField(
        label=_("Legal basis"),
        help_text=_("The law or the document by which this may be asked."),
        max_length=300,
        required=False,
    )
    assist_item = forms.ChoiceField(
        label=_("Item of the assist list"),
        help_text=_("What is on the list may be asked of communities. Anything else they may refuse by its article."),
        required=False,
        widget=PlainSelect,
    )
    asks_for = forms.MultipleChoiceField(
        label=_("Does it ask for data?"),
        help_text=_("What the platform already shows is not asked for again."),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    asks_because = forms.CharField(
        label=_("Why the data that is there is not enough"),
        help_text=_("Every place that gets this reads it."),
        required=False,
        max_length=300,
    )
    office = forms.ChoiceField(label=_("In whose name?"), widget=PlainSelect)
    target_level = forms.ChoiceField(
        label=_("To each …"),
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose to which places it goes.")},
    )
    parts = forms.MultipleChoiceField(
        label=_("of these places"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"invalid_choice": _("You can only send work to places of your own area.")},
    )
    groups = forms.MultipleChoiceField(
        label=_("and of these saved groups"), required=False, widget=forms.CheckboxSelectMultiple
    )
    written = forms.CharField(
        label=_("and of further places"),
        help_text=_("Names or codes, one a line."),
        required=False,
        max_length=10_000,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    target_profile = forms.ChoiceField(label=_("Only places"), choices=PROFILES, required=False, widget=PlainSelect)
    keep_as = forms.CharField(
        label=_("Keep these places as a group"), help_text=_("Under this name."), required=False, max_length=60
    )
    amount = forms.IntegerField(label=_("Time to reply"), required=False, min_value=1, max_value=3660)
    unit = forms.ChoiceField(
        label=_("counted in"), choices=Unit.choices, required=False, widget=PlainSelect, initial=Unit.WORKING_DAYS
    )
    reply_by = forms.DateTimeField(
        label=_("or by a fixed moment"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    rhythm = forms.ChoiceField(label=_("How often?"), choices=Rhythm.choices, required=False, widget=PlainSelect)
    starts_on = forms.DateField(
        label=_("First sending"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    ends_on = forms.DateField(
        label=_("No sending after"),
        help_text=_("What recurs needs an end. It can be renewed then."),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    urgent = forms.BooleanField(
        label=_("Urgent"),
        help_text=_("Told at once. What is not urgent comes with the next bundle of notices."),
        required=False,
    )
    evidence = forms.ChoiceField(
        label=_("What shows that it is done?"),
        choices=Evidence.choices,
        widget=forms.RadioSelect,
        initial=Evidence.NONE,
        error_messages={"required": _("Choose what shows that it is done.")},
    )
    evidence_reason = forms.CharField(
        label=_("Why is a photo needed?"),
        help_text=_("Whoever does the work reads it. Photos for their own sake are not allowed."),
        required=False,
        max_length=200,
    )
    minutes = forms.IntegerField(
        label=_("Minutes that one place needs"),
        help_text=_("Your honest estimate. It is summed up for you and for everybody who receives it."),
        required=False,
        min_value=0,
        max_value=6000,
    )
    value = forms.IntegerField(
        label=_("Value in points"),
        help_text=_("For places that agree on values. May stay at 0."),
        required=False,
        min_value=0,
        max_value=MOST_VALUE,
    )
    attached = FilesField(
        label=_("Files"),
        help_text=_("At most five of 8 MB each: PDF, pictures, DOCX, XLSX, ODT, ODS, TXT, CSV. No macros."),
        required=False,
    )

    def __init__(self, *args: Any, offices: Sequence[Place], groups: Sequence[PlaceGroup] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offices = {str(one.pk): one for one in offices}
        chosen = str(self.data.get("office") or self.initial.get("office") or "")
        self.sender = self.offices.get(chosen) or offices[0]
        self._field("office").choices = [(key, one.name) for key, one in self.offices.items()]
        self.initial.setdefault("office", str(self.sender.pk))
        if len(offices) == 1:
            self._field("office").required = False
            self._field("office").widget = forms.HiddenInput()
        listed = admission.choices(self.sender.path, timezone.localdate())
        self._field("assist_item").choices = [("", _t("not of the list")), *listed]
        self._field("asks_for").choices = held.choices()
        levels = levels_below(self.sender)
        self._field("target_level").choices = levels
        if levels and not self.initial.get("target_level"):
            self.initial["target_level"] = levels[0][0]  # the next below: nearly always the one that is meant
        for name in ("parts", "amount", "unit"):  # needed, though in one of several ways
            self._field(name).one_of_several = True
        children = Place.objects.current().filter(parent=self.sender).order_by("path")
        self._field("parts").choices = [
            (ALL, _t("all of %(place)s") % {"place": self.sender.name}),
            *((str(one.pk), one.name) for one in children),
        ]
        self.kept = {str(one.pk): one for one in groups}
        self._field("groups").choices = [(key, f"{one.name} · {len(one.places)}") for key, one in self.kept.items()]
        if not groups:
            del self.fields["groups"]

    def _field(self, name: str) -> Any:
        return self.fields[name]

    def clean_office(self) -> Place:
        return self.sender

    def clean_written(self) -> list[int]:
        """Places by name or code; each line is one, and lies in the own area."""
        lines = list(dict.fromkeys(line.strip() for line in self.cleaned_data["written"].splitlines() if line.strip()))
        if len(lines) > MOST_WRITTEN:
            raise forms.ValidationError(_t("At most %(count)d places, please.") % {"count": MOST_WRITTEN})
        if not lines:
            return []
        named = Q(name__in=lines) | Q(code__in=lines) | Q(path__in=lines)
        found: dict[str, list[int]] = {}
        for one in Place.objects.current().filter(below(self.sender.path)).filter(named):
            for key in {one.name, one.code, one.path}:
                found.setdefault(key, []).append(one.pk)
        for line in lines:
            if line not in found:
                raise forms.ValidationError(_t("No place of your area is called “%(name)s”.") % {"name": line[:60]})
            if len(found[line]) > 1:
                raise forms.ValidationError(
                    _t("More than one place is called “%(name)s”. Write its code.") % {"name": line[:60]}
                )
        return [found[line][0] for line in lines]

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        parts = data.get("parts") or []
        if ALL in parts and len(parts) > 1:
            self.add_error("parts", _t("You ticked all of it and some parts as well. Leave one of the two."))
        ids = [self.sender.pk] if ALL in parts else [int(one) for one in parts]
        for key in data.get("groups") or []:
            ids += self.kept[key].places
        ids += data.get("written") or []
        data["target_places"] = sorted(set(ids)) if self.sender.pk not in ids else [self.sender.pk]
        if not ids and not {"parts", "groups", "written"} & set(self.errors):
            self.add_error("parts", _t("Choose at least one place."))
        if not data.get("amount") and not data.get("reply_by") and not {"amount", "reply_by"} & set(self.errors):
            self.add_error("amount", _t("Say until when an answer is needed."))
        return data

    def ask(self) -> Ask:
        """What was filled in, for the room to check."""
        data = self.cleaned_data
        span = str(Span(data["amount"], data.get("unit") or Unit.WORKING_DAYS)) if data.get("amount") else ""
        return Ask(
            title=data["title"],
            text=data["text"].replace("\r\n", "\n"),
            done_when=data["done_when"].replace("\r\n", "\n"),
            legal_basis=data["legal_basis"],
            target_level=data["target_level"],
            target_places=data["target_places"],
            target_profile=data["target_profile"],
            reply_span=span,
            reply_by=data["reply_by"],
            urgent=data["urgent"],
            evidence=data["evidence"],
            evidence_reason=data["evidence_reason"],
            value=data["value"] or 0,
            minutes=data["minutes"] or 0,
            rhythm=data["rhythm"],
            starts_on=data["starts_on"],
            ends_on=data["ends_on"],
            assist_item=data["assist_item"],
            asks_for=data["asks_for"],
            asks_because=data["asks_because"],
        )  # fmt: skip


def initial_of(directive: Directive) -> dict[str, Any]:
    """A draft as the form shows it again."""
    places = {one.pk: one for one in Place.objects.filter(pk__in=directive.target_places)}
    span = Span.parse(directive.reply_span) if directive.reply_span else None
    names = ("title", "text", "done_when", "legal_basis", "target_level", "target_profile", "rhythm", "starts_on",
             "ends_on", "urgent", "evidence", "evidence_reason", "minutes", "value",
             "assist_item", "asks_for", "asks_because")  # fmt: skip
    office = directive.issuer_place_id
    return {name: getattr(directive, name) for name in names} | {
        "office": str(office),
        "parts": [
            ALL if pk == office else str(pk) for pk, one in places.items() if pk == office or one.parent_id == office
        ],
        "written": "\n".join(one.path for pk, one in places.items() if pk != office and one.parent_id != office),
        "amount": int(span.amount) if span is not None else None,
        "unit": span.unit if span is not None else Unit.WORKING_DAYS,
        "reply_by": timezone.localtime(directive.reply_by) if directive.reply_by is not None else None,
    }


class AnswerForm(forms.Form):
    outcome = forms.ChoiceField(
        label=_("What becomes of it?"),
        choices=[
            (Question.Outcome.ANSWERED.value, _("The work goes on with this answer")),
            (Question.Outcome.RELEASED.value, _("The place is released from it")),
            (Question.Outcome.TAKEN.value, _("We take it over ourselves")),
        ],
        initial=Question.Outcome.ANSWERED,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose what becomes of it.")},
    )
    answer = forms.CharField(
        label=_("Answer"),
        help_text=_("The place reads it."),
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": _("Answer in a sentence; the place reads it.")},
    )


class ReturnForm(forms.Form):
    reason = forms.CharField(
        label=_("What is missing?"),
        help_text=_("The place reads it and gets time to do it better."),
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": _("Say what is missing.")},
    )


class WithdrawForm(forms.Form):
    reason = forms.CharField(
        label=_("Why is it withdrawn?"),
        help_text=_("Everybody who has a piece reads it. What was reported stays."),
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": _("Say why it is withdrawn; everybody who has a piece reads it.")},
    )
