"""What webhooks keep is about systems, not about people."""

from django.utils.translation import gettext_lazy as _

from gongzhi.ground.privacy import DataClass, Personal, declare

declare(
    Personal(
        "webhooks.Subscription",
        "secret",
        data_class=DataClass.INTERNAL,
        why=_("to sign what is sent, so that the other system can tell it from a forgery"),
        basis=_("protection of the installation"),
        until=_("as long as the webhook is kept"),
    ),
    harmless=[
        "webhooks.Subscription.name",
        "webhooks.Subscription.url",
        "webhooks.Subscription.events",
        "webhooks.Subscription.place_path",
        "webhooks.Subscription.state",
        "webhooks.Missed.event",
        "webhooks.Missed.problem",
    ],
)
