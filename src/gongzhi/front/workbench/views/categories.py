"""The category tree, its questions, the matrix of responsibilities and what it leaves open."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Final

from django.contrib import messages
from django.core import signing
from django.core.paginator import Paginator
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gongzhi.front.workbench.filters import category_choices
from gongzhi.front.workbench.forms.categories import (
    AddForm,
    DetailsForm,
    PartForm,
    QuestionForm,
    RowForm,
    TableForm,
    WhereForm,
)
from gongzhi.front.workbench.views.administration import Administration
from gongzhi.ground.access.actions import require
from gongzhi.ground.access.reach import reach
from gongzhi.ground.access.roles import Role
from gongzhi.ground.ledger.events import label_of
from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.places.models import Level, Place
from gongzhi.ground.places.paths import below, is_path
from gongzhi.ground.refusals import Refusal
from gongzhi.ground.rules.spans import Span
from gongzhi.understand.cases import category_tables as tables
from gongzhi.understand.cases.categories import (
    DETAILS,
    add_category,
    change_category,
    deadline_rules,
    move_category,
    retire_category,
    retire_question,
    revive_category,
    set_question,
)
from gongzhi.understand.cases.models import Category, Question, Responsibility
from gongzhi.understand.cases.responsibility import end_responsibility, gaps_at, set_responsibility
from gongzhi.understand.cases.tree import category_by_code, condition, is_private, lineage, tree

A_PAGE: Final = 50
_SALT: Final = "gongzhi.workbench.tables"


def _refuse(form: Form, refusal: Refusal) -> int:
    if refusal.status == 404:
        raise Http404
    form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal.reason))
    return refusal.status


def _see_other(name: str, *args: Any) -> HttpResponse:
    response = redirect(name, *args)
    response.status_code = 303
    return response


class TreePages(Administration):
    verb = "cases.categories"

    @property
    def today(self) -> Any:
        return timezone.localdate(self.now)

    def rules(self) -> list[tuple[str, str]]:
        return deadline_rules(self.top().path, self.now)

    def rules_in_words(self) -> dict[str, str]:
        """What each deadline rule is about, without its code."""
        return {key: words.removesuffix(f" · {key}") for key, words in self.rules()}

    def matrix(self, request: HttpRequest) -> tuple[Any, dict[str, str]]:
        rows = Responsibility.objects.filter(reach(self.person, self.verb), ended_on__isnull=True)
        given = {name: request.GET.get(name, "").replace("\x00", "").strip() for name in ("category", "place", "role")}
        node = category_by_code(given["category"]) if given["category"] else None
        if node is not None:
            within = [node.pk]
            for pk in within:
                within += [child.pk for child in tree().children.get(pk, [])]
            rows = rows.filter(category_id__in=within)
        elif given["category"]:
            rows = rows.none()
        if given["place"]:
            rows = rows.filter(below(given["place"], "place_path")) if is_path(given["place"]) else rows.none()
        if given["role"]:
            rows = rows.filter(role=given["role"])
        return rows.select_related("category", "place", "seat").order_by("category__code", "place_path"), given


class CategoryTree(TreePages):
    """The whole tree, each node with what it says by itself."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.show(request, AddForm())

    def show(self, request: HttpRequest, form: AddForm, status: int = 200) -> HttpResponse:
        words = request.GET.get("q", "").replace("\x00", "").strip()[:60]
        retired = request.GET.get("retired") == "1"
        known = tree()
        rows: list[dict[str, Any]] = []
        called = self.rules_in_words()

        def under(parent: int | None, depth: int) -> None:
            for node in known.children.get(parent, []):
                used = node.is_in_force(self.today)
                if used or retired:
                    rows.append(
                        {
                            "node": node,
                            "depth": min(depth, 9),
                            "used": used,
                            "successor": known.nodes.get(node.successor_id) if node.successor_id else None,
                            "role": Role(node.role).label if node.role else "",
                            "rule": called.get(node.deadline_rule, node.deadline_rule),
                            "questions": sum(1 for one in known.questions.get(node.pk, []) if one.retired_on is None),
                        }
                    )
                under(node.pk, depth + 1)

        under(None, 0)
        if words:
            rows = [
                row
                for row in rows
                if words.casefold() in f"{row['node'].name_zh} {row['node'].name_en} {row['node'].code}".casefold()
            ]
        context = {**self.frame(), "rows": rows, "words": words, "retired": retired, "form": form}
        return render(request, "workbench/categories.html", context, status=status)

    def post(self, request: HttpRequest) -> HttpResponse:
        form = AddForm(request.POST)
        if not form.is_valid():
            return self.show(request, form, 422)
        try:
            node = add_category(parent="", by=self.person, now=self.now, **form.cleaned_data)
        except Refusal as refusal:
            return self.show(request, form, _refuse(form, refusal))
        return _see_other("workbench:category", node.code)


