"""What the workbench keeps about people, and for how long."""

from django.utils.translation import gettext_lazy as _

from gongzhi.ground.privacy import Personal, declare

_WHY = _("to show a member of staff the filters that they come back to")
_BASIS = _("the person's own choice")

declare(
    # Somebody may search for a name and keep the search: a view that is not used any more goes after a year.
    Personal("workbench.SavedView", "name", why=_WHY, basis=_BASIS, clock="used_at", keep_days=400, whole_row=True),
    Personal("workbench.SavedView", "query", why=_WHY, basis=_BASIS, clock="used_at", keep_days=400, whole_row=True),
    harmless={"workbench.SavedView.over"},
)
