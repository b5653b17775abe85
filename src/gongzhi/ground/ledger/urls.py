"""The record's public addresses."""

from __future__ import annotations

from django.urls import path

from gongzhi.ground.ledger import views

app_name = "ledger"

urlpatterns = [
    path("", views.Roots.as_view(), name="roots"),
    path("roots.json", views.RootsJson.as_view(), name="roots_json"),
    path("seals/<int:number>.json", views.SealJson.as_view(), name="seal_json"),
    path("proof/<int:entry_id>/", views.ProofPage.as_view(), name="proof"),
    path("proof/<int:entry_id>.json", views.ProofJson.as_view(), name="proof_json"),
]
