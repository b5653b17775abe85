"""A throw-away noun with every kind of personal field. Its table is made by the fixtures."""

from __future__ import annotations

import uuid

from django.db import models

from gongzhi.ground.ledger.models import Recorded
from gongzhi.ground.privacy.fields import BlindIndexField, SealedTextField


class LetterQuerySet(models.QuerySet["Letter"]):
    def answered_before(self, before):
        return self.filter(answered_at__lt=before)


class Letter(Recorded):
    uid = models.UUIDField(default=uuid.uuid4, unique=True)
    place_path = models.CharField(max_length=30, blank=True)
    sender = SealedTextField(mask="name", blank=True)
    phone = SealedTextField(mask="phone", blank=True)
    phone_index = BlindIndexField(source="phone")
    identity = SealedTextField(mask="identity", blank=True, null=True)
    address = SealedTextField(mask="address", blank=True)
    remark = SealedTextField(blank=True)
    body = models.TextField(blank=True)
    body_length = models.PositiveIntegerField(default=0)
    extra = models.JSONField(default=dict, blank=True)
    scan = models.FileField(upload_to="letters/", blank=True)
    answered_at = models.DateTimeField(null=True)
    answered_on = models.DateField(null=True)

    RECORDED = ("uid", "place_path", "answered_at")
    objects = LetterQuerySet.as_manager()

    class Meta:
        app_label = "privacy"
        managed = False
        db_table = "privacy_test_letter"

    def erase_body(self):
        return {"body_length": 0}
