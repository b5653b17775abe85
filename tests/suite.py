"""What ``./gongzhi test`` and ``./gongzhi check`` run: every step to its end, then a summary.

The steps run side by side, one for each core, because most of them use one core only. Their output is kept and shown
when they fail. The last line says how many tests passed and failed; a failed step that is no test counts as one.
"""

from __future__ import annotations

import argparse
import atexit
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

from gongzhi.config.server import die_with_parent  # noqa: E402

LANES = ("static", "sqlite", "postgres", "browser")
CORES = os.cpu_count() or 1
IN_CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}
CLEAN = {key: value for key, value in os.environ.items() if not key.startswith(("GONGZHI_", "DATABASE_URL", "PYTEST_"))}


def out(words: str) -> None:
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


@dataclass
class Step:
    name: str
    work: Callable[[Step], bool]
    lane: str = "static"
    passed: bool | None = None
    not_run: str = ""  # why, when it could not
    seconds: float = 0.0
    output: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def run(self, command: list[str], accept: tuple[int, ...] = (0,), **environment: str) -> bool:
        """Run one command to its end; its words belong to this step."""
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**CLEAN, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            preexec_fn=die_with_parent,
        )
        RUNNING.add(process)
        try:
            assert process.stdout is not None
            for line in process.stdout:
                self.output.append(line)
            return process.wait() in accept
        finally:
            RUNNING.discard(process)

    def python(self, *arguments: str, **environment: str) -> bool:
        return self.run([sys.executable, *arguments], **environment)

    def say(self, words: str) -> None:
        self.output.append(words + "\n")


RUNNING: set[subprocess.Popen[str]] = set()
SCRATCH = Path(tempfile.mkdtemp(prefix="gongzhi-suite-"))
atexit.register(shutil.rmtree, SCRATCH, ignore_errors=True)


# --- static steps ---------------------------------------------------------------------------------------------------


def tool(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def locks(step: Step) -> bool:
    """The locks name what ``pyproject.toml`` asks for, each with hashes and none with an address."""
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = {
        "requirements.txt": project["project"]["dependencies"],
        "requirements-dev.txt": project["project"]["dependencies"] + project["dependency-groups"]["dev"],
    }
    good = True
    pinned: dict[str, dict[str, set[str]]] = {}
    for file, requirements in wanted.items():
        text = (ROOT / file).read_text()
        pinned[file] = read_lock(text)
        for requirement in requirements:
            if canonical(requirement) not in pinned[file]:
                step.say(f"{file} lacks {canonical(requirement)}")
                good = False
        for line in re.split(r"\n(?=[^\s#])", text):
            if line[:1].isalnum() and "--hash=sha256:" not in line:
                step.say(f"{file}: no hash for {line.splitlines()[0]}")
                good = False
        for line in text.splitlines():
            if "://" in line or line.startswith("-"):
                step.say(f"{file}: an address or an option has no place in a lock: {line}")
                good = False
    for name, versions in pinned["requirements.txt"].items():
        if pinned["requirements-dev.txt"].get(name) != versions:
            step.say(f"The two locks differ about {name}")
            good = False
    return good


def canonical(requirement: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[\s\[<>=!~;]", requirement.strip(), maxsplit=1)[0]).lower()


def read_lock(text: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;]+)", text, re.MULTILINE):
        found.setdefault(canonical(name), set()).add(version)
    return found


def ruff(step: Step) -> bool:
    return step.run([tool("ruff"), "check", ".", "gongzhi"])


def ruff_format(step: Step) -> bool:
    return step.run([tool("ruff"), "format", "--check", ".", "gongzhi"])


def types(step: Step) -> bool:
    return step.run([tool("mypy")], GONGZHI_HOME=str(SCRATCH / "mypy"))


def contracts(step: Step) -> bool:
    return step.run([tool("lint-imports")])


def templates(step: Step) -> bool:
    files = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "src").glob("**/templates/**/*.html"))
    if not files:
        step.say("no templates")
        return True
    formatted = step.run([tool("djade"), "--check", "--target-version", "5.2", *files])
    return all([formatted, *(balanced(step, file) for file in files)])


PAIRED = re.compile(
    r"<(/?)(a|article|aside|button|details|dialog|div|dl|fieldset|figure|footer|form|h[1-6]|header|label|main|nav|ol|p"
    r"|section|select|span|summary|table|tbody|textarea|thead|ul)(?=[\s>])"
)


