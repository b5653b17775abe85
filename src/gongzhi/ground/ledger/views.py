"""Public pages: the roots, and the proof of one entry. ``access`` stands above this room, so ``verb`` is all here."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views import View

from gongzhi.ground.ledger.events import label_of
from gongzhi.ground.ledger.models import Entry, Seal, proof_key
from gongzhi.ground.ledger.proofs import RECOMPUTE, Proof, check_proof, prove
from gongzhi.ground.refusals import Refusal

PER_PAGE = 25
PER_FILE = 1000
LARGEST = 2**63 - 1


class Public(View):
    """Open to everybody, and says so."""

    verb: ClassVar[str] = "public"
    now: datetime

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.now = timezone.now()


def _number(request: HttpRequest, name: str) -> int | None:
    """A number from the address; None when it is missing or not a number."""
    text = request.GET.get(name, "")
    return min(int(text), LARGEST) if text.isascii() and text.isdigit() and len(text) < 20 else None


class Roots(Public):
    """The seals, newest first, and what anybody can check with them."""

    def get(self, request: HttpRequest) -> HttpResponse:
        before = _number(request, "before")
        seals = Seal.objects.order_by("-number")
        if before is not None:
            seals = seals.filter(number__lt=before)
        found = list(seals[: PER_PAGE + 1])
        page = found[:PER_PAGE]
        context = {
            "seals": [seal.facts() | {"at": seal.sealed_at} for seal in page],
            "older": page[-1].number if len(found) > PER_PAGE else None,
            "first_page": before is None,
        }
        return render(request, "ledger/roots.html", context)


class RootsJson(Public):
    """Seals in order, ``?since=`` a number; ``next`` is the address of those that follow."""

    def get(self, request: HttpRequest) -> HttpResponse:
        since = _number(request, "since") or 0
        found = list(Seal.objects.filter(number__gt=since).order_by("number")[: PER_FILE + 1])
        page = found[:PER_FILE]
        following = None
        if len(found) > PER_FILE:
            following = request.build_absolute_uri(f"{reverse('ledger:roots_json')}?since={page[-1].number}")
        return JsonResponse({"seals": [seal.facts() for seal in page], "next": following})


class SealJson(Public):
    def get(self, request: HttpRequest, number: int) -> HttpResponse:
        seal = Seal.objects.filter(number=min(number, LARGEST)).first()
        if seal is None:
            raise Http404
        return JsonResponse(seal.facts())


class _OfEntry(Public):
    """One entry's proof.

    Hashes are for everybody. The wording of an entry (which case, which grid, which clerk, when) is shown to whoever
    brings its key, which the pages of the row hand out: the record must not become a diary of people's troubles or of
    the staff's working day.
    """

    def find(self, request: HttpRequest, entry_id: int) -> tuple[Entry, bool]:
        entry = Entry.objects.filter(pk=min(entry_id, LARGEST)).first()
        if entry is None:
            raise Http404
        return entry, constant_time_compare(request.GET.get("key", ""), proof_key(entry.pk))

    def address_of_json(self, request: HttpRequest, entry: Entry, opened: bool) -> str:
        address = reverse("ledger:proof_json", args=[entry.pk])
        return request.build_absolute_uri(f"{address}?key={proof_key(entry.pk)}" if opened else address)


class ProofPage(_OfEntry):
    def get(self, request: HttpRequest, entry_id: int) -> HttpResponse:
        entry, opened = self.find(request, entry_id)
        proof: Proof | None = None
        refusal: Refusal | None = None
        try:
            proof = prove(entry)
        except Refusal as reason:
            refusal = reason
        address = self.address_of_json(request, entry, opened)
        context = {
            "entry_id": entry.pk,
            "entry": entry if opened else None,
            "label": label_of(entry.event),
            "content": entry.canonical().decode() if opened else "",
            "proof": proof.facts() if proof else None,
            "sealed_at": proof.seal.sealed_at if proof else None,
            "holds": proof is not None and check_proof(entry.canonical(), proof),
            "refusal": refusal,
            "json": address,
            "program": RECOMPUTE.format(url=address),
        }
        return render(request, "ledger/proof.html", context)


class ProofJson(_OfEntry):
    def get(self, request: HttpRequest, entry_id: int) -> HttpResponse:
        entry, opened = self.find(request, entry_id)
        try:
            proof = prove(entry)
        except Refusal as refusal:
            return JsonResponse({"id": entry.pk, "refused": str(refusal.reason)}, status=refusal.status)
        return JsonResponse({**proof.facts(), "entry": entry.canonical().decode() if opened else None})
