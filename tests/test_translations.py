"""The interface speaks Chinese and English: every sentence is translated, and no page mixes the two."""

from __future__ import annotations

import gettext
import re
from collections import Counter
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urldefrag, urlsplit

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import Resolver404, resolve, reverse
from django.utils import translation
from django.utils.translation import trans_real

from gongzhi.act.tasks import actions as tasks
from gongzhi.config import translations
from gongzhi.front import standing
from gongzhi.ground.access.actions import switch_powers_on
from gongzhi.ground.accounts.models import User
from gongzhi.ground.places.actions import switch_mode
from gongzhi.ground.places.models import Place
from gongzhi.ground.privacy.actions import reveal
from gongzhi.sense.channels.follow import token_of
from gongzhi.understand.cases import actions as cases
from gongzhi.verify.checks import actions as checks
from gongzhi.verify.checks.models import Check

PATH = translations.catalogue_path("zh_Hans")
CATALOGUE = translations.read_catalogue(PATH)
SENTENCES = [message for message in CATALOGUE if message.id]
CHINESE = re.compile("[\u3400-\u9fff]")
# Three English words in a row are a sentence that somebody forgot.
ENGLISH = re.compile(r"[A-Za-z][A-Za-z’']*(?:[ ,;:]+[A-Za-z][A-Za-z’']*){2,}")


def english(message: Any) -> tuple[str, ...]:
    return (message.id,) if isinstance(message.id, str) else tuple(message.id)


def chinese(message: Any) -> tuple[str, ...]:
    return (message.string,) if isinstance(message.string, str) else tuple(message.string)


# --- the catalogue ------------------------------------------------------------------------------------------------


def test_the_catalogue_is_what_collecting_would_write_now() -> None:
    fresh = translations.written(translations.collect("zh_Hans", CATALOGUE), "zh_Hans")
    assert PATH.read_text(encoding="utf-8") == fresh, "run: gongzhi translations collect"


def test_every_sentence_is_translated() -> None:
    assert translations.missing(CATALOGUE) == []
    assert [english(message) for message in SENTENCES if len(chinese(message)) not in (1, CATALOGUE.num_plurals)] == []


def test_nothing_is_fuzzy_or_obsolete() -> None:
    assert not CATALOGUE.obsolete
    assert [message.id for message in SENTENCES if message.fuzzy] == []


PLACEHOLDER = re.compile(r"%\(\w+\)[sdif]|%%|\{\w*\}")


def test_placeholders_are_the_same_on_both_sides() -> None:
    for message in SENTENCES:
        # With a number the singular may say it in a word, so the plural counts.
        meant = Counter(PLACEHOLDER.findall(english(message)[-1]))
        for words in chinese(message):
            assert Counter(PLACEHOLDER.findall(words)) == meant, message.id


def test_chinese_sentences_use_chinese_punctuation() -> None:
    wrong = [
        words
        for message in SENTENCES
        for words in chinese(message)
        if re.search("[\u3400-\u9fff][,;:?!]|[\u3400-\u9fff]\\.$|\\.\\.\\.|[\u3400-\u9fff] ?\\(", words)
    ]
    assert wrong == []


def test_a_number_stands_apart_from_chinese_words() -> None:
    """“3 天”, not “3天”. A word that is filled in may be Chinese, so it stands as it is."""
    wrong = [
        words
        for message in SENTENCES
        for words in chinese(message)
        if re.search(
            "[\u3400-\u9fff][0-9A-Za-z]|[0-9A-Za-z][\u3400-\u9fff]",
            re.sub(r"%\(\w+\)d", "0", re.sub(r"%\(\w+\)s|2026年12月31日", " ", words)),
        )
    ]
    assert wrong == []


def test_extraction_sees_python_and_templates(tmp_path: Path) -> None:
    code = tmp_path / "code.py"
    code.write_text(
        "x = _('one ' 'two')\n_t('three')\ngettext_lazy('four')\n"
        "ngettext('a fish', '%(n)d fish', n)\npgettext('door', 'Close')\n"
    )
    page = tmp_path / "page.html"
    page.write_text(
        "<p>It's\n    {% translate 'five' %} {% tag _(\"six\") 'red' %}{{ x|default:_('seven') }}</p>\n"
        "{# Translators: eight #}\n"
        "{% blocktranslate count n=n trimmed %}\n  one\n  row{% plural %}{{ n }} rows\n{% endblocktranslate %}"
        "{% comment %}{% translate 'never' %}{% endcomment %}{% translate 'Close' context 'a window' %}"
    )
    assert [(context, words) for context, words, _ in translations.words_of(code)] == [
        ("", "one two"),
        ("", "three"),
        ("", "four"),
        ("", ("a fish", "%(n)d fish")),
        ("door", "Close"),
    ]
    assert [(context, words) for context, words, _ in translations.words_of(page)] == [
        ("", "five"),
        ("", "six"),
        ("", "seven"),
        ("", ("one row", "%(n)s rows")),
        ("a window", "Close"),
    ]


