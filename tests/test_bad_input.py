"""Wrong, hostile and too large input, through the doors: a clear answer of the kind 4xx, and nothing has changed."""

from __future__ import annotations

import base64
import io
import re
import struct
import threading
import uuid
import zlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as live_settings
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from PIL import Image

from gongzhi.act.tasks.models import Task, TaskPhoto
from gongzhi.act.values.models import Item
from gongzhi.ground.access.actions import switch_powers_on
from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.places import actions as places
from gongzhi.ground.rules.actions import rule
from gongzhi.loop.models import Job
from gongzhi.sense.channels.follow import token_of
from gongzhi.sense.channels.models import LONGEST_TEXT, Message, Photo
from gongzhi.understand.cases import tree
from gongzhi.understand.cases.models import Case, Category, Note, Ruling
from gongzhi.verify.checks.models import Check
from tests.scenes import LITTER, SIGN_IN, WORDS
from tests.town import make_place

pytestmark = pytest.mark.django_db

REPORT = "/report/"
COUNTED = (Message, Photo, Case, Task, TaskPhoto, Check, Note, Entry, Job)


def everything() -> list[int]:
    return [model.objects.count() for model in COUNTED]


def stored() -> int:
    """How many files the house keeps for reports."""

    def count(folder: str) -> int:
        try:
            folders, files = default_storage.listdir(folder)
        except FileNotFoundError:
            return 0
        return len(files) + sum(count(f"{folder}/{one}") for one in folders)

    return count("photos")


def fields(**changes: Any) -> dict[str, Any]:
    given = {"text": WORDS, "category": LITTER, "answer_by": "link", "key": uuid.uuid4().hex, **changes}
    return {name: value for name, value in given.items() if value is not None}


@pytest.fixture
def refused(client: Client, town: Any, moment: Any) -> Callable[..., str]:
    """Send the public form; it must be refused beside the field, and nothing may have changed. Gives the page."""

    def refused(*, status: int = 422, beside: str | None = None, **changes: Any) -> str:
        before, files = everything(), stored()
        answer = client.post(REPORT, fields(**changes))
        page = answer.content.decode()
        assert answer.status_code == status, page[:400]
        assert 'role="alert"' in page
        if beside is not None:
            assert f'id="id_{beside}_error"' in page
            marked = re.search(rf'<(?:input|select|textarea)[^>]*\bname="{beside}"[^>]*>', page)
            assert marked is not None
            assert 'aria-invalid="true"' in marked[0]
            assert f"id_{beside}_error" in marked[0]
        assert everything() == before
        assert stored() == files
        return page

    return refused


@pytest.fixture
def accepted(client: Client, town: Any, moment: Any) -> Callable[..., Message]:
    def accepted(**changes: Any) -> Message:
        answer = client.post(REPORT, fields(**changes))
        assert answer.status_code == 302, answer.content.decode()[:4000]
        return Message.objects.order_by("-pk")[0]

    return accepted


# --- words ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "   \n\t ", "\u3000\u3000", "\u200b\u200d", "\r\n\r\n"])
def test_a_report_that_says_nothing(refused: Any, text: str) -> None:
    assert "Tell us in a few words what happened." in refused(text=text, beside="text")


def test_a_text_of_100000_characters(refused: Any) -> None:
    page = refused(text="长" * 100_000, beside="text")
    assert "100000" in page


def test_null_bytes(refused: Any) -> None:
    for name in ("text", "address", "name"):
        assert "Null characters" in refused(**{name: "路灯\x00坏了"}, beside=name)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("address", "长" * 201),
        ("name", "长" * 61),
        ("phone", "1" * 31),
        ("phone", "not a number"),
        ("phone", "123"),
        ("category", "no.such.category"),
        ("category", "environment.litter' OR 1=1"),
        ("place", "999999999"),
        ("place", "abc"),
        ("place", "9" * 40),
        ("answer_by", "pigeon"),
    ],
    ids=lambda value: value[:12],
)
def test_wrong_fields(refused: Any, name: str, value: str) -> None:
    if name == "answer_by":
        refused(**{name: value})  # radio buttons: the message stands at the group
    elif name == "place":
        assert "We do not know this place" in refused(**{name: value})
    else:
        refused(**{name: value}, beside=name)


def test_what_was_typed_is_kept(refused: Any) -> None:
    page = refused(text="路灯坏了 <b>三天</b>", phone="123", beside="phone")
    assert "路灯坏了 &lt;b&gt;三天&lt;/b&gt;" in page
    assert 'value="123"' in page


def test_an_over_long_key(refused: Any) -> None:
    refused(key="k" * 65)
    refused(key="")


