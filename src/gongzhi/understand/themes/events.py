"""What a theme says."""

from django.utils.translation import gettext_lazy as _

from gongzhi.ground.ledger.events import Event


class SurveyStarted(Event):
    label = _("Look for themes started")
    survey_id: int


class SurveyDone(Event):
    label = _("Look for themes done")
    survey_id: int
    read: int
    found: int


class ThemeProposed(Event):
    label = _("Theme proposed")
    theme_id: int
    cases: int


class ThemeOpened(Event):
    """A person gathered it by hand."""

    label = _("Theme opened by hand")
    theme_id: int
    cases: int


class ThemeConfirmed(Event):
    label = _("Theme confirmed")
    theme_id: int


class ThemeRenamed(Event):
    label = _("Theme renamed")
    theme_id: int


class CasesAdded(Event):
    label = _("Cases added to the theme")
    theme_id: int
    case_ids: list[int]


class CasesTakenOut(Event):
    label = _("Cases taken out of the theme")
    theme_id: int
    case_ids: list[int]


class QuoteChosen(Event):
    label = _("Quote chosen")
    theme_id: int
    quote_id: int


class QuoteTakenOut(Event):
    label = _("Quote taken out")
    theme_id: int
    quote_id: int


class ThemeAssigned(Event):
    label = _("Theme given to an owner")
    theme_id: int
    role: str
    place_id: int


class ThemeAnswered(Event):
    """The outcome for everybody behind it. Who reacts tells each voice of each case of the theme."""

    label = _("Theme answered")
    theme_id: int
    cases: int


class ThemeDropped(Event):
    label = _("Not a theme")
    theme_id: int
