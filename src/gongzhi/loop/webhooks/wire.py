"""One POST to an address that somebody else chose, without letting it choose where we go.

The name is resolved here, every address that it has must be public, and the connection goes to the very address that
was looked at: a name that changes its answer in between gains nothing. Redirects are not followed.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit

from django.utils.translation import gettext as _

from gongzhi.ground.refusals import Refusal

SECONDS: Final = 10  # for everything together
_PROTOCOLS: Final = ipaddress.ip_network("192.0.0.0/24")  # some clouds keep their inner services here
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
_SIX_TO_FOUR: Final = ipaddress.ip_network("2002::/16")


class Unreachable(Exception):
    """It was not accepted; ``code`` says why in a word or two."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code[:40]


def resolve(host: str, port: int) -> list[str]:
    """Every address of a name, as the system knows it (which also reads 2130706433 and 0x7f.1)."""
    return sorted({str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)})


def is_public(address: str) -> bool:
    """Whether it is an address of the open Internet: not of this machine, its network, or a cloud's inner services."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return is_public(str(found.ipv4_mapped))
        if found in _NAT64:
            return is_public(str(ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)))
        if found in _SIX_TO_FOUR or found.is_site_local:
            return False
    elif found in _PROTOCOLS:
        return False
    return found.is_global and not found.is_multicast and not found.is_reserved and not found.is_unspecified


@dataclass(frozen=True)
class Wire:
    """How the outside is reached. Tests put their own resolver and addresses here; nothing else does."""

    resolve: Callable[[str, int], Sequence[str]] = resolve
    allowed: Callable[[str], bool] = is_public
    context: Callable[[], ssl.SSLContext] = ssl.create_default_context
    seconds: float = SECONDS

    def addresses(self, parts: SplitResult) -> Sequence[str]:
        """The addresses of a name, all of them allowed; Unreachable otherwise."""
        try:
            found = self.resolve(parts.hostname or "", parts.port or 443)
        except (OSError, UnicodeError, ValueError):
            raise Unreachable("unknown name") from None
        if not found or not all(self.allowed(address) for address in found):
            raise Unreachable("inner address")
        return found

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """The status that was answered. Unreachable when there was none."""
        parts = urlsplit(url)
        address = self.addresses(parts)[0]
        connection = _Pinned(parts.hostname or "", parts.port or 443, address, self.context(), self.seconds)
        # An answer that drips in byte by byte never times out by itself.
        watch = threading.Timer(self.seconds, connection.cut)
        watch.daemon = True
        watch.start()
        try:
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("POST", path, body, dict(headers))
            return connection.getresponse().status
        except ssl.SSLError:
            raise Unreachable("certificate") from None
        except TimeoutError:
            raise Unreachable("timeout") from None
        except (OSError, http.client.HTTPException, ValueError):
            raise Unreachable("timeout" if connection.was_cut else "no answer") from None
        finally:
            watch.cancel()
            connection.close()


class _Pinned(http.client.HTTPSConnection):
    """HTTPS to a name, over the address that was looked at."""

    def __init__(self, host: str, port: int, address: str, context: ssl.SSLContext, seconds: float) -> None:
        super().__init__(host, port, timeout=seconds, context=context)
        self._address, self._tls = address, context
        self.was_cut = False

    def connect(self) -> None:
        raw = socket.create_connection((self._address, self.port), self.timeout)
        self.sock = self._tls.wrap_socket(raw, server_hostname=self.host)

    def cut(self) -> None:
        self.was_cut = True
        if self.sock is not None:
            with contextlib.suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)


def check_url(url: str, wire: Wire) -> str:
    """The address as it will be kept. Refusal (422) for anything but https to the open Internet."""
    clean = url.strip()
    try:
        parts = urlsplit(clean)
        port = parts.port
    except ValueError:
        raise _wrong(_("This is not an address.")) from None
    if parts.scheme != "https" or not parts.hostname:
        raise _wrong(_("The address begins with https://."))
    if parts.username or parts.password or parts.fragment or not clean.isascii() or any(c <= " " for c in clean):
        raise _wrong(_("Give the bare address: no user name, no # and no spaces."))
    if port is not None and port != 443 and port < 1024:
        raise _wrong(_("Ports below 1024 other than 443 are not asked."))
    if len(clean) > 500:
        raise _wrong(_("At most 500 characters, please."))
    try:
        wire.addresses(parts)
    except Unreachable as error:
        if error.code == "inner address":
            raise _wrong(
                _("This address lies inside a private network; webhooks go to the open Internet only.")
            ) from None
        raise _wrong(_("This name is not known.")) from None
    return clean


def _wrong(words: str) -> Refusal:
    return Refusal(words, field="url", status=422)