def test_a_call_back_without_a_number(refused: Any) -> None:
    assert "To call you, we need your number." in refused(answer_by="phone", beside="phone")


def test_emoji_and_rare_characters_arrive_whole(accepted: Any, deliver: Any, moment: Any, client: Client) -> None:
    text = "🚧𠮷野家门口路灯坏了👨\u200d👩\u200d👧 ﷽ \u200fעברית"
    message = accepted(text=text)
    deliver(now=moment.now)
    assert Message.objects.get(pk=message.pk).text == text
    assert text in client.get(f"/follow/{token_of(message)}/").content.decode()


def test_traditional_and_simplified_side_by_side(
    accepted: Any, deliver: Any, moment: Any, client: Client, town: Any, as_user: Any
) -> None:
    """Kept as it was written; found by either spelling."""
    text = "東門路燈壞了三天，没人修，請盡快處理。"
    message = accepted(text=text, category=None, place=town.community.pk)
    deliver(now=moment.now)
    assert Message.objects.get(pk=message.pk).text == text
    assert text in client.get(f"/follow/{token_of(message)}/").content.decode()
    clerk = as_user(town.clerk)
    for words in ("路燈", "路灯"):
        assert message.number in clerk.get(f"/staff/cases/?q={words}").content.decode()


def test_a_text_at_the_limit_is_taken_with_its_line_breaks(accepted: Any) -> None:
    """Browsers count a line break once and send two characters."""
    text = ("长" * 99 + "\r\n") * 40
    assert len(accepted(text=text).text) == LONGEST_TEXT - 1


HOSTILE = "<script>alert(1)</script>\"><img src=x onerror=alert(2)>'{{7*7}}{% now %}"


def test_markup_is_shown_as_words_on_every_page(
    accepted: Any, town: Any, deliver: Any, moment: Any, as_user: Any, client: Client
) -> None:
    message = accepted(
        text=HOSTILE, address=HOSTILE, name=HOSTILE[:60], place=town.community.pk, phone="13800000000", answer_by="none"
    )
    deliver(now=moment.now)
    case = Case.objects.get(voices__message=message)
    clerk = as_user(town.clerk)
    number = case.number
    seat = f"grid_worker@{town.grid.pk}"
    sorted_ = {"version": case.version, "category": LITTER, "place": town.grid.path, "summary": HOSTILE}
    assert clerk.post(f"/staff/inbox/{number}/", {**sorted_, "position": seat}).status_code == 303
    deliver(now=moment.now)
    assert clerk.post(f"/staff/cases/{number}/note/", {"text": HOSTILE}).status_code == 303
    order = Task.objects.get(case=case)
    worker = as_user(town.worker)
    assert worker.post(f"/staff/tasks/{order.pk}/return/", {"reason": HOSTILE}).status_code == 302
    deliver(now=moment.now)
    ruling = Ruling.objects.get(case=case)
    answer = as_user(town.leader).post(f"/staff/rulings/{ruling.pk}/", {"position": seat, "words": HOSTILE})
    assert answer.status_code in (302, 303)
    deliver(now=moment.now)
    clerk = as_user(town.clerk)
    order = Task.objects.filter(case=case).waiting().get()
    assert as_user(town.worker).post(f"/staff/tasks/{order.pk}/done/", {"words": HOSTILE}).status_code == 302
    deliver(now=moment.now)
    check = Check.objects.get(case=case)
    pages = {
        town.clerk: [
            f"/staff/cases/{number}/",
            "/staff/cases/?state=all",
            "/staff/cases/print/?state=all",
            "/staff/",
            "/staff/inbox/",
            "/staff/checks/",
            f"/staff/checks/{check.pk}/",
            f"/staff/cases/?q={HOSTILE}",
            "/staff/map/?state=all",
        ],
        town.worker: [
            f"/staff/tasks/{order.pk}/",
            "/staff/tasks/?state=ended",
            "/staff/tasks/print/?state=ended",
            "/staff/slips/print/?show=all",
            f"/staff/tasks/{order.pk}/sheet/",
        ],
        None: [
            f"/follow/{token_of(message)}/",
            f"/received/{token_of(message)}/",
            f"/follow/{token_of(message)}/withdraw/",
        ],
    }
    shown = 0
    for user, urls in pages.items():
        visitor = as_user(user)
        for url in urls:
            answer = visitor.get(url)
            page = answer.content.decode()
            assert answer.status_code == 200, url
            assert "<script>alert" not in page, url
            assert "<img src=x" not in page, url
            assert "49" not in re.findall(r"&lt;script.{0,200}", page), url
            shown += "&lt;script&gt;alert(1)" in page
    assert shown >= 10


