"""Short codes for the rows of a printed list, to be typed or scanned: "T-4K7-Q".

A letter for the kind, the number in 32 signs that nobody mistakes for another, and a sign that catches one wrong sign
and two neighbours that changed places. A code is no secret and opens nothing: whoever types it needs the post.
"""

from __future__ import annotations

from typing import Final

import segno

SIGNS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # without I, L, O and U (Crockford)
_MEANT: Final = str.maketrans("OILU", "011V")
KINDS: Final = {"T": "task", "V": "visit", "P": "promise", "A": "assignment"}


def _check(signs: str) -> str:
    """Luhn's sum, counted in 32 signs, from the right."""
    total = 0
    for place, sign in enumerate(reversed(signs)):
        value = SIGNS.index(sign) * (2 if place % 2 == 0 else 1)
        total += value // 32 + value % 32
    return SIGNS[-total % 32]


def code_of(letter: str, number: int) -> str:
    signs = ""
    rest = number
    while rest or not signs:
        rest, sign = divmod(rest, 32)
        signs = SIGNS[sign] + signs
    return f"{letter}-{signs}-{_check(letter + signs)}"


def read_code(typed: str) -> tuple[str, int] | None:
    """The kind's letter and the number, or None. Small letters, spaces, and O for 0 are forgiven."""
    plain = "".join(one for one in typed.upper() if not one.isspace() and one not in "-–—‐")
    plain = plain[:1] + plain[1:].translate(_MEANT)
    letter, signs, check = plain[:1], plain[1:-1], plain[-1:]
    if letter not in KINDS or not 1 <= len(signs) <= 12 or any(sign not in SIGNS for sign in plain):
        return None
    if _check(letter + signs) != check:
        return None
    number = 0
    for sign in signs:
        number = number * 32 + SIGNS.index(sign)
    return letter, number


def drawn(code: str) -> str:
    """The code as a QR drawing, for a scanner that types what it reads."""
    return str(segno.make(code, error="m", micro=False).svg_data_uri(scale=2, border=2))
