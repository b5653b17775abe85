"""One whole lap as people do it: on a telephone with scripts, and on an old desk computer without any."""

from __future__ import annotations

import base64
import hmac
import re
import struct
import time
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache

from gongzhi.understand.cases.models import Case
from gongzhi.verify.checks.models import Check
from tests.browser.conftest import DESK, EAST, PHONE, Site, hour, picture
from tests.town import PASSWORD

FILE = {"name": "IMG_0001.jpg", "mimeType": "image/jpeg"}


@pytest.fixture
def photo() -> dict[str, Any]:
    return {**FILE, "buffer": picture()}


def sign_in(page: Any, username: str, password: str = PASSWORD) -> None:
    page.goto("/accounts/login/")
    page.fill("[name=login]", username)
    page.fill("[name=password]", password)
    page.click("main button.button--primary")


def button(page: Any, words: str) -> Any:
    return page.get_by_role("button", name=words)


def until(page: Any, script: str, arg: Any = None) -> None:
    """Wait for what the page must come to. (Playwright's own waiting needs an eval, which our policy forbids.)"""
    for _turn in range(150):
        if page.evaluate(script, arg):
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"never came true: {script}")


def story(page: Any) -> list[str]:
    return [words.strip() for words in page.locator(".story .story__title").all_inner_texts()]


def sort_and_assign(page: Any, number: str) -> None:
    page.goto("/staff/inbox/")
    page.locator(f"a[href$='/{number}/']").first.click()
    page.select_option("[name=category]", "environment.litter")
    page.fill("[name=summary]", "东门路口的垃圾")
    button(page, "Sort and assign").click()
    page.wait_for_load_state()
    assert f"{number} now lies with: Grid worker, 东区第一网格." in page.locator(".messages").inner_text()


def work(page: Any, number: str, words: str, photo: dict[str, Any] | None = None) -> None:
    page.goto("/staff/tasks/")
    page.get_by_role("link", name="东门路口的垃圾").last.click()
    assert number in page.locator(".page-head__sub").inner_text()
    button(page, "Accept: I am on it").click()
    page.wait_for_load_state()
    page.fill("[name=words]", words)
    if photo:
        page.set_input_files("[name=photos]", photo)
    button(page, "Report as done").click()
    page.wait_for_load_state()
    assert page.get_by_role("heading", name="Reported as done").is_visible(), page.inner_text("main")


def number_of(page: Any) -> str:
    return str(page.inner_text(".number-slip__number").strip())


