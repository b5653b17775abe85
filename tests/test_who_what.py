"""Who may do what: the whole table, action by action and page by page.

A letter for each person: ``+`` may, ``-`` sees it and may not (403), ``.`` it is not there for them (404).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from gongzhi.act.tasks import actions as tasks
from gongzhi.act.values import actions as values
from gongzhi.act.values.scoring import Marks
from gongzhi.ground.access import actions as access
from gongzhi.ground.access.roles import Role
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.privacy.actions import reveal
from gongzhi.ground.refusals import Refusal
from gongzhi.understand.cases import actions as cases
from gongzhi.understand.cases import contact, escalation, parts, rulings
from gongzhi.understand.cases.merging import merge_cases, unmerge_case
from gongzhi.understand.cases.responsibility import set_responsibility
from gongzhi.verify.checks import actions as checks
from tests.scenes import LITTER, agree, valued, write
from tests.town import make_user

pytestmark = pytest.mark.django_db

# The columns, from left to right. "2" is the same role in the other community; all others stand over the town's grid.
PEOPLE = (
    "worker", "second_worker", "other_worker", "chief", "clerk", "other_clerk", "secretary", "desk", "street_clerk",
    "leader", "officer", "property_manager", "mediator", "system", "security", "audit", "stranger",
)  # fmt: skip

#                        worker, second of the same grid, worker 2
#                        |  building chief, clerk, clerk 2
#                        |  |   secretary, desk, street clerk, street leader
#                        |  |   |    department officer, property manager, people's mediator
#                        |  |   |    |  system, security, audit
#                        |  |   |    |  |   stranger
TABLE = {
    # about a case that lies in the grid and with the grid worker
    "read the case":    "++. .+. ++++ ... ... .",
    "sort":             "--. .+. ++++ ... ... .",
    "assign":           "--. .+. ++++ ... ... .",
    "pause":            "--. .+. +-++ ... ... .",
    "merge":            "--. .+. ++++ ... ... .",
    "unmerge":          "--. .+. ++++ ... ... .",
    "extend":           "--. .-. +-++ ... ... .",
    "note":             "++. .+. ++++ ... ... .",
    "note on the officer's case": "++. .+. ++++ +.. ... .",  # who leads
    "note on a shared case": "++. .+. ++++ .+. ... .",  # the property manager has a part in it
    "reveal":           "++. .+. ++++ ... ... .",
    "propose referral": "--. .+. ++++ ... ... .",
    "propose exclusion": "--. .+. ++++ ... ... .",
    "ask a part":       "++. .+. ++++ ... ... .",
    "contact":          "++. .+. ++++ ... ... .",
    # about the question whose it is, and the slip to the worker
    "rule":             "--. .-. --++ ... ... .",
    "answer the slip":  "++. ... -.-- ... ... .",
    # about its work order
    "read the order":   "++. .+. ++++ ... ... .",
    "accept":           "++. .-. ---- ... ... .",
    "report done":      "++. .-. ---- ... ... .",
    "return":           "++. .-. ---- ... ... .",
    # about the check of what the worker has done
    "read the check":   "++. .+. ++++ ... ... .",
    "conclude":         "--. .+. ++++ ... ... .",
    "call failed":      "--. .+. ++++ ... ... .",
    # once it is closed
    "reopen":           "--. .+. ++++ ... ... .",
    # about valued work of the community that the worker has
    "adopt an agreement": "--- --- +--- --- --- -",
    "write an item":    "--- --- +--- --- --- -",
    "read the item":    "+.. ... +... ... ... .",
    "move the item":    "-.. ... +... ... ... .",
    "report the item":  "+.. ... -... ... ... .",
    "score the item":   "-.. ... +... ... ... .",
    "accept the score": "+.. ... -... ... ... .",
    "object to the score": "+.. ... -... ... ... .",
    "answer the objection": "-.. ... +... ... ... .",
    # of the administrations, with their powers switched on
    "give a post":      "--- --- ---- --- -+- -",
    "set who leads":    "--- --- ---- --- +-- -",
}  # fmt: skip

# Verbs by which people see a page at all; everybody else gets 404. A visitor is led to sign in.
PAGES = {
    "/staff/":                          "+++ +++ ++++ +++ +++ +",
    "/staff/inbox/":                    "... .++ ++++ ... ... .",
    "/staff/suggestions/":              "... .++ ++++ ... ... .",
    "/staff/callers/":                  "+++ +++ ++++ ... ... .",
    "/staff/inbox/{new}/":              "... .+. ++++ ... ... .",
    "/staff/cases/":                    "+++ .++ ++++ +++ ... .",
    "/staff/cases/print/":              "+++ .++ ++++ +++ ... .",
    "/staff/cases/export.csv":         "+++ .++ ++++ +++ ... .",
    "/staff/cases/{case}/":             "++. .+. ++++ ... ... .",
    "/staff/cases/{case}/similar/":     "++. .+. ++++ ... ... .",
    "/staff/cases/{case}/similar/{new}/":"++. .+. ++++ ... ... .",
    "/staff/cases/{case}/voices/":      "++. .+. ++++ ... ... .",
    "/staff/cases/{case}/beside/":      "++. .+. ++++ ... ... .",
    "/staff/rulings/":                  "... ... ..++ ... ... .",
    "/staff/slips/":                    "+++ .++ ++++ +++ ... .",
    "/staff/slips/print/":              "+++ .++ ++++ +++ ... .",
    "/staff/views/":                    "+++ .++ ++++ +++ ... .",
    "/staff/keys/":                     "+++ +++ ++++ +++ +++ +",
    "/staff/enter/":                    "+++ +++ ++++ ... ... .",
    "/staff/chat/":                     "+++ +++ ++++ ... ... .",
    "/staff/tasks/":                    "+++ +++ ++++ +++ +++ .",
    "/staff/tasks/{task}/":             "++. .+. ++++ ... ... .",
    "/staff/assignments/":              "+++ +++ ++++ +.. ... .",
    "/staff/assignments/print/":        "+++ +++ ++++ +.. ... .",
    "/staff/tasks/{task}/sheet/":       "++. .+. ++++ ... ... .",
    "/field/":                          "+++ +++ ++++ +.. ... .",
    "/field/visits/":                   "+++ +++ ++++ +.. ... .",
    "/field/report/":                   "+++ +++ ++++ +.. ... .",
    "/field/outbox/":                   "+++ +++ ++++ +.. ... .",
    "/field/data.json":                 "+++ +++ ++++ +.. ... .",
    "/field/paper/":                    "+++ +++ ++++ +.. ... .",
    "/field/type/":                     "+++ +++ ++++ +.. ... .",
    "/staff/checks/":                   "+++ .++ ++++ ... ... .",
    "/staff/checks/{check}/":           "++. .+. ++++ ... ... .",
    "/staff/calls/":                    "+++ .++ ++++ ... ... .",
    "/staff/bulletins/":                "... .++ ++++ ... ... .",
    "/staff/rates/":                    "... .++ ++++ ... ... .",
    "/staff/map/":                      "+++ +++ ++++ +++ +++ .",
    "/staff/map/grids.json":            "+++ +++ ++++ +++ +++ .",
    "/staff/posts/":                    "... ... .... ... .++ .",
    "/staff/places/":                   "+++ +++ ++++ +++ +++ .",
    "/staff/places/110108014/":         "... ... .+++ +.. +++ .",
    "/staff/burden/":                   "+++ +++ ++++ +++ ... .",
    "/staff/callups/":                  "... .++ +... ... ... .",
    "/staff/claims/":                   "... .++ +... ... ... .",
    "/staff/profiles/":                 "+++ +++ ++++ +++ +++ .",
    "/staff/rules/":                    "... ... .... ... +.+ .",
    "/staff/categories/":                "... ... .... ... +.. .",
    "/staff/categories/environment/":    "... ... .... ... +.. .",
    "/staff/responsibilities/":          "... ... .... ... +.. .",
    "/staff/responsibilities/gaps/":     "... ... .... ... +.. .",
    "/staff/tables/tree/":               "... ... .... ... +.. .",
    "/staff/tables/matrix.csv":          "... ... .... ... +.. .",
    "/staff/holidays/":                 "... ... .... ... +.+ .",
    "/staff/audit/":                    "... ... .... ... ..- .",
    "/staff/outbox/":                   "... ... .... ... -.. .",
    "/staff/cases/{case}/told/":        "++. .+. ++++ ... ... .",
    "/staff/powers/":                   "... ... .... ... +++ .",
    "/staff/tokens/":                   "+++ +++ ++++ +++ +++ .",
    "/staff/load/":                     "... ... +.++ ... ... .",
    "/staff/load/grid_worker/{grid}/":  "... ... +.++ ... ... .",
    "/staff/standins/":                 "... ... +.++ ... ... .",
    "/staff/standins/new/":             "... ... +.++ ... ... .",
    "/staff/digests/":                  "+++ +++ ++++ +++ +++ .",
    "/staff/webhooks/":                 "... ... .... ... +.. .",
    "/staff/values/":                   "+++ +++ +... ... ... .",
    "/staff/values/mine/":              "+++ +++ +... ... ... .",
    "/staff/values/new/":               "... ... +... ... ... .",
    "/staff/values/agreements/":        "+++ +++ +... ... ... .",
    "/staff/values/agreements/new/":    "... ... +... ... ... .",
    "/staff/values/agreements/{agreement}/": "++. ++. +... ... ... .",
    "/staff/values/agreements/{agreement}/minutes/": "+.. ... +... ... ... .",
    "/staff/values/agreements/{agreement}/people/{cadre}/": "+.. ... +... ... ... .",
    "/staff/values/{item}/":            "+.. ... +... ... ... .",
    "/staff/whistles/":                 "+++ .++ ++++ +++ ... .",
    "/staff/whistles/new/":             "... ... ..++ ... ... .",
    "/staff/directives/":               "... ... +.++ +.. ... .",
    "/staff/directives/new/":           "... ... +.++ +.. ... .",
    "/staff/directives/reach/":         "... ... +.++ +.. ... .",
    "/staff/themes/":                   "... ... +.++ ++. ... .",
    "/staff/disputes/":                 "... ... +..+ ..+ ... .",
    "/staff/disputes/new/":             "... ... +... ..+ ... .",
    "/staff/points/":                   "+++ +++ +... ... ... .",
    "/staff/points/110108014001/":      "... ... +... ... ... .",
    "/staff/points/110108014001/rules/": "... ... +... ... ... .",
    "/staff/points/110108014001/households/": "... ... +... ... ... .",
    "/staff/points/110108014001/exchange/": "... ... +... ... ... .",
    "/staff/points/110108014001/poster/": "... ... +... ... ... .",
    "/staff/cases/{case}/related/":     "++. .+. ++++ ... ... .",
}  # fmt: skip

# Everybody may look at these, signed in or not.
PUBLIC = (
    "/", "/report/", "/progress/", "/how/", "/points/", "/privacy/", "/categories.json", "/grids.json", "/ledger/",
    "/ledger/roots.json", "/healthz", "/accounts/login/", "/field/worker.js", "/field/manifest.webmanifest",
)  # fmt: skip


@pytest.fixture
def people(town: Any) -> dict[str, User]:
    """Somebody in every role."""
    known = {name: getattr(town, name) for name in PEOPLE if hasattr(town, name)}
    known["chief"] = make_user("chief", "高楼长", (Role.BUILDING_CHIEF, town.grid))
    known["leader"] = make_user("leader", "马主任", (Role.STREET_LEADER, town.street))
    known["mediator"] = make_user("mediator", "何调解", (Role.MEDIATOR, town.community))
    return known


def tried(what: Callable[[], Any]) -> str:
    """Do it and undo it; the letter of the table."""
    entries = Entry.objects.count()
    try:
        with transaction.atomic():
            found = what()
            transaction.set_rollback(True)
    except Refusal as refusal:
        letter = {403: "-", 404: "."}[refusal.status]
        found = None
    else:
        letter = "." if found is False else "+"
    assert Entry.objects.count() == entries
    return letter


def columns(letters: str) -> dict[str, str]:
    return dict(zip(PEOPLE, letters.replace(" ", ""), strict=True))


def test_the_table_has_everybody(people: dict[str, User]) -> None:
    assert set(people) == set(PEOPLE)
    held = {post.role for user in people.values() for post in user.posts.all()}
    assert held == set(Role.values)
    for letters in (*TABLE.values(), *PAGES.values()):
        assert len(columns(letters)) == len(PEOPLE)


def test_who_may_do_what(
    people: dict[str, User], town: Any, assigned: Any, done: Any, deliver: Any, moment: Any
) -> None:
    now = moment.now
    message, case = assigned(name="赵先生", phone="13800000000")
    order = case.tasks.get()
    _other, checked = done(text="西门的路灯也不亮。")
    check = checked.checks.get()
    answered, closed = done(text="南门也是。")
    checks.answer_by_link(message=answered, helped=True, words="", now=now)
    deliver(now=now)
    closed.refresh_from_db()
    assert closed.state == "closed"
    _third, alike = assigned(text="东门还是堆着垃圾。")
    _fourth, merged = assigned(text="东门的垃圾没有清。")
    merge_cases(source_id=merged.pk, target_id=alike.pk, by=town.clerk, now=now)
    _fifth, returned = assigned(text="北门的树枝压住电线。")
    tasks.return_task(task_id=returned.tasks.get().pk, reason="树是园林的", by=town.worker, now=now)
    deliver(now=now)
    ruling = returned.rulings.get()
    escalation.escalate(now=case.escalate_at)
    slip = case.slips.get()
    _sixth, led = assigned(text="河边的护栏断了。")
    seat = {"role": "department_officer", "place_id": town.county.pk}
    cases.assign_case(case_id=led.pk, by=town.street_clerk, now=now, **seat)
    _seventh, shared = assigned(text="地下室有积水。")
    seat = {"role": "property_manager", "place_id": town.community.pk}
    parts.ask_part(case_id=shared.pk, need="开门", by=town.worker, now=now, **seat)
    tomorrow = now.date() + timedelta(days=1)
    newcomer = make_user("newcomer", "新来的")
    items = valued(town, now)
    for name in ("system", "security", "audit"):
        access.switch_powers_on(by=people[name], minutes=10, reason="for the table", now=now)

    def act(name: str, by: User) -> Any:
        given = {"by": by, "now": now}
        match name:
            case "read the case":
                return type(case).objects.visible_to(by).filter(pk=case.pk).exists()
            case "sort":
                return cases.sort_case(case_id=case.pk, category=LITTER, **given)
            case "assign":
                seat = {"role": "property_manager", "place_id": town.community.pk}
                return cases.assign_case(case_id=case.pk, **seat, **given)
            case "pause":
                return cases.pause_case(case_id=case.pk, reason="等材料", review_on=tomorrow, **given)
            case "merge":
                return merge_cases(source_id=case.pk, target_id=alike.pk, **given)
            case "unmerge":
                return unmerge_case(case_id=merged.pk, **given)
            case "extend":
                return cases.extend_deadline(case_id=case.pk, amount=1, reason="缺零件", **given)
            case "note":
                return cases.add_note(case_id=case.pk, text="记一下", **given)
            case "note on the officer's case":
                return cases.add_note(case_id=led.pk, text="记一下", **given)
            case "note on a shared case":
                return cases.add_note(case_id=shared.pk, text="记一下", **given)
            case "reveal":
                if not type(case).objects.visible_to(by).filter(pk=case.pk).exists():
                    return False  # the page asks that first
                return reveal(message, "reporter_phone", reason="to call back", **given)
            case "read the order":
                return type(order).objects.visible_to(by).filter(pk=order.pk).exists()
            case "accept":
                return tasks.accept_task(task_id=order.pk, **given)
            case "report done":
                return tasks.report_done(task_id=order.pk, words="好了。", **given)
            case "return":
                return tasks.return_task(task_id=order.pk, reason="不归我们管", **given)
            case "read the check":
                return type(check).objects.visible_to(by).filter(pk=check.pk).exists()
            case "conclude":
                return checks.conclude_check(check_id=check.pk, result="seen_done", method="site", words="", **given)
            case "call failed":
                return checks.call_failed(check_id=check.pk, **given)
            case "propose referral":
                return rulings.propose_referral(
                    case_id=case.pk, referral="legal_channel", reason="请先申请劳动仲裁", **given
                )
            case "propose exclusion":
                return rulings.propose_exclusion(case_id=case.pk, reason="要求拆除合法建筑", **given)
            case "ask a part":
                seat = {"role": "property_manager", "place_id": town.community.pk}
                return parts.ask_part(case_id=case.pk, need="开门", **seat, **given)
            case "contact":
                return contact.contact_reporter(case_id=case.pk, way="phone", text="说明情况", **given)
            case "rule":
                seat = {"role": "property_manager", "place_id": town.community.pk}
                return rulings.decide(ruling_id=ruling.pk, words="经核实", **seat, **given)
            case "answer the slip":
                return escalation.answer_slip(slip_id=slip.pk, answer="等配件，明天修好", **given)
            case "reopen":
                return cases.reopen_case(case_id=closed.pk, reason="又坏了", **given)
            case "adopt an agreement":
                return agree(town, **given)
            case "write an item":
                return write(town, **given)
            case "read the item":
                return type(items[0]).objects.visible_to(by).filter(pk=items[0].pk).exists()
            case "move the item":
                to = town.clerk.posts.get().pk
                return values.give_item(item_id=items[0].pk, post_id=to, words="防汛值班", **given)
            case "report the item":
                return values.report_item(item_id=items[0].pk, words="做完了", **given)
            case "score the item":
                return values.score_item(item_id=items[1].pk, marks=Marks(90, 90, 90), reason="看过现场", **given)
            case "accept the score":
                return values.accept_score(item_id=items[2].pk, **given)
            case "object to the score":
                return values.object_to_score(item_id=items[2].pk, words="下雨停工", **given)
            case "answer the objection":
                return values.answer_objection(item_id=items[3].pk, words="查过，不变", **given)
            case "give a post":
                return access.grant_post(
                    user=newcomer, role="grid_worker", place=town.grid, starts_on=now.date(), reason="new", **given
                )
            case "set who leads":
                return set_responsibility(category=LITTER, place=town.street, role="grid_worker", **given)
        raise LookupError(name)

    wrong = {}
    for name, letters in TABLE.items():
        found = "".join(tried(lambda name=name, who=who: act(name, people[who])) for who in PEOPLE)
        if found != letters.replace(" ", ""):
            wrong[name] = {who: letter for who, letter in columns(found).items() if columns(letters)[who] != letter}
    assert not wrong


def test_without_powers_an_administration_only_looks(people: dict[str, User], town: Any, moment: Any) -> None:
    given = {"now": moment.now}
    newcomer = make_user("newcomer", "新来的")
    grant = {"user": newcomer, "role": "grid_worker", "place": town.grid, "starts_on": moment.now.date()}
    assert tried(lambda: access.grant_post(**grant, reason="new", by=people["security"], **given)) == "-"
    row = {"category": LITTER, "place": town.street, "role": "grid_worker"}
    assert tried(lambda: set_responsibility(**row, by=people["system"], **given)) == "-"


def test_who_opens_which_page(
    people: dict[str, User], town: Any, moment: Any, report: Any, done: Any, as_user: Any, client: Any
) -> None:
    _message, case = done()
    _other, new = report(text="西门的路灯也不亮。")
    given = {"case": case.number, "new": new.number, "task": case.tasks.get().pk, "check": case.checks.get().pk}
    given["grid"] = town.grid.pk
    item = valued(town, moment.now)[0]
    given |= {"item": item.pk, "agreement": item.agreement_id, "cadre": town.worker.pk}
    for page in PAGES:
        answer = client.get(page.format(**given))
        assert (answer.status_code, answer["Location"][:16]) == (302, "/accounts/login/"), page
    wrong = {}
    for who in PEOPLE:
        visitor = as_user(people[who])
        for page, letters in PAGES.items():
            status = visitor.get(page.format(**given)).status_code
            if status != {"+": 200, "-": 403, ".": 404}[columns(letters)[who]]:
                wrong[who, page] = status
    assert not wrong


def test_pages_for_everybody(people: dict[str, User], as_user: Any) -> None:
    for who in (None, "clerk", "stranger", "audit"):
        visitor = as_user(people[who] if who else None)
        for page in PUBLIC:
            assert visitor.get(page).status_code in (200, 302 if page == "/accounts/login/" else 200), page


def test_a_department_sees_what_is_its_duty_and_nothing_else(
    people: dict[str, User], town: Any, assigned: Any, deliver: Any, moment: Any, as_user: Any
) -> None:
    _message, case = assigned()
    _other, another = assigned(text="西门的路灯也不亮。")
    officer = people["officer"]
    seat = {"role": "department_officer", "place_id": town.county.pk}
    cases.assign_case(case_id=case.pk, **seat, by=town.street_clerk, now=moment.now)
    deliver(now=moment.now)
    visitor = as_user(officer)
    assert visitor.get(f"/staff/cases/{case.number}/").status_code == 200
    assert visitor.get(f"/staff/cases/{another.number}/").status_code == 404
    order = case.tasks.get(role="department_officer")
    assert visitor.get(f"/staff/tasks/{order.pk}/").status_code == 200
    page = visitor.get("/staff/cases/").content.decode()
    assert case.number in page
    assert another.number not in page


def test_an_account_that_was_switched_off_opens_nothing(people: dict[str, User], as_user: Any) -> None:
    visitor = as_user(people["clerk"])
    assert visitor.get("/staff/cases/").status_code == 200
    User.objects.filter(pk=people["clerk"].pk).update(is_active=False)
    assert visitor.get("/staff/cases/").status_code == 302
