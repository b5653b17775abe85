"""What the channels say."""

from django.utils.translation import gettext_lazy as _

from gongzhi.ground.ledger.events import Event


class MessageReceived(Event):
    label = _("Received")
    message_id: int
    channel: str
    photos: int = 0
    consent: str = ""  # of a group chat: how those who wrote agreed ("group", "person")
    written_to: bool = False  # the reporter wants to be told by text message or e-mail


class TableUploaded(Event):
    label = _("Table uploaded")
    import_id: int


class TableDiscarded(Event):
    label = _("Table discarded")
    import_id: int


class ImportStarted(Event):
    label = _("Import started")
    import_id: int


class MessagesImported(Event):
    """One batch of rows was dealt with; ``count`` became messages, with ids from ``first`` to ``last``."""

    label = _("Messages imported")
    import_id: int
    first: int
    last: int
    count: int


class ImportFinished(Event):
    label = _("Import finished")
    import_id: int
    taken: int
    known: int
    refused: int
