"""The three rates: the same numbers from the aggregates, from the record, and from the lists behind them."""

from __future__ import annotations

import random
import re
from datetime import timedelta
from html import unescape

import pytest
from django.utils import timezone

from gongzhi.act.tasks import actions as tasks
from gongzhi.act.tasks.models import Task
from gongzhi.ground.refusals import Refusal
from gongzhi.understand.cases import actions as cases
from gongzhi.understand.cases.models import Case, Voice
from gongzhi.verify.checks import actions as checks
from gongzhi.verify.checks.rates import Kind, Period, Rates, Scope, cases_behind, count_rates, recount, total
from tests.scenes import LITTER

pytestmark = pytest.mark.django_db

WAYS = ({}, {"answer_by": "phone", "phone": "13800000000"}, {"answer_by": "none"})
CATEGORIES = (LITTER, "environment.adverts", "")


@pytest.fixture
def history(report, town, moment, deliver):
    """Some weeks of a small town, at random."""

    def one(chance):
        told = [
            report(**chance.choice(WAYS), category=chance.choice(CATEGORIES)) for _ in range(chance.choice((1, 1, 2)))
        ]
        message, case = told[0]
        for other, _was in told[1:]:
            Voice.objects.filter(message=other).update(case=case)
        due = moment.now + timedelta(hours=chance.randrange(1, 30))
        made = chance.choice((None, due - timedelta(minutes=1), due + timedelta(minutes=1)))
        Case.objects.filter(pk=case.pk).update(contact_due_at=due, contacted_at=made)
        if chance.random() < 0.1 and len(told) == 1:
            cases.withdraw_case(message=message, now=moment.now)
        if chance.random() < 0.1:
            Case.objects.filter(pk=case.pk).update(excluded_at=moment.now)
        for _round in range(chance.randrange(1, 4)):
            case.refresh_from_db()
            if case.state == "closed":
                cases.reopen_case(case_id=case.pk, reason="又来了", by=town.clerk, now=moment.now)
            elif case.state == "new":
                cases.dispatch_case(case_id=case.pk, category=LITTER, by=town.clerk, now=moment.now)
            deliver(now=moment.now)
            task = Task.objects.filter(case=case).waiting().first()
            if task is None:
                break
            tasks.report_done(task_id=task.pk, words="好了。", by=town.worker, now=moment.now)
            deliver(now=moment.now)
            moment.now += timedelta(hours=chance.randrange(1, 60))
            check = case.checks.order_by("-pk").first()
            for message, _was in told:
                try:
                    match chance.randrange(5):
                        case 0:
                            checks.answer_by_link(
                                message=message,
                                helped=chance.random() < 0.7,
                                words="话",
                                satisfied=chance.choice(("", "satisfied", "partly", "not")),
                                now=moment.now,
                            )
                        case 1:
                            checks.conclude_check(
                                check_id=check.pk,
                                message_id=message.pk,
                                result=chance.choice(("helped", "not_helped")),
                                method="phone",
                                words="话",
                                satisfied=chance.choice(("", "satisfied", "not")),
                                by=town.clerk,
                                now=moment.now,
                            )
                        case 2:
                            for _call in range(3):
                                checks.call_failed(check_id=check.pk, by=town.clerk, now=moment.now)
                            checks.conclude_check(
                                check_id=check.pk,
                                result="unreachable",
                                method="site",
                                words="",
                                by=town.clerk,
                                now=moment.now,
                            )
                        case 3:
                            result = chance.choice(("seen_done", "seen_not_done"))
                            checks.conclude_check(
                                check_id=check.pk,
                                result=result,
                                method="site",
                                words="话",
                                by=town.clerk,
                                now=moment.now,
                            )
                        case _:
                            checks.say_how_satisfied(
                                message=message, satisfied=chance.choice(("satisfied", "partly", "not")), now=moment.now
                            )
                except Refusal:
                    pass
                deliver(now=moment.now)

    def history(seed, count=8):
        chance = random.Random(seed)
        for _case in range(count):
            one(chance)

    return history


