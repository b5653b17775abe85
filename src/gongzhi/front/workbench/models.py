"""What the workbench keeps for one person: the filters that they come back to."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from gongzhi.ground.accounts.models import User


class SavedView(models.Model):
    """Filters of a list under a name. They are a person's own and part of no record."""

    class Over(models.TextChoices):
        CASES = "cases", _("Cases")
        INBOX = "inbox", _("Inbox")

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="saved_views")
    over = models.CharField(max_length=8, choices=Over.choices, default=Over.CASES)
    name = models.CharField(_("name"), max_length=40)
    query = models.CharField(max_length=500, blank=True)  # as it stands in the address
    pinned = models.BooleanField(_("shown above the list"), default=True)
    opens = models.BooleanField(_("opened first"), default=False)  # when the address says nothing
    position = models.PositiveSmallIntegerField(default=0)
    used_at = models.DateTimeField()

    class Meta:
        ordering = ("position", "pk")
        constraints = [
            models.UniqueConstraint(fields=["user", "over", "name"], name="view_name_once_a_person"),
            models.UniqueConstraint(fields=["user", "over"], condition=Q(opens=True), name="one_view_opens_first"),
        ]

    def __str__(self) -> str:
        return self.name
