"""A village with six cadres: who they are, what the town sends them, and the hands that work the pages."""

from __future__ import annotations

from typing import Any

from gongzhi.act.directives import actions as directives
from gongzhi.act.directives.asking import Ask
from gongzhi.act.directives.models import Assignment
from gongzhi.ground.access.roles import Role
from gongzhi.ground.places.models import Level, Place
from tests.browser.conftest import DESK, PHONE, Site, Visit
from tests.town import make_user

FROM_ABOVE = "冬季取暖安全入户提醒"


class Village:
    """The town's first community as a village: its six cadres, and what each sees on their own screen."""

    def __init__(self, site: Site, come: Any) -> None:
        self.site, self.come = site, come
        self.wrong: list[str] = []
        for username, name, role, place in (
            ("deputy", "刘副书记", Role.COMMUNITY_SECRETARY, self.place),
            ("women", "孟主任", Role.COMMUNITY_CLERK, self.place),
            ("leader", "冯组长", Role.BUILDING_CHIEF, site.town.grid),
        ):
            make_user(username, name, (role, place))

    @property
    def place(self) -> Place:
        """As it is now: pages change it."""
        return Place.objects.get(pk=self.site.town.community.pk)

    def page(self, username: str, *, phone: bool = False, language: str = "en", elder: bool = False) -> Any:
        """A screen of this person."""
        viewport = dict(PHONE if phone else DESK)
        display = "elder" if elder else "ordinary"
        visit = Visit(username=username, viewport=viewport, language=language, display=display)
        page = self.come(visit).new_page()
        page.set_default_timeout(30_000)  # a busy machine is no finding
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("response", lambda answer: self.wrong.append(answer.url) if answer.status >= 500 else None)
        return page

    def sent_by_the_town(self) -> Assignment:
        """One directive of the town to the village, on its assist list, three working days."""
        town = self.site.town
        ask = Ask(
            title=FROM_ABOVE,
            text="入户看一遍取暖设备，独居老人当面讲清楚。",
            done_when="每户都去过，独居老人当面讲过。",
            target_level=Level.VILLAGE,
            target_places=[self.place.pk],
            reply_span="3 working_days",
            value=260,
            minutes=120,
        )
        given = {"by": town.street_clerk, "now": self.site.clock.now}
        directives.issue_directive(directive_id=directives.draft_directive(ask=ask, **given).pk, **given)
        self.site.deliver()
        return Assignment.objects.get(place=self.place, directive__title=FROM_ABOVE)


def press(page: Any, words: str, *, exact: bool = False) -> None:
    """A button that leads on; what is wrong with a form is a finding."""
    with page.expect_navigation():
        page.get_by_role("button", name=words, exact=exact).first.click()
    assert not page.locator(".errors").count(), page.inner_text("main")[:2000]


def follow(page: Any, words: str) -> None:
    with page.expect_navigation():
        page.locator("main").get_by_role("link", name=words).first.click()


def unfold(page: Any, words: str) -> None:
    page.locator("details > summary", has_text=words).first.click()


def menu(page: Any) -> list[str]:
    """What stands in the menu, in its order: first the bar, then what is one step away."""
    return [words.strip() for words in page.locator("header nav a").all_text_contents() if words.strip()]


def fits(page: Any) -> bool:
    """Whether nothing sticks out at the side."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))
