"""The list of all personal data, made from the declarations: for the terminal and for the documentation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.utils import translation
from django.utils.translation import gettext as _

from gongzhi.ground.privacy.declarations import Personal, every_harmless, every_personal
from gongzhi.ground.privacy.fields import SealedTextField


@dataclass(frozen=True)
class Line:
    """One personal field, in words."""

    label: str
    data_class: str
    sealed: bool
    why: str
    basis: str
    kept: str


def lines() -> Iterator[Line]:
    """Every personal field, by room."""
    for personal in every_personal():
        yield Line(
            label=personal.label,
            data_class=str(personal.data_class.label),
            sealed=isinstance(personal.model_field(), SealedTextField),
            why=str(personal.why),
            basis=str(personal.basis),
            kept=kept(personal),
        )


def kept(personal: Personal) -> str:
    """How long it is kept, in words."""
    if personal.keep_days is None:
        return _("until %(moment)s") % {"moment": personal.until}
    how_long = {"days": personal.keep_days, "clock": personal.clock}
    if isinstance(personal.keep_days, str):
        return _("days by rule %(days)s, from %(clock)s") % how_long
    return _("%(days)d days from %(clock)s") % how_long


def as_markdown() -> str:
    """``docs/reference/personal-data.md``, in English."""
    with translation.override("en"):
        parts = [
            "# Personal data\n",
            "Made from the declarations in each room's `privacy.py`; do not edit. To renew it:\n",
            "    gongzhi privacy inventory --markdown > docs/reference/personal-data.md\n",
            "*Sealed* fields are encrypted in the database, masked on screen and shown only with a reason, which the",
            "person concerned can read. What is not listed here is declared harmless (at the end).\n",
        ]
        room = ""
        for line in lines():
            own_room = line.label.split(".")[0]
            if own_room != room:
                room = own_room
                parts.append(f"\n## {room}\n")
                parts.append("| field | class | sealed | purpose | basis | kept |")
                parts.append("| --- | --- | --- | --- | --- | --- |")
            cells = (f"`{line.label}`", line.data_class, "yes" if line.sealed else "", line.why, line.basis, line.kept)
            parts.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
        parts.append("\n## Harmless fields\n")
        parts.append("Codes, public facts, and what an installation says about itself.\n")
        parts += [f"- `{label}`" for label in every_harmless()]
        return "\n".join(parts) + "\n"
