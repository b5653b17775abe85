"""What the suggestions say: that a classifier was trained. A suggestion itself changes nothing and says nothing."""

from django.utils.translation import gettext_lazy as _

from gongzhi.ground.ledger.events import Event


class ModelTrained(Event):
    label = _("Classifier trained")
    model_id: int
    texts: int
    macro_f1_thousandths: int
    in_use: bool
