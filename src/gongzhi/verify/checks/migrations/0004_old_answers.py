"""Answers that were kept in the check itself become answers of their own, each with its entry in the record."""

import hashlib

from django.db import migrations
from django.utils import timezone

from gongzhi.ground.ledger.models import canonical, words_mark

SAID = {"helped": True, "not_helped": False}


def keep_answers(apps, schema_editor):
    Check, Answer = apps.get_model("checks", "Check"), apps.get_model("checks", "Answer")
    Voice, Entry = apps.get_model("cases", "Voice"), apps.get_model("ledger", "Entry")
    now = timezone.now()
    old = Check.objects.filter(result__in=SAID, method__in=["link", "phone"], answers__isnull=True)
    for check in old.order_by("pk").iterator(chunk_size=500):
        voice = Voice.objects.filter(case_id=check.case_id).order_by("pk").first()
        if voice is None:
            continue
        answer = Answer.objects.create(
            about_id=check.pk,
            message_id=voice.message_id,
            helped=SAID[check.result],
            words=check.words,
            method=check.method,
            at=check.concluded_at,
            by_id=check.by_id,
        )
        facts = {
            "about_id": answer.about_id,
            "message_id": answer.message_id,
            "helped": answer.helped,
            "satisfied": "",
            "method": answer.method,
            "at": answer.at,
            "by_id": answer.by_id,
        }
        Entry.objects.create(
            event="checks.AnswerGiven",
            noun="checks.Answer",
            object_id=answer.pk,
            seq=1,
            place_path=check.place_path,
            by_id=check.by_id,
            post_id=None,
            at=now,
            data={
                "check_id": check.pk,
                "case_id": check.case_id,
                "message_id": answer.message_id,
                "helped": answer.helped,
                "satisfied": "",
                "method": answer.method,
            },
            fingerprint=hashlib.sha256(canonical(facts)).digest() + words_mark("checks.Answer", "words", answer.words),
        )
        Check.objects.filter(pk=check.pk).update(said=check.result)


class Migration(migrations.Migration):

    dependencies = [
        ("checks", "0003_answers_of_all_reporters"),
        ("cases", "0003_many_voices_and_rulings"),
        ("ledger", "0002_append_only"),
    ]

    operations = [migrations.RunPython(keep_answers, migrations.RunPython.noop)]
