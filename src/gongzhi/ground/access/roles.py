"""Roles and what each may do. One page, read from top to bottom by anybody who asks "who may?".

A verb is ``room.verb``. A role's verbs hold in the subtree of the place of the post.
"""

from __future__ import annotations

from typing import Final

from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    GRID_WORKER = "grid_worker", _("Grid worker")
    BUILDING_CHIEF = "building_chief", _("Building chief")
    COMMUNITY_CLERK = "community_clerk", _("Community worker")
    COMMUNITY_SECRETARY = "community_secretary", _("Community secretary")
    HOTLINE_DESK = "hotline_desk", _("Hotline desk")
    STREET_CLERK = "street_clerk", _("Street clerk")
    STREET_LEADER = "street_leader", _("Street leader")
    DEPARTMENT_OFFICER = "department_officer", _("Department officer")
    PROPERTY_MANAGER = "property_manager", _("Property manager")
    MEDIATOR = "mediator", _("People’s mediator")
    SYSTEM_ADMINISTRATOR = "system_administrator", _("System administrator")
    SECURITY_ADMINISTRATOR = "security_administrator", _("Security administrator")
    AUDIT_ADMINISTRATOR = "audit_administrator", _("Audit administrator")


# Nobody holds two of these at once (GB/T 22239-2019 8.1.4: separation of the three administrations).
ADMINISTRATIONS: Final = frozenset({Role.SYSTEM_ADMINISTRATOR, Role.SECURITY_ADMINISTRATOR, Role.AUDIT_ADMINISTRATOR})

_WORK = {"workbench.enter", "tasks.work", "cases.note", "whistles.answer", "directives.work", "burden.read"}
_DESK = {
    "cases.read",
    "cases.enter",
    "cases.sort",
    "cases.assign",
    "cases.merge",
    "cases.pause",
    "checks.check",
    "privacy.reveal",
    "places.read",
    "rates.read",
}
# Saying whose a case is when the posts differ, and asking why one is late.
_RULE = {"cases.rule", "cases.supervise"}

# Sending work down; seeing all of it in the own subtree; saying who stands in for whom.
_DIRECT = {"directives.issue", "directives.oversee", "load.read", "access.stand_in"}

_THEMES = {"themes.look", "themes.answer"}
_MEDIATION = {"disputes.enter", "disputes.mediate"}

ROLE_VERBS: Final[dict[str, frozenset[str]]] = {
    # Sees the cases of the own grid and does the work there.
    Role.GRID_WORKER: frozenset(
        _WORK
        | {"cases.read", "cases.enter", "checks.check", "privacy.reveal", "places.read"}
        | {"values.work", "points.read", "points.check"}
    ),
    Role.BUILDING_CHIEF: frozenset(
        {"workbench.enter", "cases.enter", "places.read", "directives.work", "burden.read"}
        | {"values.work", "points.read", "points.check"}
    ),
    Role.COMMUNITY_CLERK: frozenset(_WORK | _DESK | {"values.work", "points.read", "points.check", "callups.keep"}),
    Role.COMMUNITY_SECRETARY: frozenset(
        _WORK
        | _DESK
        | _THEMES
        | _MEDIATION
        | _DIRECT
        | {"cases.extend", "cases.supervise", "places.switch_mode", "bulletins.make"}
        | {"values.manage", "values.work", "points.read", "points.manage", "callups.keep"}
    ),
    Role.HOTLINE_DESK: frozenset(_WORK | _DESK - {"cases.pause"}),
    Role.STREET_CLERK: frozenset(
        _WORK
        | _DESK
        | _RULE
        | _THEMES
        | _DIRECT
        | {"cases.extend", "channels.import", "whistles.blow", "bulletins.make"}
    ),
    Role.STREET_LEADER: frozenset(
        _WORK
        | _DESK
        | _RULE
        | _THEMES
        | _DIRECT
        | {"whistles.blow", "whistles.rule", "bulletins.make"}
        | {"cases.extend", "places.switch_mode", "disputes.enter", "disputes.read"}
    ),
    # Only what is their duty comes to them: what is assigned to their post, not everything in the place.
    Role.DEPARTMENT_OFFICER: frozenset(_WORK | {"places.read", "privacy.reveal", "themes.answer", "directives.issue"}),
    # A firm beside the offices: what is sent to the community is not sent to it.
    Role.PROPERTY_MANAGER: frozenset(_WORK - {"directives.work"} | {"places.read", "themes.answer"}),
    # A member of a people's mediation committee: no cases but those that are given to them.
    Role.MEDIATOR: frozenset(_WORK - {"directives.work"} | _MEDIATION | {"places.read", "privacy.reveal"}),
    Role.SYSTEM_ADMINISTRATOR: frozenset(
        {
            "workbench.enter",
            "rules.read",
            "rules.change",
            "places.read",
            "places.change",
            "cases.categories",
            "loop.read",
            "webhooks.manage",
            "notices.read",
        }
    ),
    Role.SECURITY_ADMINISTRATOR: frozenset({"workbench.enter", "access.read", "access.grant", "places.read"}),
    Role.AUDIT_ADMINISTRATOR: frozenset({"workbench.enter", "ledger.read", "access.read", "rules.read", "places.read"}),
}

# Verbs that work only while the person's powers are switched on: for a limited time and with a reason on record.
POWERS: Final = frozenset(
    {
        "access.grant",
        "rules.change",
        "places.change",
        "cases.categories",
        "ledger.read",
        "loop.read",
        "webhooks.manage",
        "notices.read",
    }
)


# What a deputy may do for a position while its holder is away: its work, as far as their own posts allow such work.
# Rulings, checks, appraisals, revealing data and administration stay with whoever holds the post.
WORK: Final = frozenset({"tasks.work", "cases.note", "whistles.answer", "directives.work", "values.work"})


def work_of(role: str) -> frozenset[str]:
    """The verbs of work of a role; empty for one that nobody can stand in for."""
    return frozenset() if role in ADMINISTRATIONS else ROLE_VERBS.get(role, frozenset()) & WORK


def roles_with(verb: str) -> frozenset[str]:
    return frozenset(role for role, verbs in ROLE_VERBS.items() if verb in verbs)


def every_verb() -> frozenset[str]:
    return frozenset().union(*ROLE_VERBS.values())