def test_set_up_makes_what_django_reads(both_languages: None) -> None:
    with translation.override("zh-hans"):
        assert translation.gettext("Grid worker") == "网格员"
        assert translation.ngettext("%(count)d day ago", "%(count)d days ago", 3) % {"count": 3} == "3 天前"
    with translation.override("en"):
        assert translation.gettext("Grid worker") == "Grid worker"


# --- the pages ----------------------------------------------------------------------------------------------------


@pytest.fixture
def both_languages() -> None:
    """The compiled catalogue as of now, whatever was there when the tests began."""
    translations.compile_all()
    gettext._translations.clear()  # type: ignore[attr-defined]
    trans_real._translations.clear()


class Visible(HTMLParser):
    """What a person sees or hears of a page, in the language of the page; what is marked as another is left out."""

    VOID = frozenset(
        ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr")
    )
    SILENT = frozenset(("script", "style", "code", "pre", "kbd", "samp", "svg", "template"))
    SPOKEN = frozenset(("title", "alt", "aria-label", "placeholder"))

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self.open: list[tuple[str, bool]] = []
        self.links: list[str] = []
        self.page_language = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "html":
            self.page_language = given["lang"]
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        quiet = (
            self.quiet
            or tag in self.SILENT
            or given.get("lang", self.page_language) != self.page_language
            or "quote" in given.get("class", "").split()
        )
        if not quiet:
            self.pieces += [value for name, value in given.items() if name in self.SPOKEN or name.startswith("data-")]
            if tag == "input" and given.get("type") in ("submit", "button"):
                self.pieces.append(given.get("value", ""))
        if tag not in self.VOID:
            self.open.append((tag, quiet))

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop()[0] != tag:
            pass

    @property
    def quiet(self) -> bool:
        return bool(self.open) and self.open[-1][1]

    def handle_data(self, data: str) -> None:
        if not self.quiet and data.strip():
            self.pieces.append(" ".join(data.split()))


def look_at(html: str) -> Visible:
    page = Visible()
    page.feed(html)
    return page


@pytest.fixture
def scenes(report, assigned, done, town, moment, deliver, client) -> dict[str, Any]:
    """Cases in every state, so that every page has something to say."""
    now = moment.now
    found = {"new": report(phone="13900000000", name="林女士", answer_by="phone")}
    found["adrift"] = report(place=None, category="", point=(116.5, 40.5), address="河边")
    found["assigned"] = assigned(phone="13900000000", name="林女士")
    found["accepted"] = assigned()
    tasks.accept_task(task_id=found["accepted"][1].tasks.get().pk, by=town.worker, now=now)
    cases.add_note(case_id=found["accepted"][1].pk, text="已联系。", by=town.clerk, now=now)
    found["returned"] = assigned()
    tasks.return_task(task_id=found["returned"][1].tasks.get().pk, reason="归物业。", by=town.worker, now=now)
    found["paused"] = assigned()
    tomorrow = now.date() + timedelta(days=1)
    cases.pause_case(case_id=found["paused"][1].pk, reason="等材料。", review_on=tomorrow, by=town.clerk, now=now)
    found["extended"] = assigned()
    cases.extend_deadline(case_id=found["extended"][1].pk, amount=1, reason="要换件。", by=town.secretary, now=now)
    found["asked"] = done()
    found["called"] = done(answer_by="phone", phone="13900000001", name="周先生")
    check = Check.objects.get(case=found["called"][1])
    checks.call_failed(check_id=check.pk, by=town.clerk, now=now)
    reveal(found["called"][0], "reporter_phone", by=town.clerk, reason="回访时问解决没有", now=now)
    found["closed"] = done()
    checks.answer_by_link(message=found["closed"][0], helped=True, words="好了。", now=now)
    found["again"] = done()
    checks.answer_by_link(message=found["again"][0], helped=False, words="还有。", now=now)
    found["withdrawn"] = assigned()
    cases.withdraw_case(message=found["withdrawn"][0], now=now)
    deliver(now=now)
    for administrator in (town.system, town.security, town.audit):
        switch_powers_on(by=administrator, minutes=30, reason="季度检查", now=now)
    return found


