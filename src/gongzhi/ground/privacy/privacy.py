"""What this room and the rooms below it keep, and what the sign-in packages keep for them.

The rooms below cannot import privacy, so their fields are declared here.
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from gongzhi.ground.privacy import DataClass, Personal, declare

SIGN_IN_LOG_DAYS = 190  # the Cybersecurity Law asks for six months at least
THREE_YEARS = 1096  # as long as reports on handling personal data must be kept

_duty = _("Performing a statutory duty (Personal Information Protection Law, article 13)")
_contract = _("Needed for the account somebody asked for (Personal Information Protection Law, article 13)")
_security = _("Cybersecurity Law: network logs are kept for at least six months")
_account = _("the account is deleted")
_record = _("the post or rule leaves the record; it is not erased on its own")

# privacy ----------------------------------------------------------------------------------------------------------

declare(
    Personal(
        "privacy.Reveal",
        "reason",
        data_class=DataClass.INTERNAL,
        why=_("the person concerned and the auditor can see why a value was looked at"),
        basis=_("Personal Information Protection Law, articles 54 to 56: audit, records kept for three years"),
        keep_days=THREE_YEARS,
        clock="at",
    ),
    harmless={
        "privacy.Export.what",
        "privacy.Export.form",
        "privacy.Export.asked",
        "privacy.Reveal.model",
        "privacy.Reveal.field",
        "privacy.Reveal.place_path",
        "privacy.Erasure.model",
        "privacy.Erasure.field",
        "privacy.Erasure.first_id",
        "privacy.Erasure.last_id",
        "privacy.DoomedFile.model",
        "privacy.DoomedFile.field",
        "privacy.DoomedFile.name",
    },
)

# accounts ---------------------------------------------------------------------------------------------------------

declare(
    Personal("accounts.User", "username", why=_("signing in; who did what"), basis=_contract, until=_account),
    Personal("accounts.User", "name", why=_("colleagues know who they deal with"), basis=_contract, until=_account),
    Personal("accounts.User", "email", why=_("reaching the account's owner"), basis=_contract, until=_account),
    Personal(
        "accounts.User",
        "work_phone",
        why=_("colleagues reach the post at work"),
        basis=_duty,
        until=_account,
    ),
    Personal(
        "accounts.User",
        "password",
        data_class=DataClass.SENSITIVE,
        why=_("checking the password at sign-in; only its Argon2 hash is kept"),
        basis=_contract,
        until=_account,
    ),
    harmless={"accounts.User.language"},
)

# access -----------------------------------------------------------------------------------------------------------

declare(
    Personal(
        "access.Post",
        "reason",
        data_class=DataClass.INTERNAL,
        why=_("why somebody was given a post can be checked later"),
        basis=_duty,
        until=_record,
    ),
    Personal(
        "access.Power",
        "reason",
        data_class=DataClass.INTERNAL,
        why=_("why administrative powers were switched on can be checked later"),
        basis=_duty,
        keep_days=THREE_YEARS,
        clock="ends_at",
    ),
    Personal(
        "access.Token",
        "name",
        data_class=DataClass.INTERNAL,
        why=_("what a program was allowed to do for somebody can be checked later"),
        basis=_duty,
        until=_record,
    ),
    Personal(
        "access.Move",
        "words",
        data_class=DataClass.INTERNAL,
        why=_("why somebody's work was moved to others can be checked later"),
        basis=_duty,
        keep_days=THREE_YEARS,
        clock="until",
    ),
    harmless={
        "access.Post.role",
        "access.Move.place_path",
        "access.Move.why",
        "access.StandIn.role",
        "access.StandIn.place_path",
        "access.StandIn.why",
        "access.Post.place_path",
        "access.Token.digest",
        "access.Token.verbs",
        "access.Repeat.key",
        "access.Repeat.asked",
        "access.Tally.key",
    },
)

# rules ------------------------------------------------------------------------------------------------------------

declare(
    Personal(
        "rules.RuleOverride",
        "reason",
        data_class=DataClass.INTERNAL,
        why=_("why a rule differs at this place can be checked later"),
        basis=_duty,
        until=_record,
    ),
    harmless={
        "rules.CalendarDay.kind",
        "rules.CalendarDay.name",
        "rules.CalendarDay.place_path",
        "rules.RuleOverride.key",
        "rules.RuleOverride.place_path",
        "rules.RuleOverride.value",
    },
)

# places and ledger: public facts, and ids, codes and numbers -------------------------------------------------------

declare(
    Personal(
        "places.ProfileChange",
        "reason",
        data_class=DataClass.INTERNAL,
        why=_("why a place works in another way can be checked later"),
        basis=_duty,
        until=_record,
    ),
    harmless={
        "places.Boundary.licence",
        "places.Boundary.source",
        "places.DivisionImport.root",
        "places.DivisionImport.sha256",
        "places.FormerName.name",
        "places.GridImport.licence",
        "places.GridImport.sha256",
        "places.GridImport.source",
        "places.Place.code",
        "places.Place.colour",
        "places.Place.emergency_level",
        "places.Place.kind",
        "places.Place.level",
        "places.Place.mode",
        "places.Place.mode_reason",
        "places.Place.name",
        "places.Place.path",
        "places.Place.profile",
        "places.ProfileChange.former",
        "places.ProfileChange.profile",
        "places.Place.telephone",
        "ledger.Entry.data",
        "ledger.Entry.event",
        "ledger.Entry.noun",
        "ledger.Entry.place_path",
    },
)

# What Django and the sign-in packages keep -------------------------------------------------------------------------

declare(
    *(
        Personal(
            "sessions.Session",
            field,
            data_class=DataClass.SENSITIVE,
            why=_("staying signed in between two pages"),
            basis=_contract,
            keep_days=0,
            clock="expire_date",
            whole_row=True,
        )
        for field in ("session_key", "session_data")
    ),
    *(
        Personal(
            f"axes.{model}",
            field,
            why=_("noticing and stopping attempts to guess passwords"),
            basis=_security,
            keep_days=SIGN_IN_LOG_DAYS,
            clock="attempt_time",
            whole_row=True,
        )
        for model, more in {
            "AccessAttempt": ("get_data", "post_data"),
            "AccessFailureLog": (),
            "AccessLog": ("session_hash",),
        }.items()
        for field in ("user_agent", "ip_address", "username", "http_accept", "path_info", *more)
    ),
    Personal("account.EmailAddress", "email", why=_("reaching the account's owner"), basis=_contract, until=_account),
    Personal(
        "account.EmailConfirmation",
        "key",
        data_class=DataClass.SENSITIVE,
        why=_("proving that an e-mail address is one's own"),
        basis=_contract,
        keep_days=7,
        clock="created",
        whole_row=True,
    ),
    Personal(
        "mfa.Authenticator",
        "data",
        data_class=DataClass.SENSITIVE,
        why=_("checking the second factor at sign-in"),
        basis=_contract,
        until=_("the second factor or the account is removed"),
    ),
    *(
        Personal(
            f"socialaccount.{model}",
            field,
            data_class=DataClass.SENSITIVE if model == "SocialToken" else DataClass.PERSONAL,
            why=_("signing in with the account of one's organisation"),
            basis=_contract,
            until=_("the link to that account is removed"),
        )
        for model, field in (
            ("SocialAccount", "uid"),
            ("SocialAccount", "extra_data"),
            ("SocialToken", "token"),
            ("SocialToken", "token_secret"),
        )
    ),
    harmless={
        "auth.Group.name",
        "auth.Permission.codename",
        "auth.Permission.name",
        "contenttypes.ContentType.app_label",
        "contenttypes.ContentType.model",
        "mfa.Authenticator.type",
        "socialaccount.SocialAccount.provider",
        # Credentials of the installation itself, not of a person.
        "socialaccount.SocialApp.client_id",
        "socialaccount.SocialApp.key",
        "socialaccount.SocialApp.name",
        "socialaccount.SocialApp.provider",
        "socialaccount.SocialApp.provider_id",
        "socialaccount.SocialApp.secret",
        "socialaccount.SocialApp.settings",
    },
)
