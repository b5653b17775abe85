"""The pages of valued work: agreeing, writing an item, the cadre's own page, the board, an item, and the minutes."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from gongzhi.act.directives import actions as directives
from gongzhi.act.directives.asking import Ask
from gongzhi.act.directives.models import Assignment
from gongzhi.act.values import actions as values
from gongzhi.act.values.models import Agreement, Item, Objection, Score, State
from gongzhi.act.values.scoring import Marks
from gongzhi.ground.access.roles import Role
from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.rules.actions import override
from tests.town import make_user

pytestmark = pytest.mark.django_db

REASON = "三条路都清了，晚了半天。"


@pytest.fixture
def deputy(town):
    return make_user("deputy", "段副书记", (Role.COMMUNITY_SECRETARY, town.community))


@pytest.fixture
def terms(town):
    return {
        "place": str(town.community.pk),
        "meeting": "11月2日联席会议，一致同意。",
        "adopted_on": "2026-11-02",
        "done_weight": "40",
        "timeliness_weight": "30",
        "quality_weight": "30",
        "objection_days": "5",
        "starts_on": "2026-11-01",
        "ends_on": "2027-04-30",
    }


@pytest.fixture
def agreement(terms, town, as_user, moment):
    assert as_user(town.secretary).post("/staff/values/agreements/new/", terms).status_code == 302
    return Agreement.objects.get()


@pytest.fixture
def words(town, agreement):
    return {
        "place": str(town.community.pk),
        "source": "",
        "origin": "村里年度计划",
        "title": "清理东片三条村路",
        "done_when": "三条路无垃圾、无堆物。",
        "value": "300",
        "due_at": "2026-11-25",
        "post": str(town.worker.posts.get().pk),
    }


@pytest.fixture
def item(words, town, as_user):
    answer = as_user(town.secretary).post("/staff/values/new/", words)
    assert answer.status_code == 302, answer.content.decode()[:2000]
    return Item.objects.get()


@pytest.fixture
def do(as_user):
    """One step of somebody with an item, through its address."""

    def do(user, item, act, **given):
        return as_user(user).post(f"/staff/values/{item.pk}/do/{act}/", given)

    return do


def page_of(visitor, address):
    answer = visitor.get(address)
    assert answer.status_code == 200, address
    return answer.content.decode()


def test_one_item_all_the_way(item, town, deputy, as_user, do, moment):
    """Reported on a phone, scored, objected to, answered by somebody else; everything stands on its page."""
    mine = page_of(as_user(town.worker), "/staff/values/")
    assert "My items" in mine
    assert item.title in mine
    assert do(town.worker, item, "report", words="三条路清完了。").status_code == 302
    board = page_of(as_user(town.secretary), "/staff/values/")
    assert "To score" in board
    page = page_of(as_user(town.secretary), f"/staff/values/{item.pk}/")
    assert re.search(r'name="timeliness"[^>]*value="100"', page), "the clock proposes"
    marks = {"done": "100", "timeliness": "90", "quality": "80", "rounds": "0"}
    assert do(town.secretary, item, "score", reason=REASON, **marks).status_code == 302
    page = page_of(as_user(town.worker), f"/staff/values/{item.pk}/")
    assert "Do you agree with the score?" in page
    assert REASON in page
    assert "300 × (40 % × 100 + 30 % × 90 + 30 % × 80) ÷ 100" in page
    assert do(town.worker, item, "object", words="下雨停工一天。").status_code == 302
    page = page_of(as_user(town.secretary), f"/staff/values/{item.pk}/")
    assert "By somebody else than the one who scored" in page
    assert deputy.name in page
    assert do(town.secretary, item, "answer", outcome="kept", words="分数不变。").status_code == 403
    changed = {"outcome": "changed", "done": "100", "timeliness": "90", "quality": "100"}
    assert do(deputy, item, "answer", words="当天记录属实，改为满分。", **changed).status_code == 302
    page = page_of(as_user(town.worker), f"/staff/values/{item.pk}/")
    assert "The score is changed" in page
    for said in ("三条路清完了。", REASON, "下雨停工一天。", "当天记录属实，改为满分。"):
        assert said in page
    assert "291 points" in page
    person = f"/staff/values/agreements/{item.agreement_id}/people/{town.worker.pk}/"
    assert "291 points settled" in page_of(as_user(town.worker), person)
    assert "291 points settled" in page_of(as_user(town.secretary), person)
    assert as_user(town.second_worker).get(person).status_code == 404


def test_a_scorer_who_is_alone_says_so_and_names_the_street(item, town, as_user, do):
    do(town.worker, item, "report", words="清完了。")
    do(town.secretary, item, "score", done="50", timeliness="50", quality="50", rounds="0", reason=REASON)
    do(town.worker, item, "object", words="不止一半。")
    assert "Nobody else can answer here" in page_of(as_user(town.secretary), f"/staff/values/{item.pk}/")
    assert do(town.secretary, item, "answer", outcome="kept", words="看过，是一半。").status_code == 302
    page = page_of(as_user(town.worker), f"/staff/values/{item.pk}/")
    assert f"turn to: {town.street.name}" in page
    minutes = page_of(as_user(town.secretary), f"/staff/values/agreements/{item.agreement_id}/minutes/")
    assert f"Next level: {town.street.name}" in minutes


def test_from_a_work_order_to_an_item(assigned, agreement, words, town, as_user, moment):
    _message, case = assigned()
    task = case.tasks.get()
    secretary = as_user(town.secretary)
    link = f"/staff/values/new/?task={task.pk}"
    assert link not in page_of(secretary, f"/staff/tasks/{task.pk}/"), "nobody here works with values"
    day = moment.now.date()
    modules = {"key": "work.modules", "value": ["value_board"], "valid_from": day, "reason": "test"}
    override(place=town.community, by=None, now=moment.now, **modules)
    assert link in page_of(secretary, f"/staff/tasks/{task.pk}/")
    form = page_of(secretary, link)
    assert re.search(rf'<option value="task:{task.pk}" selected>', form)
    assert case.summary[:20] in form
    answer = secretary.post("/staff/values/new/", {**words, "source": f"task:{task.pk}"})
    assert answer.status_code == 302
    assert case.number in page_of(secretary, f"/staff/values/{Item.objects.get().pk}/")
    assert link not in page_of(as_user(town.worker), f"/staff/tasks/{task.pk}/")


def test_from_a_directive_to_an_item(agreement, words, town, as_user, moment):
    """What the directive says is filled in: title, what counts as done, the value it proposes, the deadline."""
    ask = Ask(
        title="汛前排查低洼点位", text="逐处看一遍。", done_when="每处都看过，结果写明。", target_level="village",
        target_places=[town.community.pk], reply_span="5 working_days", value=120,
    )  # fmt: skip
    draft = directives.draft_directive(ask=ask, by=town.street_clerk, now=moment.now)
    directives.issue_directive(directive_id=draft.pk, by=town.street_clerk, now=moment.now)
    piece = Assignment.objects.get(directive=draft)
    secretary = as_user(town.secretary)
    form = page_of(secretary, f"/staff/values/new/?assignment={piece.pk}")
    assert re.search(rf'<option value="assignment:{piece.pk}" selected>', form)
    for said in ('value="汛前排查低洼点位"', "每处都看过，结果写明。", 'value="120"', 'value="2026-11-25"'):
        assert said in form
    answer = secretary.post("/staff/values/new/", {**words, "source": f"assignment:{piece.pk}"})
    assert answer.status_code == 302
    page = page_of(as_user(town.worker), f"/staff/values/{Item.objects.get().pk}/")
    assert piece.directive.number in page
    assert f"assignment:{piece.pk}" in page_of(as_user(town.secretary), "/staff/values/new/")


def test_a_called_off_source_is_said_plainly(assigned, words, town, as_user, do, moment, deliver):
    from gongzhi.understand.cases import actions as cases

    message, case = assigned()
    task = case.tasks.get()
    secretary = as_user(town.secretary)
    assert secretary.post("/staff/values/new/", {**words, "source": f"task:{task.pk}"}).status_code == 302
    cases.withdraw_case(message=message, now=moment.now)
    deliver(now=moment.now)
    item = Item.objects.get()
    assert "no longer wanted" in page_of(as_user(town.worker), f"/staff/values/{item.pk}/")
    before = Entry.objects.count()
    answer = do(town.worker, item, "report", words="做完了。")
    assert answer.status_code == 409
    assert "no longer wanted" in answer.content.decode()
    secretary = as_user(town.secretary)
    answer = secretary.post("/staff/values/new/", {**words, "source": f"task:{task.pk}"})
    assert answer.status_code == 422
    assert "no longer wanted" in answer.content.decode()
    assert Entry.objects.count() == before
    assert do(town.secretary, item, "withdraw", words="源头已撤").status_code == 302


@pytest.mark.parametrize(
    ("change", "beside"),
    [
        ({"value": "1000000000"}, "value"),
        ({"value": "9" * 40}, "value"),
        ({"value": "-5"}, "value"),
        ({"value": "0"}, "value"),
        ({"value": "3.5"}, "value"),
        ({"value": "many"}, "value"),
        ({"value": ""}, "value"),
        ({"title": ""}, "title"),
        ({"title": "长" * 121}, "title"),
        ({"title": "a\x00b"}, "title"),
        ({"done_when": " "}, "done_when"),
        ({"done_when": "长" * 1001}, "done_when"),
        ({"due_at": "2026-11-17"}, "due_at"),
        ({"due_at": "soon"}, "due_at"),
        ({"due_at": "99999-01-01"}, "due_at"),
        ({"source": "task:999999"}, "source"),
        ({"source": "task:x"}, "source"),
        ({"source": "task:" + "9" * 40}, "source"),
        ({"post": "999999"}, "post"),
        ({"post": "x"}, "post"),
        ({"place": "999"}, "place"),
    ],
)
def test_a_wrong_item_comes_back_beside_the_field(words, town, as_user, change, beside):
    before = Entry.objects.count()
    answer = as_user(town.secretary).post("/staff/values/new/", {**words, **change})
    assert answer.status_code == 422
    page = answer.content.decode()
    assert f'id="id_{beside}_error"' in page
    assert not Item.objects.exists()
    assert Entry.objects.count() == before
    if beside != "title":
        assert words["title"] in page, "the typed text is never lost"


@pytest.mark.parametrize(
    ("change", "beside"),
    [
        ({"done_weight": "41"}, "done_weight"),
        ({"done_weight": "-40", "timeliness_weight": "110"}, "done_weight"),
        ({"done_weight": "1000000000"}, "done_weight"),
        ({"quality_weight": "x"}, "quality_weight"),
        ({"objection_days": "1"}, "objection_days"),
        ({"meeting": ""}, "meeting"),
        ({"adopted_on": "2027-01-01"}, "adopted_on"),
        ({"ends_on": "2026-10-01"}, "ends_on"),
        ({"ends_on": "2099-10-01"}, "ends_on"),
        ({"place": "1"}, "place"),
    ],
)
def test_a_wrong_agreement_comes_back_beside_the_field(terms, town, as_user, moment, change, beside):
    answer = as_user(town.secretary).post("/staff/values/agreements/new/", {**terms, **change})
    assert answer.status_code == 422
    assert f'id="id_{beside}_error"' in answer.content.decode()
    assert not Agreement.objects.exists()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"reason": ""}, "needs a reason"),
        ({"reason": "  "}, "needs a reason"),
        ({"reason": "好"}, "needs a reason"),
        ({"done": "101"}, "0 to 100"),
        ({"done": "-1"}, "0 to 100"),
        ({"quality": "9" * 30}, "0 to 100"),
        ({"timeliness": ""}, "0 to 100"),
        ({"rounds": "7"}, "meanwhile"),
    ],
)
def test_a_wrong_score_changes_nothing(item, town, do, change, says):
    do(town.worker, item, "report", words="清完了。")
    before = Entry.objects.count()
    given = {"done": "90", "timeliness": "90", "quality": "90", "rounds": "0", "reason": REASON, **change}
    answer = do(town.secretary, item, "score", **given)
    assert answer.status_code in (409, 422)
    assert says in answer.content.decode()
    assert not Score.objects.exists()
    assert Entry.objects.count() == before


def test_objecting_late_is_refused_in_words(item, town, as_user, do, moment):
    do(town.worker, item, "report", words="清完了。")
    do(town.secretary, item, "score", done="90", timeliness="90", quality="90", rounds="0", reason=REASON)
    moment.now += timedelta(days=30)
    assert "The score stands" in page_of(as_user(town.worker), f"/staff/values/{item.pk}/")
    answer = do(town.worker, item, "object", words="我不同意。")
    assert answer.status_code == 409
    assert "time to object is over" in answer.content.decode()
    assert "我不同意。" in answer.content.decode(), "the typed text is never lost"
    assert not Objection.objects.exists()


def test_moving_through_the_page(item, town, as_user, do):
    to = str(town.clerk.posts.get().pk)
    answer = do(town.secretary, item, "give", post=to, words="", due_at="")
    assert answer.status_code == 422
    assert "Say why it goes to somebody else" in answer.content.decode()
    given = {"post": to, "words": "王格一防汛值班", "due_at": "2026-12-01"}
    assert do(town.secretary, item, "give", **given).status_code == 302
    page = page_of(as_user(town.clerk), f"/staff/values/{item.pk}/")
    assert "王格一防汛值班" in page
    assert town.worker.name in page
    assert as_user(town.worker).get(f"/staff/values/{item.pk}/").status_code == 404


def test_other_acts_and_gets(item, town, as_user, do):
    assert do(town.secretary, item, "rank").status_code == 404
    assert as_user(town.secretary).get(f"/staff/values/{item.pk}/do/give/").status_code == 302
    assert do(town.stranger, item, "report", words="x").status_code == 404
    marks = {"done": "1", "timeliness": "1", "quality": "1", "rounds": "0"}
    assert do(town.worker, item, "score", reason=REASON, **marks).status_code == 403
    assert Item.objects.get().state == State.OPEN


def test_the_secretarys_own_item(words, town, deputy, as_user, do):
    secretary = as_user(town.secretary)
    assert (
        secretary.post("/staff/values/new/", {**words, "post": str(town.secretary.posts.get().pk)}).status_code == 302
    )
    item = Item.objects.get()
    do(town.secretary, item, "report", words="清完了。")
    page = page_of(as_user(town.secretary), f"/staff/values/{item.pk}/")
    assert "now it is scored" in page
    assert deputy.name in page
    assert "/do/score/" not in page
    given = {"done": "90", "timeliness": "90", "quality": "90", "rounds": "0", "reason": REASON}
    assert do(town.secretary, item, "score", **given).status_code == 403
    assert do(deputy, item, "score", **given).status_code == 302
    assert item.title in page_of(as_user(town.secretary), "/staff/values/mine/")


@pytest.fixture
def scored_all(words, town, as_user, do):
    """Two cadres with a scored item each: 285 and 30 points."""
    found = []
    for who, mark in ((town.worker, "95"), (town.clerk, "10")):
        as_user(town.secretary).post("/staff/values/new/", {**words, "post": str(who.posts.get().pk)})
        item = Item.objects.order_by("-pk")[0]
        do(who, item, "report", words="做完了。")
        do(town.secretary, item, "score", done=mark, timeliness=mark, quality=mark, rounds="0", reason=REASON)
        do(who, item, "accept")
        found.append(item)
    return found


def test_sums_never_stand_side_by_side(scored_all, town, as_user):
    """People by name and without a number; the minutes of all have no sums; a person's minutes have their own."""
    agreement = scored_all[0].agreement_id
    secretary = as_user(town.secretary)
    people = page_of(secretary, f"/staff/values/agreements/{agreement}/")
    names = re.findall(r'/people/\d+/">([^<]+)<', people)
    assert names == [town.clerk.name, town.worker.name], "Li before Wang"
    assert "285" not in people
    minutes = page_of(secretary, f"/staff/values/agreements/{agreement}/minutes/")
    assert town.worker.name in minutes
    assert town.clerk.name in minutes
    assert REASON in minutes
    assert "Settled points" not in minutes
    own = page_of(secretary, f"/staff/values/agreements/{agreement}/minutes/?person={town.worker.pk}")
    assert "Settled points of this person" in own
    assert town.clerk.name not in own


