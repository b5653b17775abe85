"""The code of a household, printed on its card: whoever has it speaks for the household. Derived; a digest is kept."""

from __future__ import annotations

import hmac
from collections.abc import Iterator

from django.conf import settings
from django.utils.crypto import salted_hmac

from gongzhi.act.points.models import Household

LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford: nothing that is taken for another letter
LENGTH = 12
_ALIKE = str.maketrans({"O": "0", "I": "1", "L": "1", "U": "V", "-": "", " ": "", "－": "", "　": ""})


def _keys() -> Iterator[str | bytes]:
    yield settings.SECRET_KEY
    yield from settings.SECRET_KEY_FALLBACKS


def plain(typed: str) -> str:
    """What somebody typed, as the code is derived: capitals without hyphens. Empty when it cannot be one."""
    found = typed.strip().upper().translate(_ALIKE)
    return found if len(found) == LENGTH and not found.strip(LETTERS) else ""


def _derive(household: Household, key: str | bytes) -> str:
    said = f"{household.uid.hex}/{household.turn}"
    raw = int.from_bytes(salted_hmac("gongzhi.points.code", said, secret=key, algorithm="sha256").digest()[:8])
    return "".join(LETTERS[raw >> (5 * place) & 31] for place in range(LENGTH))


def _digest(code: str, key: str | bytes) -> str:
    return salted_hmac("gongzhi.points.digest", code, secret=key, algorithm="sha256").hexdigest()


def digest_for(household: Household) -> str:
    """What is kept of the code that this household gets now."""
    return _digest(_derive(household, settings.SECRET_KEY), settings.SECRET_KEY)


def code_of(household: Household) -> str:
    """The code as it is printed, ``XXXX-XXXX-XXXX``; empty when the key it was made with is gone: renew it then."""
    for key in _keys():
        code = _derive(household, key)
        if hmac.compare_digest(_digest(code, key), household.code_digest):
            return "-".join(code[start : start + 4] for start in range(0, LENGTH, 4))
    return ""


def household_of(typed: str) -> Household | None:
    """The household behind a code, while it takes part; None for a code that is wrong in any way."""
    code = plain(typed)
    if not code:
        return None
    digests = [_digest(code, key) for key in _keys()]
    return Household.objects.joined().select_related("place").filter(code_digest__in=digests).first()
