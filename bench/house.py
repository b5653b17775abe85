"""What the measurements stand on: a PostgreSQL of their own, the running house, CPU counters, an HTTP client."""

from __future__ import annotations

import contextlib
import http.client
import os
import secrets
import shutil
import signal
import socket
import string
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
for entry in (str(ROOT), str(ROOT / "src")):
    if entry not in sys.path:
        sys.path.insert(0, entry)

from gongzhi.config.server import die_with_parent  # noqa: E402
from tests.suite import as_somebody_else, find_postgres  # noqa: E402

TICK = os.sysconf("SC_CLK_TCK")


class Cluster:
    """A PostgreSQL as it is installed: fsync and synchronous_commit on, default memory; reached by a socket.

    With ``keep`` its folder stays, and is taken up again next time.
    """

    def __init__(self, keep: Path | None = None) -> None:
        self.keep = keep is not None
        self.folder = keep or Path(tempfile.mkdtemp(prefix="gz-bench-"))
        self.server: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgres://gongzhi@/gongzhi?host={self.folder}"

    def __enter__(self) -> Cluster:
        programs = find_postgres()
        if programs is None:
            raise SystemExit("no PostgreSQL server binaries here (Debian: apt-get install postgresql)")
        identity = as_somebody_else()
        self.folder.mkdir(parents=True, exist_ok=True)
        if identity:
            os.chown(self.folder, identity["user"], identity["group"])
        data = self.folder / "data"
        log = (self.folder / "log").open("ab")
        if not data.exists():
            locale = ["--locale-provider=icu", "--icu-locale=zh-Hans", "--locale=C.UTF-8"]
            command = [str(programs / "initdb"), "-D", str(data), "-U", "gongzhi", "-A", "trust", "-E", "UTF8", *locale]
            subprocess.run(command, cwd=self.folder, stdout=log, stderr=log, check=True, **identity)
        command = [str(programs / "postgres"), "-D", str(data)]
        for name, value in {
            "listen_addresses": "",
            "unix_socket_directories": str(self.folder),
            "shared_preload_libraries": "pg_stat_statements",
        }.items():
            command += ["-c", f"{name}={value}"]
        self.server = subprocess.Popen(
            command, cwd=self.folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
            start_new_session=True, preexec_fn=die_with_parent, **identity,
        )  # fmt: skip
        self.wait()
        return self

    def wait(self) -> None:
        import psycopg

        until = time.monotonic() + 60
        while True:
            try:
                with psycopg.connect(f"host={self.folder} user=gongzhi dbname=postgres", autocommit=True) as connection:
                    known = connection.execute("SELECT 1 FROM pg_database WHERE datname = 'gongzhi'").fetchone()
                    if known is None:
                        connection.execute("CREATE DATABASE gongzhi")
                with self.connect() as connection:
                    connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
                return
            except psycopg.OperationalError:
                if self.server is None or self.server.poll() is not None or time.monotonic() > until:
                    raise RuntimeError((self.folder / "log").read_text(errors="replace")) from None
                time.sleep(0.1)

    def connect(self) -> Any:
        import psycopg

        return psycopg.connect(f"host={self.folder} user=gongzhi dbname=gongzhi", autocommit=True)

    @property
    def pid(self) -> int:
        assert self.server is not None
        return self.server.pid

    def __exit__(self, *_: object) -> None:
        if self.server is not None and self.server.poll() is None:
            self.server.send_signal(signal.SIGINT)
            try:
                self.server.wait(30)
            except subprocess.TimeoutExpired:
                self.server.kill()
                self.server.wait()
        if not self.keep:
            shutil.rmtree(self.folder, ignore_errors=True)


# --- processes ----------------------------------------------------------------------------------------------------