def test_a_cadre_prints_only_their_own(scored_all, town, as_user):
    agreement = scored_all[0].agreement_id
    worker = as_user(town.worker)
    for query in ("", f"?person={town.clerk.pk}", "?person=x", "?person=999"):
        minutes = page_of(worker, f"/staff/values/agreements/{agreement}/minutes/{query}")
        assert town.worker.name in minutes
        assert town.clerk.name not in minutes
    assert worker.get(f"/staff/values/agreements/{agreement}/people/{town.clerk.pk}/").status_code == 404
    people = page_of(worker, f"/staff/values/agreements/{agreement}/")
    assert town.clerk.name not in people


def test_ended_items_are_one_step_away(scored_all, town, as_user):
    secretary = as_user(town.secretary)
    assert scored_all[0].number in page_of(secretary, "/staff/values/?state=settled")
    assert "Nothing here yet" in page_of(secretary, "/staff/values/?state=withdrawn")
    assert scored_all[0].number not in page_of(secretary, "/staff/values/?state=nonsense&place=x")


def test_the_pages_ask_little(words, town, as_user, moment, django_assert_max_num_queries):
    """Fifty items cost no more questions than one."""
    by = {"by": town.secretary, "now": moment.now}
    for number in range(50):
        item = values.write_item(
            place=town.community, title=f"第{number}件", done_when="做完", value=10,
            due_at=moment.now + timedelta(days=3), post_id=town.worker.posts.get().pk, **by,
        )  # fmt: skip
        values.report_item(item_id=item.pk, words="好了", by=town.worker, now=moment.now)
        if number % 2:
            values.score_item(item_id=item.pk, marks=Marks(90, 80, 70), reason="看过现场", **by)
    agreement = item.agreement_id
    for who, address, most in (
        (town.secretary, "/staff/values/", 9),
        (town.worker, "/staff/values/mine/", 9),
        (town.secretary, f"/staff/values/{item.pk}/", 15),
        (town.secretary, f"/staff/values/agreements/{agreement}/people/{town.worker.pk}/", 9),
        (town.secretary, f"/staff/values/agreements/{agreement}/minutes/", 9),
        (town.secretary, "/staff/values/new/", 12),
    ):
        visitor = as_user(who)
        visitor.get(address)
        with django_assert_max_num_queries(most):
            assert visitor.get(address).status_code == 200, address


