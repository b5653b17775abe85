"""A village with few cadres, played through: its profile, its value board, its call list, its household points."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gongzhi.act.callups.models import CallUp
from gongzhi.act.points.models import Booking, Claim
from gongzhi.act.values.models import Item, Objection, Score, State
from gongzhi.ground.ledger.verify import verify
from gongzhi.ground.places.actions import set_profile
from gongzhi.ground.places.finding import profile_of
from gongzhi.ground.places.models import Profile, ProfileChange
from gongzhi.ground.rules.actions import override
from tests.browser.conftest import Site
from tests.browser.village import FROM_ABOVE, Village, fits, follow, menu, press, unfold


@pytest.fixture(scope="module")
def village(site: Site, come: Any) -> Iterator[Village]:
    village = Village(site, come)
    yield village
    assert not village.wrong, village.wrong


def test_the_profile_changes_menu_and_words_and_is_taken_back(village: Village, site: Site) -> None:
    admin, secretary = village.page("system"), village.page("secretary")
    secretary.goto("/staff/")
    before = menu(secretary)
    assert "Values" not in before
    assert "From above" not in before

    admin.goto("/staff/powers/")
    admin.fill("[name=reason]", "村情变化")
    press(admin, "Switch on")
    admin.goto(f"/staff/profiles/?place={village.place.path}")
    admin.select_option("[name=profile]", Profile.SCARCE_HIGH_RURAL)
    admin.fill("[name=reason]", "山区，干部六人")
    press(admin, "Switch", exact=True)
    assert "山区，干部六人" in admin.inner_text("main")

    secretary.reload()
    after = menu(secretary)
    assert {"Values", "From above", "Call list", "Claims"} <= set(after)
    assert after.index("Values") == after.index("From above") + 1 < 7, "the board is opened every day"
    assert "Village secretary" in secretary.inner_text(".page-head__sub")
    secretary.goto("/staff/assignments/")
    assert "Put a value on it" in secretary.inner_text("main")

    press(admin, "Switch back")
    secretary.goto("/staff/")
    assert menu(secretary) == before
    assert profile_of(village.place) is None
    assert ProfileChange.objects.filter(place=village.place).count() == 2


def test_from_the_town_to_the_board_and_to_the_minutes(village: Village, site: Site) -> None:
    clock = site.clock
    set_profile(place=village.place, profile=Profile.SCARCE_HIGH_RURAL, by=None, now=clock.now)
    piece = village.sent_by_the_town()
    desk = village.page("secretary")

    # What a meeting agreed comes first.
    desk.goto("/staff/values/")
    follow(desk, "Write down the agreement")
    desk.fill("[name=meeting]", "村“两委”联席会议，应到九人，实到八人，一致同意")
    desk.fill("[name=ends_on]", f"{clock.now.date().replace(month=12, day=31)}")
    press(desk, "Write it down")

    # From the morning page into what the town has sent, and onto the board with two taps.
    desk.goto("/staff/")
    follow(desk, FROM_ABOVE)
    follow(desk, "Make it a valued item")
    assert desk.input_value("[name=title]") == FROM_ABOVE
    assert desk.input_value("[name=value]") == "260"
    assert desk.input_value("[name=done_when]") == "每户都去过，独居老人当面讲过。"
    people = " ".join(desk.locator("[name=post] option").all_inner_texts())
    assert "冯组长 (Villagers’ group leader)" in people, people
    assert "孟主任 (Village cadre)" in people
    desk.select_option("[name=post]", label="王格一 (Grid worker)")
    press(desk, "Write the item")
    item = Item.objects.get()
    assert item.assignment == piece
    assert "王格一" in desk.inner_text(".page-head__sub")
    follow(desk, FROM_ABOVE)  # back to the work it was made of
    assert "王格一" in desk.inner_text("main")
    follow(desk, "One more item of it")
    assert desk.input_value("[name=post]") == "", "nothing of the item before is left in the form"
    desk.fill("[name=title]", "独居老人取暖设备检查")
    desk.fill("[name=value]", "120")
    press(desk, "Write the item")
    second = Item.objects.latest("pk")
    desk.select_option("#give_post", label="孟主任 (Village cadre)")
    press(desk, "Give it out", exact=True)

    # The cadre, on a telephone in the rain: one tap from the morning page, one sentence, one button.
    phone = village.page("worker", phone=True)
    phone.goto("/staff/")
    assert fits(phone)
    follow(phone, FROM_ABOVE)
    assert fits(phone)
    phone.fill("#report_words", "六十二户都去过，老人家里当面讲的")
    press(phone, "Report as done")
    assert "You have reported it" in phone.inner_text("main")

    # The score has three marks and a reason; without one it is none.
    desk.goto("/staff/values/")
    follow(desk, FROM_ABOVE)
    assert desk.input_value("#score_timeliness") == "100", "the clock proposes"
    desk.fill("#score_done", "80")
    desk.fill("#score_quality", "90")
    with desk.expect_navigation():
        desk.get_by_role("button", name="Score it").click()
    assert desk.locator(".errors").count() == 1
    assert not Score.objects.exists()
    desk.fill("#score_reason", "有四户没有人在家，要补去一次")
    press(desk, "Score it")
    points = Score.objects.get().points
    assert points == round(260 * (40 * 80 + 30 * 100 + 30 * 90) / 100 / 100)

    # The cadre reads it and objects; the one who scored may not answer while somebody else is there.
    phone.goto("/staff/")
    follow(phone, FROM_ABOVE)
    assert f"{points} points" in phone.inner_text("main")
    assert "有四户没有人在家" in phone.inner_text("main")
    unfold(phone, "I object")
    phone.fill("#object_words", "四户外出打工，门上贴了提醒，已电话讲过")
    press(phone, "Send the objection")
    desk.reload()
    assert desk.locator("#answer_words").count() == 0
    assert "刘副书记" in desk.inner_text("main")

    # Somebody else answers, in Chinese: the same pages.
    deputy = village.page("deputy", phone=True, language="zh-hans", elder=True)
    deputy.goto("/staff/")
    assert "村书记" in deputy.inner_text(".page-head__sub")
    follow(deputy, FROM_ABOVE)
    assert fits(deputy)
    deputy.locator("[name=outcome][value=changed]").check()
    for name, mark in (("done", "100"), ("timeliness", "100"), ("quality", "90")):
        deputy.fill(f"#answer_{name}", mark)
    deputy.fill("#answer_words", "电话也算讲过，完成情况改为满分")
    with deputy.expect_navigation():
        deputy.locator(".card--next button.button--primary").click()
    item.refresh_from_db()
    assert item.state == State.SETTLED
    assert Objection.objects.get().outcome == "changed"
    final = Score.objects.order_by("round").last()
    assert final is not None
    assert final.points == round(260 * 97 / 100)

    # Totals open item by item, for oneself; and print as minutes.
    phone.goto("/staff/values/mine/")
    phone.locator("main a[href*='/people/']").click()
    assert f"{final.points} points settled" in phone.inner_text("main")
    assert FROM_ABOVE in phone.inner_text("main")
    follow(phone, "Print as minutes")
    assert "电话也算讲过" in phone.inner_text("article.sheet")
    own = phone.url
    other = village.page("women", phone=True)
    other.goto(own)
    assert "王格一" not in other.inner_text("main"), "nobody reads another's sums"
    desk.goto(f"/staff/values/agreements/{item.agreement_id}/minutes/")
    assert "刘副书记" in desk.inner_text("article.sheet")
    assert "孟主任" in desk.inner_text("article.sheet")
    assert second.state == State.OPEN
    for language in ("en", "zh-hans"):
        for phone_too in (False, True):
            page = village.page("secretary", phone=phone_too, language=language)
            for path in ("/staff/", "/staff/values/", "/staff/values/new/", f"/staff/values/{second.pk}/"):
                page.goto(path)
                assert fits(page), f"{path} {language}"
            page.close()
    assert verify(now=clock.now) == []


def test_capable_people_are_called_once(village: Village, site: Site) -> None:
    set_profile(place=village.place, profile=Profile.SCARCE_LOW_RURAL, by=None, now=site.clock.now)
    phone = village.page("women", phone=True)
    phone.goto("/staff/callups/")
    assert fits(phone)
    assert phone.get_by_role("button", name="Make the list").count() == 0, "nobody to call yet"
    for name, number in (("赵师傅", "10033330001"), ("钱大夫", "10033330002")):
        if phone.locator("#enter_name").is_hidden():
            unfold(phone, "Enter somebody")
        phone.fill("#enter_name", name)
        phone.fill("#enter_phone", number)
        phone.locator("[name=skills][value=driving]").check()
        phone.select_option("[name=consent]", "word")
        press(phone, "Enter", exact=True)
    phone.select_option("#call_skill", "driving")
    phone.fill("#call_words", "送两位老人去镇卫生院，今天下午两点，村委会门口")
    press(phone, "Make the list")
    assert "10033330001" not in phone.inner_text("main"), "sealed until it is asked for"
    press(phone, "Show names and numbers")
    assert "10033330001" in phone.inner_text("main")
    press(phone, "comes")
    assert "1 person comes" in phone.inner_text("main")
    press(phone, "The call is over")
    assert CallUp.objects.get().ended_at is not None
    phone.goto(f"/staff/callups/{CallUp.objects.get().pk}/")
    assert "10033330001" not in phone.inner_text("main")


def test_household_points_from_paper_to_the_wall(village: Village, site: Site) -> None:
    now, at = site.clock.now, f"/staff/points/{village.place.path}/"
    desk = village.page("secretary")
    desk.goto("/staff/")
    assert "Household points" not in menu(desk)
    desk.goto(at)
    assert "switched off here" in desk.inner_text("main")
    override(
        place=village.place, key="points.enabled", value=True, valid_from=now.date(), reason="村民会议决定", by=None,
        now=now,
    )  # fmt: skip
    desk.goto("/staff/")
    assert "Household points" in menu(desk)

    desk.goto(at + "rules/")
    desk.fill("[name=cap]", "500")
    desk.fill("[name=reset_month]", "1")
    press(desk, "Begin the draft")
    desk.fill("form[action$='/item/'] [name=name]", "庭院整洁")
    desk.fill("form[action$='/item/'] [name=value]", "10")
    desk.fill("form[action$='/item/'] [name=checked]", "小组上门看")
    press(desk, "Add the item")
    unfold(desk, "The meeting has adopted it")
    adopted = {"meeting_name": "二〇二六年第二次村民会议", "adopted_on": f"{now.date()}"}
    counted = {"entitled": "300", "present": "200", "in_favour": "180"}
    for name, value in (adopted | counted).items():
        desk.fill(f"form[action$='/adopt/'] [name={name}]", value)
    press(desk, "Put it in force")
    for name in ("李社工", "孟主任"):
        unfold(desk, "Add a member")
        found = desk.locator("[name=user] option", has_text=name).first.get_attribute("value")
        desk.select_option("[name=user]", found)
        press(desk, "Add", exact=True)

    desk.goto(at + "households/")
    desk.fill("[name=label]", "东街 3-1")
    desk.locator("[name=consent]").check()
    press(desk, "Enter the household")
    assert "东街 3-1" in desk.inner_text("h1"), desk.url
    desk.select_option("[name=item]", label=desk.locator("[name=item] option", has_text="庭院整洁").inner_text())
    desk.fill("[name=on]", f"{now.date()}")
    desk.fill("form[action$='/claim/'] [name=words]", "院子和门前都扫了")
    press(desk, "Enter the claim")

    for number, username in enumerate(("clerk", "women"), start=1):
        phone = village.page(username, phone=True)
        phone.goto(at)
        assert fits(phone)
        press(phone, "I confirm it")
        assert Claim.objects.get().checks.count() == number
    desk.goto(at)
    press(desk, "Publish for 7 days")

    # On the wall: by door, without names, for everybody; and the way there from the first page.
    for language, link in (("en", "Household points"), ("zh-hans", "家庭积分")):
        resident = village.page("", phone=True, language=language)
        resident.goto("/")
        follow(resident, link)
        assert village.place.name in resident.inner_text("main")
        resident.goto(f"/points/place/{village.place.path}/")
        assert "东街 3-1" in resident.inner_text("main")
        assert "庭院整洁" in resident.inner_text("main")
        assert fits(resident)
    desk.goto(at + "poster/")
    assert "东街 3-1" in desk.inner_text("article.sheet")
    assert not Booking.objects.exists(), "booked by the clock alone, when the days are over"
