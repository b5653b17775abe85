"""A clerk's morning in the browser, and what it costs in keys, clicks and pages. For a test and bench/morning."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from gongzhi.act.tasks import actions as tasks
from gongzhi.act.tasks.models import Task
from gongzhi.config.demonstration.generate import cases as demands
from gongzhi.ground.access.models import Post
from gongzhi.sense.channels.actions import Draft, receive_message
from gongzhi.sense.channels.models import AnswerBy, Channel, Message
from gongzhi.understand.cases.models import Case, State
from tests.browser.conftest import Site

SEED = 7
# Told a second time in other words, as neighbours do; and one that is for a court.
AGAIN = (
    ("3号楼前面的垃圾桶三天没人清了，味道特别大，苍蝇很多。", "3号楼前边垃圾桶三天没人清理，味道特别大，全是苍蝇。"),
    ("东门口的路灯不亮了好几天，晚上老人走路很危险。", "东门口路灯好几天不亮，晚上老人走路太危险了。"),
)
WAGES = "我在饭店干了三个月，老板不给工资，也没有签劳动合同，要求帮我讨回来。"


@dataclass
class Tally:
    """What a morning costs."""

    keys: int = 0
    clicks: int = 0
    pages: int = 0
    letters: int = 0  # typed into fields
    deeds: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    def line(self, demands: int) -> str:
        each = [f"{name} {getattr(self, name) / demands:.2f}" for name in ("keys", "clicks", "pages", "letters")]
        deeds = ", ".join(f"{count} {name}" for name, count in sorted(self.deeds.items()))
        return f"{demands} demands in {self.seconds:.0f} s; for each: {', '.join(each)}; done: {deeds}"


def fill(site: Site, count: int) -> None:
    """What came in over night: ``count`` demands as people write them, some of them told twice."""
    town = site.town
    places = [town.grid, town.other_grid, town.community, town.grid, None]
    told = [(one.text, one.guess, one.channel) for one in demands(SEED, now=site.clock.now, count=count, days=30)]
    pairs = [(text, "", Channel.WEB) for pair in AGAIN for text in pair]
    told = [*pairs, (WAGES, "", Channel.WEB), *told][:count]
    for number, (text, guess, channel) in enumerate(told):
        ours = channel if channel in Channel.values and channel != Channel.IMPORT else Channel.WEB
        draft = Draft(
            text=text,
            channel=ours,
            category=guess,
            place=town.grid if number < len(pairs) else places[number % len(places)],
            phone=f"100333300{number % 100:02d}" if number % 2 else "",
            answer_by=AnswerBy.PHONE if number % 2 else AnswerBy.LINK,
            idempotency_key=f"morning {number}",
        )
        receive_message(draft, by=None, now=site.clock.now)
    site.deliver()


class Morning:
    """Somebody at the desk who would rather not touch the mouse."""

    def __init__(self, page: Any, site: Site) -> None:
        self.page, self.site, self.tally = page, site, Tally()
        self.wrong: list[str] = []
        page.on("framenavigated", lambda frame: self._count() if frame == page.main_frame else None)
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("response", lambda answer: self.wrong.append(answer.url) if answer.status >= 500 else None)

    def _count(self) -> None:
        self.tally.pages += 1

    def key(self, *keys: str, leads_on: bool = False) -> None:
        for key in keys:
            self.tally.keys += 1
            if leads_on and key == keys[-1]:
                with self.page.expect_navigation():
                    self.page.keyboard.press(key)
            else:
                self.page.keyboard.press(key)

    def click(self, target: Any, *, leads_on: bool = True) -> None:
        self.tally.clicks += 1
        if leads_on:
            with self.page.expect_navigation():
                target.click()
        else:
            target.click()

    def choose(self, target: Any, value: str) -> None:
        """From a list: a click into it, and the choice."""
        self.tally.clicks += 2
        target.select_option(value)

    def write(self, target: Any, words: str) -> None:
        self.tally.clicks += 1
        self.tally.letters += len(words)
        target.fill(words)

    def deed(self, name: str) -> None:
        self.tally.deeds[name] += 1
        self.site.deliver()

    # --- the inbox ----------------------------------------------------------------------------------------------

    def sort_everything(self) -> None:
        """Through the whole queue, one after the other; each next one opens by itself."""
        began = time.monotonic()
        page = self.page
        page.goto("/staff/inbox/")
        for _turn in range(3000):
            if page.locator("form.form [name=category]").count():
                self.one_demand()
            elif not self.open_next():
                break
        self.tally.seconds += time.monotonic() - began

    def open_next(self) -> bool:
        """From the list into a case that nobody has asked a ruling about; says whether there was one."""
        page = self.page
        waiting = [
            f"/inbox/{number}/"
            for number in Case.objects.filter(rulings__state="open").values_list("number", flat=True)
        ]
        links = page.locator("main a[href*='/staff/inbox/']").all()
        urls = [link.get_attribute("href") for link in links]
        fresh = [url for url in urls if url.count("/") == 4 and not any(one in url for one in waiting)]
        if not fresh:
            return False
        rows = [link.get_attribute("href") for link in page.locator("[data-rows] a").all()]
        if rows and rows[0] == fresh[0]:
            self.key("j", "Enter", leads_on=True)
        else:
            self.click(page.locator(f"main a[href='{fresh[0]}']").first)
        return True

    def one_demand(self) -> None:
        page = self.page
        number = page.url.split("/inbox/")[1].split("/")[0]
        case = Case.objects.get(number=number)
        told = Message.objects.filter(voice__case=case).order_by("pk").values_list("text", flat=True)
        if self.same_again(case) or (told[0] == WAGES and self.refer(case)):
            return
        if not page.locator("[name=category]").input_value():
            chip = page.locator("#suggested [data-choose]").first
            if chip.count():
                self.click(chip, leads_on=chip.get_attribute("href") is not None and not self.chosen_here(chip))
            if not page.locator("[name=category]").input_value():
                self.choose(page.locator("[name=category]"), "other.general")
        if not page.locator("select[name=place]").input_value():
            self.choose(page.locator("select[name=place]"), self.site.town.community.path)
        self.key("a", leads_on=True)
        if page.locator(".errors").count():  # the matrix names nobody: the clerk says who
            self.choose(page.locator("[name=position]"), f"community_clerk@{self.site.town.community.pk}")
            self.key("Escape", "a", leads_on=True)
            self.tally.deeds["chosen by hand"] += 1
        assert not page.locator(".errors").count(), page.inner_text("main")[:2000]
        asked = case.rulings.filter(state="open").exists()
        self.deed("left to a ruling" if asked else "sorted and assigned")

    def chosen_here(self, chip: Any) -> bool:
        """Whether a script takes the choice over without another page."""
        return bool(self.page.evaluate("!!document.querySelector('script[src*=\"suggest\"]')"))

    def same_again(self, case: Case) -> bool:
        """Merge what is plainly the same matter as one that is there already."""
        page = self.page
        page.wait_for_selector(".htmx-request", state="detached")
        twin = {text: pair for pair in AGAIN for text in pair}
        own = Message.objects.filter(voice__case=case).values_list("text", flat=True).first()
        found = page.locator("button:has-text('Merge: keep')").first
        if own not in twin or found.count() == 0:
            return False
        if not found.is_visible():  # only a little alike: folded away
            self.click(page.locator("details.more:has(button:has-text('Merge: keep')) > summary").first, leads_on=False)
        if "differ" in page.locator("li:has(button:has-text('Merge: keep')) .small strong").first.inner_text():
            return False
        self.click(found)
        self.deed("merged")
        assert not page.locator(".notice--red").count(), page.inner_text("main")[:1000]
        page.goto("/staff/inbox/")
        return True

    def refer(self, case: Case) -> bool:
        """A matter for another channel: proposed here, agreed to by somebody else."""
        page = self.page
        here = page.url
        page.goto(f"/staff/cases/{case.number}/")
        link = page.locator("a[href$='/refer/']").first
        if link.count() == 0 or case.rulings.exists():
            page.goto(here)
            return False
        if not link.is_visible():
            self.click(link.locator("xpath=ancestor::details[1]/summary"), leads_on=False)
        self.click(link)
        page.locator("[name=referral]").first.wait_for()
        if page.locator("select[name=referral]").count():
            self.choose(page.locator("[name=referral]"), "legal_channel")
        else:
            self.click(page.locator("[name=referral][value=legal_channel]"), leads_on=False)
        self.write(page.locator("[name=reason]"), "欠薪请先向劳动监察或仲裁申请，我们附上电话和地址。")
        self.click(page.locator("main button.button--primary").first)
        assert not page.locator(".errors").count(), page.inner_text("main")[:2000]
        self.deed("referral proposed")
        page.goto("/staff/inbox/")
        return True

    # --- and what else a morning holds ---------------------------------------------------------------------------

    def blow_the_whistle(self) -> None:
        """From a case to a whistle that calls the department."""
        page = self.page
        case = Case.objects.filter(state=State.ASSIGNED).order_by("pk").first()
        assert case is not None
        page.goto(f"/staff/cases/{case.number}/")
        page.wait_for_selector(".htmx-request", state="detached")
        link = page.locator("a[href*='/whistles/new/']").first
        if link.count() == 0:
            self.click(page.locator("a[href$='/related/']").first)
            link = page.locator("a[href*='/whistles/new/']").first
        self.click(link)
        self.click(page.locator("[name=kind]").first.locator("xpath=ancestor::label"), leads_on=False)
        self.write(page.locator("[name=need]"), "联合查看现场，当天答复居民。")
        self.write(page.locator("[name=site]"), "东门口")
        unit = page.locator("[name=units]").first
        if unit.evaluate("one => one.tagName") == "SELECT":
            self.choose(unit, unit.locator("option").nth(0).get_attribute("value"))
        else:
            self.click(unit, leads_on=False)
        lead = page.locator("select[name=lead]")
        if lead.count() and lead.locator("option").count() > 1 and not lead.input_value():
            self.choose(lead, lead.locator("option").nth(1).get_attribute("value"))
        self.click(page.locator("main button.button--primary").first)
        assert not page.locator(".errors").count(), page.inner_text("main")[:2000]
        self.deed("whistle blown")

    def others_work(self, most: int) -> None:
        """Meanwhile, elsewhere: orders are done."""
        for order in Task.objects.waiting().of_lead().order_by("pk")[:most]:
            post = Post.objects.filter(role=order.role, place_id=order.place_id).order_by("pk").first()
            if post is not None and post.user != self.site.town.street_clerk:
                tasks.report_done(task_id=order.pk, words="已处理。", by=post.user, now=self.site.clock.now)
        self.site.deliver()

    def call_back(self, most: int) -> None:
        page = self.page
        began = time.monotonic()
        page.goto("/staff/calls/")
        if page.locator("[data-key=c]").count() == 0:
            return
        self.key("c", leads_on=True)
        for _turn in range(most):
            if page.locator("[name=result]").count() == 0:
                break
            self.key("h", "1")
            self.key("s", leads_on=True)
            assert not page.locator(".errors").count(), page.inner_text("main")[:2000]
            self.deed("called back")
        self.tally.seconds += time.monotonic() - began

    def many_at_once(self) -> None:
        """Tick three cases and do one step for all of them."""
        page = self.page
        page.goto("/staff/cases/?state=assigned")
        self.key("j", "x", "j", "x", "j", "x")
        ticked = page.locator("[data-tick]:checked").count()
        assert ticked == 3, "the keys tick"
        self.choose(page.locator("#id_deed"), page.locator("#id_deed option").last.get_attribute("value"))
        self.click(page.locator(".bulk-bar button").first)
        for box in page.locator("main textarea, main form.form input[type=text]").all():
            self.write(box, "等物业的零件到货")
        for day in page.locator("main form.form input[type=date]").all():
            self.write(day, f"{self.site.clock.now.date().replace(day=28)}")
        for select in page.locator("main form.form select").all():
            if not select.input_value():
                self.choose(select, select.locator("option").nth(1).get_attribute("value"))
        self.click(page.locator("main button.button--primary").first)
        assert not page.locator(".errors").count(), page.inner_text("main")[:2000]
        self.deed("done for three at once")
