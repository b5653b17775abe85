"""A rich street with 32 communities: a directive goes down to a grid without a network, and the results come up."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.utils import translation
from django.utils.html import escape

from gongzhi.act.directives import actions as directives
from gongzhi.act.directives import pieces
from gongzhi.act.directives.asking import Ask
from gongzhi.act.directives.models import Assignment, Directive, DirectiveState, Report, State
from gongzhi.ground.access.models import Post
from gongzhi.ground.access.roles import Role
from gongzhi.ground.places.actions import set_profile
from gongzhi.ground.places.models import Level, Place, Profile
from tests.browser.conftest import DESK, PHONE, Site
from tests.browser.line import Line
from tests.browser.test_lap_in_browser import until
from tests.town import make_place, make_user

COMMUNITIES = 32
PICTURES = os.environ.get("STREET_PICTURES", "")  # a folder: a picture of every step goes there
TOLD = {
    "en": ("Keep the fire escapes free", "Walk through every staircase. What stands in the way is taken away by its "
           "owner; tell us what they refuse to move.", "Every staircase was walked through.",
           "12 staircases, two bicycles moved.", "Say how many staircases."),
    "zh-hans": ("楼道消防通道清理", "每个楼道走一遍。堵住通道的东西请主人自己搬走；劝不动的，把位置报给我们。",
                "每个楼道都走过。", "走了十二个楼道，搬走两辆自行车。", "请补上楼道个数。"),
}  # fmt: skip


@dataclass
class Street:
    """Everybody of the street, each with a browser of their own."""

    site: Site
    browser: Any
    language: str
    communities: list[Place]
    open_ones: list[Any] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    number: int = 0

    def say(self, words: str, context: str = "", **given: Any) -> str:
        """What the page says in the language of this street."""
        with translation.override(self.language):
            said = translation.pgettext(context, words) if context else translation.gettext(words)
            return said % given if given else said

    def comes(self, username: str, viewport: dict[str, int], url: str = "") -> Any:
        self.site.sessions.pop(username, None)  # somebody who was away for days signs in again
        context = self.browser.new_context(
            base_url=url or self.site.url, viewport=viewport, reduced_motion="reduce", has_touch=viewport == PHONE,
            locale="zh-CN" if self.language != "en" else "en-GB",
        )  # fmt: skip
        context.set_default_timeout(20_000)
        cookies = {"django_language": self.language, "sessionid": self.site.session_of(username)}
        context.add_cookies(
            [{"name": name, "value": value, "url": url or self.site.url} for name, value in cookies.items()]
        )
        self.open_ones.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("response", lambda answer: self.wrong.append(answer.url) if answer.status >= 500 else None)
        return page

    def press(self, page: Any, words: str, context: str = "", inside: str = "main") -> None:
        with page.expect_navigation():
            page.locator(inside).get_by_role("button", name=self.say(words, context), exact=True).first.click()

    def follow(self, page: Any, words: str, inside: str = "main", plain: bool = False) -> None:
        name = words if plain else self.say(words)
        with page.expect_navigation():
            page.locator(inside).get_by_role("link", name=name, exact=not plain).first.click()

    def unfold(self, page: Any, words: str) -> None:
        page.locator("main summary", has_text=self.say(words)).first.click()

    def fill(self, page: Any, label: str, words: str, inside: str = "main") -> None:
        page.locator(inside).get_by_label(self.say(label)).and_(page.locator(":visible")).first.fill(words)

    def look(self, page: Any, name: str) -> None:
        """Nothing is wider than the screen; and, when asked for, a picture."""
        wide, screen = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert wide <= screen, f"{name}: {wide} wide on a screen of {screen}"
        if PICTURES:
            self.number += 1
            page.screenshot(path=Path(PICTURES) / f"{self.language}-{self.number:02d}-{name}.png", full_page=True)

    def board(self, page: Any) -> dict[str, int]:
        """The figures of a board, by what stands under them."""
        words = page.locator(".figures .figure__words").all_inner_texts()
        return dict(zip(words, map(int, page.locator(".figures .figure__number").all_inner_texts()), strict=True))

    def figures(self, **numbers: int) -> dict[str, int]:
        names = {"sent": ("Sent to", "of a board"), "unread": ("Not read", ""), "working": ("At work", ""),
                 "late": ("Late", ""), "asking": ("Asking us", ""), "results": ("To look at", ""),
                 "done": ("Done", ""), "over": ("Ended otherwise", "")}  # fmt: skip
        return {self.say(*names[name]): numbers.get(name, 0) for name in names}

    def hands(self, piece: Assignment) -> Any:
        post = Post.objects.filter(role=piece.role, place_id=piece.place_id).order_by("pk").first()
        assert post is not None
        return post.user


@pytest.fixture(scope="module")
def communities(site: Site) -> list[Place]:
    """The two communities of the town and thirty more, each with a secretary; a second grid in the first."""
    town, now = site.town, site.clock.now
    set_profile(place=town.street, profile=Profile.RICH_LOW_URBAN, by=None, now=now, reason="tests")
    second = make_place("110108014001002", "grid", "东区第二网格", town.community)
    make_user("worker4", "王格四", (Role.GRID_WORKER, second))
    make_user("secretary002", "二书记", (Role.COMMUNITY_SECRETARY, town.other_community))
    for number in range(3, COMMUNITIES + 1):
        place = make_place(f"110108014{number:03d}", "village", f"第{number}社区", town.street)
        make_user(f"secretary{number:03d}", f"书记{number}", (Role.COMMUNITY_SECRETARY, place))
    return list(Place.objects.filter(parent=town.street, level=Level.VILLAGE).order_by("path"))


@pytest.fixture
def street(browser: Any, site: Site, communities: list[Place]) -> Iterator[Callable[[str], Street]]:
    opened = []

    def street(language: str) -> Street:
        opened.append(Street(site, browser, language, communities))
        return opened[-1]

    yield street
    for one in opened:
        for context in one.open_ones:
            context.close()


@pytest.fixture
def line(site: Site) -> Iterator[Line]:
    line = Line(urlsplit(site.url).port or 80)
    yield line
    line.close()


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_down_to_a_grid_and_up_again(language: str, street: Any, site: Site, line: Line) -> None:
    here: Street = street(language)
    town, clock = site.town, site.clock
    title, text, done_when, words, missing = TOLD[language]

    # The clerk writes it as somebody who has never done so: through the menu, and field by field.
    clerk = here.comes("street", DESK)
    clerk.goto("/staff/")
    here.follow(clerk, "Directives", inside="header")
    here.follow(clerk, "Send a directive")
    assert here.say("This field is required.") not in clerk.inner_text("main")
    assert "32" in clerk.locator("#reach").inner_text()  # all of the street, unless something else is said
    here.look(clerk, "form")
    here.press(clerk, "Send it")  # too early: nothing is lost, and what is missing is said where it is
    assert clerk.locator(".field__errors").count() == 4, clerk.locator("main").inner_text()
    here.fill(clerk, "What is to be done, in one line?", title)
    here.fill(clerk, "In words", text)
    here.fill(clerk, "What counts as done?", done_when)
    clerk.get_by_label(here.say("Item of the assist list")).select_option("fire")
    here.fill(clerk, "Time to reply", "3")
    # Only one of them first: the choice of all of them goes away by itself, and comes back.
    clerk.get_by_label("第9社区").check()
    assert not clerk.locator("[name=parts][value=all]").is_checked()
    until(clerk, r"/(^|\s)1\s/.test(document.querySelector('#reach').innerText)")
    clerk.locator("[name=parts][value=all]").check()
    assert not clerk.get_by_label("第9社区").is_checked()
    here.fill(clerk, "Minutes that one place needs", "90")
    clerk.get_by_label(here.say("Time to reply")).focus()
    until(clerk, "document.querySelector('#reach').innerText.includes('48')")  # hours, of all of them together
    here.press(clerk, "Send it")
    directive = Directive.objects.get(title=title)
    assert here.board(clerk) == here.figures(sent=32, unread=32)
    assert "32" in clerk.locator(".messages").inner_text()
    here.look(clerk, "sent")
    due = Assignment.objects.filter(directive=directive).values_list("due_at", flat=True)[0]

    # A secretary on a telephone reads it, takes it, and passes a part down to the grids.
    clock.now += timedelta(minutes=10)  # after half an hour one signs in again
    secretary = here.comes("secretary", PHONE)
    secretary.goto("/staff/")
    here.look(secretary, "secretary-today")
    here.follow(secretary, title, plain=True)
    secretary.get_by_text(here.say("Marked as read. The sender sees that.")).wait_for()
    here.look(secretary, "secretary-piece")
    here.press(secretary, "Confirm receipt")
    here.unfold(secretary, "Pass down")
    secretary.locator("[data-tick-all] input").check()
    here.look(secretary, "secretary-pass")
    here.press(secretary, "Pass down")
    own = Assignment.objects.get(directive=directive, place=town.community)
    assert own.state == State.PASSED
    assert list(own.pieces.order_by("place_path").values_list("place__name", flat=True)) == [
        "东区第一网格",
        "东区第二网格",
    ]

    # Another one refuses what is not on the list: one tap, and the article is cited for the street.
    ask = Ask(title=f"收费 {language}", text="请收齐商户的费用。", done_when="全部费用收齐。", target_level="village",
              target_places=[town.street.pk], reply_span="5 working_days")  # fmt: skip
    off = directives.draft_directive(ask=ask, by=town.street_clerk, now=clock.now)
    directives.issue_directive(directive_id=off.pk, by=town.street_clerk, now=clock.now)
    refused = Assignment.objects.get(directive=off, place=town.other_community)
    second = here.comes("secretary002", PHONE)
    second.goto(f"/staff/assignments/{refused.pk}/")
    second.get_by_text(here.say("Marked as read. The sender sees that.")).wait_for()
    here.look(second, "off-list")
    here.press(second, "Refuse: not on our list")
    refused.refresh_from_db()
    assert refused.state == State.REFUSED
    clerk.goto(f"/staff/directives/{off.pk}/?show=over")
    with translation.override(language):
        from gongzhi.act.directives.admission import article

        found = article(refused.article)
        assert found is not None
        cited = str(found.name)
    assert cited in clerk.inner_text("main")
    here.look(clerk, "refused")

    # The grid worker takes it along, loses the network, reports it, and comes back.
    grid = own.pieces.get(place=town.grid)
    worker = here.comes("worker", PHONE, line.url)
    worker.goto("/field/")
    until(worker, "document.querySelector('[data-field]').dataset.ready === 'day'")
    until(
        worker,
        "(async () => { const names = await caches.keys(); if (!names.length) return false;"
        " const kept = await (await caches.open(names[0])).keys();"
        " return navigator.serviceWorker.controller && kept.length >= 15; })()",
    )
    line.cut()
    worker.context.set_offline(True)
    worker.goto("/field/")
    until(worker, "document.querySelector('[data-field]').dataset.ready === 'day'")
    here.look(worker, "field-offline")
    row = worker.locator("[data-list=pieces] > li", has_text=title)
    row.locator("summary").first.click()
    row.get_by_label(here.say("What was done?")).fill(words)
    here.look(worker, "field-piece")
    row.get_by_role("button", name=here.say("Report as done")).click()
    kept = here.say("Kept. It is sent as soon as there is a network.")
    until(worker, "words => document.querySelector('[data-note]').textContent === words", kept)
    assert worker.evaluate("localStorage.getItem('gongzhi-waiting')") != "0"
    assert not Report.objects.filter(assignment=grid).exists()
    worker.goto("/field/outbox/")
    until(worker, "document.querySelectorAll('[data-list=outbox] > li').length > 0")
    assert title in worker.inner_text("[data-list=outbox]")
    here.look(worker, "field-outbox")
    line.mend()
    worker.context.set_offline(False)  # nobody presses anything
    until(worker, "Number(localStorage.getItem('gongzhi-waiting') || 0) === 0")
    assert Report.objects.get(assignment=grid).words == words
    here.look(worker, "field-sent")
    for other in own.pieces.exclude(pk=grid.pk):
        pieces.report_result(assignment_id=other.pk, words="都清了。", by=here.hands(other), now=clock.now)

    # The secretary looks at both and reports up.
    secretary.reload()
    assert words in secretary.inner_text("main")
    here.look(secretary, "secretary-results")
    for _grid in range(2):
        here.press(secretary, "Accept the result")
    here.fill(secretary, "What came of it?", f"{words} 2/2")
    here.look(secretary, "secretary-report")
    here.press(secretary, "Report the result")
    own.refresh_from_db()
    assert own.state == State.SUBMITTED

    # Eight more are in time, four have only read it, one is late, and eighteen never looked.
    others = list(Assignment.objects.filter(directive=directive).top().exclude(pk=own.pk).order_by("place_path"))
    for piece in others[:8]:
        pieces.report_result(
            assignment_id=piece.pk, words="都走过了。", minutes=40, by=here.hands(piece), now=clock.now
        )
    for piece in others[8:12]:
        pieces.read_assignment(assignment_id=piece.pk, by=here.hands(piece), now=clock.now)
    assert due is not None
    clock.now = due + timedelta(hours=2)
    late = others[12]
    pieces.report_result(assignment_id=late.pk, words="晚了一点。", by=here.hands(late), now=clock.now)
    clerk = here.comes("street", DESK)
    clerk.goto("/staff/directives/")
    here.look(clerk, "directives")
    here.follow(clerk, title, plain=True)
    assert here.board(clerk) == here.figures(sent=32, unread=18, working=4, late=22, results=10)
    with translation.override(language):
        # Nobody has to be called: it stands there.
        summed = translation.gettext(
            "%(answered)s of %(places)s places have reported, %(in_time)s of them in time."
        ) % {"answered": 10, "places": 32, "in_time": 9}
    assert escape(summed) in clerk.content()
    here.look(clerk, "board")
    here.press(clerk, "Remind all who have not read it")
    assert "18" in clerk.locator(".messages").inner_text()
    here.press(clerk, "Remind all who have not read it")
    none = here.say("Nobody had to be reminded: all of them were, within the last four hours.")
    assert none in clerk.locator(".messages").inner_text()

    # From the board down to the words of the grid, and back to the results.
    here.follow(clerk, town.community.name, plain=True)
    here.follow(clerk, town.grid.name, plain=True)
    assert words in clerk.inner_text("main")
    here.look(clerk, "drilled-down")
    back = others[0]
    clerk.goto(f"/staff/directives/{directive.pk}/?show=results")
    here.look(clerk, "results")
    here.follow(clerk, back.place.name, plain=True)
    here.unfold(clerk, "Something is missing")
    here.fill(clerk, "What is missing?", missing)
    here.look(clerk, "send-back")
    here.press(clerk, "Send it back")
    back.refresh_from_db()
    assert (back.state, back.return_reason) == (State.RETURNED, missing)
    clerk.goto(f"/staff/directives/{directive.pk}/?show=results")
    clerk.locator("[data-tick-all] input").check()
    here.press(clerk, "Accept the ticked results")
    assert "9" in clerk.locator(".messages").inner_text()
    clerk.goto(f"/staff/directives/{directive.pk}/")
    assert here.board(clerk) == here.figures(sent=32, unread=18, working=5, late=22, done=9)
    assert clerk.get_by_role("button", name=here.say("Close it")).count() == 0

    # Whoever got it back reads why, on the telephone, and answers; so does everybody else.
    second = here.comes("secretary002", PHONE)
    second.goto(f"/staff/assignments/{back.pk}/")
    assert missing in second.inner_text("main")
    here.look(second, "sent-back")
    here.fill(second, "What came of it?", "十二个。")
    here.press(second, "Report the result")
    for piece in others[8:]:
        if piece.pk != late.pk:
            pieces.report_result(assignment_id=piece.pk, words="补上了。", by=here.hands(piece), now=clock.now)
    clerk.goto(f"/staff/directives/{directive.pk}/?show=results")
    clerk.locator("[data-tick-all] input").check()
    here.press(clerk, "Accept the ticked results")
    clerk.goto(f"/staff/directives/{directive.pk}/")
    assert here.board(clerk) == here.figures(sent=32, done=32)
    here.look(clerk, "all-done")
    here.press(clerk, "Close it")
    directive.refresh_from_db()
    assert directive.state == DirectiveState.CLOSED
    here.look(clerk, "closed")
    assert not here.wrong