ADDRESSES = (
    "portal:home",
    "portal:report",
    "portal:progress",
    "portal:how",
    "portal:privacy",
    "ledger:roots",
    "styleguide",
    "account_login",
    "workbench:today",
    "workbench:inbox",
    "workbench:cases",
    "workbench:cases_print",
    "workbench:tasks",
    "workbench:tasks_print",
    "workbench:slips",
    "workbench:slips_print",
    "workbench:checks",
    "workbench:map",
    "workbench:enter",
    "workbench:imports",
    "workbench:import_new",
    "workbench:places",
    "workbench:rules",
    "workbench:holidays",
    "workbench:posts",
    "workbench:powers",
    "workbench:audit",
    "workbench:responsibilities",
    "workbench:search",
    "loop:jobs",
    "mfa_index",
    "account_change_password",
    "account_logout",
    "account_inactive",
    "mfa_activate_totp",
)
PEOPLE = (
    None,
    "worker",
    "clerk",
    "street_clerk",
    "secretary",
    "desk",
    "property_manager",
    "system",
    "security",
    "audit",
    "stranger",
)
# Sent empty or wrong, each form says what it needs.
MISTAKES: tuple[tuple[str | None, str, dict[str, str], dict[str, str]], ...] = (
    (None, "portal:report", {}, {"phone": "12", "category": "x", "place": "x", "lon": "x", "lat": "1"}),
    (None, "portal:answer", {"token": "asked"}, {}),
    ("desk", "workbench:enter", {}, {"phone": "12", "category": "x"}),
    ("clerk", "workbench:inbox_case", {"number": "new"}, {"category": "x", "summary": ""}),
    ("clerk", "workbench:case_note", {"number": "assigned"}, {"text": ""}),
    ("clerk", "workbench:case_pause", {"number": "assigned"}, {"reason": "", "review_on": "x"}),
    ("secretary", "workbench:case_extend", {"number": "assigned"}, {"reason": "", "amount": "99"}),
    ("clerk", "workbench:case_reopen", {"number": "closed"}, {"reason": ""}),
    ("clerk", "workbench:case_reveal", {"number": "new"}, {"reason": ""}),
    ("clerk", "workbench:case_assign", {"number": "assigned"}, {}),
    ("worker", "workbench:task_done", {"pk": "assigned"}, {}),
    ("worker", "workbench:task_return", {"pk": "assigned"}, {}),
    ("street_clerk", "workbench:import_new", {}, {}),
    ("security", "workbench:posts", {}, {"username": "nobody"}),
    ("security", "workbench:powers", {}, {}),
    ("system", "workbench:rules", {}, {}),
    ("system", "workbench:holidays", {}, {}),
    ("system", "workbench:responsibilities", {}, {}),
)


class Walker:
    """Looks at pages as somebody, follows their links, and keeps what they said."""

    def __init__(self, client: Any, language: str) -> None:
        self.client, self.language = client, language
        self.said: dict[str, list[str]] = {}
        self.seen: Counter[tuple[str, str]] = Counter()

    def look(self, who: str, address: str, response: Any) -> list[str]:
        if not response.get("Content-Type", "").startswith("text/html"):
            return []
        page = look_at(response.content.decode())
        assert page.page_language == {"zh-hans": "zh-Hans"}.get(self.language, self.language), address
        self.said[f"{who} {address}"] = page.pieces
        return page.links

    def get(self, who: str, address: str) -> list[str]:
        response = self.client.get(address, headers={"accept-language": self.language})
        if response.status_code in (301, 302, 303):
            return []
        assert response.status_code < 500, address
        return self.look(who, address, response)

    def walk(self, who: str, addresses: list[str], most: int = 1) -> None:
        """Every page that links lead to, each kind of page once more."""
        waiting = list(dict.fromkeys(addresses))
        done = set(waiting)
        while waiting:
            address = waiting.pop(0)
            for link in self.get(who, address):
                link = urldefrag(link).url
                if link in done or not link.startswith("/") or link.startswith(("/accounts/", "/static/")):
                    continue
                try:
                    kind = resolve(urlsplit(link).path).view_name
                except Resolver404:
                    continue
                self.seen[who, kind] += 1
                if self.seen[who, kind] <= most:
                    done.add(link)
                    waiting.append(link)


def addresses(scenes: dict[str, Any], who: str | None) -> list[str]:
    found = [reverse(name) for name in ADDRESSES]
    if who is None:
        for message, _case in scenes.values():
            found.append(reverse("portal:follow", kwargs={"token": token_of(message)}))
        token = token_of(scenes["new"][0])
        return [*found, reverse("portal:withdraw", args=[token]), reverse("portal:received", args=[token]), "/nowhere/"]
    if who in ("clerk", "worker"):
        found += [reverse("workbench:case", args=[case.number]) for _m, case in scenes.values()]
    if who == "clerk":
        found += [reverse("workbench:inbox_case", args=[scenes[name][1].number]) for name in ("new", "adrift")]
        found += [reverse("workbench:case_assign", args=[scenes["assigned"][1].number])]
        found += [reverse("workbench:check", args=[check.pk]) for check in Check.objects.all()]
    if who == "worker":
        found += [
            reverse("workbench:task", args=[case.tasks.first().pk])
            for _m, case in scenes.values()
            if case.tasks.exists()
        ]
    return found