@pytest.mark.parametrize("seed", range(5))
def test_totals_equal_a_recount_from_the_record(history, moment, town, seed):
    start = timezone.localdate(moment.now)
    history(seed)
    days = (timezone.localdate(moment.now) - start).days
    for since, until in (
        (start, start + timedelta(days=days + 2)),
        (start + timedelta(days=days // 2), start + timedelta(days=days)),
    ):
        period = Period(since, until)
        for path in ("", town.community.path, town.other_community.path):
            scope = Scope(path=path)
            anew = recount(period, scope, now=moment.now)
            for by in ("", "unit", "place", "category"):
                assert total(count_rates(period, scope, now=moment.now, by=by).values()) == anew
            for kind in set(Kind) - {Kind.CLOSED}:
                behind = Case.objects.filter(cases_behind(kind, period, now=moment.now), scope.where())
                assert behind.count() == getattr(anew, kind.value), kind
    assert anew.asked == 0 or anew.asked == anew.answered + anew.unreachable + anew.seen
    assert anew.answered == anew.helped + anew.not_helped


def test_every_number_opens_its_cases(history, moment, town, as_user):
    moment.now -= timedelta(days=60)
    history(7, count=10)
    since = (moment.now - timedelta(days=90)).date()
    until = (moment.now + timedelta(days=2)).date()
    client = as_user(town.clerk)
    for by in ("unit", "place", "category"):
        page = client.get(f"/staff/rates/?from={since}&to={until}&by={by}").content.decode()
        links = set(re.findall(r'<a href="(/staff/cases/\?[^"]+rate=[^"]+)">[^<0-9]*(\d+)</a>', page))
        assert len(links) > 8
        for address, count in links:
            answer = client.get(unescape(address))
            assert answer.status_code == 200
            assert len(answer.context["rows"]) == int(count), address


def test_no_data_is_not_zero(town, moment, as_user):
    page = as_user(town.clerk).get("/staff/rates/").content.decode()
    assert page.count("no data") == 3
    assert "0.0 %" not in page
    assert (Rates().response, Rates().resolution, Rates().satisfaction) == (None, None, None)


def test_what_stands_outside(done, moment, town, deliver):
    message, case = done()
    checks.answer_by_link(message=message, helped=True, words="", now=moment.now)
    deliver(now=moment.now)
    period = Period(moment.now.date(), moment.now.date())

    def rates():
        return total(count_rates(period, Scope(), now=moment.now).values())

    assert (rates().helped, rates().resolution) == (1, 1.0)
    Case.objects.filter(pk=case.pk).update(excluded_at=moment.now)
    assert (rates().helped, rates().excluded, rates().resolution) == (0, 1, None)
    Case.objects.filter(pk=case.pk).update(excluded_at=None, closed_as="imported")
    assert rates().asked == 0


def test_only_what_the_person_sees(done, moment, town, as_user, deliver):
    message, _case = done()
    checks.answer_by_link(message=message, helped=True, words="", now=moment.now)
    deliver(now=moment.now)
    assert "Of 1 cases whose reporters answered" in as_user(town.clerk).get("/staff/rates/").content.decode()
    assert "No reporter has answered" in as_user(town.other_clerk).get("/staff/rates/").content.decode()
    assert as_user(town.worker).get("/staff/rates/").status_code == 404


def test_wrong_filters_and_the_table(done, moment, town, as_user, deliver):
    message, _case = done()
    checks.answer_by_link(message=message, helped=True, words="", satisfied="satisfied", now=moment.now)
    deliver(now=moment.now)
    client = as_user(town.clerk)
    for wrong in ("by=worker", "unit=x@1", "unit=grid_worker@x", "from=x", "place=x", "from=2026-11-19&to=2026-11-18"):
        assert client.get(f"/staff/rates/?{wrong}").status_code == 400
        assert client.get(f"/staff/rates/table.csv?{wrong}").status_code == 400
    assert client.get("/staff/cases/?rate=x").status_code == 400
    unit = f"unit=grid_worker@{town.grid.pk}"
    assert "Only what Grid worker" in client.get(f"/staff/rates/?{unit}").content.decode()
    table = client.get("/staff/rates/table.csv")
    text = table.content.decode("utf-8-sig")
    assert '"Grid worker, 东区第一网格",0,0,1,1,1,1,0,,1.0000,1.0000' in text
    assert "attachment" in table["Content-Disposition"]


def test_programs_read_the_same_numbers(history, moment, town, client, django_assert_max_num_queries):
    from gongzhi.ground.access.tokens import create_token

    history(5, count=10)
    on = timezone.localdate(moment.now)

    def ask(verbs, query):
        _token, secret = create_token(
            name="x", verbs=verbs, expires_on=on + timedelta(days=1), by=town.clerk, now=moment.now
        )
        asked = f"/api/v1/rates?since=2026-01-01&{query}"
        client.get(asked, headers={"authorization": f"Bearer {secret}"})
        with django_assert_max_num_queries(9):
            answer = client.get(asked, headers={"authorization": f"Bearer {secret}"})
        assert answer.status_code == 200, answer.content
        return answer.json()

    both = ["rates.read", "cases.read"]
    for by in ("unit", "place", "category"):
        found = ask(both, f"by={by}")
        period = Period(timezone.datetime(2026, 1, 1).date(), on)
        counted = total(count_rates(period, Scope(path=town.community.path), now=moment.now).values()).as_numbers()
        assert {name: found["total"][name] for name in counted} == counted
        for name in counted:
            assert sum(row[name] for row in found["items"]) == counted[name]
        assert [row["label"] for row in found["items"]] == sorted(row["label"] for row in found["items"])
        assert found["total"]["resolution"] == counted["helped"] / counted["answered"]
    led = ask(both, f"lead_role=grid_worker&lead_place={town.grid.path}")["items"]
    assert [(row["role"], row["place"]) for row in led] == [("grid_worker", town.grid.path)]
    whole, unsorted = ask(both, "by=category"), ask(both, "by=category&category=unsorted")
    assert [row for row in whole["items"] if row["category"] == "unsorted"] == unsorted["items"]
    assert ask(["rates.read"], "")["total"]["answered"] == 0, "a token counts only what it may read"


def test_two_places_of_one_name_are_two_rows(done, moment, town, as_user, deliver):
    type(town.grid).objects.filter(pk__in=[town.grid.pk, town.other_grid.pk]).update(name="第一网格")
    for place in (town.grid, town.other_grid):
        message, case = done()
        Case.objects.filter(pk=case.pk).update(lead_place=place)
        checks.answer_by_link(message=message, helped=True, words="", now=moment.now)
    deliver(now=moment.now)
    page = as_user(town.street_clerk).get("/staff/rates/").content.decode()
    for place in (town.grid, town.other_grid):
        assert f"unit=grid_worker%40{place.pk}" in page


def test_the_page_costs_the_same_for_many(history, moment, town, as_user, django_assert_max_num_queries):
    history(3, count=10)
    client = as_user(town.clerk)
    client.get("/staff/rates/")
    for by in ("unit", "place", "category"):
        with django_assert_max_num_queries(10):
            client.get(f"/staff/rates/?by={by}&from=2026-01-01")


def test_the_command_finds_a_number_that_was_altered(done, moment, town, deliver):
    from click.testing import CliRunner

    from gongzhi.verify.checks.commands import rates
    from gongzhi.verify.checks.models import Check

    message, _case = done()
    checks.answer_by_link(message=message, helped=False, words="没有", now=moment.now)
    deliver(now=moment.now)
    assert CliRunner().invoke(rates, ["verify"]).exit_code == 0
    Check.objects.update(said="helped")
    found = CliRunner().invoke(rates, ["verify", "--from", "2026-11-01", "--to", "2026-11-30", "--place", "110108"])
    assert found.exit_code == 1
    assert "but 1 in the record" in found.output
