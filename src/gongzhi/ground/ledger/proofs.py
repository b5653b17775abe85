"""Proof that one entry stands in the sealed record."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from django.utils.translation import gettext_lazy as _

from gongzhi.ground.ledger import merkle
from gongzhi.ground.ledger.models import Entry, Leaf, Seal, canonical
from gongzhi.ground.refusals import Refusal


def chain(*, previous: bytes, root: bytes, number: int, size: int, at: datetime) -> bytes:
    """What ties a seal to the one before: SHA-256 over both roots, number and size (8 bytes each) and the time."""
    spelt_at = canonical(at).strip(b'"')
    return sha256(previous + root + number.to_bytes(8, "big") + size.to_bytes(8, "big") + spelt_at).digest()


@dataclass(frozen=True, kw_only=True)
class Proof:
    """Everything that is needed to recompute the root from one entry."""

    entry_id: int
    leaf: bytes
    position: int
    path: tuple[bytes, ...]
    seal: Seal

    def facts(self) -> dict[str, Any]:
        """JSON-ready, hashes in hexadecimal."""
        return {
            "id": self.entry_id,
            "leaf": self.leaf.hex(),
            "position": self.position,
            "path": [step.hex() for step in self.path],
            "seal": self.seal.facts(),
        }


def prove(entry: Entry) -> Proof:
    """The audit path of an entry in its seal (RFC 6962 section 2.1.1). Refusal while no seal holds it yet."""
    leaf = Leaf.objects.select_related("seal").filter(entry_id=entry.pk).first()
    if leaf is None:
        raise Refusal(_("This entry has not been sealed yet. New entries are sealed every minute."))
    rows = Leaf.objects.filter(seal_id=leaf.seal_id).order_by("position").values_list("hash", flat=True)
    hashes = [bytes(row) for row in rows]
    path = merkle.audit_path(leaf.position, hashes)
    return Proof(entry_id=entry.pk, leaf=bytes(leaf.hash), position=leaf.position, path=tuple(path), seal=leaf.seal)


def check_proof(content: bytes, proof: Proof) -> bool:
    """Whether these canonical bytes are the entry that the proof speaks of, under a seal that holds together."""
    seal = proof.seal
    root = bytes(seal.root)
    claimed = merkle.root_from_path(merkle.leaf_hash(content), proof.position, seal.size, proof.path)
    chained = chain(previous=bytes(seal.previous), root=root, number=seal.number, size=seal.size, at=seal.sealed_at)
    return claimed == root and chained == bytes(seal.chained)


# Shown on the proof page; nothing but Python's standard library. The tests run it.
RECOMPUTE = """\
import hashlib, json, urllib.request
sha = lambda data: hashlib.sha256(data).digest()
proof = json.load(urllib.request.urlopen("{url}"))
seal, position, last = proof["seal"], proof["position"], proof["seal"]["size"] - 1
node = sha(b"\\0" + proof["entry"].encode()) if proof["entry"] else bytes.fromhex(proof["leaf"])
steps = map(bytes.fromhex, proof["path"])
while last > 0:
    if position % 2:
        node = sha(b"\\1" + next(steps) + node)
    elif position < last:
        node = sha(b"\\1" + node + next(steps))
    position, last = position // 2, last // 2
numbers = seal["number"].to_bytes(8, "big") + seal["size"].to_bytes(8, "big")
chained = sha(bytes.fromhex(seal["previous"]) + node + numbers + seal["sealed_at"].encode())
print("root", node.hex() == seal["root"], "chain", chained.hex() == seal["chained"])
"""
