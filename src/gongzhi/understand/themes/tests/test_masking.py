"""Masking: nothing personal that the rules know gets into a quote, and the matter stays readable."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gongzhi.understand.themes.masking import BOX, mask_personal, sentences


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("请打13800138000找我", "13800138000"),
        ("电话 138 0013 8000", "8000"),
        ("座机010-62781234没人接", "62781234"),
        ("热线号码62781234打不通", "62781234"),
        ("身份证11010819901341001X丢了", "1990"),
        ("卡号6222020200112233445被扣款", "6222"),
        ("京A12345堵住了门", "A12345"),
        ("车牌京AD12345的车", "AD12345"),
        ("发到wang.xiao@example.com", "wang"),
        ("微信号：wang_2020", "wang_2020"),
        ("3号楼2单元501室漏水", "501"),
        ("五号楼三单元漏水", "三单元"),
        ("3-2-501天天吵", "501"),
        ("我叫王小明，住在东区", "王小明"),
        ("姓名：李四光", "李四光"),
        ("王先生家的狗叫", "王先生"),
        ("邻居张建国，总是半夜拖椅子", "张建国"),
        ("楼上李阿姨把水泼下来", "李阿姨"),
        ("刘主任不理我们", "刘主任"),
        ("１３８００１３８０００", "１３８"),
    ],
)
def test_what_is_masked(text: str, gone: str) -> None:
    masked = mask_personal(text)
    assert gone not in masked
    assert BOX in masked


@pytest.mark.parametrize(
    "text",
    [
        "东门路口的路灯坏了三天，晚上很黑。",
        "暖气片一直是凉的，室温只有十四度。",
        "地铁三号线工地半夜打桩。",
        "2026年11月18日停水，下午3点才来。",
        "已经打了12345三次，没有人来。",
        "小区门口堵车，公交车过不去。",
        "马路上有一个坑，王府井大街也有。",
        "要求退还1200元押金。",
    ],
)
def test_the_matter_stays(text: str) -> None:
    assert mask_personal(text) == text


@given(st.text(max_size=200))
def test_masking_twice_is_masking_once(text: str) -> None:
    once = mask_personal(text)
    assert mask_personal(once) == once


@given(st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True), st.text(alphabet="路灯坏了很黑，。", max_size=20))
def test_no_mobile_number_passes(number: str, words: str) -> None:
    assert number not in mask_personal(f"{words}{number}{words}")


def test_sentences() -> None:
    assert sentences("短。东门路口的路灯坏了三天。晚上很黑，孩子不敢走！") == [
        "东门路口的路灯坏了三天。", "晚上很黑，孩子不敢走！",
    ]  # fmt: skip