def test_on_a_telephone_with_scripts(fresh: Any, site: Site, photo: dict[str, Any]) -> None:
    where = {"longitude": EAST[0], "latitude": EAST[1]}
    phone = fresh(viewport=PHONE, has_touch=True, geolocation=where, permissions=["geolocation"])
    page = phone.new_page()
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto("/")
    page.locator(".door--first").click()

    # What. The next part waits for an answer.
    button(page, "Next: where?").click()
    assert page.locator("#id_text").is_visible()
    page.fill("#id_text", "东门路口堆了一堆垃圾，三天没人清。")
    page.select_option("#id_category", "environment.litter")
    until(page, "Object.keys(localStorage).some((key) => localStorage[key].includes('东门'))")

    # The telephone rings, the page is closed; later the words are still there.
    page.close()
    page = phone.new_page()
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto("/report/")
    assert page.locator("[data-draft-note]").is_visible()
    assert page.input_value("#id_text") == "东门路口堆了一堆垃圾，三天没人清。"
    assert page.input_value("#id_category") == "environment.litter"
    page.set_input_files("#id_photos", photo)
    button(page, "Next: where?").click()

    # Where: the current position, then a tap on the map.
    assert page.locator("#id_text").is_hidden()
    button(page, "I am there now").click()
    page.locator("[data-answer]", has_text="东区第一网格").wait_for()
    assert abs(float(page.input_value("#id_lon")) - EAST[0]) < 1e-5
    button(page, "Show it on the map").click()
    page.wait_for_selector(".leaflet-container path.grid-line", state="attached")
    page.wait_for_selector(".leaflet-container path.point--chosen", state="attached")
    before = page.input_value("#id_lon")
    box = page.locator("[data-canvas]").bounding_box()
    page.locator("[data-canvas]").tap(position={"x": box["width"] / 2 + 30, "y": box["height"] / 2 + 20})
    until(page, "(old) => document.querySelector('#id_lon').value !== old", before)
    page.locator("[data-answer]", has_text="东区第一网格").wait_for()
    page.fill("#id_address", "东门外，公共汽车站旁")
    button(page, "Next: how to reach you?").click()

    page.fill("#id_name", "王阿姨")
    page.fill("#id_phone", "138 0000 0000")
    button(page, "Send the report").click()
    page.wait_for_url("**/received/**")
    number = number_of(page)
    assert page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('gongzhi-draft')).length") == 0
    link = page.locator("[data-link]").get_attribute("href")
    page.get_by_role("link", name="Open the follow page").click()
    assert link.endswith(page.url.removeprefix(site.url))
    assert "We are finding out who can help" in page.locator(".card--next h2").inner_text()
    assert page.locator("img.thumb").count() == 1
    page.locator("img.thumb").scroll_into_view_if_needed()
    until(page, "document.querySelector('img.thumb').naturalWidth > 0")

    # The desk, and the grid worker.
    hour(site, 0.2)
    staff = fresh(viewport=DESK)
    desk = staff.new_page()
    sign_in(desk, "clerk")
    desk.wait_for_url("**/staff/")
    sort_and_assign(desk, number)
    hour(site)
    handy = fresh(viewport=PHONE, has_touch=True).new_page()
    sign_in(handy, "worker")
    work(handy, number, "垃圾已清走，桶换了新的。", photo)

    # The reporter answers.
    page.reload()
    assert "Did it help? Please tell us" in page.locator(".card--next h2").inner_text()
    assert "Reported as done" in story(page)
    page.get_by_label("Yes, it helped").check()
    page.fill("[name=words]", "谢谢")
    button(page, "Send the answer").click()
    page.wait_for_selector("text=This matter is closed")
    assert story(page) == [
        "We have received your report",
        "It is now with: Grid worker, 东区第一网格",
        "Somebody is working on it",
        "Reported as done",
        "You told us: it helped",
        "Closed",
    ]

    # Both sides tell the same, and anybody can check it. (Who was away for half an hour signs in again.)
    sign_in(desk, "clerk")
    desk.goto(f"/staff/cases/{number}/")
    assert "Work reported as done" in story(desk)
    assert "王格一" in desk.locator(".story").inner_text()
    assert Case.objects.get(number=number).closed_as == "helped"
    from gongzhi.ground.ledger.actions import seal

    hour(site)
    seal(now=site.clock.now)
    page.get_by_text("Is the record true?").click()
    page.locator("details[open] .rows a").first.click()
    page.wait_for_url("**/ledger/proof/**")
    assert "has not been changed since" in page.locator(".page-head__sub").inner_text()
    assert "Recompute it yourself" in page.inner_text("main")
    assert not said


