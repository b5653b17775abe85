"""What webhooks say of themselves."""

from django.utils.translation import gettext_lazy as _

from gongzhi.ground.ledger.events import Event


class WebhookAdded(Event):
    label = _("Webhook set up")
    subscription_id: int
    events: list[str]


class WebhookPaused(Event):
    label = _("Webhook paused")
    subscription_id: int
    missed: int


class WebhookResumed(Event):
    label = _("Webhook switched on again")
    subscription_id: int
    again: int


class WebhookEnded(Event):
    label = _("Webhook ended")
    subscription_id: int
