"""A line between a browser and the house that can be slow, lossy, or dead: a relay on a port of its own.

What one packet lost costs is counted as TCP counts it: everything behind it waits for the packet to come again.
"""

from __future__ import annotations

import random
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field

SEGMENT = 1460  # bytes in one packet


@dataclass
class Line:
    """``url`` is where the browser goes. ``cut()`` ends what runs and refuses what comes; ``mend()`` lets it through.

    ``deaf``: what is sent reaches the house, and the answer gets lost with the connection.
    """

    target: int
    delay: float = 0.0  # seconds one way
    rate: float = 0.0  # bits a second, shared by all connections, each way; 0: as fast as it goes
    loss: float = 0.0
    seed: int = 1
    deaf: bool = False
    carried: int = 0
    _open: list[socket.socket] = field(default_factory=list)
    _free: dict[str, float] = field(default_factory=dict)
    _dead: bool = False

    def __post_init__(self) -> None:
        self._draw = random.Random(self.seed)
        self._lock = threading.Lock()
        self._door = socket.socket()
        self._door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._door.bind(("127.0.0.1", 0))
        self._door.listen(128)
        self.url = f"http://localhost:{self._door.getsockname()[1]}"
        threading.Thread(target=self._wait, daemon=True).start()

    def _wait(self) -> None:
        while True:
            try:
                near, _who = self._door.accept()
            except OSError:
                return
            if self._dead:
                near.close()
                continue
            threading.Thread(target=self._meet, args=(near,), daemon=True).start()

    def _meet(self, near: socket.socket) -> None:
        time.sleep(2 * self.delay)  # the handshake
        try:
            far = socket.create_connection(("127.0.0.1", self.target), timeout=60)
        except OSError:
            near.close()
            return
        with self._lock:
            self._open += [near, far]
        sends = threading.Event()  # something is being sent over this connection, not only asked
        threading.Thread(target=self._carry, args=(near, far, "up", sends), daemon=True).start()
        threading.Thread(target=self._carry, args=(far, near, "down", sends), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket, way: str, sends: threading.Event) -> None:
        behind = 0.0  # nothing of this connection arrives before
        pending: list[tuple[float, bytes]] = []
        more = threading.Condition()
        over = threading.Event()

        def deliver() -> None:
            while True:
                with more:
                    while not pending and not over.is_set():
                        more.wait(0.5)
                    if not pending:
                        break
                    moment, part = pending.pop(0)
                time.sleep(max(0.0, moment - time.monotonic()))
                try:
                    sink.sendall(part)
                except OSError:
                    break
            with suppress(OSError):
                sink.shutdown(socket.SHUT_WR)

        threading.Thread(target=deliver, daemon=True).start()
        while True:
            try:
                content = source.recv(65536)
            except OSError:
                break
            if not content:
                break
            if way == "up" and b"POST /" in content:
                sends.set()
            if way == "down" and self.deaf and sends.is_set():
                for one in (source, sink):
                    with suppress(OSError):
                        one.shutdown(socket.SHUT_RDWR)
                break
            for at in range(0, len(content), SEGMENT):
                part = content[at : at + SEGMENT]
                with self._lock:
                    now = time.monotonic()
                    begin = max(now, self._free.get(way, 0.0))
                    sent = begin + (len(part) * 8 / self.rate if self.rate else 0.0)
                    self._free[way] = sent
                    lost = self._draw.random() < self.loss
                    self.carried += len(part)
                # A lost packet comes again after the sender has noticed: a round trip and some patience.
                moment = sent + self.delay + (2 * self.delay + 0.2 if lost else 0.0)
                behind = max(behind, moment)
                with more:
                    pending.append((behind, part))
                    more.notify()
        over.set()
        with more:
            more.notify()

    def cut(self) -> None:
        self._dead = True
        with self._lock:
            for one in self._open:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
                one.close()
            self._open.clear()

    def mend(self) -> None:
        self._dead = False
        self.deaf = False

    def close(self) -> None:
        self.cut()
        self._door.close()
