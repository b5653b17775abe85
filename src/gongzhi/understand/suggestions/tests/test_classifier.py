"""The classifier: its numbers, its file, its reasons; and that it can be made anew."""

from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gongzhi.understand.suggestions.classifier import PACKAGED, read, to_bytes
from gongzhi.understand.suggestions.features import codes_of, grams_of
from gongzhi.understand.suggestions.training import Example, TooFew, fit_all, measure, train, usable

PLAIN = {
    "电动车从窗户拉线，飞线充电": "safety.charging",
    "我家没有暖气，只有十四度": "supply.heating",
    "小区门口的井盖不见了": "roads.manhole",
    "遛狗不拴绳，孩子被吓哭": "neighbours.dogs",
    "公司拖欠三个月工资": "work.wages",
}


@pytest.fixture(scope="module")
def packaged():
    return read(PACKAGED)


def test_the_packaged_classifier_knows_plain_matters(packaged):
    for text, code in PLAIN.items():
        assert packaged.guess(text).code == code, text


def test_traditional_characters_and_wide_digits_make_no_difference(packaged):
    one, other = (
        packaged.guess("樓道裡堆滿雜物，電動車飛線充電１２"),
        packaged.guess("楼道里堆满杂物，电动车飞线充电99"),
    )
    assert one.code == other.code
    assert abs(one.confidence - other.confidence) < 1e-4


def test_reasons_stand_in_the_text(packaged):
    text = "您好，小区门口的井盖不见了，晚上看不见，很危险。"
    spans = packaged.explain(text, "roads.manhole")
    words = [text[start:end] for start, end in spans]
    assert "井盖" in words[0]
    assert all(len(word) >= 2 for word in words)
    assert packaged.explain(text, "no.such.category") == []


@given(st.lists(st.text(max_size=60), max_size=8))
@settings(max_examples=40)
def test_many_at_once_say_the_same_as_one_by_one(packaged, texts):
    together = packaged.guess_many(texts)
    for text, guess in zip(texts, together, strict=True):
        alone = packaged.guess(text)
        assert [code for code, _share in alone.ranked][:1] == [code for code, _share in guess.ranked][:1]
        assert 0 <= guess.confidence <= 1
        for start, end in packaged.explain(text, guess.code):
            assert 0 <= start < end <= len(text)


@given(st.text(max_size=120))
@settings(max_examples=60)
def test_the_quick_and_the_full_way_give_the_same_grams(text):
    assert sorted(codes_of(text).tolist()) == sorted(grams_of(text).codes.tolist())


def test_the_file_comes_back_as_it_was_and_holds_no_pickle(packaged, tmp_path):
    path = tmp_path / "model.npz"
    path.write_bytes(to_bytes(packaged))
    again = read(path)
    assert again.guess("路灯不亮") == packaged.guess("路灯不亮")
    assert again.facts == packaged.facts
    with np.load(path, allow_pickle=False) as file:
        assert all(file[name].dtype != object for name in file.files)
    assert PACKAGED.stat().st_size < 400_000


def test_a_damaged_or_foreign_file_is_refused(tmp_path):
    path = tmp_path / "model.npz"
    for content in (b"", b"PK\x03\x04 nothing", b"x" * 1000):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="is no classifier"):
            read(path)
    out = io.BytesIO()
    np.savez(out, grams=np.zeros(1))
    path.write_bytes(out.getvalue())
    with pytest.raises(ValueError, match="is no classifier"):
        read(path)


def test_too_few_texts_are_refused():
    with pytest.raises(TooFew, match="0 different"):
        usable([Example(f"路灯{number}", "a") for number in range(3)], fewest=1)
    with pytest.raises(TooFew):
        usable([Example("同一句话", "a")] * 500)


def test_learning_from_a_handful_of_plain_texts():
    words = {"lamp": "路灯不亮楼道黑", "rubbish": "垃圾没有清运味道大", "noise": "楼上半夜装修吵闹"}
    examples = [
        Example(text[start:] + text[:start] + str(number) * 2, code)
        for code, text in words.items()
        for number, start in enumerate(range(len(text)))
    ]
    model, figures = train(usable(examples, fewest=10), examples[::3], curve=False)
    assert figures.accuracy > 0.9
    assert model.guess("这里的路灯怎么不亮").code == "lamp"
    assert measure(fit_all(examples, 4.0), [Example("路灯", "never seen")]).accuracy == 0


def test_two_categories_are_enough():
    examples = [Example(f"路灯不亮{n}号", "a") for n in range(9)] + [Example(f"垃圾清运{n}次", "b") for n in range(9)]
    model = fit_all(examples, 4.0)
    assert model.guess("路灯").code == "a"
    assert model.guess("垃圾").code == "b"


def test_no_web_process_loads_scikit_learn():
    code = (
        "import django, sys; django.setup();"
        "import gongzhi.config.urls, gongzhi.loop.circuit, gongzhi.understand.suggestions.reading;"
        "from gongzhi.understand.suggestions.classifier import read, PACKAGED; read(PACKAGED).guess('路灯不亮');"
        "sys.exit(int(any(name.startswith(('sklearn', 'scipy')) for name in sys.modules)))"
    )
    env = {
        **__import__("os").environ,
        "DJANGO_SETTINGS_MODULE": "gongzhi.config.settings",
        "PYTHONPATH": ":".join(sys.path),
    }
    assert subprocess.run([sys.executable, "-c", code], env=env, check=False).returncode == 0
