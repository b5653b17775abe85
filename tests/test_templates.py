"""Tests about the templates: nothing that the content-security policy would refuse, and every page in the frame."""

from __future__ import annotations

import functools
import re
from pathlib import Path

import pytest
from django.template.loader import get_template

import gongzhi

SOURCE = Path(gongzhi.__file__).parent
TEMPLATES = sorted(path for path in SOURCE.rglob("templates/**/*.html") if "tests" not in path.parts)
every_template = pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(SOURCE)))


def bare(path: Path) -> str:
    """The markup without comments."""
    text = path.read_text()
    return re.sub(r"\{#.*?#\}|\{% comment %\}.*?\{% endcomment %\}", "", text, flags=re.DOTALL)


def name_of(path: Path) -> str:
    return str(path.relative_to(next(parent for parent in path.parents if parent.name == "templates")))


def extended(text: str) -> bool:
    return bool(re.search(r"\{% extends ", text))


@functools.cache
def included() -> set[str]:
    """What other templates include, and what code renders as a part of a page."""
    text = "\n".join(bare(path) for path in TEMPLATES)
    text += "\n".join(path.read_text() for path in SOURCE.rglob("*.py"))
    return {name_of(path) for path in TEMPLATES if re.search(rf"""["']{re.escape(name_of(path))}(#\w+)?["']""", text)}


def test_there_are_templates() -> None:
    assert len(TEMPLATES) > 30


@every_template
def test_it_can_be_read(path: Path) -> None:
    get_template(name_of(path))


@every_template
def test_no_style_or_script_in_the_page(path: Path) -> None:
    text = bare(path)
    text = re.sub(r"\{%.*?%\}|\{\{.*?\}\}", "", text, flags=re.DOTALL)
    assert not re.search(r"<style[\s>]", text)
    assert not re.search(r"\sstyle\s*=", text)
    assert not re.search(r"<[^>]+\son[a-z]+\s*=", text)
    assert not re.search(r"javascript:", text, re.IGNORECASE)
    assert not re.search(r"\bhx-on", text)
    for script in re.findall(r"<script\b[^>]*>(?s:.*?)</script>", text):
        data = re.search(r'type="application/json"', script)
        assert data or re.fullmatch(r"<script\b[^>]*\bsrc=[^>]*>\s*</script>", script), script


@every_template
def test_nothing_comes_from_elsewhere(path: Path) -> None:
    text = bare(path)
    for address in re.findall(r"""\b(?:src|srcset|data|poster|action)\s*=\s*["']([^"'{]*)""", text):
        assert not re.match(r"(https?:)?//", address), address
    for link in re.findall(r"<link\b[^>]*>", text):
        assert "//" not in link, link


@every_template
def test_a_page_stands_in_the_frame_or_is_a_piece(path: Path) -> None:
    text, name = bare(path), name_of(path)
    if name == "base.html" or extended(text) or "/elements/" in name:
        assert name == "base.html" or not re.search(r"<html[\s>]", text)
        return
    assert name in included(), "neither a page (extends base.html) nor a piece that something includes"
    assert not re.search(r"<(html|body|head)[\s>]", text)


@every_template
def test_forms_that_post_carry_their_token(path: Path) -> None:
    text = bare(path)
    for form in re.findall(r"<form\b(?s:.*?)</form>", text):
        if re.search(r"""method=["']post""", form, re.IGNORECASE):
            assert "{% csrf_token %}" in form, form[:120]
        else:
            assert "csrf_token" not in form, form[:120]  # it would stand in the address


@every_template
def test_markup_is_escaped(path: Path) -> None:
    """``safe`` is a promise that nobody can check; ``autoescape off`` is worse."""
    text = bare(path)
    assert "autoescape off" not in text
    assert not re.search(r"\|\s*safe\b", text)
    assert "{% debug" not in text


WORDS = re.compile(r"[A-Za-z\u4e00-\u9fff]{2,}")
NO_SENTENCE = re.compile(r"&\w+;|\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)


@every_template
def test_every_sentence_is_translated(path: Path) -> None:
    text = bare(path)
    text = re.sub(r"\{% blocktranslate.*?\{% endblocktranslate %\}", "", text, flags=re.DOTALL)
    text = re.sub(r"\{% block \w*class %\}.*?\{% endblock[^%]*%\}|\b\w+\.json\b", "", text)
    text = re.sub(r"<(script|style|svg|code|kbd|pre)\b.*?</\1>", "", text, flags=re.DOTALL)
    text = NO_SENTENCE.sub("", text)
    said = re.sub(r"<[^>]*>", "\n", text)
    own = {"中文", "English", "JSON", "RFC", "CSV", "XLSX", "SHA", "Gongzhi", "共治", "简体中文", "aria", "JPEG"}
    if name_of(path).startswith(("styleguide", "pieces/sheet_sample")) or "/elements/" in name_of(path):
        return
    left = [word for word in WORDS.findall(said) if word not in own]
    assert not left, left[:10]
    for attribute in re.findall(r"""\b(?:alt|title|placeholder|aria-label)\s*=\s*["']([^"']*)["']""", text):
        assert not [word for word in WORDS.findall(attribute) if word not in own], attribute
