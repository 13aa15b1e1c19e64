"""History under load: `python -m tests.perf.history_load [short | SECONDS [SERVERS CHECKS_PER_S [DAYS]]]`.

Records CHECKS_PER_S checks a second of 10,000 servers into a store with 30 days of history. Another process
reads one server's 30 days repeatedly, as a screen does. Prints what a check costs the recorder's thread, how
long commits and reads take, how long maintenance delays a commit, and the growth of the store per check after
compaction. The floor of a check is a plain insert of the same row in the same process. `short` takes two
minutes instead of ten.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random

from tests.perf.stored_history import fill
from tests.store.engine_updates import answered, lost, row
from tests.store.recorder_harness import query_store
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.config.config_toml import DAY
from wgmon_tui.monitor.fleet_state import ServerState
from wgmon_tui.store.history import History
from wgmon_tui.store.maintenance import loop
from wgmon_tui.store.resume import ResumeState
from wgmon_tui.store.store_file import WritableStore
from wgmon_tui.store.store_version import STORE
from wgmon_tui.store.write.batch import make_journal_rows
from wgmon_tui.store.write.commands import Resume
from wgmon_tui.store.write.recorder import COMMIT_EVERY_S, Recorder

_STEP_S = 0.02
_READ_EVERY_S = 0.1


class TimedRecorder(Recorder):
    """Recorder that measures its commits and the CPU time of its thread."""

    def __init__(self, state_dir: Path) -> None:
        super().__init__(state_dir)
        self.commits: list[float] = []
        self.delays: list[tuple[float, float]] = []
        self.log_copies: list[float] = []
        self.cpu_s = 0.0
        self._commit = self._store_writer._commit
        self._store_writer._commit = self._time_commit  # type: ignore[method-assign]

    def _time_commit(self, store: WritableStore, *, synced: bool) -> bool:
        began, rows = time.perf_counter(), len(self._collector.batch.journal)
        has_news = self._commit(store, synced=synced)
        if rows:
            self.commits.append(time.perf_counter() - began)
        return has_news

    def _run_once(self, *, last: bool = False) -> None:
        super()._run_once(last=last)
        self.cpu_s = time.thread_time()


def _time_maintenance(recorder: TimedRecorder) -> None:
    """Note how long each turn of maintenance takes, and the copies of the log in it."""
    run_slice, copy_log = recorder._maintenance.run_slice, loop._copy_log

    def timed_slice(store: WritableStore, *, has_news: bool = False) -> bool:
        began, cpu = time.perf_counter(), time.thread_time()
        is_there = run_slice(store, has_news=has_news)
        recorder.delays.append((time.perf_counter() - began, time.thread_time() - cpu))
        return is_there

    def timed_copy(connection: sqlite3.Connection) -> None:
        began = time.perf_counter()
        copy_log(connection)
        recorder.log_copies.append(time.perf_counter() - began)

    recorder._maintenance.run_slice = timed_slice  # type: ignore[method-assign]
    loop._copy_log = timed_copy


def main() -> None:
    """Run the load named on the command line, or that of BENCHMARKS.md."""
    given = [120.0] if sys.argv[1:] == ["short"] else [float(word) for word in sys.argv[1:5]]
    seconds, servers, rate, days = given + [600.0, 10_000, 1_000, 30][len(given) :]
    with tempfile.TemporaryDirectory() as directory:
        state_dir, began = Path(directory), time.monotonic()
        fill(state_dir, int(servers), days * DAY)
        print(
            f"{servers:.0f} servers with {days:g} days of history, "
            f"{(state_dir / STORE).stat().st_size / 1e6:.0f} MB, filled in {time.monotonic() - began:.0f} s",
            flush=True,
        )
        _measure(state_dir, seconds, int(servers), rate)


def _measure(state_dir: Path, seconds: float, servers: int, rate: float) -> None:
    recorder = TimedRecorder(state_dir)
    _time_maintenance(recorder)
    recorder.start()
    rows = [row(f"server-{number:05}", since=time.time()) for number in range(servers)]
    # As after a start, so that packets are kept as in a running fleet.
    well = ResumeState(Verdict.HEALTHY, None, 0, None, None)
    recorder._collector.apply(Resume({each.server.name: well for each in rows}))
    recorder.watch(rows)
    recorder.flush().result(60)
    spawn = multiprocessing.get_context("spawn")
    parent_end, child_end = spawn.Pipe()
    reader = spawn.Process(target=_read, args=(state_dir, servers, child_end))
    reader.start()
    parent_end.recv()
    first_minute = int(time.time() // 60)
    gc.collect()
    gc.freeze()  # as the program does once its servers are loaded
    recorder.commits.clear()
    recorder.delays.clear()
    recorder.log_copies.clear()
    cpu, wall = recorder.cpu_s, time.monotonic()
    heard = _check(recorder, rows, seconds, rate)
    cpu, wall = recorder.cpu_s - cpu, time.monotonic() - wall
    parent_end.send(None)
    reads = parent_end.recv()
    reader.join()
    commits, delays, log_copies = recorder.commits[:], recorder.delays[:], recorder.log_copies[:]
    while query_store(state_dir, _LEFT) != [(0,)]:
        time.sleep(1.0)
    recorder.stop()
    plain, each = _plain_insert_us(state_dir, rows[0], int(rate * COMMIT_EVERY_S)), cpu / heard * 1e6
    print(f"load {os.getloadavg()[0]:.1f}; {heard / wall:.0f} checks/s for {wall:.0f} s")
    print(f"  the recorder's thread takes {cpu / wall:.1%} of a core")
    print(f"  a check {each:.1f} µs of CPU, its row alone {plain:.1f} µs: {each / plain:.1f} times the floor")
    _print_times("commits of a quarter second", commits)
    _print_times("maintenance between two commits", [wall for wall, _ in delays])
    _print_times("  of which CPU", [cpu for _, cpu in delays])
    _print_times("  of which copies of the log", log_copies)
    _print_times("30-day reads of a server", [wall for wall, _ in reads])
    _print_times("  of which CPU", [cpu for _, cpu in reads])
    packs, minutes = _grown(state_dir, first_minute, "packs"), _grown(state_dir, first_minute, "minutes")
    print(f"  growth {packs / heard:.1f} bytes a check, and {minutes / heard:.1f} of its minute")
    print(f"  trouble: {recorder.trouble or recorder.notice or recorder.failure or 'none'}", flush=True)


def _check(recorder: Recorder, rows: Sequence[ServerState], seconds: float, rate: float) -> int:
    """Emit rounds at a rate per second, as an engine does; return their number."""
    random, heard, began = Random(3), 0, time.monotonic()
    while (now := time.monotonic() - began) < seconds:
        while heard < now * rate:
            each, at = rows[heard % len(rows)], time.time()
            name = each.server.name
            fails = random.random() < 0.005
            outcome = lost(name, at) if fails else answered(name, at, 0.02 * random.lognormvariate(0, 0.15))
            recorder(each, outcome, ())
            heard += 1
        time.sleep(_STEP_S)
    return heard


def _read(state_dir: Path, servers: int, pipe: Connection) -> None:
    """In a child process: run the screens' queries of one server's 30 days until told to end."""
    history, random = History(state_dir / STORE), Random(5)
    took: list[tuple[float, float]] = []
    pipe.send(None)
    while not pipe.poll(_READ_EVERY_S):
        name, now = f"server-{random.randrange(servers):05}", time.time()
        began, cpu = time.perf_counter(), time.thread_time()
        seen = history.window(name, now - 30 * DAY, now)
        history.buckets(name, now - 30 * DAY, now, 3600.0)
        took.append((time.perf_counter() - began, time.thread_time() - cpu))
        assert seen.checks
    history.close()
    pipe.recv()
    pipe.send(took)


def _plain_insert_us(state_dir: Path, each: ServerState, rows_a_commit: int) -> float:
    """The CPU time per row of a plain insert."""
    outcome = answered(each.server.name, time.time())
    (made,) = make_journal_rows(each.server.name, outcome, "up", time.time())
    commits = 200
    with closing(sqlite3.connect(state_dir / "floor.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        columns = (
            "series, at, address, vantage, verdict, state, since, decides, rtt, sent, received, other, port,"
            " epoch, number"
        )
        connection.execute(f"CREATE TABLE checks (id INTEGER PRIMARY KEY, {columns})")
        began = time.thread_time()
        for _ in range(commits):
            connection.execute("BEGIN")
            connection.executemany(
                f"INSERT INTO checks ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                ((number, *made[1:]) for number in range(rows_a_commit)),
            )
            connection.execute("COMMIT")
        return (time.thread_time() - began) / commits / rows_a_commit * 1e6


def _grown(state_dir: Path, first_minute: int, table: str) -> int:
    """The bytes on disk of the rows added since then, alone."""
    alone = state_dir / f"{table}.db"
    with closing(sqlite3.connect(state_dir / STORE, isolation_level=None)) as connection:
        connection.execute("ATTACH ? AS alone", (str(alone),))
        (made,) = connection.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (table,)).fetchone()
        connection.execute(made.replace(f"TABLE {table}", f"TABLE alone.{table}", 1))
        connection.execute(
            f"INSERT INTO alone.{table} SELECT * FROM main.{table} WHERE minute >= ? ORDER BY minute, series",
            (first_minute,),
        )
    return alone.stat().st_size


def _print_times(what: str, times: Sequence[float]) -> None:
    ordered = sorted(times)
    shown = ", ".join(
        f"p{share * 100:g} {ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000:.1f} ms"
        for share in (0.5, 0.99)
    )
    print(f"  {len(ordered)} {what}: {shown}, longest {ordered[-1] * 1000:.1f} ms")


_LEFT = """SELECT count(*) FROM checks LEFT JOIN current USING (series)
    WHERE checks.id > ifnull(current.as_of, 0)"""


if __name__ == "__main__":
    main()