class CategoryPage(TreePages):
    """One node: what it says, what it asks, what lies below it, and everything that can be done to it."""

    def found(self, code: str) -> Category:
        node = Category.objects.filter(code=code).select_related("parent", "successor").first()
        if node is None:
            raise Http404
        return node

    def get(self, request: HttpRequest, code: str) -> HttpResponse:
        return self.show(request, self.found(code))

    def forms(self, node: Category) -> dict[str, Form]:
        details = {name: getattr(node, name) for name in DETAILS} | {
            "keywords": "、".join(node.keywords),
            "version": node.version,
        }
        everything = category_choices(self.today)
        return {
            "details": DetailsForm(rules=self.rules(), initial=details),
            "add": AddForm(),
            "move": self.move_form(node),
            "retire": WhereForm(
                name="successor",
                label=_("Successor"),
                hint=_("New demands that still name the old code go there."),
                nodes=[("", _("none")), *everything],
            ),
            "question": QuestionForm(auto_id="question_%s"),
        }

    def move_form(self, node: Category, given: Any = None) -> WhereForm:
        return WhereForm(
            given,
            name="parent",
            label=_("Under which category?"),
            nodes=[("", _("at the top")), *category_choices(self.today)],
            initial={"parent": node.parent.code if node.parent is not None else ""},
        )

    def show(self, request: HttpRequest, node: Category, status: int = 200, **given: Form) -> HttpResponse:
        line = lineage(node)
        known = tree()
        questions = [
            {"question": one, "from": above if above.pk != node.pk else None}
            for above in reversed(line)
            for one in known.questions.get(above.pk, [])
            if one.retired_on is None or above.pk == node.pk
        ]
        rule = next((one.deadline_rule for one in line if one.deadline_rule), "cases.deadline.ordinary")
        context = {
            **self.frame(),
            "node": node,
            "line": list(reversed(line[1:])),
            "children": known.children.get(node.pk, []),
            "used": node.is_in_force(self.today),
            "questions": questions,
            "private": is_private(node),
            "opens": condition(node, "opens_when"),
            "closes": condition(node, "closes_when"),
            "role": next((Role(one.role).label for one in line if one.role), ""),
            "rule": rule,
            "rule_words": self.rules_in_words().get(rule, ""),
            "rows": Responsibility.objects.filter(reach(self.person, self.verb), category=node, ended_on__isnull=True)
            .select_related("place", "seat")
            .order_by("place_path"),
            "history": [
                {"words": label_of(entry.event), "at": entry.at} for entry in Entry.objects.about(node).reverse()[:20]
            ],
            "form": next(iter(given.values()), None),
            "forms": {**self.forms(node), **given},
        }
        return render(request, "workbench/category.html", context, status=status)

    def post(self, request: HttpRequest, code: str) -> HttpResponse:
        node = self.found(code)
        do = request.POST.get("do", "")
        form = self.bound(do, node, request.POST)
        if form is None:
            raise Refusal(_("Please open the page again."), status=422)
        if not form.is_valid():
            return self.show(request, node, 422, **{do: form})
        try:
            going = self.act(do, node, form)
        except Refusal as refusal:
            return self.show(request, self.found(code), _refuse(form, refusal), **{do: form})
        messages.success(request, _("Saved."))
        return _see_other("workbench:category", going)

    def bound(self, do: str, node: Category, given: Any) -> Form | None:
        everything = category_choices(self.today)
        makers: dict[str, Callable[[], Form]] = {
            "details": lambda: DetailsForm(given, rules=self.rules()),
            "add": lambda: AddForm(given),
            "move": lambda: self.move_form(node, given),
            "retire": lambda: WhereForm(
                given, name="successor", label=_("Successor"), nodes=[("", _("none")), *everything]
            ),
            "revive": lambda: Form(given),
            "question": lambda: QuestionForm(given, auto_id="question_%s"),
            "unask": lambda: Form(given),
        }
        return makers[do]() if do in makers else None

    def act(self, do: str, node: Category, form: Form) -> str:
        """Do it; gives the code of the page to show next."""
        common: dict[str, Any] = {"by": self.person, "now": self.now}
        data = form.cleaned_data
        match do:
            case "details":
                assert isinstance(form, DetailsForm)  # noqa: S101
                change_category(code=node.code, version=data["version"], **form.details(), **common)
            case "add":
                return add_category(parent=node.code, **data, **common).code
            case "move":
                move_category(code=node.code, parent=data["parent"], **common)
            case "retire":
                retire_category(code=node.code, successor=data["successor"], **common)
            case "revive":
                revive_category(code=node.code, **common)
            case "question":
                set_question(category=node.code, **data, **common)
            case "unask":
                retire_question(category=node.code, code=self.request.POST.get("code", ""), **common)
        return node.code