def balanced(step: Step, file: str) -> bool:
    """Every element that is opened in a template is closed in it. Counted, so that branches may each do their part."""
    text = (ROOT / file).read_text()
    text = re.sub(r"\{#.*?#\}|\{% comment %\}.*?\{% endcomment %\}|<!--.*?-->", "", text, flags=re.DOTALL)
    if "</{" in text:
        return True  # the element's name is itself a variable
    text = re.sub(r"\{%.*?%\}|\{\{.*?\}\}", "", text, flags=re.DOTALL)
    balance: dict[str, int] = {}
    for slash, name in PAIRED.findall(text):
        balance[name] = balance.get(name, 0) + (-1 if slash else 1)
    for name, count in balance.items():
        if count:
            step.say(f"{file}: <{name}> is opened {abs(count)} times too {'often' if count > 0 else 'seldom'}")
    return not any(balance.values())


def mend() -> int:
    """Put right what the tools can put right by themselves."""
    files = [str(path) for path in (ROOT / "src").glob("**/templates/**/*.html")]
    for command in (
        [tool("ruff"), "check", "--fix", "--quiet", ".", "gongzhi"],
        [tool("ruff"), "format", ".", "gongzhi"],
        [tool("djade"), "--target-version", "5.2", *files],
    ):
        subprocess.run(command, cwd=ROOT, check=False)
    return 0


def migrations(step: Step) -> bool:
    environment = {"GONGZHI_HOME": str(SCRATCH / "migrations")}
    command = ["-m", "gongzhi.config.command", "manage", "makemigrations", "--check", "--dry-run"]
    good = step.python(*command, **environment)
    for path in sorted((ROOT / "src").glob("**/migrations/0*.py")):
        if re.search(r"_(auto_\d+|and_more)$|^\d{4}_(alter|remove|rename)_\w+_\w+$", path.stem):
            step.say(f"{path.relative_to(ROOT)}: give it a name that says what it is for")
            good = False
    return good


def deployment(step: Step) -> bool:
    return step.python(
        *["-m", "gongzhi.config.command", "check", "--deploy"],
        GONGZHI_HOME=str(SCRATCH / "deployment"),
        GONGZHI_HTTPS="yes",
        GONGZHI_HOSTS="gongzhi.example",
        GONGZHI_PROXIES="1",
    )


# --- tests ----------------------------------------------------------------------------------------------------------


def pytest(step: Step, marks: str, workers: int, selection: Selection, **environment: str) -> bool:
    report = SCRATCH / f"{step.lane}.xml"
    command = ["-m", "pytest", "-m", marks, f"--junitxml={report}", "--durations=5", "-ra"]
    command += ["-p", "no:cacheprovider"]  # two runs side by side would write the same cache
    if workers > 1:
        command += ["-n", str(workers), "--dist", "loadfile"]
    if selection.words:
        command += ["-k", selection.words]
    code_fine = step.run(
        [sys.executable, *command, *selection.paths], accept=(0, 5) if selection else (0,), **environment
    )
    if report.exists():
        for suite in ElementTree.parse(report).getroot().iter("testsuite"):
            for key in ("tests", "failures", "errors", "skipped"):
                step.counts[key] = step.counts.get(key, 0) + int(suite.get(key, 0))
    return code_fine


@dataclass(frozen=True)
class Selection:
    paths: tuple[str, ...] = ()
    words: str = ""

    def __bool__(self) -> bool:
        return bool(self.paths or self.words)


def as_somebody_else() -> dict[str, Any]:
    """PostgreSQL refuses to run as root; give it the identity of somebody with fewer powers."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            who = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": who.pw_uid, "group": who.pw_gid, "extra_groups": []}
    return {}


def find_postgres() -> Path | None:
    """The folder with the server's programs, which distributions keep off the PATH."""
    places = [Path(program).parent for name in ("initdb", "postgres") if (program := shutil.which(name))]
    if config := shutil.which("pg_config"):
        answer = subprocess.run([config, "--bindir"], capture_output=True, text=True, check=False)
        places.append(Path(answer.stdout.strip()))

    def version(path: Path) -> float:
        return float(path.parent.name) if re.fullmatch(r"[\d.]+", path.parent.name) else 0.0

    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=version, reverse=True)
    places += sorted(Path("/usr").glob("pgsql-*/bin"), reverse=True)
    return next((p for p in places if (p / "initdb").exists() and (p / "postgres").exists()), None)