def test_somebody_is_away_and_back_by_the_page(item, town, as_user):
    """The secretary gives a cadre's open items to another in one step, and takes it back with one tap."""
    secretary = as_user(town.secretary)
    person = f"/staff/values/agreements/{item.agreement_id}/people/{town.worker.pk}/"
    assert "is away: give what is to be done" in page_of(secretary, person)
    assert "is away: give what is to be done" not in page_of(as_user(town.worker), person)
    secretary = as_user(town.secretary)
    given = {"post": str(town.second_worker.posts.get().pk), "words": "住院一周"}
    for change, says in (({"words": " "}, "Say why it goes"), ({"post": "0"}, "Nobody holds this post")):
        answer = secretary.post(person + "do/away/", given | change)
        assert answer.status_code == 422
        assert says in answer.content.decode()
    assert secretary.get(person + "do/away/").status_code == 302
    assert secretary.post(person + "do/nonsense/", given).status_code == 404
    assert secretary.post(person + "do/away/", given).status_code == 302
    assert Item.objects.get().holder == town.second_worker
    page = page_of(secretary, person)
    assert "1 item went to 王格二" in page
    at = re.search(r'name="at" value="([^"]+)"', page)[1]
    for wrong in ("", "yesterday", "2026-11-18T10:00:00", "9" * 60):
        assert secretary.post(person + "do/back/", {"at": wrong}).status_code == 404
    assert as_user(town.worker).post(person + "do/back/", {"at": at}).status_code == 404
    secretary = as_user(town.secretary)
    assert secretary.post(person + "do/back/", {"at": at}).status_code == 302
    assert Item.objects.get().holder == town.worker
    assert secretary.post(person + "do/back/", {"at": at}).status_code == 409
    assert "went to" not in page_of(secretary, person)