class QuestionPage(CategoryPage):
    """One question of a node, to be worded anew."""

    def get(self, request: HttpRequest, code: str, question: str = "") -> HttpResponse:
        node = self.found(code)
        known = Question.objects.filter(category=node, code=question).first()
        if known is None:
            raise Http404
        lines = "\n".join(f"{one['key']} | {one['zh']} | {one['en']}" for one in known.choices)
        initial = {
            name: getattr(known, name) for name in ("code", "kind", "label_zh", "label_en", "required", "position")
        }
        form = QuestionForm(initial={**initial, "choices": lines}, auto_id="question_%s")
        return self.show(request, node, question=form)

    def post(self, request: HttpRequest, code: str, question: str = "") -> HttpResponse:
        return super().post(request, code)


# --- the matrix ---------------------------------------------------------------------------------------------------


class Matrix(TreePages):
    """Subject × place: who leads, and who has a part in it."""

    PARTS: ClassVar = 3

    def get(self, request: HttpRequest) -> HttpResponse:
        category = request.GET.get("category", "").replace("\x00", "")[:80]
        place = request.GET.get("place", "")
        initial = {
            "path": place if is_path(place) else self.top().path,
            "category": category if category_by_code(category) else "",
        }
        return self.show(request, self.form(initial=initial), self.parts())

    def form(self, given: Any = None, **more: Any) -> RowForm:
        return RowForm(given, nodes=[("", _("Choose …")), *category_choices(self.today)], **more)

    def parts(self, given: Any = None) -> list[PartForm]:
        return [PartForm(given, prefix=f"p{number}") for number in range(self.PARTS)]

    def show(self, request: HttpRequest, form: RowForm, parts: list[PartForm], status: int = 200) -> HttpResponse:
        rows, given = self.matrix(request)
        page = Paginator(rows, A_PAGE).get_page(request.GET.get("page"))
        names = dict(Role.choices)
        shown = [
            {
                "row": row,
                "parts": [
                    {
                        "role": names.get(part["role"], part["role"]),
                        "seat": part.get("seat", ""),
                        "limit": Span.parse(part["limit"]).in_words() if part.get("limit") else "",
                    }
                    for part in row.co_handlers
                ],
            }
            for row in page.object_list
        ]
        places = Place.objects.current().filter(
            reach(self.person, self.verb, field="path"), level__in=[Level.COUNTY, Level.TOWN, Level.VILLAGE]
        )
        context = {
            **self.frame(),
            "rows": shown,
            "page": page,
            "total": page.paginator.count,
            "form": form,
            "parts": parts,
            "given": given,
            "nodes": category_choices(self.today, everything=_("every subject"), retired=True),
            "places": list(places.order_by("path").values_list("path", "name")[:600]),
            "roles": Role.choices,
            "query": request.GET.urlencode(),
        }
        return render(request, "workbench/responsibilities.html", context, status=status)

    def post(self, request: HttpRequest) -> HttpResponse:
        if request.POST.get("end", "").isdigit():
            end_responsibility(row_id=int(request.POST["end"]), by=self.person, now=self.now)
            return _see_other("workbench:responsibilities")
        form, parts = self.form(request.POST), self.parts(request.POST)
        if not all([form.is_valid(), *(part.is_valid() for part in parts)]):
            return self.show(request, form, parts, 422)
        data = form.cleaned_data
        try:
            chosen = [
                {"role": one["role"], "seat": one["seat"].strip(), "limit": tables.span_of(one["limit"].strip())}
                for one in (part.cleaned_data for part in parts)
                if one["role"]
            ]
            set_responsibility(
                category=data["category"],
                place=data["path"],
                role=data["role"],
                seat=data["seat"],
                co_handlers=chosen,
                by=self.person,
                now=self.now,
            )
        except Refusal as refusal:
            return self.show(request, form, parts, _refuse(form, refusal))
        return _see_other("workbench:responsibilities")