def test_on_a_desk_without_scripts(fresh: Any, site: Site) -> None:
    plain = fresh(viewport=DESK, java_script_enabled=False)
    page = plain.new_page()
    page.goto("/")
    # Large, and in Chinese, by two buttons; then back.
    button(page, "Large version").click()
    assert page.get_attribute("html", "data-display") == "elder"
    button(page, "中文").click()
    assert page.get_attribute("html", "lang") == "zh-Hans"
    assert page.get_attribute("html", "data-display") == "elder"
    button(page, "English").click()
    page.locator(".door--first").click()
    assert page.locator("[data-place]").is_hidden()  # nothing that only scripts can do is shown
    assert page.locator("#id_text").is_visible()
    assert page.locator("#id_phone").is_visible()

    # A wrong form comes back with the words in it.
    page.fill("#id_text", "路灯不亮，老人看不见路。")
    page.fill("#id_phone", "12")
    button(page, "Send the report").click()
    assert page.locator(".errors").is_visible()
    assert page.input_value("#id_text") == "路灯不亮，老人看不见路。"
    page.fill("#id_phone", "")
    page.select_option("#id_place", label="东区社区")
    button(page, "Send the report").click()
    number = number_of(page)
    page.get_by_role("link", name="Open the follow page").click()
    follow = page.url

    hour(site, 0.2)
    staff = fresh(viewport=DESK, java_script_enabled=False)
    desk = staff.new_page()
    sign_in(desk, "clerk")
    desk.goto(f"/staff/inbox/{number}/")
    desk.select_option("[name=category]", "environment.litter")
    desk.select_option("[name=place]", site.town.grid.path)
    desk.fill("[name=summary]", "东门路口的垃圾")
    button(desk, "Sort and assign").click()
    assert "now lies with" in desk.locator(".messages").inner_text()
    hour(site)
    handy = fresh(viewport=DESK, java_script_enabled=False).new_page()
    sign_in(handy, "worker")
    work(handy, number, "灯泡换了。")

    # It did not help; without a word we cannot know what is wrong.
    page.goto(follow)
    page.get_by_label("No, something is still wrong").check()
    button(page, "Send the answer").click()
    assert page.locator(".errors").is_visible()
    page.get_by_label("No, something is still wrong").check()
    page.fill("[name=words]", "还是不亮")
    button(page, "Send the answer").click()
    assert "takes care of it" in page.locator(".card--next h2").inner_text()
    assert story(page)[-2:] == ["You told us: it did not help", "Taken up again"]

    hour(site)
    sign_in(handy, "worker")
    handy.goto("/staff/tasks/")
    handy.get_by_role("link", name="东门路口的垃圾").last.click()
    assert "还是不亮" in handy.inner_text("main")
    work(handy, number, "线路也换了，亮了。")
    # Nobody answers this time. Somebody else looks.
    site.clock.now += Check.objects.filter(case__number=number).latest("pk").answer_until - site.clock.now
    hour(site)
    from gongzhi.verify.checks.actions import move_unanswered

    move_unanswered(now=site.clock.now)
    site.deliver()
    sign_in(desk, "clerk")
    desk.goto("/staff/checks/")
    desk.get_by_role("link", name="东门路口的垃圾").first.click()
    desk.get_by_label("It is done", exact=True).check()
    button(desk, "Record what was seen").click()
    assert Case.objects.get(number=number).closed_as == "verified"
    page.goto(follow)
    assert "Another post than the one that did the work has verified it." in page.inner_text(".card--next")

    # Weeks later it is back.
    hour(site, 24)
    page.reload()
    button(page, "Take it up again").click()
    assert story(page)[-1] == "Taken up again"
    assert Case.objects.get(number=number).reopened == 2

    # And somebody else withdraws what has settled itself.
    page.goto("/report/")
    page.fill("#id_text", "井盖在响。")
    button(page, "Send the report").click()
    page.get_by_role("link", name="Open the follow page").click()
    page.get_by_role("link", name="Withdraw this report").click()
    button(page, "Withdraw it").click()
    assert "You withdrew this matter" in page.inner_text(".card--next")


def focused(page: Any) -> dict[str, Any]:
    """What has the focus, and whether it can be seen."""
    return dict(
        page.evaluate(
            """() => {
      const node = document.activeElement, style = getComputedStyle(node), box = node.getBoundingClientRect();
      const card = node.closest(".choice-card");
      const ring = card ? getComputedStyle(card) : style;
      return {
        words: (node.textContent || node.value || node.name || "").trim(), tag: node.tagName, name: node.name || "",
        ring: ring.outlineStyle !== "none" && parseFloat(ring.outlineWidth) >= 2,
        inside: box.bottom > 0 && box.top < innerHeight,
      };
    }"""
        )
    )


