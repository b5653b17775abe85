"""Messages that come in: what somebody told the house, by whichever channel."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable
from datetime import datetime, tzinfo
from typing import Self

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from gongzhi.ground.access.reach import reach
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.models import Recorded
from gongzhi.ground.places.models import Place
from gongzhi.ground.privacy.fields import BlindIndexField, SealedTextField

LONGEST_TEXT = 4000  # GeoReport v2 has the same bound, so a message can always be passed on


class Channel(models.TextChoices):
    WEB = "web", _("Web form")
    PHONE = "phone", _("Telephone")
    VISIT = "visit", _("Visit")
    FIELD = "field", _("Seen by staff")
    IMPORT = "import", _("Import")
    SYSTEM = "system", _("Another system")
    CHAT = "chat", _("Group chat")


class AnswerBy(models.TextChoices):
    """How the reporter wants to be asked whether it helped."""

    LINK = "link", _("By the follow link")
    PHONE = "phone", _("By telephone")
    SMS = "sms", _("By text message")
    EMAIL = "email", _("By e-mail")
    NONE = "none", _("No answer needed")


def draw_number(
    received_at: datetime, draw: Callable[[int], int] = secrets.randbelow, zone: tzinfo | None = None
) -> str:
    """A number somebody can read out on the telephone: the day, a dash, seven digits ("261122-0482731")."""
    return f"{timezone.localtime(received_at, zone):%y%m%d}-{draw(10_000_000):07d}"


class Message(Recorded):
    """One message as it arrived. It is not altered afterwards; what is made of it is a case."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    number = models.CharField(_("number"), max_length=14, unique=True)
    channel = models.CharField(_("channel"), max_length=10, choices=Channel.choices)
    received_at = models.DateTimeField(_("received"))
    text = models.TextField(_("what happened"), max_length=LONGEST_TEXT)
    category = models.CharField(max_length=80, blank=True)  # the reporter's own choice; a code of cases.Category
    place = models.ForeignKey(Place, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    place_path = models.CharField(max_length=30, blank=True)
    address = models.CharField(_("address"), max_length=200, blank=True)
    lon = models.FloatField(null=True, blank=True)
    lat = models.FloatField(null=True, blank=True)
    nearest = models.ForeignKey(Place, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    nearest_metres = models.PositiveIntegerField(null=True, blank=True)
    reporter_name = SealedTextField(_("name"), mask="name", blank=True)
    reporter_phone = SealedTextField(_("telephone"), mask="phone", blank=True)
    reporter_phone_index = BlindIndexField(source="reporter_phone")
    reporter_email = SealedTextField(_("e-mail"), blank=True)
    answers = models.JSONField(default=dict, blank=True)  # to the questions of the category, by their codes
    joins = models.CharField(max_length=14, blank=True)  # the number of the case that the reporter joins
    answer_by = models.CharField(max_length=10, choices=AnswerBy.choices, default=AnswerBy.LINK)
    language = models.CharField(max_length=10, blank=True)
    entered_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    idempotency_key = models.CharField(max_length=64, null=True, blank=True, unique=True)
    source = models.CharField(max_length=40, blank=True)  # of an import: which system it came from
    external_id = models.CharField(max_length=80, blank=True)  # and its number there
    bulk_import = models.ForeignKey(
        "channels.BulkImport", on_delete=models.PROTECT, null=True, blank=True, related_name="messages"
    )

    RECORDED = ("uid", "number", "channel", "received_at", "place_id", "place_path", "entered_by_id", "external_id")
    WORDS = ("text", "address")

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        constraints = [
            models.CheckConstraint(
                name="message_point_is_whole",
                condition=Q(lon__isnull=True, lat__isnull=True)
                # "is not null" is said aloud: a comparison with nothing is neither true nor false, and passes.
                | Q(lon__isnull=False, lat__isnull=False, lon__gte=-180, lon__lte=180, lat__gte=-90, lat__lte=90),
            ),
            models.UniqueConstraint(
                fields=["source", "external_id"], condition=~Q(external_id=""), name="message_imported_once"
            ),
        ]

    def __str__(self) -> str:
        return self.number


def photo_path(photo: Photo, filename: str) -> str:
    """Random names: a file can be neither guessed nor traced to its message."""
    name = uuid.uuid4().hex
    return f"photos/{name[:2]}/{name}{filename[filename.rindex('.') :] if '.' in filename else ''}"


class Photo(models.Model):
    """A photo sent along. ``upload`` is kept only until the clean copies without EXIF are made."""

    class State(models.TextChoices):
        RECEIVED = "received", _("being prepared")
        READY = "ready", _("ready")
        UNREADABLE = "unreadable", _("could not be read")

    message = models.ForeignKey(Message, on_delete=models.PROTECT, related_name="photos")
    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    state = models.CharField(max_length=12, choices=State.choices, default=State.RECEIVED)
    upload = models.FileField(upload_to=photo_path, blank=True, max_length=120)
    large = models.FileField(upload_to=photo_path, blank=True, max_length=120)
    small = models.FileField(upload_to=photo_path, blank=True, max_length=120)
    width = models.PositiveIntegerField(null=True)
    height = models.PositiveIntegerField(null=True)

    def __str__(self) -> str:
        return str(self.uid)


def recording_path(recording: Recording, filename: str) -> str:
    """Random names, as for photos."""
    name = uuid.uuid4().hex
    return f"recordings/{name[:2]}/{name}.{recording.kind}"


class Recording(models.Model):
    """A voice note sent along by staff in the field."""

    class Kind(models.TextChoices):
        WEBM = "webm", "WebM"
        OGG = "ogg", "Ogg"
        MP = "mpa", "M4A"

    message = models.ForeignKey(Message, on_delete=models.PROTECT, related_name="recordings")
    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    file = models.FileField(upload_to=recording_path, blank=True, max_length=120)
    size = models.PositiveIntegerField()

    def __str__(self) -> str:
        return str(self.uid)


class Mapping(models.Model):
    """A saved column mapping: how the columns of somebody's table become messages."""

    name = models.CharField(_("name"), max_length=80, unique=True)
    columns = models.JSONField(default=dict)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    changed_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class Ending(models.Model):
    """How a matter had ended in the system it was imported from."""

    message = models.OneToOneField(Message, on_delete=models.PROTECT, related_name="ending")
    ended_at = models.DateTimeField()
    words = models.CharField(max_length=500, blank=True)

    def __str__(self) -> str:
        return f"{self.message}: {self.ended_at:%Y-%m-%d}"


class BulkImportQuerySet(models.QuerySet["BulkImport"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        return self.filter(reach(user, "channels.import"))


class BulkImport(Recorded):
    """One table of messages being taken in. It can be stopped and taken up again; a row never enters twice."""

    class State(models.TextChoices):
        UPLOADED = "uploaded", _("uploaded")
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        DISCARDED = "discarded", _("discarded")

    file_name = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64)
    file = models.FileField(upload_to="imports/", blank=True, max_length=120)
    source = models.CharField(_("source"), max_length=40)
    layout = models.JSONField(default=dict)  # a tables.Layout: how to read the file
    columns = models.JSONField(default=dict)  # as in Mapping
    place = models.ForeignKey(Place, on_delete=models.PROTECT, related_name="+")
    place_path = models.CharField(max_length=30)
    state = models.CharField(max_length=10, choices=State.choices, default=State.UPLOADED)
    rows_total = models.PositiveIntegerField(null=True)
    rows_read = models.PositiveIntegerField(default=0)  # rows up to this one (as a spreadsheet counts) are dealt with
    rows_taken = models.PositiveIntegerField(default=0)
    rows_known = models.PositiveIntegerField(default=0)  # came with an earlier import
    rows_refused = models.PositiveIntegerField(default=0)
    by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    RECORDED = ("sha256", "source", "place_id", "state", "rows_read", "rows_taken", "rows_known", "rows_refused")

    objects = BulkImportQuerySet.as_manager()

    class Meta:
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        indexes = [models.Index(fields=["place_path"], name="import_by_place")]

    def __str__(self) -> str:
        return f"{self.file_name} ({self.source})"

    @property
    def rows_done(self) -> int:
        return self.rows_taken + self.rows_known + self.rows_refused


class RefusedRow(models.Model):
    """A row that could not be taken, with the reason. The row's content stays in the file, not here."""

    class Reason(models.TextChoices):
        NO_TEXT = "no_text", _("The row does not say what happened.")
        LONG_TEXT = "long_text", _("The text is longer than 4,000 characters.")
        NO_TIME = "no_time", _("The row does not say when it was received.")
        BAD_TIME = "bad_time", _("This is not a date and time of the expected form.")
        FUTURE = "future", _("This time lies in the future.")
        ANCIENT = "ancient", _("This time lies before 1970.")
        ENDS_EARLY = "ends_early", _("The matter ended before it was received.")
        BAD_POINT = "bad_point", _("These coordinates are not on the map.")
        UNKNOWN_PLACE = "unknown_place", _("No place has this name or code.")
        OUTSIDE = "outside", _("The matter lies outside the place of this import.")
        UNKNOWN_VALUE = "unknown_value", _("The mapping does not say what this value means.")
        DIGITS_LOST = "digits_lost", _("A long number was stored as a calculation number, so its last digits are lost.")
        LONG_ID = "long_id", _("The external number is longer than 80 characters.")

    bulk_import = models.ForeignKey(BulkImport, on_delete=models.CASCADE, related_name="refused")
    row = models.PositiveIntegerField()  # as a spreadsheet counts: the header is row 1
    column = models.CharField(max_length=120, blank=True)
    reason = models.CharField(max_length=20, choices=Reason.choices)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["bulk_import", "row"], name="row_refused_once")]

    def __str__(self) -> str:
        return f"{self.row}: {self.get_reason_display()}"