@dataclass
class Cluster:
    """A PostgreSQL of one's own: made in a scratch folder, reached by a socket in it, gone afterwards."""

    programs: Path
    step: Step
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="gz-pg-")))  # short: a socket's name is
    server: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Cluster:
        atexit.register(self.close)  # also when this thread is no longer there to do it
        identity = as_somebody_else()
        if identity:
            os.chown(self.folder, identity["user"], identity["group"])
        data = self.folder / "data"
        log = (self.folder / "log").open("wb")
        # A collation of people's language, as real installations have it, finds code that relies on byte order.
        chinese = ["--locale-provider=icu", "--icu-locale=zh-Hans", "--locale=C.UTF-8"]
        for locale in (chinese, ["--locale=C.UTF-8"], ["--no-locale"]):
            command = [self.programs / "initdb", "-D", data, "-U", "gongzhi", "-A", "trust", "-E", "UTF8", "--no-sync"]
            made = subprocess.run([*command, *locale], cwd=self.folder, stdout=log, stderr=log, **identity)
            if made.returncode == 0:
                break
            shutil.rmtree(data, ignore_errors=True)
        else:
            raise RuntimeError("initdb failed:\n" + (self.folder / "log").read_text(errors="replace"))
        options = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.folder),
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
            "shared_buffers": "128MB",
            "max_connections": "60",
        }
        command = [self.programs / "postgres", "-D", data]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        self.server = subprocess.Popen(
            command,
            cwd=self.folder,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            preexec_fn=die_with_parent,
            **identity,
        )
        self.wait()
        return self

    @property
    def url(self) -> str:
        return f"postgres://gongzhi@/gongzhi?host={self.folder}"

    def wait(self) -> None:
        import psycopg

        until = time.monotonic() + 60
        while True:
            try:
                with psycopg.connect(f"host={self.folder} user=gongzhi dbname=postgres", autocommit=True) as connection:
                    connection.execute("CREATE DATABASE gongzhi")
                    row = connection.execute("SHOW server_version").fetchone()
                    self.step.say(f"PostgreSQL {row[0] if row else '?'} in {self.folder}")
                return
            except psycopg.OperationalError:
                ended = self.server is None or self.server.poll() is not None
                if ended or time.monotonic() > until:
                    raise RuntimeError("no answer:\n" + (self.folder / "log").read_text(errors="replace")) from None
                time.sleep(0.1)

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self.server is not None and self.server.poll() is None:
            self.server.send_signal(signal.SIGQUIT)  # at once; nothing in it is worth a shutdown
            try:
                self.server.wait(20)
            except subprocess.TimeoutExpired:
                self.server.kill()
                self.server.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


APT = threading.Lock()


def apt_install(step: Step, packages: list[str], allowed: bool) -> None:
    """Install what is missing, where that was asked for and is possible."""
    if not (allowed and os.geteuid() == 0 and shutil.which("apt-get")):
        return
    with APT:
        environment = {"DEBIAN_FRONTEND": "noninteractive"}
        step.say(f"installing {' '.join(packages)}")
        install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages]
        if not step.run(install, **environment):
            step.run(["apt-get", "update", "-q"], **environment)
            step.run(install, **environment)


def find_chromium() -> str | None:
    from gongzhi.config.testing import find_chromium as find

    return find()


def main() -> int:
    parser = argparse.ArgumentParser(prog="./gongzhi test", description=__doc__.splitlines()[0])
    parser.add_argument("command", choices=("test", "check"), help=argparse.SUPPRESS)
    parser.add_argument("paths", nargs="*", help="only tests in these files or folders, and no static steps")
    parser.add_argument("--only", default="", help=f"only these, separated by commas: {', '.join(LANES)}")
    parser.add_argument("-k", dest="words", default="", help="only tests whose names match, as in pytest")
    parser.add_argument("--install", action="store_true", help="let apt-get install PostgreSQL and Chromium (as root)")
    parser.add_argument("--fix", action="store_true", help="run no test; let the tools put right form and layout")
    asked = parser.parse_intermixed_args()
    if asked.fix:
        return mend()
    selection = Selection(tuple(asked.paths), asked.words)
    lanes = [lane for lane in asked.only.split(",") if lane]
    if unknown := set(lanes) - set(LANES):
        parser.error(f"--only knows {', '.join(LANES)}, not {', '.join(sorted(unknown))}")
    if asked.command == "check":
        lanes = lanes or ["static", "sqlite"]
        selection = selection or Selection(("tests",))
    elif not lanes:
        lanes = ["sqlite", "postgres", "browser"] if selection else list(LANES)
    return Suite(lanes, selection, may_install=IN_CI or asked.install).run()


