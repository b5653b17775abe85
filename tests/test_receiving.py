"""Taking a message in: numbers, follow links, photos, placing, the same again."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.privacy.fields import Secret
from gongzhi.ground.refusals import Refusal
from gongzhi.loop.models import Job
from gongzhi.sense.channels.actions import Draft, Placing, check_point, check_text, find_place, receive_message
from gongzhi.sense.channels.follow import message_of, token_of
from gongzhi.sense.channels.models import LONGEST_TEXT, AnswerBy, Message, draw_number
from gongzhi.sense.channels.photos import LARGE, SMALL, accept_photo, clean_copies

WORDS = "路灯不亮了，晚上很黑。"


def picture(size=(40, 30), kind="JPEG", colour="teal", mode="RGB", **options) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, colour).save(out, kind, **options)
    return out.getvalue()


def upload(content: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile("photo.jpg", content)


# --- numbers --------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.integers(0, 9_999_999), st.datetimes(timezones=st.just(UTC)))
def test_a_number_can_be_read_out(drawn, moment):
    number = draw_number(moment.replace(year=2026, day=5), lambda bound: drawn)
    assert re.fullmatch(r"\d{6}-\d{7}", number)
    assert number.endswith(f"{drawn:07d}")


def test_the_day_in_a_number_is_the_day_of_the_place():
    late = datetime(2026, 11, 21, 16, 30, tzinfo=UTC)  # half past midnight in China
    assert draw_number(late, lambda bound: 7) == "261122-0000007"


@pytest.mark.django_db
def test_a_number_that_is_taken_is_drawn_again(town, now):
    numbers = iter(["261118-0000001", "261118-0000001", "261118-0000001", "261118-0000002"])
    first = receive_message(Draft(text=WORDS), by=None, now=now, draw=lambda at: next(numbers))
    second = receive_message(Draft(text=WORDS), by=None, now=now, draw=lambda at: next(numbers))
    assert [first.number, second.number] == ["261118-0000001", "261118-0000002"]
    with pytest.raises(RuntimeError):
        receive_message(Draft(text=WORDS), by=None, now=now, draw=lambda at: "261118-0000001")
    assert Message.objects.count() == 2
    assert Entry.objects.filter(event="channels.MessageReceived").count() == 2


# --- taking in ------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_message_entry_and_promise_are_one(town, now):
    jobs = Job.objects.count()
    message = receive_message(Draft(text=f"  {WORDS}\r\n"), by=town.clerk, now=now)
    entry = Entry.objects.get(noun="channels.Message", object_id=message.pk)
    assert (entry.event, entry.by_id, message.version) == ("channels.MessageReceived", town.clerk.pk, 1)
    assert message.text == WORDS
    assert Job.objects.count() == jobs + 1  # the case; no photos, so nothing to prepare
    assert WORDS not in str(entry.data)


@pytest.mark.django_db
def test_name_and_telephone_are_sealed(town, now):
    message = receive_message(Draft(text=WORDS, name="赵先生", phone=" 138 0000 0000 "), by=None, now=now)
    fresh = Message.objects.get(pk=message.pk)
    assert isinstance(fresh.reporter_phone, Secret)
    assert "0000 0000" not in f"{fresh.reporter_phone} {fresh.reporter_name}"
    assert fresh.reporter_phone.open() == "138 0000 0000"
    with connection.cursor() as cursor:
        cursor.execute("SELECT reporter_phone, reporter_name FROM channels_message")
        raw = b"".join(bytes(value) for value in cursor.fetchone())
    assert b"138" not in raw
    assert "赵".encode() not in raw


@pytest.mark.django_db
def test_the_same_key_gives_the_same_message(town, now):
    first = receive_message(Draft(text=WORDS, idempotency_key="k"), by=None, now=now)
    again = receive_message(Draft(text="another text", idempotency_key="k"), by=None, now=now + timedelta(hours=1))
    assert again.pk == first.pk
    without = [receive_message(Draft(text=WORDS), by=None, now=now).pk for _ in range(2)]
    assert len(set(without)) == 2


@pytest.mark.parametrize("text", ["", "\n", "\x00", "\u200b", "\u2060\ufeff", "长" * (LONGEST_TEXT + 1)])
def test_texts_that_are_none(text):
    with pytest.raises(Refusal) as refusal:
        check_text(text)
    assert (refusal.value.field, refusal.value.status) == ("text", 422)


@settings(deadline=None)
@given(st.text(max_size=200))
def test_a_text_is_refused_or_kept(text):
    try:
        kept = check_text(text)
    except Refusal:
        assert not any(character.isalnum() for character in text)
    else:
        assert kept == check_text(kept)
        assert "\x00" not in kept
        assert "\r\n" not in kept


@settings(deadline=None)
@given(st.floats(), st.floats())
def test_a_point_is_refused_or_on_the_map(lon, lat):
    try:
        point = check_point((lon, lat))
    except Refusal:
        assert not (-180 <= lon <= 180 and -90 <= lat <= 90)
    else:
        assert point is not None
        assert -180 <= point[0] <= 180
        assert -90 <= point[1] <= 90


@pytest.mark.django_db
def test_the_database_refuses_half_a_point(town, now):
    message = receive_message(Draft(text=WORDS), by=None, now=now)
    for lon, lat in ((1.0, None), (None, 1.0), (181.0, 1.0)):
        with pytest.raises(IntegrityError), transaction.atomic():
            Message.objects.filter(pk=message.pk).update(lon=lon, lat=lat)


@pytest.mark.django_db
def test_without_a_point_the_choice_counts_and_without_both_nothing(town):
    assert find_place(town.community, None) == Placing(town.community)
    assert find_place(None, None) == Placing(None)
    assert find_place(town.community, (0.0, 0.0)).place == town.community
    assert find_place(None, (0.0, 0.0)).path == ""


# --- the follow link ------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_database_alone_opens_no_link(town, now, settings):
    message = receive_message(Draft(text=WORDS), by=None, now=now)
    token = token_of(message)
    assert message_of(token) == message
    assert message_of(token.upper()) == message  # read out or typed
    assert re.fullmatch(r"[a-z2-7]{52}", token)
    with connection.cursor() as cursor:
        for model in (Message, Entry, Job):
            cursor.execute(f"SELECT * FROM {model._meta.db_table}")
            assert token[27:] not in str(cursor.fetchall()).lower()
    settings.SECRET_KEY = "stolen database, other key " * 2
    assert token_of(message) != token
    assert message_of(token) is None


@pytest.mark.django_db
def test_links_of_two_messages_have_nothing_in_common(town, now):
    tokens = [token_of(receive_message(Draft(text=WORDS), by=None, now=now)) for _ in range(2)]
    assert message_of(tokens[0][:26] + tokens[1][26:]) is None


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=70))
def test_nonsense_opens_nothing(text):
    assert message_of(text) is None


# --- photos ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "suffix"),
    [
        (picture(), ".jpg"),
        (picture(kind="PNG"), ".png"),
        (picture(kind="WEBP"), ".webp"),
        (picture(kind="PNG", mode="RGBA", colour=(0, 0, 0, 0)), ".png"),
        (picture(kind="PNG", mode="P", colour=0), ".png"),
        (picture(kind="PNG", mode="1", colour=0), ".png"),
        (picture(mode="CMYK", colour=(0, 0, 0, 0)), ".jpg"),
        (picture(mode="L", colour=0), ".jpg"),
    ],
)
def test_kinds_of_photos(content, suffix):
    assert accept_photo(upload(content)) == (content, suffix)
    large, small, width, height = clean_copies(content)
    assert (width, height) == (40, 30)
    for copy in (large, small):
        assert Image.open(io.BytesIO(copy.read())).format == "WEBP"


@pytest.mark.parametrize("turn", range(1, 9))
def test_orientation_is_kept_and_nothing_is_enlarged(turn):
    exif = Image.Exif()
    exif[0x0112] = turn
    large, small, width, height = clean_copies(picture((2400, 1200), exif=exif))
    upright = (LARGE, LARGE // 2) if turn < 5 else (LARGE // 2, LARGE)
    assert (width, height) == upright
    image = Image.open(io.BytesIO(large.read()))
    assert image.size == upright
    assert not image.getexif()
    assert max(Image.open(io.BytesIO(small.read())).size) == SMALL


@pytest.mark.parametrize("cut", [30, 200, 400])
def test_a_photo_broken_behind_its_head(cut):
    content = picture((300, 300))
    with pytest.raises((OSError, Refusal)):
        clean_copies(content[:cut])


@pytest.mark.django_db
def test_the_job_may_run_twice(town, now, deliver):
    """A worker may die after the copies and before it said so."""
    from gongzhi.sense.channels.actions import prepare_photos
    from gongzhi.sense.channels.events import MessageReceived

    message = receive_message(Draft(text=WORDS, photos=[upload(picture())]), by=None, now=now)
    entry = Entry.objects.get(noun="channels.Message", object_id=message.pk)
    event = MessageReceived(message_id=message.pk, channel="web", photos=1)
    for _ in range(2):
        prepare_photos(event, entry=entry, now=now)
    assert list(message.photos.values_list("state", "upload")) == [("ready", "")]


def test_how_the_reporter_is_asked_by_default():
    assert Draft(text=WORDS).answer_by == AnswerBy.LINK
