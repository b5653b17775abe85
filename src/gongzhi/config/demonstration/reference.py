"""The page docs/reference/categories.md, written from the category tree so that it is never out of date.

Write it anew with ``python -m gongzhi.config.demonstration.reference docs/reference/categories.md``.
"""

from __future__ import annotations

import sys
from pathlib import Path

from gongzhi.config.demonstration.catalogue import Category, categories, responsible_role

_HEAD = """# Categories of demands

*Written by `gongzhi.config.demonstration.reference` from `understand/cases/data/categories.yaml`; do not edit by hand.*

Every demand has one category. The category proposes who is responsible and how long it may take; the deadline itself
stands in the rule packs under the key named here. *Checked* says whether somebody has read the text of the legal basis
for this purpose; where it says no, check before you quote it. An office may add, rename and retire categories; codes
stay what they are.

*Between people* marks matters that are never proposed to others and never stand on public maps and lists. Below each
table: when a matter is taken up and when it is done, in the words of this product, and what the reporter is asked.

{leaves} categories in {groups} groups.
"""

_AREAS = {("urban", "rural"): "everywhere", ("urban",): "urban", ("rural",): "rural"}


def _row(one: Category) -> str:
    roles = [responsible_role(one, urban=urban) for urban in (True, False)]
    areas = _AREAS[one.areas]
    role = roles[0] if areas == "urban" or roles[0] == roles[1] else f"{roles[0]}; in villages {roles[1]}"
    role = roles[1] if areas == "rural" else role
    cells = (
        f"`{one.code}`",
        one.name_zh,
        one.name_en,
        one.kind,
        areas,
        role,
        f"`{one.deadline.removeprefix('cases.deadline.')}`",
        one.basis,
        "yes" if one.verified else "no",
        "yes" if one.public else "staff only",
        "yes" if one.private else "",
    )
    return "| " + " | ".join(cells) + " |"


def _more(one: Category) -> list[str]:
    lines = []
    if one.opens_en:
        lines.append(f"  - taken up when: {one.opens_en} {one.opens_zh}")
    if one.closes_en:
        lines.append(f"  - done when: {one.closes_en} {one.closes_zh}")
    for asked in one.questions:
        choices = " / ".join(f"{choice['en']} {choice['zh']}" for choice in asked.get("choices", ()))
        must = ", must be answered" if asked.get("required") else ""
        of = f": {choices}" if choices else ""
        lines.append(f"  - asks `{asked['code']}` ({asked['kind']}{must}): {asked['en']} {asked['zh']}{of}")
    return [f"- `{one.code}`", *lines] if lines else []


def categories_page() -> str:
    """The whole page as Markdown."""
    tree = categories()
    groups = [one for one in tree if not one.deadline]
    parts = [_HEAD.format(leaves=len(tree) - len(groups), groups=len(groups))]
    for group in groups:
        parts.append(f"\n## {group.name_zh} · {group.name_en}\n")
        parts.append(
            "| code | 名称 | name | kind | where | responsible | deadline | basis | checked | in the form "
            "| between people |"
        )
        parts.append("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
        members = [one for one in tree if one.code.startswith(group.code + ".")]
        parts.extend(_row(one) for one in members)
        more = [line for one in members for line in _more(one)]
        parts.extend(["", *more] if more else [])
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(categories_page(), encoding="utf-8")