# --- where ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lon", "lat"),
    [
        ("NaN", "40"),
        ("116.3", "nan"),
        ("inf", "40"),
        ("116.3", "-Infinity"),
        ("1e300", "40"),
        ("181", "40"),
        ("116.3", "-90.0001"),
        ("116.3", None),
        (None, "40"),
        ("116,3", "40"),
        ("east", "40"),
        ("1" * 400, "40"),
    ],
)
def test_points_that_are_none(refused: Any, lon: str | None, lat: str | None) -> None:
    refused(lon=lon, lat=lat)


@pytest.mark.parametrize("query", ["", "lon=1", "lon=nan&lat=1", "lon=1&lat=inf", "lon=x&lat=1", "lon=1e400&lat=0"])
def test_where_with_a_point_that_is_none(client: Client, town: Any, query: str) -> None:
    answer = client.get(f"/where.json?{query}")
    assert answer.status_code == 400
    assert answer.json()["error"]


def square(lon: float, lat: float, size: float) -> list[list[float]]:
    return [[lon, lat], [lon + size, lat], [lon + size, lat + size], [lon, lat + size], [lon, lat]]


@pytest.fixture
def boundary(town: Any) -> None:
    """The town's grid has a shape: a square of about 400 m."""
    import shapely

    from gongzhi.ground.places.grid_index import boundaries_changed
    from gongzhi.ground.places.models import Boundary

    shape = shapely.Polygon(square(116.320, 40.000, 0.004))
    Boundary.objects.create(
        place=town.grid,
        geometry=shapely.to_wkb(shape),
        minx=116.320,
        miny=40.000,
        maxx=116.324,
        maxy=40.004,
        valid_from=town_day(),
        source="test",
    )
    boundaries_changed()


def town_day() -> Any:
    from tests.town import NOW

    return NOW.date() - timedelta(days=400)


@pytest.mark.usefixtures("boundary")
def test_a_point_in_a_grid_is_placed_there(accepted: Any, town: Any, deliver: Any, moment: Any) -> None:
    message = accepted(lon="116.322", lat="40.002")
    deliver(now=moment.now)
    case = Case.objects.get(voices__message=message)
    assert (case.placed, case.place_id) == (True, town.grid.pk)


@pytest.mark.usefixtures("boundary")
@pytest.mark.parametrize(
    ("lon", "lat", "nearest"), [("116.330", "40.002", True), ("-70.0", "-33.0", False), ("180", "90", False)]
)
def test_a_point_outside_every_grid_is_never_lost(
    accepted: Any, town: Any, deliver: Any, moment: Any, as_user: Any, lon: str, lat: str, nearest: bool
) -> None:
    message = accepted(lon=lon, lat=lat)
    deliver(now=moment.now)
    case = Case.objects.get(voices__message=message)
    assert case in Case.objects.without_grid()
    assert (case.nearest_id == town.grid.pk) is nearest
    # Somebody looks: the queue of the desk shows it, with the proposal.
    page = as_user(town.street_clerk).get("/staff/inbox/").content.decode()
    assert case.number in page
    assert (f"Yes, there: {town.grid.name}" in page) is nearest


def test_a_point_where_there_are_no_grids_at_all(accepted: Any, deliver: Any, moment: Any) -> None:
    assert places.nearest_grid(116.3, 40.0) is None
    message = accepted(lon="116.3", lat="40.0")
    deliver(now=moment.now)
    assert Case.objects.get(voices__message=message).placed is False


def test_a_community_that_this_house_does_not_serve(refused: Any, town: Any) -> None:
    """The division table knows the whole country; a report sent there would lie where nobody looks."""
    county = make_place("110105", "county", "朝阳区", town.county.parent)
    street = make_place("110105001", "town", "某街道", county)
    elsewhere = make_place("110105001001", "village", "某社区", street)
    assert "We do not know this place" in refused(place=str(elsewhere.pk))
    refused(place=str(town.street.pk))  # not a community


def test_a_retired_category(refused: Any, accepted: Any, moment: Any) -> None:
    Category.objects.filter(code=LITTER).update(retired_on=moment.now.date())
    tree.forget()
    assert "is no longer used. Please choose another." in refused(category=LITTER, beside="category")
    new = Category.objects.get(code="environment.bins")
    Category.objects.filter(code=LITTER).update(successor=new)
    tree.forget()
    page = refused(category=LITTER, beside="category")
    assert f"is no longer used. Please choose “{new.name_en}” instead." in page
    Category.objects.filter(code=LITTER).update(retired_on=moment.now.date() + timedelta(days=1))
    tree.forget()
    accepted(category=LITTER)


