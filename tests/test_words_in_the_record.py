"""What people wrote: a keyed mark in the record, never the words."""

from __future__ import annotations

import pytest

from gongzhi.ground.ledger.models import Entry, words_mark
from gongzhi.ground.ledger.verify import verify
from gongzhi.sense.channels.actions import Draft, receive_message
from gongzhi.sense.channels.models import Message

pytestmark = pytest.mark.django_db


@pytest.fixture
def message(town, now, deliver):
    message = receive_message(Draft(text="东门路口堆了一堆垃圾", address="东门外", place=town.grid), by=None, now=now)
    deliver(now=now)
    return message


def about(findings):
    return [finding.subject for finding in findings]


def test_altered_words_are_named(message, now):
    assert verify(now=now) == []
    Message.objects.filter(pk=message.pk).update(text="一切都好")
    found = verify(now=now)
    assert about(found) == [f"channels.Message {message.pk}"]
    assert "text" in found[0].text


def test_words_that_were_slipped_in_are_named(town, now, deliver):
    message = receive_message(Draft(text="东门路口堆了一堆垃圾", place=town.grid), by=None, now=now)
    deliver(now=now)
    Message.objects.filter(pk=message.pk).update(address="西门外")
    assert about(verify(now=now)) == [f"channels.Message {message.pk}"]


def test_erased_words_are_no_finding(message, now):
    Message.objects.filter(pk=message.pk).update(text="", address="")
    assert verify(now=now) == []


def test_the_mark_needs_the_key_and_the_record_holds_no_words(message):
    mark = words_mark("channels.Message", "text", "东门路口堆了一堆垃圾")
    assert mark != words_mark("channels.Message", "text", "东门路口堆了一堆垃圾", secret="another")
    entry = Entry.objects.get(event="channels.MessageReceived")
    assert bytes(entry.fingerprint)[32:48] == mark
    assert "垃圾".encode() not in entry.canonical()


def test_a_rotated_key_still_knows_the_words(message, now, settings):
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "a new key that is long enough for everybody"
    assert verify(now=now) == []
