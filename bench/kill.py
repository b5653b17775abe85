"""Kill -9 at random moments while 2,000 reports come in: nothing acknowledged is lost, nothing happens twice.

    python -m bench.kill [--sqlite] [--reports 2000] [--clients 12] [--seed 1]

Starts ``gongzhi serve`` on a database of its own (PostgreSQL, or SQLite), sends reports from several clients at once
through the public form, and meanwhile kills serving processes, the web server, the worker and now and then the
watcher itself. A client that gets no answer sends the same report again under the same key, as the page does. When
everything is quiet the database is examined; the exit code is 1 when any promise was broken.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import io
import os
import random
import signal
import subprocess
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.house import Browser, Cluster, House, scratch, tree

SENDING = 170.0  # seconds for all reports; whoever has none of them acknowledged by then has been let down
QUIET = 90.0  # seconds for what was left over
DUPLICATES = 0.1  # share of reports that are sent once more after their acknowledgement
PHOTOS = 0.03


@dataclass
class Drill:
    house: House
    reports: int
    clients: int
    dice: random.Random
    acknowledged: dict[str, str] = field(default_factory=dict)  # key -> follow token
    sent: set[str] = field(default_factory=set)
    kills: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    retries: int = 0
    photos: set[str] = field(default_factory=set)
    watcher: subprocess.Popen[bytes] | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)
    calm: threading.Event = field(default_factory=threading.Event)

    # --- the house, and whoever kills in it -----------------------------------------------------------------------

    def serve(self) -> None:
        command = ["-m", "gongzhi.config.command", "serve", "--port", str(self.house.port)]
        self.watcher = self.house.start(*command)

    def victims(self) -> dict[str, list[int]]:
        """The processes of the house by what they are."""
        assert self.watcher is not None
        found: dict[str, list[int]] = {}
        for pid in tree(self.watcher.pid):
            if pid == self.watcher.pid:
                found.setdefault("watcher", []).append(pid)
                continue
            with contextlib.suppress(OSError):
                words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
                if "command worker" in words:
                    found.setdefault("worker", []).append(pid)
                elif "gongzhi.config.server" in words and parent == self.watcher.pid:
                    found.setdefault("web server", []).append(pid)
                elif "resource_tracker" not in words:
                    found.setdefault("serving process", []).append(pid)
        return found

    def kill_now_and_then(self) -> None:
        shares = {"serving process": 0.45, "worker": 0.3, "web server": 0.15, "watcher": 0.1}
        while not self.calm.wait(self.dice.uniform(1.0, 4.0)):
            assert self.watcher is not None
            if self.watcher.poll() is not None:
                self.serve()  # as an operator's service manager would; the port may not have been free at first
                continue
            found = self.victims()
            kind = self.dice.choices(list(shares), list(shares.values()))[0]
            if not found.get(kind):
                continue
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.dice.choice(found[kind]), signal.SIGKILL)
                self.kills[kind] += 1
            if kind == "watcher":
                self.watcher.wait()
                self.serve()
        if self.watcher is not None and self.watcher.poll() is not None:
            self.serve()

    # --- whoever reports ------------------------------------------------------------------------------------------

    def send_all(self) -> None:
        keys = iter([uuid.UUID(int=self.dice.getrandbits(128), version=4).hex for _ in range(self.reports)])
        until = time.monotonic() + SENDING
        crew = [
            threading.Thread(target=self.client, args=(keys, until, random.Random(self.dice.random())))
            for _ in range(self.clients)
        ]
        for one in crew:
            one.start()
        for one in crew:
            one.join()

    def client(self, keys: Iterator[str], until: float, dice: random.Random) -> None:
        browser = Browser(self.house.port, timeout=20.0)
        while not self.wrong:
            with self.lock:
                key = next(keys, None)
                if key is None:
                    return
                self.sent.add(key)
                photo = dice.random() < PHOTOS
                if photo:
                    self.photos.add(key)
            fields = report(key, dice)
            token = self.send(browser, fields, photo, until, dice)
            if token is None:
                return
            with self.lock:
                self.acknowledged[key] = token
            if dice.random() < DUPLICATES:
                again = self.send(browser, fields, photo, until, dice)
                if again is not None and again != token:
                    self.wrong.append(f"{key}: sent twice, answered with two different reports")

    def send(
        self, browser: Browser, fields: dict[str, str], photo: bool, until: float, dice: random.Random
    ) -> str | None:
        """Send until it is acknowledged; the follow token."""
        browser.come_from_elsewhere()
        files = {"photos": picture()} if photo else None
        while time.monotonic() < until:
            try:
                if "csrftoken" not in browser.cookies:
                    browser.get("/report/")
                answer = browser.post("/report/", fields, files)
            except (OSError, http.client.HTTPException):
                pass
            else:
                if answer.status in (302, 303):
                    return answer.headers["location"].rstrip("/").rpartition("/")[2]
                if answer.status < 500:
                    self.wrong.append(f"refused with {answer.status}: {answer.body[:200]!r}")
                    return None
            with self.lock:
                self.retries += 1
            time.sleep(dice.uniform(0.1, 0.6))
        self.wrong.append("a report was not acknowledged in time")
        return None

    # --- afterwards -----------------------------------------------------------------------------------------------

    def wait_until_quiet(self) -> float:
        from django.db import connection

        from gongzhi.loop.models import Job

        began = time.monotonic()
        while Job.objects.filter(due__isnull=False).exclude(task__startswith="schedule:").exists():
            if time.monotonic() - began > QUIET:
                self.wrong.append("work was still left over when the waiting ended")
                break
            if self.watcher is not None and self.watcher.poll() is not None:
                self.serve()  # the port of a killed house is not free at once
            time.sleep(0.25)
        connection.close()
        return time.monotonic() - began

    def examine(self) -> None:
        """Every promise, one by one."""
        from django.db.models import Count
        from django.utils import timezone

        from gongzhi.ground.ledger.jobs import seal_entries
        from gongzhi.ground.ledger.models import Entry
        from gongzhi.ground.ledger.verify import verify
        from gongzhi.loop.models import Delivery, Job
        from gongzhi.sense.channels.follow import token_of
        from gongzhi.sense.channels.models import Message, Photo
        from gongzhi.understand.cases.models import Case, Voice

        broken = self.wrong
        messages = {message.idempotency_key: message for message in Message.objects.all()}
        for key, token in self.acknowledged.items():
            if key not in messages:
                broken.append(f"acknowledged and lost: {key}")
            elif token_of(messages[key]) != token:
                broken.append(f"the acknowledgement of {key} leads to another report")
        broken += [f"a report that nobody sent: {key}" for key in messages if key not in self.sent]
        voices = Case.objects.annotate(times=Count("voices")).exclude(times=1).values_list("number", "times")
        broken += [f"case {number} has {times} voices" for number, times in voices]
        voiced = set(Voice.objects.values_list("message_id", flat=True))
        broken += [f"{message} has no case" for message in messages.values() if message.pk not in voiced]
        if Case.objects.count() != len(messages):
            broken.append(f"{len(messages)} reports became {Case.objects.count()} cases")
        for event, noun in (("channels.MessageReceived", "channels.Message"), ("cases.CaseOpened", "cases.Case")):
            told = Entry.objects.filter(event=event, noun=noun).values("object_id").annotate(times=Count("pk"))
            often = [row["object_id"] for row in told if row["times"] != 1]
            broken += [f"{event} was recorded more than once of {noun} {pk}" for pk in often]
            if len(told) != len(messages):
                broken.append(f"{event} was recorded of {len(told)} rows, not of {len(messages)}")
        received = set(Entry.objects.filter(event="channels.MessageReceived").values_list("pk", flat=True))
        for wire, wanted in (("cases.open_from_message", received), ("channels.prepare_photos", set())):
            delivered = Counter(Delivery.objects.filter(wire=wire).values_list("entry_id", flat=True))
            broken += [f"{wire} reacted {times} times to entry {pk}" for pk, times in delivered.items() if times != 1]
            if wanted and set(delivered) != wanted:
                broken.append(f"{wire}: {len(wanted - set(delivered))} entries were not delivered")
        with_photos = Photo.objects.select_related("message")
        ready = {photo.message.idempotency_key for photo in with_photos if photo.state == Photo.State.READY}
        due = {key for key in self.acknowledged if key in self.photos}
        broken += [f"the photo of {key} was not made ready" for key in due - ready]
        broken += [
            f"a clean copy of a photo is missing: {photo}"
            for photo in with_photos
            if photo.state == Photo.State.READY and not photo.large.storage.exists(photo.large.name or "")
        ]
        broken += [f"job failed: {job} {job.error}" for job in Job.objects.filter(state=Job.State.FAILED)]
        seal_entries(now=timezone.now())
        broken += [f"gongzhi ledger verify: {finding}" for finding in verify(now=timezone.now())]
        self.rows = {
            "reports sent": len(self.sent),
            "acknowledged": len(self.acknowledged),
            "reports kept": len(messages),
            "cases": Case.objects.count(),
            "photos made ready": len(ready),
            "entries in the record": Entry.objects.count(),
        }
        at: dict[str, dict[int, Any]] = {}
        for event, data, moment in Entry.objects.filter(
            event__in=("channels.MessageReceived", "cases.CaseOpened")
        ).values_list("event", "data", "at"):
            at.setdefault(event, {})[data["message_id"]] = moment
        waits = sorted(
            (opened - at["channels.MessageReceived"][pk]).total_seconds()
            for pk, opened in at["cases.CaseOpened"].items()
        )
        self.waits = (waits[len(waits) // 2], waits[-1])


def report(key: str, dice: random.Random) -> dict[str, str]:
    return {
        "text": f"路灯不亮，晚上看不清路，请派人来修。{key[:6]}",
        "category": "",
        "place": "",
        "lon": f"{116.326 + dice.random() / 200:.6f}",
        "lat": f"{40.002 + dice.random() / 200:.6f}",
        "address": "8号楼门口",
        "name": "王小明",
        "phone": "10033331234",
        "answer_by": "link",
        "key": key,
    }


def picture() -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.effect_noise((320, 240), 60).convert("RGB").save(file, "JPEG")
    return file.getvalue()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--sqlite", action="store_true", help="on the embedded database")
    options.add_argument("--reports", type=int, default=2000)
    options.add_argument("--clients", type=int, default=12)
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    with contextlib.ExitStack() as stack:
        home = stack.enter_context(scratch())
        url = f"sqlite:///{home / 'kill.sqlite3'}" if chosen.sqlite else stack.enter_context(Cluster()).url
        code = drill(House(home, url, {"GONGZHI_PROXIES": "1"}), chosen)
    raise SystemExit(code)


def drill(house: House, chosen: argparse.Namespace) -> int:
    os.environ.update(DATABASE_URL=house.url, GONGZHI_HOME=str(house.home), GONGZHI_PROXIES="1")
    from bench import load

    load.start_django()
    from django.db import connections, transaction
    from django.utils import timezone

    from gongzhi.config import preparation

    preparation.prepare()
    with transaction.atomic():
        load.found_town(chosen.seed, timezone.now())
    connections.close_all()
    one = Drill(house, chosen.reports, chosen.clients, random.Random(chosen.seed))
    began = time.monotonic()
    try:
        one.serve()
        assert one.watcher is not None
        house.wait(one.watcher)
        killer = threading.Thread(target=one.kill_now_and_then)
        killer.start()
        one.send_all()
        sending = time.monotonic() - began
        one.calm.set()
        killer.join()
        left = one.wait_until_quiet()
    finally:
        one.calm.set()
        house.stop_all()
    one.examine()
    where = "SQLite" if chosen.sqlite else "PostgreSQL"
    print(f"{where}, {chosen.clients} clients, seed {chosen.seed}")
    for name, count in one.rows.items():
        print(f"  {count:>7,} {name}")
    print(f"  {one.retries:>7,} times sent again because no answer came")
    print(
        f"  {sum(one.kills.values()):>7,} processes killed: "
        + ", ".join(f"{n} {kind}" for kind, n in one.kills.items())
    )
    print(f"  {sending:7.1f} s until the last acknowledgement, {left:.1f} s more until quiet")
    print(f"  {one.waits[0]:7.2f} s from report to case (median), {one.waits[1]:.1f} s at the longest")
    for what in one.wrong[:40]:
        print(f"  BROKEN: {what}")
    if one.wrong:
        print("the end of the log:\n" + (house.home / "log").read_text(errors="replace")[-6000:])
    print("  every promise kept" if not one.wrong else f"  {len(one.wrong)} promises broken")
    return 1 if one.wrong else 0


if __name__ == "__main__":
    main()