# --- photos ---------------------------------------------------------------------------------------------------------


def picture(kind: str = "JPEG", size: tuple[int, int] = (64, 48), **options: Any) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "teal").save(out, kind, **options)
    return out.getvalue()


def upload(content: bytes, name: str = "photo.jpg") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content, "image/jpeg")


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bomb() -> bytes:
    """A PNG of a few kilobytes that says it has 40,000 x 40,000 pixels."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(5_000_000))) + chunk(b"IEND", b"")


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
NO_PHOTOS = {
    "empty": (b"", "This photo is empty"),
    "too large": (picture() + bytes(13 * 1024 * 1024), "larger than 12 MB"),
    "text": ("这不是照片".encode(), "not a photo we can read"),
    "svg": (SVG, "not a photo we can read"),
    "html": (b"<!doctype html><script>alert(1)</script>", "not a photo we can read"),
    "gif": (picture("GIF"), "not a photo we can read"),
    "tiff": (picture("TIFF"), "not a photo we can read"),
    "postscript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a photo we can read"),
    "bomb": (bomb(), "too many pixels"),
    "head of a jpeg": (b"\xff\xd8\xff\xe0\x00\x10JFIF", "not a photo we can read"),
    "head of a png": (b"\x89PNG\r\n\x1a\n", "not a photo we can read"),
    "head of a heic": (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", "not a photo we can read"),
    "wide webp": (
        b"RIFF\x1a\x00\x00\x00WEBPVP8L\x0d\x00\x00\x00\x2f\xff\xff\xff\x0f",
        "photo we can read|too many pixels",
    ),
}


@pytest.mark.parametrize("kind", NO_PHOTOS)
def test_what_is_no_photo(refused: Any, kind: str) -> None:
    content, words = NO_PHOTOS[kind]
    assert re.search(words, refused(photos=[upload(content)], beside="photos"))


def test_one_bad_photo_among_good_ones(refused: Any) -> None:
    refused(photos=[upload(picture()), upload(SVG)], beside="photos")


def test_too_many_photos(refused: Any) -> None:
    assert "At most four photos" in refused(photos=[upload(picture()) for _ in range(5)], beside="photos")


@pytest.mark.parametrize(
    "content",
    [
        picture("PNG"),
        picture("WEBP"),
        picture("MPO", save_all=True, append_images=[Image.new("RGB", (64, 48))]),  # many telephones write these
        picture("JPEG", progressive=True),
    ],
    ids=["png", "webp", "mpo", "progressive"],
)
def test_photos_that_telephones_make(accepted: Any, deliver: Any, moment: Any, content: bytes) -> None:
    photo = accepted(photos=[upload(content)]).photos.get()
    deliver(now=moment.now)
    photo.refresh_from_db()
    assert (photo.state, photo.width, photo.height) == ("ready", 64, 48)
    with photo.small.open() as file:
        assert Image.open(file).format == "WEBP"


@pytest.mark.parametrize(
    "name", ["../../etc/passwd.jpg", "a\x00b.jpg", "照片.JPG.exe", "x" * 300 + ".jpg", ".jpg", "jpg"]
)
def test_a_file_name_decides_nothing(accepted: Any, name: str) -> None:
    stored_as = accepted(photos=[upload(picture("PNG"), name)]).photos.get().upload.name
    assert re.fullmatch(r"photos/[0-9a-f]{2}/[0-9a-f]{32}\.png", stored_as)


def test_a_truncated_photo_is_said_to_be_unreadable_and_the_report_stands(
    accepted: Any, deliver: Any, moment: Any, client: Client
) -> None:
    whole = picture(size=(800, 600), quality=95)
    message = accepted(photos=[upload(whole[: len(whole) // 2]), upload(picture())])
    deliver(now=moment.now)
    assert sorted(message.photos.values_list("state", flat=True)) == ["ready", "unreadable"]
    assert Case.objects.filter(voices__message=message).exists()
    assert client.get(f"/follow/{token_of(message)}/").status_code == 200
    bad = message.photos.get(state="unreadable")
    assert client.get(f"/follow/{token_of(message)}/photo/{bad.uid}/large/").status_code == 404


@pytest.mark.django_db(transaction=True)
def test_clean_copies_tell_nothing_and_the_original_is_gone(accepted: Any, deliver: Any, moment: Any) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the telephone was held upright
    exif[0x010F] = "Telephone of somebody"
    exif.get_ifd(0x8825).update({1: "N", 2: (40.0, 0.0, 12.0), 3: "E", 4: (116.0, 19.0, 12.0)})
    content = picture(size=(200, 100), exif=exif, comment=b"by somebody", icc_profile=b"not a profile")
    assert Image.open(io.BytesIO(content)).getexif().get_ifd(0x8825)
    before = stored()
    message = accepted(photos=[upload(content)])
    deliver(now=moment.now)
    photo = message.photos.get()
    assert (photo.state, photo.upload.name, photo.width, photo.height) == ("ready", "", 100, 200)
    assert stored() == before + 2
    for copy in (photo.large, photo.small):
        with copy.open() as file:
            data = file.read()
        image = Image.open(io.BytesIO(data))
        assert (image.format, image.size) == ("WEBP", (100, 200))
        assert not image.getexif()
        assert not {"exif", "xmp", "icc_profile", "comment"} & set(image.info)
        assert b"somebody" not in data
    assert default_storage.exists(photo.large.name)


def test_a_photo_that_was_erased_is_not_there(done: Any, client: Client, as_user: Any, town: Any) -> None:
    message, _case = done(photos=[upload(picture())])
    Photo.objects.update(large="", small="")
    uid = message.photos.get().uid
    assert client.get(f"/follow/{token_of(message)}/photo/{uid}/large/").status_code == 404
    assert client.get(f"/follow/{token_of(message)}/").status_code == 200
    assert as_user(town.clerk).get(f"/staff/photos/{uid}/large/").status_code == 404


def test_wrong_photos_at_a_work_order(assigned: Any, town: Any, as_user: Any) -> None:
    _message, case = assigned()
    order = case.tasks.get()
    worker = as_user(town.worker)
    url = f"/staff/tasks/{order.pk}/done/"
    whole = picture(size=(800, 600), quality=95)
    before = everything()
    for photos in ([upload(SVG)], [upload(b"")], [upload(picture())] * 5, [upload(whole[: len(whole) // 2])]):
        answer = worker.post(url, {"words": "好了", "photos": photos})
        assert answer.status_code == 422
        assert 'id="id_photos_error"' in answer.content.decode()
    for words in ("", "   ", "长" * 501, "a\x00b"):
        answer = worker.post(url, {"words": words})
        assert answer.status_code == 422
        assert 'id="id_words_error"' in answer.content.decode()
    assert everything() == before


# --- the same again -------------------------------------------------------------------------------------------------


def test_the_same_key_is_the_same_report(client: Client, town: Any, moment: Any, deliver: Any) -> None:
    given = fields()
    answers = [client.post(REPORT, given) for _ in range(3)]
    assert len({answer["Location"] for answer in answers}) == 1
    deliver(now=moment.now)
    assert (Message.objects.count(), Case.objects.count()) == (1, 1)
    assert client.post(REPORT, given)["Location"] == answers[0]["Location"]
    assert Entry.objects.filter(event="channels.MessageReceived").count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_same_key_from_several_threads(town: Any, moment: Any, deliver: Any) -> None:
    given = {**fields(), "photos": None}
    del given["photos"]
    places_: list[str] = []
    ready = threading.Barrier(4)

    def send() -> None:
        try:
            ready.wait(10)
            answer = Client().post(REPORT, given)
            places_.append(answer.get("Location", f"{answer.status_code}"))
        finally:
            connection.close()

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(places_) == 4
    assert len(set(places_)) == 1
    assert places_[0].startswith("/received/")
    deliver(now=moment.now)
    assert (Message.objects.count(), Case.objects.count()) == (1, 1)


# --- the request itself ---------------------------------------------------------------------------------------------


def test_more_fields_than_anybody_fills_in(client: Client, town: Any) -> None:
    before = everything()
    answer = client.post(REPORT, fields() | {f"f{number}": "x" for number in range(2001)})
    assert answer.status_code == 400
    assert everything() == before


def test_a_form_from_another_site(town: Any) -> None:
    stranger = Client(enforce_csrf_checks=True)
    before = everything()
    for given in (fields(), fields(csrfmiddlewaretoken="x" * 64), fields(csrfmiddlewaretoken="\x00")):
        answer = stranger.post(REPORT, given)
        assert answer.status_code == 403
        assert "<h1" in answer.content.decode()
    assert everything() == before


@pytest.mark.parametrize("method", ["put", "patch", "delete", "trace"])
def test_methods_nobody_offers(client: Client, done: Any, method: str) -> None:
    message, _case = done()
    before = everything()
    for url in (REPORT, f"/follow/{token_of(message)}/", f"/follow/{token_of(message)}/answer/", "/", "/where.json"):
        assert getattr(client, method)(url).status_code == 405
    assert everything() == before


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b'{"text": "x"}'),
        ("multipart/form-data", b"no boundary"),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data"),
        ("application/x-www-form-urlencoded", b"text=%ff%fe&key=1"),
        ("application/x-www-form-urlencoded", b"text=" + b"a" * 5_000_000),
        ("text/plain", b"\x00\xff"),
    ],
)
def test_bodies_of_another_kind(client: Client, town: Any, kind: str, body: bytes) -> None:
    before = everything()
    assert client.generic("POST", REPORT, body, content_type=kind).status_code in (400, 413, 415, 422)
    assert everything() == before


# --- the follow link ------------------------------------------------------------------------------------------------


def spoiled(token: str) -> list[str]:
    other = "a" if token[-1] != "a" else "b"
    raw = base64.b32decode(token.upper() + "====")
    flipped = [
        base64.b32encode(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]).decode().rstrip("=").lower()
        for at in (0, 15, 16, 31)
    ]
    return [
        token[:-1],
        token + "a",
        token[:-1] + other,  # the last letter carries bits that no byte needs
        *(token[:-1] + letter for letter in "abcdefghijklmnopqrstuvwxyz234567" if letter != token[-1]),
        *flipped,
        token + "=",
        token + "====",
        token.replace("i", "ı") if "i" in token else "ı" + token[1:],
        token.replace("s", "ſ") if "s" in token else "ſ" + token[1:],
        "a" * 52,
        "a",
        "%00",
        "😀",
        "a" * 5000,
        str(uuid.UUID(bytes=raw[:16])),
    ]


def test_only_the_very_link_opens(done: Any, client: Client) -> None:
    message, _case = done()
    token = token_of(message)
    assert client.get(f"/follow/{token}/").status_code == 200
    for wrong in spoiled(token):
        for page in ("received/{}/", "follow/{}/", "follow/{}/withdraw/"):
            assert client.get("/" + page.format(wrong)).status_code == 404, wrong
    before = everything()
    for wrong in spoiled(token)[:6]:
        assert client.post(f"/follow/{wrong}/answer/", {"helped": "yes"}).status_code == 404
        assert client.post(f"/follow/{wrong}/withdraw/").status_code == 404
        assert client.post(f"/follow/{wrong}/reopen/").status_code == 404
    assert everything() == before


def test_a_link_says_nothing_without_the_key_of_the_house(done: Any, client: Client, settings: Any) -> None:
    message, _case = done()
    token = token_of(message)
    settings.SECRET_KEY = "another-house-" * 4
    assert token_of(message) != token
    assert client.get(f"/follow/{token}/").status_code == 404


def test_the_link_of_another_report_opens_only_that_one(done: Any, report: Any, client: Client, deliver: Any) -> None:
    message, case = done(photos=[upload(picture())])
    other, other_case = report(text="西门的路灯不亮。")
    uid = message.photos.get().uid
    key = token_of(other)
    assert client.get(f"/follow/{token_of(message)}/photo/{uid}/small/").status_code == 200
    assert client.get(f"/follow/{key}/photo/{uid}/small/").status_code == 404
    assert WORDS not in client.get(f"/follow/{key}/").content.decode()
    answer = client.post(f"/follow/{key}/answer/", {"helped": "yes"})
    assert answer.status_code == 409
    assert client.post(f"/follow/{key}/withdraw/").status_code == 302
    case.refresh_from_db()
    other_case.refresh_from_db()
    assert (case.state, other_case.state) == ("to_check", "withdrawn")
    assert Check.objects.get(case=case).state == "asked"


def test_answers_that_are_none(done: Any, client: Client) -> None:
    message, case = done()
    url = f"/follow/{token_of(message)}/answer/"
    before = everything()
    for given in (
        {},
        {"helped": "maybe"},
        {"helped": "no"},
        {"helped": "no", "words": "  "},
        {"helped": "yes", "words": "长" * 1001},
        {"helped": "yes", "words": "a\x00b"},
    ):
        answer = client.post(url, given)
        assert answer.status_code == 422, given
        assert 'role="alert"' in answer.content.decode()
    assert everything() == before
    assert client.post(url, {"helped": "no", "words": "还是不行"}).status_code == 302
    case.refresh_from_db()


def test_moves_that_come_too_late_are_told(report: Any, client: Client, deliver: Any, moment: Any) -> None:
    message, _case = report()
    url = f"/follow/{token_of(message)}/"
    assert client.post(f"{url}reopen/").status_code == 409
    assert client.post(f"{url}withdraw/").status_code == 302
    deliver(now=moment.now)
    before = everything()
    for _ in range(2):
        answer = client.post(f"{url}withdraw/")
        assert answer.status_code == 409
        assert "This matter has already ended." in answer.content.decode()
    assert client.post(f"{url}answer/", {"helped": "yes"}).status_code == 409
    assert everything() == before


def test_a_report_whose_case_is_not_yet_made(accepted: Any, client: Client) -> None:
    url = f"/follow/{token_of(accepted())}/"
    assert client.get(url).status_code == 200
    assert client.get(f"{url}withdraw/").status_code == 200
    assert client.post(f"{url}withdraw/").status_code in (404, 409)
    assert client.post(f"{url}answer/", {"helped": "yes"}).status_code == 409


# --- floods ---------------------------------------------------------------------------------------------------------


def test_a_flood_from_one_address_is_told_to_call(client: Client, town: Any, moment: Any, settings: Any) -> None:
    settings.GONGZHI_TELEPHONE = "010-00000000"
    most = int(rule("channels.rate_per_address", path="", on=moment.now.date()))
    for _ in range(most):
        assert client.post(REPORT, fields()).status_code == 302
    before = everything()
    answer = client.post(REPORT, fields())
    page = answer.content.decode()
    assert answer.status_code == 429
    assert "call 010-00000000" in page
    assert WORDS in page  # nothing that was typed is lost
    assert everything() == before
    # Another address is not concerned; a header that nobody vouches for makes no other address.
    assert client.post(REPORT, fields(), headers={"x-forwarded-for": "203.0.113.9"}).status_code == 429
    assert client.post(REPORT, fields(), REMOTE_ADDR="203.0.113.9").status_code == 302
    # An hour later it is as before.
    moment.now += timedelta(hours=1)
    assert client.post(REPORT, fields()).status_code == 302


def test_behind_a_proxy_the_visitor_is_counted(client: Client, town: Any, moment: Any, settings: Any) -> None:
    settings.GONGZHI_PROXIES = 1
    most = int(rule("channels.rate_per_address", path="", on=moment.now.date()))
    for number in range(most):
        # What the visitor writes in front changes nothing: the last hop is the proxy's own word.
        forwarded = f"198.51.100.{number}, 203.0.113.9"
        assert client.post(REPORT, fields(), headers={"x-forwarded-for": forwarded}).status_code == 302
    assert client.post(REPORT, fields(), headers={"x-forwarded-for": "203.0.113.9"}).status_code == 429
    assert client.post(REPORT, fields(), headers={"x-forwarded-for": "203.0.113.10"}).status_code == 302


# --- two at once ----------------------------------------------------------------------------------------------------


def test_a_stale_edit_shows_what_changed(assigned: Any, town: Any, as_user: Any, moment: Any) -> None:
    _message, case = assigned()
    day = (moment.now + timedelta(days=9)).date().isoformat()
    given = {"version": case.version, "reason": "等居民把钥匙送来", "review_on": day}
    assert as_user(town.secretary).post(f"/staff/cases/{case.number}/pause/", given).status_code == 303
    before = everything()
    late = {"version": case.version, "amount": "2", "reason": "缺零件"}
    answer = as_user(town.street_clerk).post(f"/staff/cases/{case.number}/extend/", late)
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "Somebody else changed this case" in page
    assert "Clock paused" in page
    assert "缺零件" in page
    assert everything() == before


@pytest.mark.parametrize(
    "day", ["2026-02-30", "2026-13-01", "0000-00-00", "yesterday", "9999-12-31", "10000-01-01", "2026-11-18"]
)
def test_impossible_days(assigned: Any, town: Any, as_user: Any, day: str) -> None:
    _message, case = assigned()
    before = everything()
    given = {"version": case.version, "reason": "等材料", "review_on": day}
    answer = as_user(town.clerk).post(f"/staff/cases/{case.number}/pause/", given)
    assert answer.status_code == 422
    assert "review_on_error" in answer.content.decode()
    assert everything() == before


@pytest.mark.parametrize(
    "query",
    [
        "state=x", "clock=x", "place=x", "place=99", "category=x", "from=2026-02-30", "to=x", "from=0001-01-01",
        "from=2026-11-18&to=2026-11-17", "page=0", "page=-1", "page=x", "page=99999999999999999999", "q=%00",
        "q=" + "x" * 5000, "sort=x", "lead=x", "channel=x", "q=%25%5F%5C", "unknown=1", "place=%00", "category=%00",
    ],
)  # fmt: skip
def test_addresses_that_make_no_sense(assigned: Any, town: Any, as_user: Any, query: str) -> None:
    assigned()
    clerk = as_user(town.clerk)
    for page in (
        "cases/",
        "cases/print/",
        "map/",
        "map/points.json",
        "tasks/",
        "tasks/print/",
        "assignments/",
        "assignments/print/",
        "slips/print/",
        "checks/",
        "inbox/",
        "search/",
        "values/",
        "values/mine/",
        "values/agreements/",
    ):
        answer = clerk.get(f"/staff/{page}?{query}")
        assert answer.status_code in (200, 302, 400, 404, 422), page


@pytest.mark.parametrize("who", ["system", "security", "audit"])
def test_addresses_of_administrations_that_make_no_sense(town: Any, as_user: Any, moment: Any, who: str) -> None:
    user = getattr(town, who)
    switch_powers_on(by=user, minutes=20, reason="what may come in", now=moment.now)
    visitor = as_user(user)
    opened = 0
    for page in ("posts", "places", "rules", "holidays", "responsibilities", "audit"):
        for name in ("q", "page", "year", "before", "path", "event", "username", "since", "all", "category"):
            for value in ("x", "9" * 40):
                status = visitor.get(f"/staff/{page}/?{name}={value}").status_code
                assert status in (200, 400, 404, 422), (page, name, value)
                opened += status == 200
                if status == 404:
                    break
    assert opened > 20


def test_hostile_words_and_numbers_at_valued_work(town: Any, as_user: Any, moment: Any) -> None:
    """Markup in every text of an item is shown as words; values, weights and marks out of bounds change nothing."""
    today = moment.now.date().isoformat()
    terms = {
        "place": str(town.community.pk), "meeting": HOSTILE, "adopted_on": today, "done_weight": "40",
        "timeliness_weight": "30", "quality_weight": "30", "objection_days": "5", "starts_on": today, "ends_on": today,
    }  # fmt: skip
    words = {
        "place": str(town.community.pk), "source": "", "origin": HOSTILE, "title": HOSTILE, "done_when": HOSTILE,
        "value": "100", "due_at": today, "post": str(town.worker.posts.get().pk),
    }  # fmt: skip
    secretary = as_user(town.secretary)
    before = Entry.objects.count()
    for change in ({"quality_weight": "31"}, {"done_weight": "10" * 9}, {"objection_days": "-1"}):
        assert secretary.post("/staff/values/agreements/new/", {**terms, **change}).status_code == 422
    assert secretary.post("/staff/values/new/", words).status_code == 422  # nothing has been agreed
    assert Entry.objects.count() == before
    assert secretary.post("/staff/values/agreements/new/", terms).status_code == 302
    for value in ("1000000000", "-1", "0", "9" * 40, "NaN", "1e3"):
        assert secretary.post("/staff/values/new/", {**words, "value": value}).status_code == 422
    assert not Item.objects.exists()
    assert secretary.post("/staff/values/new/", words).status_code == 302
    item = Item.objects.get()
    do = f"/staff/values/{item.pk}/do"
    marks = {"done": "90", "timeliness": "90", "quality": "90", "rounds": "0"}
    assert as_user(town.worker).post(f"{do}/report/", {"words": HOSTILE}).status_code == 302
    for change in ({"reason": ""}, {"done": "101"}, {"quality": "-1"}, {"timeliness": "9" * 40}):
        given = {**marks, "reason": HOSTILE, **change}
        assert as_user(town.secretary).post(f"{do}/score/", given).status_code == 422
    assert as_user(town.secretary).post(f"{do}/score/", {**marks, "reason": HOSTILE}).status_code == 302
    assert as_user(town.worker).post(f"{do}/object/", {"words": HOSTILE}).status_code == 302
    answer = {"outcome": "kept", "words": HOSTILE}
    assert as_user(town.secretary).post(f"{do}/answer/", answer).status_code == 302
    agreement = f"/staff/values/agreements/{item.agreement_id}"
    for user in (town.secretary, town.worker):
        visitor = as_user(user)
        for url in (
            "/staff/values/", "/staff/values/mine/", f"/staff/values/{item.pk}/", f"{agreement}/",
            f"{agreement}/minutes/", f"{agreement}/people/{town.worker.pk}/", "/staff/values/?state=settled",
        ):  # fmt: skip
            page = visitor.get(url).content.decode()
            assert "<script>alert" not in page, url
            assert "<img src=x" not in page, url


def test_signed_in_people_are_who_they_are() -> None:
    """The tests above sign people in the way the house does."""
    assert SIGN_IN in live_settings.AUTHENTICATION_BACKENDS
