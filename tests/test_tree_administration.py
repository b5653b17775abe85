"""Changing the tree, its questions and the matrix: who may, what is refused, what the record says, what comes back."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from python_calamine import CalamineWorkbook

from gongzhi.ground.access.actions import switch_powers_on
from gongzhi.ground.access.roles import Role
from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.ledger.verify import verify
from gongzhi.ground.refusals import Refusal
from gongzhi.understand.cases import categories, tree
from gongzhi.understand.cases.category_tables import TREE, as_csv, part_words, span_of, tree_rows
from gongzhi.understand.cases.loading import load_categories, packaged
from gongzhi.understand.cases.models import Category, Question, Responsibility
from gongzhi.understand.cases.responsibility import gaps_at, proposal_for, set_responsibility
from tests.scenes import LITTER
from tests.town import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def chief(town: Any, moment: Any) -> Any:
    """The system administration, with its powers on."""
    switch_powers_on(by=town.system, minutes=30, reason="the tree", now=moment.now)
    return {"by": town.system, "now": moment.now}


def test_add_change_move_retire(chief: Any, town: Any, moment: Any) -> None:
    node = categories.add_category(parent=LITTER, word="mattress", name_zh="床垫", name_en="Mattresses", **chief)
    deeper = categories.add_category(parent=node.code, word="spring", name_zh="弹簧", name_en="Springs", **chief)
    assert deeper.code == f"{LITTER}.mattress.spring"
    assert tree.deadline_rule_of(tree.category_by_code(deeper.code)) == "cases.deadline.litter"
    categories.change_category(code=node.code, name_en="Old mattresses", closes_when_en="gone", **chief)
    assert tree.condition(tree.category_by_code(deeper.code), "closes_when") == "gone"
    categories.move_category(code=node.code, parent="environment.bulky", **chief)
    assert [one.code for one in tree.lineage(tree.category_by_code(deeper.code))][1:] == [
        node.code, "environment.bulky", "environment",
    ]  # fmt: skip
    categories.retire_category(code=node.code, successor="environment.bulky", **chief)
    today = moment.now.date()
    for code in (node.code, deeper.code):
        retired = tree.category_by_code(code)
        assert not retired.is_in_force(today)
        assert tree.in_force(retired, today).code == "environment.bulky"
    with pytest.raises(Refusal):
        categories.revive_category(code=deeper.code, **chief)
    categories.revive_category(code=node.code, **chief)
    assert tree.category_by_code(node.code).is_in_force(today)
    assert Entry.objects.filter(event__startswith="cases.Category", by_id=town.system.pk).count() == 7
    assert verify(now=moment.now) == []


def test_what_is_refused(chief: Any, moment: Any) -> None:
    def refused(beside: str | None, action: Any, **given: Any) -> None:
        count = Entry.objects.count()
        with pytest.raises(Refusal) as refusal:
            action(**given, **chief)
        assert refusal.value.field == beside, str(refusal.value.reason)
        assert Entry.objects.count() == count

    add, change, move, retire = (
        categories.add_category, categories.change_category, categories.move_category, categories.retire_category,
    )  # fmt: skip
    names = {"name_zh": "新", "name_en": "New"}
    for word in ("", "A", "1x", "a.b", "a b", "类", "x" * 41):
        refused("word", add, parent=LITTER, word=word, **names)
    refused("word", add, parent="environment", word="litter", **names)
    refused("category", add, parent="no.such", word="x", **names)
    refused("name_zh", add, parent=LITTER, word="x", name_zh="", name_en="New")
    refused("name_en", change, code=LITTER, name_en="x" * 81)
    refused("role", change, code=LITTER, role=Role.AUDIT_ADMINISTRATOR)
    refused("deadline_rule", change, code=LITTER, deadline_rule="cases.extension_max")
    refused("kind", change, code=LITTER, kind="x")
    refused("parent", move, code="environment", parent=LITTER)
    refused("parent", move, code=LITTER, parent=LITTER)
    refused("successor", retire, code="environment", successor=LITTER)
    refused("category", retire, code="no.such")
    deep = LITTER
    for level in range(8):
        deep = add(parent=deep, word=f"l{level}", **names, **chief).code
    refused("parent", add, parent=deep, word="x", **names)
    refused("parent", move, code=LITTER, parent="environment.bins")
    retire(code="environment.bins", **chief)
    refused("parent", add, parent="environment.bins", word="x", **names)
    refused("parent", move, code="environment.bulky", parent="environment.bins")
    refused(None, retire, code="environment.bins")
    with pytest.raises(Refusal) as stale:
        change(code=LITTER, name_en="Other", version=0, **chief)
    assert stale.value.status == 409


def test_only_the_administration_over_the_whole_house(town: Any, moment: Any, chief: Any) -> None:
    half = make_user("half", "半个系统", (Role.SYSTEM_ADMINISTRATOR, town.community))
    for user in (town.clerk, town.security, half):
        if user is half:
            switch_powers_on(by=user, minutes=30, reason="the tree", now=moment.now)
        with pytest.raises(Refusal) as refusal:
            categories.change_category(code=LITTER, name_en="Mine", by=user, now=moment.now)
        assert refusal.value.status == 403
    # The matrix of its own place is the community's.
    set_responsibility(category=LITTER, place=town.community, role=Role.COMMUNITY_CLERK, by=half, now=moment.now)


def test_private_stays_private_below(chief: Any) -> None:
    node = categories.add_category(
        parent="neighbours.dispute", word="fence", name_zh="围墙", name_en="Fences", private=False, **chief
    )
    assert node.private


def test_questions(chief: Any, moment: Any) -> None:
    given = {"category": LITTER, "code": "rats", "label_zh": "有老鼠吗", "label_en": "Any rats?"}
    choices = [{"key": "y", "zh": "有", "en": "Yes"}, {"key": "n", "zh": "没有", "en": "No"}]
    categories.set_question(**given, kind="one", choices=choices, required=True, position=9, **chief)
    asked = tree.questions_of(tree.category_by_code(LITTER), moment.now.date())
    assert [question.code for question in asked] == ["days", "kind", "rats"]
    categories.set_question(**{**given, "label_en": "Rats?"}, kind="one", choices=choices, **chief)
    categories.retire_question(category=LITTER, code="rats", **chief)
    assert len(tree.questions_of(tree.category_by_code(LITTER), moment.now.date())) == 2
    for wrong in (
        {"code": "Bad"}, {"kind": "x"}, {"label_zh": " "}, {"kind": "one", "choices": choices[:1]},
        {"kind": "some", "choices": [*choices, choices[0]]},
        {"kind": "one", "choices": [*choices, {"key": "", "zh": "x", "en": "x"}]},
    ):  # fmt: skip
        with pytest.raises(Refusal):
            categories.set_question(**{**given, **wrong}, **chief)
    assert verify(now=moment.now) == []


def test_a_newer_product_leaves_what_people_here_have_set(chief: Any, now: Any) -> None:
    categories.change_category(code="environment.bins", name_en="As we call it", **chief)
    categories.move_category(code="environment.smell", parent="supply", **chief)
    categories.retire_question(category=LITTER, code="days", **chief)
    rows = [
        {**row, "name_en": f"New {row['code']}", "hint_en": "new", "questions": [
            *row.get("questions", []), {"code": "added", "zh": "新", "en": "Added?"},
        ]}
        for row in packaged("categories.yaml")["categories"]
    ]  # fmt: skip
    load_categories(rows, now=now)
    bins = Category.objects.get(code="environment.bins")
    assert (bins.name_en, bins.hint_en) == ("As we call it", "new")  # field by field
    assert Category.objects.get(code="environment.smell").parent.code == "supply"
    assert Category.objects.get(code="environment.smell").name_en == "New environment.smell"
    codes = [question.code for question in tree.questions_of(tree.category_by_code(LITTER), now.date())]
    assert "days" not in codes
    assert "added" in codes
    assert verify(now=now) == []


def test_co_handlers_of_a_row(chief: Any, town: Any) -> None:
    parts = [{"role": "street_clerk", "seat": "", "limit": "3 working_days"}, {"role": "department_officer"}]
    row = set_responsibility(category=LITTER, place=town.street, role="grid_worker", co_handlers=parts, **chief)
    assert row.co_handlers == [
        {"role": "street_clerk", "seat": "", "limit": "3 working_days"},
        {"role": "department_officer", "seat": "", "limit": ""},
    ]
    for wrong in (
        [{"role": "grid_worker"}],
        [{"role": "street_clerk"}, {"role": "street_clerk"}],
        [{"role": "audit_administrator"}],
        [{"role": "street_clerk", "limit": "soon"}],
        [{"role": "street_clerk", "limit": "-1 working_days"}],
        [{"role": "street_clerk", "seat": "999"}],
    ):
        with pytest.raises(Refusal) as refusal:
            set_responsibility(category=LITTER, place=town.street, role="grid_worker", co_handlers=wrong, **chief)
        assert refusal.value.field == "co_handlers"
    assert part_words(row.co_handlers[0], dict(Role.choices)).endswith("，3工作日")


@pytest.mark.parametrize(
    ("words", "span"),
    [("3个工作日", "3 working_days"), ("4 工作时", "4 working_hours"), ("7天", "7 natural_days"), ("", ""),
     ("24小时", "24 natural_hours"), ("3 working_days", "3 working_days")],
)  # fmt: skip
def test_spans_as_offices_write_them(words: str, span: str) -> None:
    assert span_of(words) == span


def test_gaps_say_what_proposals_say(chief: Any, town: Any, moment: Any) -> None:
    set_responsibility(category="environment", place=town.other_community, role="property_manager", **chief)
    set_responsibility(category="roads", place=town.street, role="street_leader", seat=town.street, **chief)
    on = moment.now.date()
    places = [town.community, town.other_community, town.grid, town.street]
    gaps = {(place.pk, gap.category.code) for place, found in gaps_at(places, on) for gap in found}
    for place in places:
        for node in tree.tree().nodes.values():
            if node.parent_id is None:
                continue
            assert (proposal_for(node, place, on).position is None) == ((place.pk, node.code) in gaps), node.code
    assert gaps


# --- pages --------------------------------------------------------------------------------------------------------


@pytest.fixture
def visitor(chief: Any, town: Any, as_user: Any) -> Any:
    return as_user(town.system)


def test_pages_of_the_tree(visitor: Any) -> None:
    assert "environment.litter" in visitor.get("/staff/categories/").content.decode()
    assert visitor.get("/staff/categories/no.such/").status_code == 404
    url = f"/staff/categories/{LITTER}/"
    page = visitor.get(url).content.decode()
    assert "For how many days has it lain there?" in page
    node = Category.objects.get(code=LITTER)
    details = {name: getattr(node, name) or "" for name in ("name_zh", "name_en", "kind", "role", "deadline_rule")}
    sent = {
        **details,
        "do": "details",
        "version": node.version,
        "name_en": "Rubbish",
        "urban": "on",
        "keywords": "脏, 垃圾",
    }
    assert visitor.post(url, sent).status_code == 303
    node.refresh_from_db()
    assert (node.name_en, node.keywords, node.rural) == ("Rubbish", ["脏", "垃圾"], False)
    assert visitor.post(url, sent).status_code == 409  # somebody else has changed it since
    names = {"name_zh": "新", "name_en": "New"}
    assert visitor.post(url, {"do": "add", "word": "Bad", **names}).status_code == 422
    assert (
        visitor.post(url, {"do": "add", "word": "new", **names}).headers["Location"]
        == f"/staff/categories/{LITTER}.new/"
    )
    question = {"do": "question", "code": "q", "kind": "one", "label_zh": "问", "label_en": "Ask", "position": "5"}
    assert visitor.post(url, {**question, "choices": "a | b"}).status_code == 422
    assert visitor.post(url, {**question, "choices": "a | 甲 | A\nb｜乙｜B"}).status_code == 303
    assert "a | 甲 | A" in visitor.get(f"{url}q/").content.decode()
    assert visitor.post(url, {"do": "unask", "code": "q"}).status_code == 303
    assert visitor.post(url, {"do": "move", "parent": "roads"}).status_code == 303
    assert visitor.post(url, {"do": "retire", "successor": "environment.bins"}).status_code == 303
    assert "retired" in visitor.get(url).content.decode()
    assert visitor.post(url, {"do": "revive"}).status_code == 303
    assert visitor.post(url, {"do": "sing"}).status_code == 422
    assert visitor.post("/staff/categories/", {"word": "fresh", **names}).status_code == 303
    assert "environment.litter" not in visitor.get("/staff/categories/?q=fresh").content.decode()


def test_pages_of_the_matrix(visitor: Any, town: Any) -> None:
    row = {"category": LITTER, "path": town.street.path, "role": "grid_worker", "seat": ""}
    parts = {"p0-role": "street_clerk", "p0-limit": "3个工作日", "p1-role": "", "p2-role": ""}
    assert visitor.post("/staff/responsibilities/", {**row, **parts, "p0-limit": "soon"}).status_code == 422
    assert visitor.post("/staff/responsibilities/", {**row, **parts}).status_code == 303
    page = visitor.get(
        "/staff/responsibilities/?category=environment&place=110108014&role=grid_worker"
    ).content.decode()
    assert "3 working days" in page
    assert LITTER in page
    assert "No row yet" in visitor.get("/staff/responsibilities/?category=roads").content.decode()
    assert "Nobody is" in visitor.get("/staff/responsibilities/gaps/").content.decode()
    found = Responsibility.objects.get()
    assert found.co_handlers[0]["limit"] == "3 working_days"
    assert visitor.post("/staff/responsibilities/", {"end": found.pk}).status_code == 303
    for query in ("category=x", "place=x", "place=" + "9" * 60, "role=x", "page=x"):
        assert visitor.get(f"/staff/responsibilities/?{query}").status_code == 200


def upload(content: bytes, name: str = "table.csv") -> dict[str, Any]:
    return {"file": SimpleUploadedFile(name, content)}


def carried(page: str) -> str:
    return page.split('name="rows" value="')[1].split('"')[0]


def test_the_tree_goes_out_and_comes_back(visitor: Any, moment: Any) -> None:
    book = visitor.get("/staff/tables/tree.xlsx")
    rows = CalamineWorkbook.from_filelike(io.BytesIO(book.content)).get_sheet_by_index(0).to_python()
    assert rows[0][:3] == ["编码", "上级编码", "名称"]
    same = visitor.post("/staff/tables/tree/", upload(book.content, "table.xlsx")).content.decode()
    assert "0 rows change something" in same
    assert "0 rows are refused" in same
    wanted = list(tree_rows())
    for row in wanted:
        if row["code"] == LITTER:
            row["name_en"] = "=Rubbish"
        if row["code"] == "environment.bins":
            row["role"] = "没有这个角色"
        if row["code"] == "environment.smell":
            row |= {"retired_on": "2026-11-18", "successor": LITTER}
    wanted.append({**wanted[1], "code": f"{LITTER}.x.y", "parent": f"{LITTER}.x", "name_zh": "叶", "name_en": "Leaf"})
    wanted.insert(2, {**wanted[1], "code": f"{LITTER}.x", "parent": LITTER, "name_zh": "枝", "name_en": "Branch"})
    count = Entry.objects.count()
    page = visitor.post("/staff/tables/tree/", upload(as_csv(TREE, wanted))).content.decode()
    assert Entry.objects.count() == count  # only looked
    assert "4 rows change something" in page
    assert "没有这个角色" in page
    assert not Category.objects.filter(code=f"{LITTER}.x").exists()
    assert tree.category_by_code(LITTER).name_en != "=Rubbish"
    assert visitor.post("/staff/tables/tree/", {"rows": carried(page) + "x"}).status_code == 422
    assert visitor.post("/staff/tables/tree/", {"rows": carried(page)}).status_code == 303
    assert Category.objects.get(code=LITTER).name_en == "=Rubbish"
    assert Category.objects.get(code=f"{LITTER}.x.y").parent.code == f"{LITTER}.x"
    assert Category.objects.get(code="environment.smell").successor.code == LITTER
    assert "'=Rubbish" in visitor.get("/staff/tables/tree.csv").content.decode()
    assert verify(now=moment.now) == []


def test_the_matrix_goes_out_and_comes_back(visitor: Any, town: Any, chief: Any) -> None:
    parts = [{"role": "street_clerk", "seat": "", "limit": "3 working_days"}]
    set_responsibility(category=LITTER, place=town.street, role="grid_worker", co_handlers=parts, **chief)
    out = visitor.get("/staff/tables/matrix.csv").content
    assert "牵头角色" in out.decode("utf-8-sig")
    assert "0 rows change something" in visitor.post("/staff/tables/matrix/", upload(out)).content.decode()
    more = (
        "类别编码,地点编码,牵头角色,协办\r\n"
        "environment.bins,110108014001,社区工作者,\r\n"
        f'{LITTER},110108014000,网格员,"街道科员，5个工作日；部门经办人"\r\n'
        "environment.bins,999999,网格员,\r\n"
        "no.such,110108014001,网格员,\r\n"
    )
    with_roles = more.replace("社区工作者", "community_clerk").replace("网格员", "grid_worker")
    with_roles = with_roles.replace("街道科员", "street_clerk").replace("部门经办人", "department_officer")
    page = visitor.post("/staff/tables/matrix/", upload(with_roles.encode("gb18030"))).content.decode()
    assert "2 rows change something" in page
    assert "2 rows are refused" in page
    assert visitor.post("/staff/tables/matrix/", {"rows": carried(page)}).status_code == 303
    assert Responsibility.objects.get(place=town.community, ended_on=None).role == "community_clerk"
    row = Responsibility.objects.get(place=town.street, ended_on=None)
    assert [part["limit"] for part in row.co_handlers] == ["5 working_days", ""]


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xd8\xff", "名称,英文名称\n甲,A\n".encode(), ("编码,名称,英文名称\n" + "x,甲,A\n" * 1001).encode()],
)
def test_tables_that_are_none(visitor: Any, content: bytes) -> None:
    assert visitor.post("/staff/tables/tree/", upload(content)).status_code == 422


def test_without_powers_it_can_only_be_looked_at(town: Any, as_user: Any, moment: Any) -> None:
    visitor = as_user(town.system)
    assert visitor.get("/staff/categories/").status_code == 200
    assert visitor.post("/staff/categories/", {"word": "x", "name_zh": "新", "name_en": "N"}).status_code == 403
    assert visitor.post("/staff/tables/tree/", upload("编码,名称,英文名称\nx,甲,A\n".encode())).status_code == 403
    assert visitor.get("/staff/tables/tree.csv").status_code == 200
    assert visitor.get("/staff/tables/tree.exe").status_code == 404
    for user in (town.clerk, town.worker):
        for page in (
            "categories/",
            f"categories/{LITTER}/",
            "responsibilities/gaps/",
            "tables/tree.csv",
            "tables/tree/",
        ):
            assert as_user(user).get(f"/staff/{page}").status_code == 404, page


def test_a_question_of_yesterday_is_still_told(chief: Any, moment: Any) -> None:
    from gongzhi.understand.cases.questions import told

    Question.objects.filter(category__code=LITTER, code="days").update(retired_on=moment.now.date() - timedelta(days=1))
    tree.forget()
    assert told(LITTER, {"days": 3}) == [("For how many days has it lain there?", "3")]
