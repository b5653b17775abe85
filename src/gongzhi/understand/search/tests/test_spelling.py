"""Cutting texts and questions into the words that both databases index."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gongzhi.understand.search.models import Question, as_match, as_tsquery, as_vector
from gongzhi.understand.search.spelling import MOST_PAIRS, _folding, ask, bigrams, fold, fold_each

CHINESE = st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF), min_size=2, max_size=30)


def test_pairs_of_characters_and_whole_words():
    assert bigrams("路灯不亮了，3号楼 WiFi") == ["路灯", "灯不", "不亮", "亮了", "了", "3", "号楼", "楼", "wifi"]
    assert bigrams("") == []
    assert bigrams("🙂👍 …!") == []


def test_what_people_take_to_be_the_same_is_spelled_the_same():
    assert fold("ＷｉＦｉ　１２") == fold("wifi 12")
    assert fold("路燈壞了，樓道裡電梯亂響") == "路灯坏了,楼道里电梯乱响"
    assert bigrams("垃圾堆在樓棟門前") == bigrams("垃圾堆在楼栋门前")


def test_the_table_of_traditional_characters_is_made_of_pairs():
    table = _folding()
    assert len(table) > 1200
    assert all(len(plain) == 1 for plain in table.values())
    assert not [chr(old) for old, plain in table.items() if ord(plain) in table], "folding twice would change it again"


def test_long_numbers_are_never_indexed():
    text = "请打电话13800138000，身份证110101199013011234X，座机 62785001，或 138 0013 8000"
    assert not [word for word in bigrams(text) if sum(map(str.isdecimal, word)) > 6]


@given(st.text(max_size=300))
def test_folding_each_character_keeps_places(text):
    assert len(fold_each(text)) == len(text)


@given(CHINESE, st.data())
def test_every_part_of_a_text_is_found_in_it(text, data):
    start = data.draw(st.integers(0, len(text) - 2))
    end = data.draw(st.integers(start + 2, len(text)))
    have = set(bigrams(text))
    assert all(pair in have for word in ask(text[start:end]) for pair in word.pairs)


@given(st.text(max_size=400))
def test_no_question_breaks_the_spelling_of_either_database(text):
    question = ask(text)
    assert sum(len(word.pairs) for word in question) <= MOST_PAIRS
    words = [pair for word in question for pair in word.pairs] + bigrams(text)
    assert not [word for word in words if not word or set(word) & set("'\"\\*&|!<>() \x00")]
    asked = Question(tuple(question))
    assert as_match(asked).count('"') % 2 == 0
    assert as_tsquery(asked).count("'") % 2 == 0
    assert as_vector(words).count("'") % 2 == 0


def test_questions():
    (plain,) = ask("路灯不亮")
    assert (plain.pairs, plain.exact, plain.begins) == (("路灯", "不亮"), False, False)
    (one,) = ask("灯")
    assert (one.pairs, one.begins) == (("灯",), True)
    (exact,) = ask("“3号楼”")
    assert (exact.pairs, exact.exact) == (("3", "号楼"), True)
    assert ask(" ，。!") == []
