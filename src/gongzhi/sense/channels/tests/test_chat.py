"""Group chats as people bring them."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gongzhi.sense.channels.chat import Chat, pseudonym, read_chat

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=ZoneInfo("Asia/Shanghai"))


def read(paste: str) -> Chat:
    return read_chat(paste, now=NOW)


HEAD_ABOVE = """—————  2026-11-20  —————
张三 2026/11/20 08:15:22
早上好！[太阳]
张三 2026/11/20 08:16:02
3号楼前面的垃圾桶三天没人清了，味道很大
[图片]
李四丫头(123456) 2026/11/20 08:17:11
+1
王五 2026/11/20 08:18:11
我家也是，窗户都不敢开
"王五"撤回了一条消息
物业小陈 2026/11/20 08:20:00
@张三 收到，马上安排
赵六 2026/11/20 12:20:00
东门口的路灯又不亮了，晚上老人走路危险
可以打我电话13812345678
孙七 2026/11/20 12:25:00
「张三：3号楼前面的垃圾桶三天没人清了，味道很大」
- - - - - - - - - - - - - - -
同感
钱八 2026/11/20 12:26:00
路灯不亮好几天了，东门口晚上老人走路真的危险
"""


def test_names_above_their_words() -> None:
    chat = read(HEAD_ABOVE)
    rubbish, light = chat.claims
    assert rubbish.text.splitlines() == ["3号楼前面的垃圾桶三天没人清了，味道很大", "居民丙：我家也是，窗户都不敢开"]
    assert (rubbish.speaker, rubbish.others, rubbish.pictures) == ("居民甲", 3, 1)  # +1, "ours too", and a quotation
    assert rubbish.at == NOW.replace(day=20, hour=8, minute=16)
    assert light.others == 1  # said again in other words
    assert "13812345678" not in light.text
    assert (chat.people, chat.noise) == (7, 2)
    assert chat.system >= 2
    for name in ("张三", "李四", "王五", "小陈", "赵六", "孙七", "钱八"):
        assert name not in "".join(claim.text + claim.speaker for claim in chat.claims + chat.dropped), name


@pytest.mark.parametrize(
    "paste",
    [
        "[20:15] 李四: 电梯又坏了\n[20:16] 王二麻子: 确实\n[20:17] 张三：谁知道居住证在哪办？",
        "李四：电梯又坏了\n王二麻子：确实\n张三：谁知道居住证在哪办？",
        "2026-11-20 20:15 李四\n电梯又坏了\n\n2026-11-20 20:16 王二麻子\n确实\n"
        "2026-11-20 20:17 张三\n谁知道居住证在哪办？",
        "2026/11/20 20:15 - 李四: 电梯又坏了\n2026/11/20 20:16 - 王二麻子: 确实\n"
        "2026/11/20 20:17 - 张三: 谁知道居住证在哪办？",
        "[2026/11/20 20:15:01] 李四: 电梯又坏了\n[2026/11/20 20:16:01] 王二麻子: 确实\n"
        "[2026/11/20 20:17:01] 张三: 谁知道居住证在哪办？",
        "李四 20:15\n电梯又坏了\n王二麻子 20:16\n确实\n张三 20:17\n谁知道居住证在哪办？",
        "李四  11月20日 20:15\n电梯又坏了\n王二麻子  11月20日 20:16\n确实\n张三  11月20日 20:17\n谁知道居住证在哪办？",
        "李四 2026年11月20日 星期五 20:15\n电梯又坏了\n王二麻子 2026年11月20日 星期五 20:16\n确实\n"
        "张三 2026年11月20日 星期五 20:17\n谁知道居住证在哪办？",
        "20:15 李四：电梯又坏了\n20:16 王二麻子：确实\n20:17 张三：谁知道居住证在哪办？",
    ],
    ids=[
        "[time]",
        "colon",
        "date time name",
        "whatsapp",
        "[date time]",
        "name time",
        "name day",
        "weekday",
        "time colon",
    ],
)
def test_layouts(paste: str) -> None:
    for text in (paste, paste.replace("\n", "\r\n"), f"\ufeff{paste}\n"):
        chat = read(text)
        assert [(claim.speaker, claim.text) for claim in chat.claims] == [
            ("居民甲", "电梯又坏了"),
            ("居民丙", "谁知道居住证在哪办？"),
        ]
        assert chat.claims[0].agreed == {"居民乙"}


def test_several_lines_and_several_messages_of_one_person_are_one_claim() -> None:
    chat = read("李四 20:15\n地下车库漏水\n第二行：很严重\n李四 20:17\n车都泡了\n李四 22:40\n另外北门的门禁坏了")
    assert [claim.text for claim in chat.claims] == ["地下车库漏水\n第二行：很严重\n车都泡了", "另外北门的门禁坏了"]


def test_the_same_matter_elsewhere_is_another_matter() -> None:
    chat = read(
        "李四 20:15\n3号楼门口的垃圾没人清\n王五 20:16\n8号楼门口的垃圾没人清\n赵六 20:17\n3号楼门口垃圾真的没人清"
    )
    assert [claim.others for claim in chat.claims] == [1, 0]


def test_a_line_with_a_colon_is_no_chat() -> None:
    assert [claim.text for claim in read("昨晚停电了\n地址：3号楼2单元\n时间：20:15").claims] == [
        "昨晚停电了\n地址：3号楼2单元\n时间：20:15"
    ]


def test_plain_notes_are_a_draft_a_paragraph() -> None:
    chat = read("路灯坏了\n在东门\n\n\n楼道堆物\n\n谢谢")
    assert [claim.text for claim in chat.claims] == ["路灯坏了\n在东门", "楼道堆物"]


@pytest.mark.parametrize(
    "paste", ["", "\n\n", "   ", "😀😀", "[图片]", "张三 20:15\n+1", "张三：早\n李四：早上好", "\x00\x00"]
)
def test_nothing_to_take_in(paste: str) -> None:
    assert read(paste).claims == []


def test_markup_stays_words() -> None:
    assert read("a：<script>alert(1)</script> 路灯坏了\nb：<b>垃圾</b>没人清").claims[0].text.startswith("<script>")


@pytest.mark.parametrize(
    "paste",
    ["长" * 100_000, "张三：垃圾\n" * 16_000, "张三 2026/11/20 08:15:22\n路灯\n" * 4_000, "a:" * 50_000, "「" * 100_000,
     "@" * 100_000, "[" * 100_000, "1" * 100_000, "[20:15] " * 12_000, "1:" * 50_000, "2026/11/20 " * 9_000],
    ids=lambda value: value[:6],
)  # fmt: skip
def test_a_hundred_thousand_characters(paste: str) -> None:
    chat = read(paste)
    assert sum(len(claim.text) for claim in chat.claims) <= len(paste)


def test_forty_people_keep_their_names_apart() -> None:
    names = [pseudonym(number) for number in range(40)]
    assert len(set(names)) == 40
    assert names[:2] == ["居民甲", "居民乙"]


people = st.lists(st.text("张王李赵钱孙周吴郑冯陈", min_size=2, max_size=4), min_size=2, max_size=5, unique=True)
words = st.lists(
    st.sampled_from(["路灯坏了", "垃圾", "没人清", "@{0} ", "{1}说得对", "+1", "3号楼", "[图片]", "，", "早"]),
    max_size=6,
)


@given(people=people, told=st.lists(st.tuples(st.integers(0, 4), words), max_size=12), layout=st.integers(0, 3))
@settings(max_examples=200, deadline=None)
def test_no_nickname_gets_through(people: list[str], told: list[tuple[int, list[str]]], layout: int) -> None:
    """Also one that somebody else mentions."""
    shapes = ("{0} 2026/11/20 08:15:22\n{1}", "[20:15] {0}: {1}", "2026-11-20 20:15 {0}\n{1}", "{0} 20:15\n{1}")
    said = [(name, "大家好") for name in people]
    said += [(people[who % len(people)], "".join(parts).format(*people)) for who, parts in told]
    chat = read("\n".join(shapes[layout].format(name, text) for name, text in said))
    assert chat.people == len(people)
    for one in [*chat.claims, *chat.dropped]:
        assert one.speaker.startswith("居民")
        assert not any(name in one.text for name in people)


@given(st.text(max_size=400))
@settings(max_examples=300, deadline=None)
def test_any_text_is_read(paste: str) -> None:
    chat = read(paste)
    assert all(claim.text.strip() for claim in chat.claims)
    assert not any("\x00" in claim.text for claim in chat.claims)
