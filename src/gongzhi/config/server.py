"""Serving: the web server and its worker, watched by one process that starts again what died.

``supervise`` is the watcher. Run as a program this module is the web server itself.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType
from typing import Any
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from gongzhi.config.terminal import say

PATIENCE = 20.0  # seconds that a process has to finish what it is doing
STABLE = 5.0  # a process that lived this long had started properly


LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None  # loaded before any fork


def die_with_parent() -> None:
    """Ask the kernel to end this process when its parent goes, even by kill -9. Linux only; elsewhere nothing."""
    if LIBC is not None:
        LIBC.prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


@dataclass
class Kept:
    """One process that is kept running."""

    name: str
    command: list[str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    starts: int = 0
    next_start: float = 0.0
    quick_deaths: int = field(default=0)

    def start(self) -> None:
        self.process = subprocess.Popen(  # noqa: S603
            self.command,
            start_new_session=True,  # Ctrl-C reaches the watcher alone, which then stops the others in order
            preexec_fn=die_with_parent,
            stdin=subprocess.DEVNULL,
        )
        self.started = time.monotonic()
        self.starts += 1

    def died(self) -> int | None:
        """The exit code, once, after the process has ended."""
        if self.process is None:
            return None
        code = self.process.poll()
        if code is None:
            return None
        self.process = None
        lived = time.monotonic() - self.started
        self.quick_deaths = self.quick_deaths + 1 if lived < STABLE else 0
        self.next_start = time.monotonic() + min(30.0, 2.0**self.quick_deaths / 2)
        return code

    def ask_to_stop(self) -> None:
        if self.process is not None:
            self.process.terminate()

    def wait_or_kill(self, until: float) -> None:
        if self.process is None:
            return
        try:
            self.process.wait(max(0.1, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            say(f"{self.name} does not stop; ending it.")
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def port_is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def answers(host: str, port: int) -> bool:
    local = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    opener = build_opener(ProxyHandler({}))
    try:
        # Any answer will do, also a refusal of the host name: it shows that somebody is there.
        opener.open(f"http://{local}:{port}/healthz", timeout=2)
    except URLError as error:
        return hasattr(error, "code")
    except OSError:
        return False
    return True


def supervise(commands: dict[str, list[str]], *, host: str, port: int, ready: Callable[[], None]) -> int:
    """Run these until told to stop (TERM, INT), starting again what dies; the exit code for the shell.

    When one of them cannot start at all there is nothing to watch: all are stopped, and its code is handed on.
    """
    kept = [Kept(name, command) for name, command in commands.items()]
    stopping: list[int] = []

    def stop(number: int, _frame: FrameType | None) -> None:
        stopping.append(number)

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    code = 0
    is_ready = False
    try:
        for one in kept:
            one.start()
        while not stopping:
            now = time.monotonic()
            for one in kept:
                ended = one.died()
                if ended is not None:
                    if ended > 0 and one.starts == 1 and not is_ready:
                        say(f"{one.name} could not start (exit code {ended}).")
                        code = ended
                        stopping.append(0)
                        break
                    say(f"{one.name} died (exit code {ended}); starting it again.")
                if one.process is None and now >= one.next_start:
                    one.start()
            if not is_ready and not stopping and answers(host, port):
                is_ready = True
                ready()
            time.sleep(0.05 if not is_ready else 0.25)
    finally:
        for one in kept:
            one.ask_to_stop()
        until = time.monotonic() + PATIENCE
        for one in kept:
            one.wait_or_kill(until)
        for number, handler in before.items():
            signal.signal(number, handler)
    return code


def load_application(_target: str) -> Callable[..., Any]:
    """Runs in each serving process, right after it was forked."""
    die_with_parent()
    from gongzhi.config.wsgi import application

    # What is loaded by now stays: the collector need not look through it at every page (6 % of the time).
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    return application


def serve(*, host: str, port: int, workers: int, threads: int) -> None:
    """The web server itself, in this process and ``workers`` children."""
    from granian.constants import Interfaces
    from granian.log import LogLevels
    from granian.server import Server

    Server(
        "gongzhi.config.wsgi:application",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=threads,
        blocking_threads_idle_timeout=600,  # a thread keeps its database connection
        backpressure=threads * 8,  # more than these wait in the listening queue, where waiting costs nothing
        websockets=False,
        log_level=LogLevels.warning,
        respawn_failed_workers=True,
        respawn_interval=0.5,
        workers_kill_timeout=int(PATIENCE) - 5,
        process_name=None,
    ).serve(target_loader=load_application)


def size(engine: str) -> tuple[int, int]:
    """Serving processes and threads in each, for this kind of database.

    SQLite has one writer at a time and shares its page cache inside a process, so one process with threads is right:
    a second one would only wait for the first one's lock by polling. PostgreSQL takes writes side by side, and a second
    process uses a second core.
    """
    return (1, 4) if "sqlite" in engine else (2, 4)


if __name__ == "__main__":
    serve(
        host=sys.argv[1],
        port=int(sys.argv[2]),
        workers=int(sys.argv[3]),
        threads=int(sys.argv[4]),
    )
