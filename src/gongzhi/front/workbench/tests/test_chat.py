"""From a pasted chat to cases."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from gongzhi.ground.ledger.models import Entry
from gongzhi.sense.channels.models import Message
from gongzhi.sense.channels.tests.test_chat import HEAD_ABOVE
from gongzhi.understand.cases.models import Case
from tests.scenes import LITTER

pytestmark = pytest.mark.django_db
URL = "/staff/chat/"


def drafts_in(page: str) -> dict[str, str]:
    """What the page would send back."""
    count = int(re.search(r'name="count" value="(\d+)"', page)[1])
    sent = {"count": str(count), "key": re.search(r'name="key" value="(\w+)"', page)[1], "consent": "group"}
    for number in range(1, count + 1):
        text = re.search(rf'name="d{number}-text"[^>]*>\s*([^<]*)</textarea>', page)[1].strip()
        agreed = re.search(rf'name="d{number}-agreed" value="(\d*)"', page)[1]
        sent |= {f"d{number}-take": "yes", f"d{number}-text": text, f"d{number}-agreed": agreed}
    return sent


def test_from_paste_to_cases(town: Any, as_user: Any, deliver: Any, moment: Any) -> None:
    clerk = as_user(town.clerk)
    page = clerk.post(URL, {"paste": HEAD_ABOVE}).content.decode()
    assert not Message.objects.exists()
    assert "张三" not in page
    sent = drafts_in(page) | {"place": town.grid.path, "d1-category": LITTER}
    assert clerk.post(URL, {**sent, "consent": ""}).status_code == 422
    assert not Message.objects.exists()
    assert clerk.post(URL, sent).status_code == 303
    assert clerk.post(URL, sent).status_code == 303  # sent twice, taken once
    first, second = Message.objects.order_by("pk")
    assert (first.channel, first.category, first.entered_by) == ("chat", LITTER, town.clerk)
    assert "3 others said the same" in first.text
    assert second.category == ""
    assert "张三" not in first.text + second.text
    assert Entry.objects.filter(event="channels.MessageReceived", data__consent="group").count() == 2
    deliver(now=moment.now)
    assert Case.objects.count() == 2
    assert set(Case.objects.values_list("place_id", flat=True)) == {town.grid.pk}


def test_join_leave_out_and_mend(town: Any, as_user: Any) -> None:
    clerk = as_user(town.clerk)
    sent = drafts_in(clerk.post(URL, {"paste": "甲一：路灯坏了\n乙二：电梯停了\n丙三：灯还是不亮呢"}).content.decode())
    sent |= {"d3-take": "1", "d2-take": "no", "d1-text": "东门路灯坏了"}
    assert clerk.post(URL, sent).status_code == 303
    assert [message.text for message in Message.objects.all()] == [
        "东门路灯坏了\n灯还是不亮呢\n(Group chat: 1 other person said the same.)"
    ]


def test_joined_in_a_circle_nothing_is_lost(town: Any, as_user: Any) -> None:
    clerk = as_user(town.clerk)
    sent = drafts_in(clerk.post(URL, {"paste": "甲一：路灯坏了\n乙二：电梯停了\n丙三：车棚漏雨"}).content.decode())
    sent |= {"d1-take": "2", "d2-take": "3", "d3-take": "1"}
    assert clerk.post(URL, sent).status_code == 303
    assert Message.objects.get().text.splitlines()[:3] == ["路灯坏了", "电梯停了", "车棚漏雨"]


@pytest.mark.parametrize(
    "given",
    [
        {"paste": ""}, {}, {"paste": "长" * 200_001}, {"paste": "😀"}, {"count": "0"}, {"count": "x"}, {"count": "-1"},
        {"count": "99999999999", "key": "k", "consent": "group"}, {"count": "1", "key": "k", "consent": "pigeon"},
        {"count": "1", "key": "k", "consent": "group", "d1-take": "yes", "d1-text": " "},
        {"count": "1", "key": "k", "consent": "group", "d1-take": "yes", "d1-text": "长" * 4001},
        {"count": "1", "key": "k", "consent": "group", "d1-take": "7", "d1-text": "x"},
        {"count": "1", "key": "k", "consent": "group", "d1-take": "no", "d1-text": "x"},
        {"count": "1", "key": "k", "consent": "group", "d1-take": "yes", "d1-text": "x", "d1-category": "no.such"},
        {"count": "1", "key": "k", "consent": "group", "d1-take": "yes", "d1-text": "x", "place": "99"},
        {"count": "1", "key": "k" * 50, "consent": "group", "d1-take": "yes", "d1-text": "x"},
    ],
)  # fmt: skip
def test_what_cannot_be_taken(town: Any, as_user: Any, given: dict[str, str]) -> None:
    assert as_user(town.clerk).post(URL, given).status_code == 422
    assert not Message.objects.exists()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_an_exported_file(town: Any, as_user: Any, encoding: str) -> None:
    file = SimpleUploadedFile("chat.txt", HEAD_ABOVE.encode(encoding))
    page = as_user(town.clerk).post(URL, {"file": file}).content.decode()
    assert "垃圾桶三天没人清" in page


def test_files_that_are_none(town: Any, as_user: Any) -> None:
    for content in (b"\xff\xd8\xff\xe0" + bytes(100), bytes(2_000_000), b"PK\x03\x04\x00"):
        answer = as_user(town.clerk).post(URL, {"file": SimpleUploadedFile("chat.txt", content)})
        assert answer.status_code == 422


def test_markup_and_a_long_paste(town: Any, as_user: Any) -> None:
    clerk = as_user(town.clerk)
    page = clerk.post(URL, {"paste": "甲一：<script>alert(1)</script>路灯\n乙二：垃圾"}).content.decode()
    assert "<script>alert" not in page
    many = "\n".join(f"用户{n} 2026/11/20 08:{n % 60:02d}\n第{n}栋的事情{n * 7919}" for n in range(150))
    page = clerk.post(URL, {"paste": many}).content.decode()
    assert "50 more drafts do not fit" in page
    assert clerk.post(URL, {"paste": "长" * 100_000}).status_code == 200  # one draft, too long: said when taken in
    assert clerk.post(URL, drafts_in(page)).status_code == 303
    assert Message.objects.count() == 100
