"""The rule packs as a page of the documentation. ``docs/reference/rules.md`` is made by it and a test compares them."""

from __future__ import annotations

from collections.abc import Sequence

from gongzhi.ground.rules.packs import Dated, Packs, Rule, packs

HEAD = """\
# Rules

Made from the rule packs in `src/gongzhi/ground/rules/packs` by `gongzhi.ground.rules.reference.rules_as_markdown()`;
do not edit it by hand. A place may hold another value: `gongzhi rules --place PATH` shows what is in force there, and
[Change a rule](../howto/change-a-rule.md) tells how to set one.

*Source read* says whether somebody read the text of the source and found this value in it. Where it says **no**, the
value is common practice, a draft, an excerpt or a default of this product: check it before you rely on it.

The nearest change that a place made itself counts first, then a pack of the place, then a pack of its *profile*
(administrative resources rich or scarce, self-organisation high or low, urban or rural), then the value for everywhere.
[Profiles](../explanation/profiles.md) tells what they are for.
"""


def rules_as_markdown(known: Packs | None = None) -> str:
    """Every rule with its meaning in both languages, its type and its dated values with their sources."""
    known = known or packs()
    parts = [HEAD]
    room = ""
    for key, rule in known.rules.items():
        if key.split(".")[0] != room:
            room = key.split(".")[0]
            parts.append(f"## {room}\n")
        parts.append(f"### `{key}`\n\n{rule.about.en}. {rule.about.zh}。\n\nType: {_type(rule)}.\n")
        parts.append("| holds at | from | value | source | source read |\n| --- | --- | --- | --- | --- |")
        for place_path, values in known.values[key].items():
            parts.extend(_row(place_path or "everywhere", dated) for dated in values)
        parts.extend(_row(f"profile {' '.join(axes)}", dated) for axes, dated in _bound(known, key))
        parts.append("")
    parts.append("## Holidays\n\n| year | source |\n| --- | --- |")
    parts.extend(f"| {year} | {source.en} ({source.zh}) |" for year, source in sorted(known.years.items()))
    parts.append("\nFor other years [a table must be entered](../howto/edit-the-holiday-table.md).")
    return "\n".join(parts) + "\n"


def _type(rule: Rule) -> str:
    words = [rule.type]
    if rule.whole:
        words.append("whole")
    if rule.least is not None:
        words.append(f"at least {rule.least}")
    if rule.most is not None:
        words.append(f"at most {rule.most}")
    if rule.measure:
        words.append(f"in {rule.measure.en}")
    if rule.options:
        words.append("one of " + ", ".join(rule.options))
    return ", ".join(words)


def _bound(known: Packs, key: str) -> list[tuple[tuple[str, ...], Dated]]:
    """The values of packs that are bound to profiles, each once."""
    values = (dated for by_profile in known.bound.get(key, {}).values() for dated in by_profile)
    return list({(dated.bound_to, dated.since): (dated.bound_to, dated) for dated in values}.values())


def _row(holds_at: str, dated: Dated) -> str:
    source = "; ".join(text for text in (dated.article.en, dated.source.en) if text)
    cells = [holds_at, dated.since.isoformat(), _value(dated.plain), source]
    return "| " + " | ".join([*cells, "yes" if dated.verified else "**no**"]) + " |"


def _value(plain: object) -> str:
    if isinstance(plain, Sequence) and not isinstance(plain, str):
        return ", ".join("–".join(item) if isinstance(item, list) else str(item) for item in plain)
    return str(plain)