def tree(root: int) -> dict[int, tuple[str, float]]:
    """A process with everything below it: id -> (command, CPU seconds including those of children that have ended)."""
    found: dict[int, tuple[int, str, float]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            text = path.read_text()
            name = text[text.index("(") + 1 : text.rindex(")")]
            rest = text.rpartition(")")[2].split()
            if rest[0] != "Z":
                found[int(path.parent.name)] = (int(rest[1]), name, sum(map(int, rest[11:15])) / TICK)
    inside = {root} & set(found)
    while more := {pid for pid, (parent, *_rest) in found.items() if parent in inside} - inside:
        inside |= more
    return {pid: found[pid][1:] for pid in inside}


def cpu(*roots: int) -> float:
    """CPU seconds, user and system, of these processes and all below them."""
    return sum(seconds for root in roots for _name, seconds in tree(root).values())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class House:
    """The platform's processes, started as ``gongzhi serve`` starts them."""

    home: Path
    url: str
    environment: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, *command: str, **environment: str) -> subprocess.Popen[bytes]:
        clean = {key: value for key, value in os.environ.items() if not key.startswith(("GONGZHI_", "DATABASE_URL"))}
        given = {
            "DATABASE_URL": self.url,
            "GONGZHI_HOME": str(self.home),
            "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}",
            **self.environment,
            **environment,
        }
        log = (self.home / "log").open("ab")
        process = subprocess.Popen(
            [sys.executable, *command], env={**clean, **given}, cwd=self.home, stdin=subprocess.DEVNULL,
            stdout=log, stderr=log, start_new_session=True, preexec_fn=die_with_parent,
        )  # fmt: skip
        self.processes.append(process)
        return process

    def serve(self, workers: int = 2, threads: int = 4, **environment: str) -> subprocess.Popen[bytes]:
        """The web server alone, with that many processes; returns when it answers."""
        command = ["-m", "gongzhi.config.server", "127.0.0.1", str(self.port), str(workers), str(threads)]
        process = self.start(*command, **environment)
        self.wait(process)
        return process

    def wait(self, process: subprocess.Popen[bytes], path: str = "/healthz") -> None:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            if process.poll() is not None:
                break
            with contextlib.suppress(OSError, http.client.HTTPException):
                Browser(self.port).get(path)
                return
            time.sleep(0.1)
        raise RuntimeError("the server does not answer:\n" + (self.home / "log").read_text(errors="replace")[-4000:])

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def stop_all(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                self.stop(process)


# --- a small browser ----------------------------------------------------------------------------------------------


@dataclass
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


class Browser:
    """Keeps its connection and its cookies, and comes from an address of its own (as a trusted proxy would say)."""

    def __init__(self, port: int, cookies: Mapping[str, str] | None = None, timeout: float = 30.0) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
        self.cookies = dict(cookies or {})
        self.come_from_elsewhere()

    def come_from_elsewhere(self) -> None:
        """Another network and another device (which is known by its token against forged requests)."""
        self.address = "10." + ".".join(str(secrets.randbelow(254) + 1) for _ in range(3))
        if "csrftoken" in getattr(self, "cookies", {}):
            self.cookies["csrftoken"] = "".join(secrets.choice(string.ascii_letters) for _ in range(32))

    def request(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        given = {
            "Host": f"127.0.0.1:{self.connection.port}",
            "X-Forwarded-For": self.address,
            "Accept-Language": "zh-CN,zh;q=0.9",
            "Accept-Encoding": "gzip, deflate, br",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        if self.cookies:
            given["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        try:
            self.connection.request(method, path, body, given)
            response = self.connection.getresponse()
            answer = Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        except BaseException:
            self.connection.close()  # the next request opens a new one
            raise
        for name, value in response.getheaders():
            if name.lower() == "set-cookie":
                cookie, _, content = value.partition(";")[0].partition("=")
                self.cookies[cookie] = content
        return answer

    def get(self, path: str, **headers: str) -> Answer:
        return self.request("GET", path, None, **headers)

    def post(self, path: str, fields: Mapping[str, Any], files: Mapping[str, bytes] | None = None) -> Answer:
        """A form as a browser sends it, with the token against forged requests."""
        boundary = secrets.token_hex(12)
        parts = []
        for name, value in {**fields, "csrfmiddlewaretoken": self.cookies.get("csrftoken", "")}.items():
            parts.append(f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode())
        for name, content in (files or {}).items():
            head = f'Content-Disposition: form-data; name="{name}"; filename="photo.jpg"\r\nContent-Type: image/jpeg'
            parts.append(f"--{boundary}\r\n{head}\r\n\r\n".encode() + content + b"\r\n")
        body = b"".join(parts) + f"--{boundary}--\r\n".encode()
        return self.request("POST", path, body, Content_Type=f"multipart/form-data; boundary={boundary}")


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="gz-house-", ignore_cleanup_errors=True) as name:
        yield Path(name)