def test_with_the_keyboard_alone(fresh: Any, site: Site) -> None:
    from gongzhi.sense.channels.actions import Draft, receive_message

    for text in ("一号楼的灯坏了。", "二号楼的门坏了。", "三号楼的窗坏了。"):
        receive_message(Draft(text=text, place=site.town.other_grid), by=None, now=site.clock.now)
        hour(site, 0.1)
    site.deliver()
    page = fresh(viewport=DESK).new_page()
    page.goto("/accounts/login/")
    page.keyboard.press("Tab")
    assert focused(page)["words"] == "Skip to the page"
    page.keyboard.press("Enter")
    for _press in range(12):
        page.keyboard.press("Tab")
        now = focused(page)
        assert now["ring"], f"no visible focus: {now}"
        assert now["inside"], f"focus out of sight: {now}"
        if now["name"] == "login":
            break
    page.keyboard.type("clerk2")
    while focused(page)["name"] != "password":
        page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/staff/")

    page.goto("/staff/inbox/")
    page.keyboard.press("j")
    assert focused(page)["words"].startswith("一号楼")
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert focused(page)["words"].startswith("三号楼")
    page.keyboard.press("k")
    now = focused(page)
    assert now["words"].startswith("二号楼")
    assert now["ring"]
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/staff/inbox/\d{6}-\d+/"))
    assert "二号楼" in page.inner_text("h1")

    # Letters belong to whoever writes.
    page.focus("[name=summary]")
    page.keyboard.press("End")
    page.keyboard.type("jk?")
    assert page.input_value("[name=summary]").endswith("jk?")
    page.locator("h1").click()
    page.keyboard.press("Control+k")
    assert focused(page)["name"] == "q"
    page.keyboard.type("三号楼")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/staff/.*[?]q="))
    page.locator("h1").click()
    page.keyboard.press("Shift+?")
    assert page.locator("#keys").is_visible()
    page.keyboard.press("Escape")
    assert page.locator("#keys").is_hidden()


def test_five_wrong_passwords_close_the_entrance(fresh: Any, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for reader in ("axes.attempts.now", "axes.handlers.proxy.now"):
        monkeypatch.setattr(reader, lambda: site.clock.now)
    page = fresh(viewport=PHONE).new_page()
    for _turn in range(4):
        sign_in(page, "officer", "not the password")
        assert page.locator(".errors").is_visible()
    sign_in(page, "officer", "not the password")
    page.get_by_role("heading", name="The entrance is closed for a while").wait_for()
    sign_in(page, "officer")  # not even with the right one
    page.wait_for_load_state()
    assert "/staff/" not in page.url
    assert page.locator("h1").count() == 1
    page.goto("/staff/")
    assert "/accounts/login/" in page.url
    hour(site, 0.3)
    cache.clear()  # a second guard counts for five minutes by the real clock
    sign_in(page, "officer")
    page.wait_for_url("**/staff/")


def one_time_code(secret: str, moment: float) -> str:
    """RFC 6238, as an authenticator on a telephone computes it."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.digest(key, struct.pack(">Q", int(moment) // 30), "sha1")
    at = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[at : at + 4])[0] & 0x7FFFFFFF) % 1_000_000:06d}"


def test_a_second_factor(fresh: Any, site: Site) -> None:
    page = fresh(viewport=DESK).new_page()
    sign_in(page, "street")
    page.wait_for_url("**/staff/")
    page.goto("/accounts/2fa/totp/activate/")
    if "reauthenticate" in page.url:
        page.fill("[name=password]", PASSWORD)
        page.click("main button.button--primary")
    secret = page.input_value("#authenticator_secret")
    page.fill("[name=code]", one_time_code(secret, time.time()))
    page.locator("main form button").first.click()
    page.wait_for_load_state()
    assert "recovery" in page.url or "2fa" in page.url

    other = fresh(viewport=PHONE).new_page()
    sign_in(other, "street")
    other.wait_for_url("**/2fa/authenticate/**")
    other.fill("[name=code]", "000000")
    other.locator("main form button.button--primary").first.click()
    assert other.locator(".field__errors").is_visible()
    cache.clear()  # a code counts once; the next one comes half a minute later
    other.fill("[name=code]", one_time_code(secret, time.time()))
    other.locator("main form button.button--primary").first.click()
    other.wait_for_url("**/staff/")
    assert Path(other.url).name == "staff"
