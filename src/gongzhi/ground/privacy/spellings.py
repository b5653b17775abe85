"""How personal values look: masked on screen, and in one spelling for searching."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

STARS = "****"


def digits(value: str) -> str:
    """Only the digits, whatever their width or script."""
    return "".join(str(unicodedata.decimal(letter)) for letter in value if letter.isdecimal())


def phone(value: str) -> str:
    """One spelling of a telephone number: +86, spaces, dashes, brackets and full-width digits make no difference."""
    plain = unicodedata.normalize("NFKC", value).strip()
    number = digits(plain)
    if plain.startswith("+86") or number.startswith("0086"):
        number = number.removeprefix("00").removeprefix("86")
        if not re.fullmatch(r"1[3-9]\d{9}|0.*", number):
            number = f"0{number}"  # a landline: at home it is dialled with a zero in front
    elif re.fullmatch(r"861[3-9]\d{9}", number):
        number = number.removeprefix("86")
    return number


def identity(value: str) -> str:
    """One spelling of an identity number: letters and digits only, capitals."""
    return "".join(letter for letter in unicodedata.normalize("NFKC", value).upper() if letter.isalnum())


def text(value: str) -> str:
    """One spelling of a name or text: width, case and spaces make no difference."""
    letters = "".join(unicodedata.normalize("NFKC", value).casefold().split())
    return unicodedata.normalize("NFKC", letters)


SPELLINGS: dict[str, Callable[[str], str]] = {"phone": phone, "identity": identity, "text": text}


def _mask_name(value: str) -> str:
    return value.strip()[:1] + "**"


def _mask_phone(value: str) -> str:
    number = phone(value)
    if len(number) >= 11:
        return f"{number[:3]}{STARS}{number[-4:]}"
    return STARS + number[-2:] if len(number) >= 7 else STARS


def _mask_identity(value: str) -> str:
    number = identity(value)
    return f"{number[:3]}{'*' * (len(number) - 5)}{number[-2:]}" if len(number) >= 10 else STARS


def _mask_address(value: str) -> str:
    """The beginning (the town, the street) stays, at most a third of it; numbers never do."""
    plain = value.strip()
    beginning = re.split(r"[\dA-Za-z０-９一二三四五六七八九十]+(?=[号栋幢楼室单])|\d", plain)[0]
    return beginning[: min(6, max(1, len(plain) // 3))] + STARS


def _mask_all(value: str) -> str:
    return STARS


MASKS: dict[str, Callable[[str], str]] = {
    "name": _mask_name,
    "phone": _mask_phone,
    "identity": _mask_identity,
    "address": _mask_address,
    "all": _mask_all,
}


def mask(kind: str, value: str) -> str:
    """The masked spelling. Nothing stays nothing."""
    return MASKS[kind](value) if value.strip() else ""
