"""Kills of the service: `python -m tests.harm.kills [COUNT [SEED [WORKERS]]]`.

Starts `wgmon-tui run` against servers on loopback, some of which fail and recover, and kills it with
SIGKILL at a random moment of its life, COUNT times. With WORKERS above 1, their processes are killed too, and
none may outlive the service. Meanwhile a client adds notes over the control socket. At
the end a run may finish. Then every acknowledged note must be in the history, every incident must have been
announced, every announcement must have reached the sink, and no server may have seen a timestamp twice.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from contextlib import AsyncExitStack, closing, suppress
from dataclasses import dataclass, field, replace
from itertools import count, pairwise
from pathlib import Path
from random import Random

from tests.alerts.http_receiver import Receiver
from tests.daemon.harness import CLIENT, quick_server, write_config
from tests.workers.harness import is_running
from wgmon_tui.config.keys import PrivateKey
from wgmon_tui.control.client import AccessDeniedError, ControlConnection, NoWriterError
from wgmon_tui.control.protocol import Operation
from wgmon_tui.control.server import RequestRefusedError
from wgmon_tui.lab import peer as lab_peer
from wgmon_tui.lab.models import LabMode, LabPeer, LabSetup
from wgmon_tui.lab.server import LabServer
from wgmon_tui.store.store_version import STORE

_KILLED_EARLY = 0.3
"""Share of the lives that end while the program starts."""

_SERVERS = 20
_LONGEST_LIFE_S = 3.0
_PATIENCE_S = 120.0
_EXAMINE_EVERY = 25

_SINK = """
[[sink]]
name = "receiver"
type = "webhook"
url_file = "receiver.url"
"""


@dataclass
class Kills:
    """A state directory, what was acknowledged there, and what servers and the sink have seen."""

    place: Path
    receiver: Receiver
    random: Random
    acknowledged: list[str] = field(default_factory=list)
    stamps: dict[int, list[bytes]] = field(default_factory=dict)
    """The timestamps that each server has received, by the id of its peer."""
    numbers: count[int] = field(default_factory=count)
    workers: int = 1
    killed_workers: int = 0

    @property
    def state(self) -> Path:
        return self.place / "state"

    def start(self) -> subprocess.Popen[bytes]:
        places = ("--config", str(self.place / "config"), "--state", str(self.state))
        words = (*places, "run", "--workers", str(self.workers))
        with (self.place / "log").open("ab") as log:
            return subprocess.Popen([sys.executable, "-m", "wgmon_tui", *words], stderr=log, stdout=log)

    async def live(self) -> None:
        """Let it run for a random time, with a client that adds notes, and kill it."""
        process = self.start()
        killing = asyncio.create_task(self._kill_workers(process.pid))
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(None) as limit:
                    if self.random.random() < _KILLED_EARLY:
                        limit.reschedule(asyncio.get_running_loop().time() + self.random.uniform(0.0, 1.5))
                    await self._add_notes(limit)
            assert process.poll() is None, f"it ended by itself: {self.last_lines()}"
        finally:
            killing.cancel()
            workers = children_of(process.pid)
            process.kill()
            process.wait()
        end = time.monotonic() + _PATIENCE_S
        while left := [pid for pid in workers if is_running(pid)]:
            assert time.monotonic() < end, f"workers outlive the service: {left}"
            await asyncio.sleep(0.02)

    async def _kill_workers(self, pid: int) -> None:
        """Kill one worker after the other, at random moments."""
        while True:
            await asyncio.sleep(self.random.uniform(0.2, _LONGEST_LIFE_S))
            if workers := children_of(pid):
                with suppress(ProcessLookupError):
                    os.kill(self.random.choice(workers), signal.SIGKILL)
                    self.killed_workers += 1

    async def _add_notes(self, limit: asyncio.Timeout) -> None:
        """Add notes; unless it is to die early, it lives for a random time after it answers first."""
        while True:
            try:
                connection = await ControlConnection.connect(self.state)
            except (NoWriterError, AccessDeniedError):
                await asyncio.sleep(0.02)
                continue
            if limit.when() is None:
                lifetime_s = self.random.uniform(0.0, _LONGEST_LIFE_S)
                limit.reschedule(asyncio.get_running_loop().time() + lifetime_s)
            try:
                while True:
                    await self._add_note(connection)
            except (NoWriterError, RequestRefusedError):
                await asyncio.sleep(0.02)
            finally:
                await connection.close()

    async def _add_note(self, connection: ControlConnection) -> None:
        incidents = self.query("SELECT id FROM incidents ORDER BY random() LIMIT 1")  # each has room for 200
        if not incidents:
            await asyncio.sleep(0.05)
            return
        text = f"note {next(self.numbers)}"
        answer = await connection.ask(Operation.NOTE, incident=str(incidents[0][0]), text=text)
        if "warning" not in answer:
            self.acknowledged.append(text)
        await asyncio.sleep(0.05)

    async def finish(self) -> None:
        """Run until every announcement is sent."""
        process, end = self.start(), time.monotonic() + _PATIENCE_S
        await self._wait_until_it_answers()
        while self.query(_LEFT) != [(0,)]:
            assert time.monotonic() < end, f"not everything was sent: {self.last_lines()}"
            await asyncio.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        code = await asyncio.to_thread(process.wait)
        assert code == 0, f"it ended with {code}: {self.last_lines()}"

    async def _wait_until_it_answers(self) -> None:
        while True:
            with suppress(NoWriterError, AccessDeniedError):
                await (await ControlConnection.connect(self.state)).close()
                return
            await asyncio.sleep(0.02)

    def query(self, query: str) -> list[tuple[object, ...]]:
        """Query the store; nothing while it cannot be read."""
        with (
            suppress(sqlite3.Error),
            closing(sqlite3.connect(f"file:{self.state / STORE}?mode=ro", uri=True, timeout=5)) as store,
        ):
            return store.execute(query).fetchall()
        return []

    def last_lines(self) -> str:
        return "\n".join((self.place / "log").read_text().splitlines()[-10:])

    def examine(self) -> None:
        """Check everything that holds at any time. Raises AssertionError."""
        assert not list(self.state.glob("*.damaged-*")), "something was set aside"
        checked = self.query("PRAGMA integrity_check(1)")
        assert checked in ([], [("ok",)]), checked
        notes = {text for (text,) in self.query("SELECT text FROM notes")}
        lost = [text for text in self.acknowledged if text not in notes]
        assert not lost, f"acknowledged notes are lost: {lost[:5]}"
        for seen in self.stamps.values():
            assert all(before < after for before, after in pairwise(seen)), "a timestamp was repeated"

    def examine_alerts(self) -> int:
        """Check that every incident was announced and every announcement sent; return how many were sent."""
        announced = {
            incident
            for (incidents,) in self.query("SELECT incidents FROM deliveries")
            for incident in str(incidents).split()
        }
        incidents = {incident for (incident,) in self.query("SELECT id FROM incidents")}
        assert incidents <= announced, f"incidents without an alert: {incidents - announced}"
        sent = {dedup for (dedup,) in self.query("SELECT dedup FROM deliveries WHERE state = 'sent'")}
        received = {heard.headers["webhook-id"] for heard in self.receiver.heard}
        assert sent <= received, f"alerts marked as sent that nobody received: {sent - received}"
        assert self.query("SELECT count(*) FROM deliveries WHERE state != 'sent'") == [(0,)]
        return len(sent)


_LEFT = """SELECT (SELECT count(*) FROM deliveries WHERE state = 'pending')
    + (SELECT count(*) FROM outbox
       WHERE id > ifnull((SELECT value FROM facts WHERE name = 'alerts_read'), 0))"""


def children_of(pid: int) -> list[int]:
    """The child processes of a process, started by any of its threads. It may have ended."""
    found: list[int] = []
    with suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with suppress(OSError):
                found += map(int, (thread / "children").read_text().split())
    return found


async def kill(place: Path, times: int, random: Random, workers: int) -> Kills:
    """Kill it so many times and let it finish. Raises AssertionError."""
    with Receiver() as receiver:
        kills = Kills(place, receiver, random, workers=workers)
        _record_stamps(kills)
        async with AsyncExitStack() as stack:
            setups = [LabSetup(PrivateKey.generate(), (LabPeer(CLIENT.public),)) for _ in range(_SERVERS)]
            labs = [await stack.enter_async_context(LabServer(setup)) for setup in setups]
            _configure(place, labs, receiver.url)
            for number in range(1, times + 1):
                for lab in random.sample(labs, 2):
                    lab.set_mode(LabMode.HEALTHY if lab.mode is LabMode.CLOSED else LabMode.CLOSED)
                await kills.live()
                if number % _EXAMINE_EVERY == 0:
                    kills.examine()
                    print(f"  {number} kills, {len(kills.acknowledged)} notes", flush=True)
            await kills.finish()
    kills.examine()
    return kills


def _configure(place: Path, labs: Iterable[LabServer], url: str) -> None:
    servers = [
        replace(quick_server(f"fra{number}", lab.endpoint, key=lab.public_key), interval=2.0)
        for number, lab in enumerate(labs)
    ]
    write_config(place / "config", *servers)
    secret = place / "config" / "receiver.url"
    secret.touch(0o600)
    secret.write_text(url)
    (place / "config" / "config.toml").write_text(_SINK)


def _record_stamps(kills: Kills) -> None:
    accept = lab_peer.PeerState.accept_initiation

    def record(state: lab_peer.PeerState, timestamp: bytes, now_s: float) -> bool:
        kills.stamps.setdefault(id(state), []).append(timestamp)
        return accept(state, timestamp, now_s)

    lab_peer.PeerState.accept_initiation = record  # type: ignore[method-assign,assignment]


def main() -> int:
    """Kill this many times; the exit code is 1 if a promise does not hold."""
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else int(time.time())
    workers = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    print(f"{times} kills, seed {seed}", flush=True)
    began = time.monotonic()
    disk = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="wgmon-kills-", dir=disk) as directory:
        try:
            kills = asyncio.run(kill(Path(directory), times, Random(seed), workers))
            sent = kills.examine_alerts()
        except AssertionError as broken:
            print(f"a promise is broken: {broken}")
            return 1
        (incidents,), (checks,) = kills.query("SELECT count(*) FROM incidents"), kills.query(_CHECKS)
    stamps = sum(map(len, kills.stamps.values()))
    print(f"{times} kills in {time.monotonic() - began:.0f} s")
    if workers > 1:
        print(f"  {kills.killed_workers} of its {workers} workers killed besides, 0 outlived it")
    print(f"  {len(kills.acknowledged)} notes acknowledged, 0 lost")
    print(f"  {incidents[0]} incidents, {sent} alerts sent, 0 lost")
    print(f"  {stamps} timestamps received by servers, 0 repeated")
    print(f"  {checks[0]} checks in the history")
    return 0


_CHECKS = """SELECT (SELECT ifnull(sum(checks), 0) FROM minutes) + (SELECT count(*) FROM checks
    LEFT JOIN current USING (series) WHERE checks.id > ifnull(as_of, 0))"""

if __name__ == "__main__":
    sys.exit(main())
