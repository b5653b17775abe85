"""The keys that seal personal data: a ring from the settings, and one subkey for each purpose.

``GONGZHI_DATA_KEYS`` is a list of ``"id:secret"``; the first is current, all of them open. No secret is used itself:
HKDF makes a separate subkey of it for each purpose, so that an index key says nothing about a sealing key.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

HASHES: dict[str, type[hashes.HashAlgorithm]] = {"aes": hashes.SHA256, "sm4": hashes.SM3}
KEY_BYTES = {"aes": 32, "sm4": 16}


@dataclass(frozen=True)
class Key:
    """One secret of the ring. It does not print."""

    id: str
    secret: str = field(repr=False)


def ring() -> tuple[Key, ...]:
    """The keys of this installation, the current one first."""
    return _read(tuple(settings.GONGZHI_DATA_KEYS))


def current() -> Key:
    return ring()[0]


def cipher() -> str:
    """What new values are sealed with: ``aes`` (AES-256-GCM, SHA-256) or ``sm4`` (SM4-GCM, SM3)."""
    name: str = getattr(settings, "GONGZHI_CIPHER", "aes")
    if name not in KEY_BYTES:
        raise ImproperlyConfigured(f"GONGZHI_CIPHER must be one of {', '.join(KEY_BYTES)}")
    return name


@lru_cache(maxsize=256)
def subkey(key: Key, family: str, purpose: str) -> bytes:
    """The key of this purpose. ``family`` is the cipher family, so the two never share a key."""
    length = KEY_BYTES[family] if purpose == "seal" else 32
    derive = HKDF(algorithm=HASHES[family](), length=length, salt=None, info=f"gongzhi {family} {purpose}".encode())
    return derive.derive(key.secret.encode())


def digest(key: Key, family: str, purpose: str, message: bytes) -> bytes:
    """HMAC of the message with the subkey of this purpose (32 bytes)."""
    mac = hmac.HMAC(subkey(key, family, purpose), HASHES[family]())
    mac.update(message)
    return mac.finalize()


@lru_cache(maxsize=1)
def families() -> tuple[str, ...]:
    """The cipher families that the installed cryptography library can do."""
    able = []
    for name, algorithm in HASHES.items():
        try:
            hashes.Hash(algorithm())
        except UnsupportedAlgorithm:
            continue
        able.append(name)
    return tuple(able)


@lru_cache(maxsize=16)
def _read(lines: tuple[str, ...]) -> tuple[Key, ...]:
    keys = []
    for line in lines:
        name, colon, secret = line.partition(":")
        if not (colon and secret and re.fullmatch(r"[A-Za-z0-9_-]{1,32}", name)):
            raise ImproperlyConfigured("GONGZHI_DATA_KEYS must be a list of id:secret; an id is at most 32 letters")
        keys.append(Key(name, secret))
    if not keys:
        raise ImproperlyConfigured("GONGZHI_DATA_KEYS holds no key")
    if len({key.id for key in keys}) < len(keys):
        raise ImproperlyConfigured("two keys of GONGZHI_DATA_KEYS have the same id")
    return tuple(keys)
