"""Sealing and opening one value.

A sealed value is: version (1 byte: 1 AES-256-GCM, 2 SM4-GCM), length of the key id (1 byte), key id, nonce (12 bytes),
ciphertext, tag (16 bytes). The place it belongs to (table, column, row) and its own header are authenticated with it,
so a value that was changed, or copied to another row or column, does not open.
"""

from __future__ import annotations

import os
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gongzhi.ground.privacy import keys

VERSIONS = {"aes": 1, "sm4": 2}
FAMILIES = {version: family for family, version in VERSIONS.items()}
NONCE = 12
TAG = 16


class SealBroken(Exception):
    """A sealed value does not open: wrong row, column or key, or somebody changed it. Never an expected failure."""


def where(table: str, column: str, row: str) -> bytes:
    """The place a value belongs to, unambiguous: each part carries its length."""
    return b"".join(len(part).to_bytes(4, "big") + part for part in (p.encode() for p in (table, column, row)))


def seal(plain: str, place: bytes) -> bytes:
    """Seal with the current key. Nothing stays nothing: an empty text is kept as empty bytes."""
    if not plain:
        return b""
    key, family = keys.current(), keys.cipher()
    name = key.id.encode()
    header = bytes([VERSIONS[family], len(name)]) + name
    nonce = os.urandom(NONCE)
    return header + nonce + _encrypt(key, family, nonce, plain.encode(), header + place)


def unseal(sealed: bytes, place: bytes) -> str:
    """The plain text. Raises SealBroken when the value does not belong here or no key of the ring fits."""
    if not sealed:
        return ""
    family, key_id, start = _header(sealed)
    key = next((key for key in keys.ring() if key.id == key_id), None)
    if key is None:
        raise SealBroken(f"sealed with key {key_id!r}, which GONGZHI_DATA_KEYS does not hold")
    nonce, body = sealed[start : start + NONCE], sealed[start + NONCE :]
    try:
        return _decrypt(key, family, nonce, body, sealed[:start] + place).decode()
    except InvalidTag:
        raise SealBroken("the sealed value was changed, or belongs to another row, column or key") from None


def is_current(sealed: bytes) -> bool:
    """Whether it is sealed with the current key and cipher (nothing is)."""
    if not sealed:
        return True
    family, key_id, _start = _header(sealed)
    return key_id == keys.current().id and family == keys.cipher()


def _header(sealed: bytes) -> tuple[str, str, int]:
    """Cipher family, key id, and where the nonce starts."""
    family = FAMILIES.get(sealed[0])
    start = 2 + sealed[1] if len(sealed) > 1 else 0
    if family is None or len(sealed) < start + NONCE + TAG:
        raise SealBroken("these bytes are not a sealed value")
    try:
        return family, sealed[2:start].decode("ascii"), start
    except UnicodeDecodeError:
        raise SealBroken("these bytes are not a sealed value") from None


def _encrypt(key: keys.Key, family: str, nonce: bytes, plain: bytes, place: bytes) -> bytes:
    if family == "aes":
        return _aes(key).encrypt(nonce, plain, place)
    encryptor = Cipher(algorithms.SM4(keys.subkey(key, family, "seal")), modes.GCM(nonce)).encryptor()
    encryptor.authenticate_additional_data(place)
    return encryptor.update(plain) + encryptor.finalize() + encryptor.tag


def _decrypt(key: keys.Key, family: str, nonce: bytes, body: bytes, place: bytes) -> bytes:
    if family == "aes":
        return _aes(key).decrypt(nonce, body, place)
    decryptor = Cipher(algorithms.SM4(keys.subkey(key, family, "seal")), modes.GCM(nonce, body[-TAG:])).decryptor()
    decryptor.authenticate_additional_data(place)
    return decryptor.update(body[:-TAG]) + decryptor.finalize()


@lru_cache(maxsize=32)
def _aes(key: keys.Key) -> AESGCM:
    return AESGCM(keys.subkey(key, "aes", "seal"))
