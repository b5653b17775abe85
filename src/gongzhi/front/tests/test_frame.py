"""The frame of every page: what the style sheets, scripts and templates promise."""

from __future__ import annotations

import gzip
import re
from http.cookies import SimpleCookie
from pathlib import Path

import pytest
from django.template import Context, Template
from django.template.loader import render_to_string

from gongzhi.front.styleguide import SampleForm, icon_names

FRONT = Path(__file__).resolve().parent.parent
STATIC = FRONT / "static" / "gongzhi"
SHEETS = sorted(STATIC.glob("*.css"))
SCRIPTS = sorted(STATIC.glob("*.js"))
TEMPLATES = sorted(FRONT.rglob("*.html"))


def name_of(path: Path) -> str:
    return str(path.relative_to(FRONT))


def rules(sheet: Path) -> str:
    return re.sub(r"/\*.*?\*/", "", sheet.read_text(), flags=re.S)


@pytest.mark.parametrize("sheet", SHEETS, ids=name_of)
def test_style_sheets_keep_to_what_a_webview_of_2021_reads(sheet: Path) -> None:
    text = rules(sheet)
    for too_new in ("@layer", "@container", "light-dark(", "color-mix(", "dvh", "&"):
        assert too_new not in text, f"{too_new} is younger than our floor"
    assert not re.search(r"@media[^{]*[<>]", text), "range syntax is younger than our floor"


@pytest.mark.parametrize(
    "sheet", [sheet for sheet in SHEETS if sheet.name not in ("tokens.css", "print.css")], ids=name_of
)
def test_colours_have_one_home(sheet: Path) -> None:
    found = re.findall(r"#[0-9a-fA-F]{3,8}\b", rules(sheet))
    assert set(found) <= {"#fff"}, "colours belong into tokens.css"


def test_every_token_that_is_used_exists() -> None:
    known = set(re.findall(r"(--[\w-]+)\s*:", "".join(rules(sheet) for sheet in SHEETS)))
    for path in SHEETS:
        assert set(re.findall(r"var\((--[\w-]+)", rules(path))) <= known, path.name
    for path in SCRIPTS:
        assert set(re.findall(r'"(--[\w-]+)"', path.read_text())) <= known, path.name


@pytest.mark.parametrize("script", SCRIPTS, ids=name_of)
def test_scripts_are_small_and_plain(script: Path) -> None:
    text = script.read_text()
    assert len(text.encode()) < 6_000
    assert "eval(" not in text
    assert "innerHTML" not in text
    assert "(?<" not in text, "old Safari cannot even read a file with a look-behind"


def test_the_frame_of_a_residents_page_is_light() -> None:
    page = ("tokens.css", "layout.css", "components.css", "print.css", "page.js", "draft.js", "place.js", "icons.svg")
    assert sum(len(gzip.compress((STATIC / name).read_bytes())) for name in page) < 30_000


@pytest.mark.parametrize("template", TEMPLATES, ids=name_of)
def test_templates_obey_the_content_security_policy(template: Path) -> None:
    text = re.sub(r"\{% comment %\}.*?\{% endcomment %\}", "", template.read_text(), flags=re.S)
    assert not re.search(r"\sstyle\s*=", text), "no style attributes"
    assert not re.search(r"\son[a-z]+\s*=\s*[\"']", text), "no handlers in attributes"
    for opening in re.findall(r"<script[^>]*>", text):
        assert "src=" in opening or 'type="application/json"' in opening, "no inline scripts"


@pytest.mark.parametrize("template", TEMPLATES, ids=name_of)
def test_icons_that_are_asked_for_are_drawn(template: Path) -> None:
    asked = set(re.findall(r'\{% icon "([a-z-]+)"', template.read_text()))
    assert asked <= set(icon_names())


def draw(source: str, **values: object) -> str:
    return Template(source).render(Context(values))


def test_a_state_never_speaks_by_colour_alone() -> None:
    drawn = draw('{% tag words "red" %}', words="<退回>")
    assert "#warning" in drawn
    assert "&lt;退回&gt;" in drawn


def test_a_wrong_field_is_tied_to_its_error_and_hint() -> None:
    form = SampleForm({"text": "", "kind": "water"})
    drawn = draw("{% field form.text %}", form=form)
    described = re.search(r'aria-describedby="([^"]+)"', drawn)
    assert described
    for part in described[1].split():
        assert f'id="{part}"' in drawn
    assert 'aria-invalid="true"' in drawn


def test_the_error_summary_leads_to_every_field() -> None:
    form = SampleForm({"kind": "water"})
    summary = render_to_string("pieces/errors.html", {"form": form})
    fields = "".join(draw("{% field bound %}", bound=bound) for bound in form)
    targets = re.findall(r'href="#([^"]+)"', summary)
    assert len(targets) == len(form.errors)
    for target in targets:
        assert f'id="{target}"' in fields


@pytest.mark.django_db
class TestDisplay:
    def test_one_tap_keeps_the_page(self, client) -> None:
        answer = client.post("/display/", {"display": "elder", "next": "/styleguide/?alarm=red"})
        assert answer.status_code == 302
        assert answer["Location"] == "/styleguide/?alarm=red"
        assert answer.cookies["display"].value == "elder"
        page = client.get("/styleguide/").content.decode()
        assert 'data-display="elder"' in page
        assert 'href="tel:' in page

    def test_it_never_leads_away(self, client) -> None:
        for trap in ("https://elsewhere.example/", "//elsewhere.example", "javascript:alert(1)", ""):
            assert client.post("/display/", {"display": "elder", "next": trap})["Location"] == "/"

    def test_an_unknown_display_changes_nothing(self, client) -> None:
        assert "display" not in client.post("/display/", {"display": "<b>", "next": "/"}).cookies
        client.cookies = SimpleCookie({"display": '"><script>'})
        assert 'data-display="ordinary"' in client.get("/styleguide/").content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize(("language", "tag"), [("zh-hans", "zh-Hans"), ("en", "en")])
def test_the_page_says_its_language(client, language: str, tag: str) -> None:
    client.cookies = SimpleCookie({"django_language": language})
    assert f'<html lang="{tag}"' in client.get("/styleguide/").content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("colour", ["red", "orange", "yellow", "blue"])
def test_an_emergency_is_said_in_words(client, colour: str) -> None:
    page = client.get("/styleguide/", {"alarm": colour}).content.decode()
    head = page[: page.index("<main")]
    assert f"alarm--{colour}" in head
    assert "alarm__meaning" in head


@pytest.mark.django_db
def test_a_page_that_is_not_there_says_so(client) -> None:
    answer = client.get("/nothing-here/")
    assert answer.status_code == 404
    assert b'id="main"' in answer.content


def test_the_page_for_our_own_faults_needs_nothing() -> None:
    assert 'id="main"' in render_to_string("500.html")