class Gaps(TreePages):
    """Where the matrix leaves something open: no rule names a role, or nobody holds it. Such cases wait."""

    def get(self, request: HttpRequest) -> HttpResponse:
        path = request.GET.get("place", "")
        places = Place.objects.current().filter(reach(self.person, self.verb, field="path"), level=Level.VILLAGE)
        if path and is_path(path):
            places = places.filter(below(path, "path"))
        page = Paginator(places.order_by("path"), A_PAGE).get_page(request.GET.get("page"))
        looked = list(page.object_list)
        found = [
            {
                "place": place,
                "gaps": [{"node": gap.category, "role": Role(gap.role).label if gap.role else ""} for gap in gaps],
            }
            for place, gaps in gaps_at(looked, self.today)
        ]
        context = {
            **self.frame(),
            "found": found,
            "page": page,
            "total": page.paginator.count,
            "looked": len(looked),
            "place": path,
        }
        return render(request, "workbench/gaps.html", context)


# --- tables -------------------------------------------------------------------------------------------------------

_KINDS: Final = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


class TableOut(TreePages):
    """The tree or the matrix as a table."""

    def get(self, request: HttpRequest, which: str, kind: str) -> HttpResponse:
        if kind not in _KINDS:
            raise Http404
        columns: Sequence[tuple[str, str]]
        if which == "tree":
            columns, rows, title = tables.TREE, tables.tree_rows(), "事项类别"
        else:
            found, _given = self.matrix(request)
            columns, rows, title = tables.MATRIX, tables.matrix_rows(found), "责任矩阵"
        content = tables.as_csv(columns, rows) if kind == "csv" else tables.as_workbook(columns, rows, title)
        name = "categories" if which == "tree" else "responsibilities"
        return HttpResponse(
            content,
            content_type=_KINDS[kind],
            headers={"Content-Disposition": f'attachment; filename="{name}.{kind}"', "Cache-Control": "no-store"},
        )


class TableIn(TreePages):
    """A table brought back: first what would happen, row by row; then it happens. In between it lies in the form."""

    WORDS: ClassVar = {
        "added": (gettext_lazy("new"), "green"),
        "changed": (gettext_lazy("changed"), "blue"),
        "moved": (gettext_lazy("moved"), "blue"),
        "retired": (gettext_lazy("retired"), "amber"),
        "revived": (gettext_lazy("in use again"), "green"),
        "same": (gettext_lazy("as it was"), ""),
        "refused": (gettext_lazy("refused"), "red"),
    }

    def get(self, request: HttpRequest, which: str) -> HttpResponse:
        return self.show(request, which, TableForm())

    def show(self, request: HttpRequest, which: str, form: TableForm, status: int = 200, **more: Any) -> HttpResponse:
        context = {**self.frame(), "which": which, "form": form, **more}
        return render(request, "workbench/table_in.html", context, status=status)

    def post(self, request: HttpRequest, which: str) -> HttpResponse:
        require(self.person, self.verb, self.top().path, self.now)
        take = tables.take_tree if which == "tree" else tables.take_matrix
        if "rows" in request.POST:
            try:
                rows = signing.loads(request.POST["rows"], salt=f"{_SALT}.{which}.{self.person.pk}", max_age=3600)
            except signing.BadSignature:
                raise Refusal(_("Please choose the table again."), status=422) from None
            outcomes = take(rows, by=self.person, now=self.now, dry=False)
            done = sum(1 for one in outcomes if one.what not in ("same", "refused"))
            messages.success(request, _("%(count)d rows are taken over.") % {"count": done})
            return _see_other("workbench:categories" if which == "tree" else "workbench:responsibilities")
        form = TableForm(request.POST, request.FILES)
        if not form.is_valid():
            return self.show(request, which, form, 422)
        columns: Sequence[tuple[str, str]] = tables.TREE if which == "tree" else tables.MATRIX
        needed = ("code", "name_zh", "name_en") if which == "tree" else ("category", "place", "role")
        try:
            rows = tables.read_table(form.cleaned_data["file"], columns, needed)
            outcomes = take(rows, by=self.person, now=self.now, dry=True)
        except Refusal as refusal:
            return self.show(request, which, form, _refuse(form, refusal))
        refused = [one for one in outcomes if one.what == "refused"]
        changes = [one for one in outcomes if one.what not in ("same", "refused")]
        bad = {one.row for one in refused}
        good = [row for row in rows if int(row["row"]) not in bad]
        more: dict[str, Any] = {
            "looked": True,
            "refused": refused,
            "changes": [
                {"one": one, "words": self.WORDS[one.what][0], "tone": self.WORDS[one.what][1]} for one in changes
            ],
            "same": len(outcomes) - len(refused) - len(changes),
            "rows": signing.dumps(good, salt=f"{_SALT}.{which}.{self.person.pk}", compress=True) if changes else "",
        }
        return self.show(request, which, form, **more)