@dataclass
class Suite:
    lanes: list[str]
    selection: Selection
    may_install: bool

    def plan(self) -> list[Step]:
        """The longest first, so that the cores finish together."""
        heavy = [lane for lane in self.lanes if lane != "static"]
        workers = max(1, CORES // min(len(heavy), CORES)) if heavy else 1

        def on_sqlite(step: Step) -> bool:
            return pytest(step, "not browser and not postgres", workers, self.selection)

        def on_postgres(step: Step) -> bool:
            if find_postgres() is None:
                apt_install(step, ["postgresql"], self.may_install)
            programs = find_postgres()
            if programs is None:
                step.not_run = "no server binaries; install them (Debian: apt-get install postgresql)"
                return not IN_CI
            with Cluster(programs, step) as cluster:
                return pytest(step, "not browser", workers, self.selection, DATABASE_URL=cluster.url)

        def in_browser(step: Step) -> bool:
            if find_chromium() is None:
                apt_install(step, ["chromium", "fonts-noto-cjk"], self.may_install)
            program = find_chromium()
            if program is None:
                step.not_run = "no Chromium; install it (Debian: apt-get install chromium fonts-noto-cjk)"
                return not IN_CI
            return pytest(step, "browser", 1, self.selection, CHROMIUM=program)

        steps = [
            Step("tests on PostgreSQL", on_postgres, "postgres"),
            Step("tests on SQLite", on_sqlite, "sqlite"),
            Step("tests in a browser", in_browser, "browser"),
            Step("types (mypy --strict)", types),
            Step("contracts between rooms (import-linter)", contracts),
            Step("migrations complete and named", migrations),
            Step("settings for the open network (check --deploy)", deployment),
            Step("lint (ruff)", ruff),
            Step("format (ruff)", ruff_format),
            Step("templates (djade, closed elements)", templates),
            Step("locks in step with pyproject.toml", locks),
        ]
        return [step for step in steps if step.lane in self.lanes]

    def run(self) -> int:
        steps = self.plan()
        out("Plan:")
        for step in steps:
            out(f"  {step.name}")
        from gongzhi.config.translations import compile_all

        compile_all()
        began = time.monotonic()
        waiting = list(steps)
        turn = threading.Lock()

        def take() -> None:
            while True:
                with turn:
                    if not waiting:
                        return
                    step = waiting.pop(0)
                    out(f"· {step.name} …")
                self.carry_out(step)
                with turn:
                    self.tell(step)

        crew = [threading.Thread(target=take, daemon=True) for _ in range(min(max(CORES, 2), 4))]
        try:
            for one in crew:
                one.start()
            for one in crew:
                one.join()
        except KeyboardInterrupt:
            waiting.clear()
            for process in list(RUNNING):
                process.terminate()
            for one in crew:
                one.join(20)
            raise
        code = self.summary(steps, time.monotonic() - began)
        if self.selection and not any(step.counts.get("tests") for step in steps):
            out("No test matches what was asked for.")
            return 1
        return code

    @staticmethod
    def carry_out(step: Step) -> None:
        began = time.monotonic()
        try:
            step.passed = step.work(step)
        except Exception as error:
            step.say(f"{type(error).__name__}: {error}")
            step.passed = False
        step.seconds = time.monotonic() - began

    @staticmethod
    def tell(step: Step) -> None:
        mark = "NOT RUN" if step.not_run else "ok" if step.passed else "FAILED"
        out(f"{mark}: {step.name} ({step.seconds:.0f} s)")
        if not step.passed:
            out("".join("    " + line for line in step.output))

    @staticmethod
    def summary(steps: list[Step], seconds: float) -> int:
        out("\nSummary")
        passed = failed = skipped = 0
        for step in steps:
            counts = step.counts
            words = ""
            broken = counts.get("failures", 0) + counts.get("errors", 0)
            if counts:
                good = counts["tests"] - broken - counts["skipped"]
                passed, skipped = passed + good, skipped + counts["skipped"]
                words = f"  {good} passed, {broken} failed, {counts['skipped']} skipped"
            failed += broken or int(not step.passed)
            mark = "NOT RUN" if step.not_run else "ok" if step.passed else "FAILED"
            out(f"  {mark:8}{step.seconds:6.0f} s  {step.name}{words}")
        for step in steps:
            if step.not_run:
                name = "PostgreSQL" if step.lane == "postgres" else "Browser"
                out(f"{name}: NOT RUN: {step.not_run}")
        out(f"{seconds:.0f} seconds in all\n")
        out(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
        return 1 if failed else 0


def interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, interrupt)
    try:
        code = main()
    except KeyboardInterrupt:
        out("\nStopped.")
        code = 130
    sys.exit(code)
