"""Repeated kill -9 of a writer: `python -m tests.store.kill_loop [TIMES [SEED]]`.

A child records rounds as fast as it can. Its clock advances ten seconds per step, so that it compacts all the
time. On a pipe it reports what is on the disk. It is killed at a random moment. Then the store must open, be
intact, hold everything that was reported, and hold nothing twice. Its numbers and timestamps must continue
from the last ones. The next child continues in the same store.
"""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from random import Random

from tests.store.engine_updates import START, Clock, answered, incident, lost, row
from wgmon_tui.config.config_toml import DAY, Retention
from wgmon_tui.config.keys import PublicKey
from wgmon_tui.monitor.incidents import EventKind, IncidentEvent
from wgmon_tui.store.formats import record_codec
from wgmon_tui.store.formats.minute_block import unpack
from wgmon_tui.store.store_file import mirrored_stamps, open_store
from wgmon_tui.store.timestamp_ledger import TimestampLedger
from wgmon_tui.store.write.recorder import Recorder

SERVERS = ("ams1", "fra1", "lon1")
IDENTITY = PublicKey(bytes(range(32)))
LIVES_A_STORE = 25
_EVERYTHING = Retention(raw=9999 * DAY, minutes=9999 * DAY, hours=9999 * DAY, days=9999 * DAY)


@dataclass(frozen=True, slots=True)
class Said:
    """What a child reported as being on the disk: the last step, and a timestamp that it used."""

    step: int
    stamp: bytes


def main() -> int:
    """Kill this many times; the exit code is 0 if the store survived."""
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else int(time.time())
    random, steps, began = Random(seed), 0, time.monotonic()
    print(f"{times} kills, seed {seed}", flush=True)
    record_codec.to_bytes(answered(SERVERS[0], START))  # builds its codecs once, for all children
    for start in range(0, times, LIVES_A_STORE):
        with tempfile.TemporaryDirectory(prefix="wgmon-kill-", dir=_quick_disk()) as directory:
            steps += _lives(Path(directory), min(LIVES_A_STORE, times - start), random)
    print(f"survived {times} kills while it wrote {steps} steps, in {time.monotonic() - began:.0f} s")
    return 0


def _quick_disk() -> str | None:
    """Return a directory in memory, if any: a kill leaves the same files, and syncing costs nothing."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def _lives(state_dir: Path, lives: int, random: Random) -> int:
    """Run several children; return how many steps they wrote. Raises AssertionError."""
    step, last_id, last_stamp = 0, 0, bytes(12)
    for _ in range(lives):
        said = _live(state_dir, step, random.random() * 0.03)
        if said:
            assert said.stamp > last_stamp, "a timestamp went back"
            last_stamp = said.stamp
        step, last_id = _examine(state_dir, said.step if said else step - 1, last_id)
        if random.random() < 0.1:
            # The timestamp file is lost as well. The store's copy is behind the clock here, so that is
            # harmless.
            shutil.rmtree(state_dir / "stamps")
    return step


def _live(state_dir: Path, first: int, seconds: float) -> Said | None:
    """Let a child write from a step on, and kill it `seconds` after its first report."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            _write(state_dir, first, writing)
        finally:
            os._exit(1)
    os.close(writing)
    with open(reading, "rb") as pipe:  # noqa: PTH123 - a descriptor
        lines = [pipe.readline()]
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        assert status == signal.SIGKILL, f"the child ended by itself: {status}"
        lines += pipe.readlines()
    whole = [line.split() for line in lines if line.endswith(b"\n")]
    return Said(int(whole[-1][0]), bytes.fromhex(whole[-1][1].decode())) if whole else None


def _write(state_dir: Path, first: int, pipe: int) -> None:
    """Write until killed."""
    clock = Clock()
    with TimestampLedger(state_dir, mirrored_stamps(state_dir)) as ledger:
        recorder = Recorder(state_dir, _EVERYTHING, ledger=ledger, clock=clock)
        recorder.start()
        rows = [row(name) for name in SERVERS]
        recorder.watch(rows)
        for step in count(first):
            clock.now = at_step(step)
            for each in rows:
                name = each.server.name
                outcome = lost(name, clock.now) if step % 7 == 3 else answered(name, clock.now)
                recorder(each, outcome, ())
            stamp = ledger.next(IDENTITY)
            if step % 5 == 0:
                what = incident(SERVERS[0], step, clock.now)
                recorder(
                    rows[0], None, (IncidentEvent(EventKind.OPENED, clock.now, what, note=f"note {step}"),)
                )
            recorder.flush().result()
            os.write(pipe, f"{step} {stamp.hex()}\n".encode())


def at_step(step: int) -> float:
    return START + 10.0 * step


def _examine(state_dir: Path, said: int, last_id: int) -> tuple[int, int]:
    """Return the step to continue with, and the last number of the journal. Raises AssertionError."""
    found = open_store(state_dir)
    assert found.notice is None, found.notice
    with closing(found.connection) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        for server, name in connection.execute("SELECT id, name FROM servers").fetchall():
            _examine_server(connection, server, name, said)
        incidents = {number for (number,) in connection.execute("SELECT id FROM incidents")}
        notes = {text for (text,) in connection.execute("SELECT text FROM notes")}
        for step in range(0, said + 1, 5):
            assert f"{step:016x}" in incidents, f"the incident of step {step} was lost"
            assert f"note {step}" in notes, f"the note of step {step} was lost"
        (latest,) = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'checks'").fetchone()
        assert latest >= last_id, "the journal's numbers went back"
        (until,) = connection.execute("SELECT max(at) FROM checks").fetchone()
        if until is None:
            until = at_step(said)
        return round((until - START) / 10.0) + 1, latest


def _examine_server(connection: sqlite3.Connection, server: int, name: str, said: int) -> None:
    times: Counter[int] = Counter()
    packed: Counter[int] = Counter()
    for minute, checks in connection.execute("SELECT minute, checks FROM packs WHERE series = ?", (server,)):
        for moment in unpack(minute, checks):
            if moment.check:
                times[round(moment.at)] += 1
                packed[minute] += 1
    for (at,) in connection.execute(
        "SELECT at FROM checks WHERE series = :server AND verdict IS NOT NULL"
        " AND id > ifnull((SELECT as_of FROM current WHERE series = :server), 0)",
        {"server": server},
    ):
        times[round(at)] += 1
    twice = [at for at, number in times.items() if number > 1]
    assert not twice, f"{name}: checks counted twice: {twice[:5]}"
    gone = [step for step in range(said + 1) if round(at_step(step)) not in times]
    assert not gone, f"{name}: steps that were on the disk are lost: {gone[:5]}"
    minutes = dict(connection.execute("SELECT minute, checks FROM minutes WHERE series = ?", (server,)))
    assert {minute: number for minute, number in minutes.items() if number} == dict(packed), name
    for table in ("hours", "days"):
        (rolled,) = connection.execute(
            f"SELECT ifnull(sum(checks), 0) FROM {table} WHERE series = ?", (server,)
        ).fetchone()
        assert rolled == packed.total(), f"{name}: {table} of {rolled} checks, packs of {packed.total()}"


if __name__ == "__main__":
    sys.exit(main())