def tour(walker: Walker, scenes: dict[str, Any], town: Any, as_user: Any, moment: Any) -> None:
    """Everybody's pages in ordinary time, the mistakes in forms, an import, and the emergency."""
    for who in PEOPLE:
        as_user(getattr(town, who) if who else None)
        walker.walk(who or "nobody", addresses(scenes, who))
    for who, name, where, data in MISTAKES:
        as_user(getattr(town, who) if who else None)
        kwargs: dict[str, Any] = {}
        for key, scene in where.items():
            message, case = scenes[scene]
            kwargs[key] = {"token": token_of(message), "number": case.number, "pk": None}[key] or case.tasks.get().pk
        address = reverse(name, kwargs=kwargs)
        response = walker.client.post(address, data, headers={"accept-language": walker.language})
        assert 400 <= response.status_code < 500, (who, name, response.status_code)
        walker.look(f"{who} POST", address, response)
    as_user(town.street_clerk)
    table = SimpleUploadedFile(
        "1.csv",
        "工单编号,受理时间,诉求内容,所属社区\nA1,2026-11-01 08:30,灯坏了,东区第一网格\nA2,昨天,灯,无\n".encode(),
    )
    brought = walker.client.post(
        reverse("workbench:import_new"),
        {"file": table, "source": "hotline", "place": town.street.path},
        headers={"accept-language": walker.language},
    )
    walker.get("import", brought["Location"])
    switch_mode(
        place=town.street,
        mode="emergency",
        level="II",
        colour="orange",
        reason="暴雨",
        until=moment.now + timedelta(hours=5),
        by=None,
        now=moment.now,
    )
    standing.forget()
    as_user(None)
    walker.get("emergency", "/")
    as_user(town.clerk)
    walker.get("emergency", reverse("workbench:today"))
    standing.forget()


@pytest.mark.slow
@pytest.mark.django_db
def test_chinese_pages_hold_no_english_sentence(both_languages, scenes, town, as_user, moment, client) -> None:
    walker = Walker(client, "zh-hans")
    tour(walker, scenes, town, as_user, moment)
    assert len(walker.said) > 100
    found = {
        match.group(): where
        for where, pieces in walker.said.items()
        for piece in pieces
        for match in ENGLISH.finditer(piece)
        if match.group() not in ALLOWED_ENGLISH
    }
    assert not found, listed(found)


def listed(found: dict[str, str]) -> str:
    return "\n".join(f"{words!r} on {where}" for words, where in sorted(found.items()))


# Names of formats and of programs' outputs, which have no Chinese form.
ALLOWED_ENGLISH: set[str] = set()


@pytest.mark.slow
@pytest.mark.django_db
def test_english_pages_hold_no_chinese_but_data(both_languages, scenes, town, as_user, moment, client) -> None:
    walker = Walker(client, "en")
    tour(walker, scenes, town, as_user, moment)
    names = {*Place.objects.values_list("name", flat=True), *User.objects.values_list("name", flat=True)}
    names |= {case.summary for _m, case in scenes.values()} | {case.address for _m, case in scenes.values()}
    known = sorted(filter(None, names | DATA), key=len, reverse=True)
    data = re.compile("|".join([*map(re.escape, known), DATA_LIKE]))
    found = {
        piece: where
        for where, pieces in walker.said.items()
        if "/styleguide/" not in where  # its sample words are what residents write
        for piece in pieces
        if CHINESE.search(data.sub("", piece))
    }
    assert not found, listed(found)


# What somebody wrote in these tests, and the product's own name.
DATA = {
    "暴雨",
    "共治",
    "等材料。",
    "要换件。",
    "回访时问解决没有",
    "灯坏了",
    "季度检查",
    "昨天",
    *("工单编号", "受理时间", "诉求内容", "所属社区"),
    "2026年12月31日",
}
# Masked names, titles of laws and standards behind a category, and the names of holidays in the national table.
DATA_LIKE = (
    r"[\u3400-\u9fff]\*+|《[^》]+》|；GB/T [\d.]+（[^）]+）|(?:元旦|春节|清明节|劳动节|端午节|中秋节|国庆节)(?:调休)?"
)
