"""Size of a store: `python -m tests.perf.stored_history [fill DIRECTORY SERVERS DAYS]`.

Fills stores as months of checks every ten seconds would, with the default retention, and prints their sizes.
10 and 1,000 servers are measured. The size for 10,000 is extrapolated: ten times the growth from 10 to 1,000,
because filling such a store would take minutes and show nothing new. `fill` creates one store for other
benchmarks.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from random import Random

from tests.store.engine_updates import answered, incident, row, server
from wgmon_tui.config.config_toml import DAY, Retention
from wgmon_tui.store.formats.minute_block import pack, pack_samples
from wgmon_tui.store.formats.server_entry import server_to_entry
from wgmon_tui.store.maintenance.rollups import COLUMNS, Rollup, max_gap_s
from wgmon_tui.store.models import PeriodState, StoredCheck, TimelinePoint
from wgmon_tui.store.store_file import open_store
from wgmon_tui.store.store_version import STORE
from wgmon_tui.store.write.batch import Batch, StoredDamping, StoredServer, make_exchange_row
from wgmon_tui.store.write.packet_sampling import PacketSample

INTERVAL_S = 10.0
_VARIANTS = 97
"""The number of different minutes and hours; no server has the same one twice in a row."""


def main() -> None:
    """Print the sizes, or fill one store."""
    if sys.argv[1:2] == ["fill"]:
        fill(Path(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]) * DAY)
        return
    sizes = {}
    for servers in (10, 1_000):
        with tempfile.TemporaryDirectory() as directory:
            began = time.monotonic()
            fill(Path(directory), servers, Retention().days)
            sizes[servers] = (Path(directory) / STORE).stat().st_size
            print(
                f"{servers:6,} servers, 400 days: {sizes[servers] / 1e6:7.0f} MB"
                f" (filled in {time.monotonic() - began:.0f} s)",
                flush=True,
            )
            if servers == 1_000:
                _print_tables(Path(directory))
    rate = (sizes[1_000] - sizes[10]) / 990
    most = sizes[10] + rate * 9_990
    print(f"10,000 servers, 400 days: {most / 1e6:7,.0f} MB, at {rate / 1e3:.0f} kB a server")


def fill(state_dir: Path, servers: int, span: float, now: float | None = None) -> None:
    """Fill a store with the last `span` seconds of the servers, as the default retention keeps them."""
    now, kept, random = now or time.time(), Retention(), Random(7)
    with closing(open_store(state_dir).connection) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        _fill_fleet(connection, servers, now, random)
        minutes = [_moments(0.0, 60.0, random) for _ in range(_VARIANTS)]
        _remember(connection, "minute", [_tally(moments, 60.0) for moments in minutes])
        for column, length in (("hour", 3600.0), ("day", DAY)):
            variants = [_tally(_moments(0.0, length, random), length) for _ in range(_VARIANTS)]
            _remember(connection, column, variants)
        connection.execute("CREATE TEMP TABLE packed (number INTEGER PRIMARY KEY, checks BLOB)")
        connection.executemany(
            "INSERT INTO packed VALUES (?, ?)", enumerate(pack(0, moments) for moments in minutes)
        )
        this_day, this_hour, this_minute = int(now // DAY), int(now // 3600), int(now // 60)
        for day in range(int((now - min(span, kept.days)) // DAY), this_day):
            _add(connection, "days", "day", day)
        for hour in range(int((now - min(span, kept.hours)) // 3600), this_hour):
            _add(connection, "hours", "hour", hour)
        for minute in range(int((now - min(span, kept.minutes)) // 60), this_minute):
            _add(connection, "minutes", "minute", minute)
        for minute in range(int((now - min(span, kept.raw)) // 60), this_minute):
            connection.execute(
                "INSERT INTO packs SELECT :number, id, checks FROM servers JOIN packed"
                f" ON number = (id + :number) % {_VARIANTS} ORDER BY id",
                {"number": minute},
            )
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    # Pending disk writes would disturb the next measurement.
    with (state_dir / STORE).open("rb") as file:
        os.fsync(file.fileno())


def _fill_fleet(connection: sqlite3.Connection, servers: int, now: float, random: Random) -> None:
    """The servers, their current state, one good exchange each, and a few incidents."""
    names = [f"server-{number:05}" for number in range(servers)]
    batch = Batch()
    batch.fleet = {
        name: StoredServer(server_to_entry(server(name)), max_gap_s(INTERVAL_S, 5.0)) for name in names
    }
    for number, name in enumerate(names):
        batch.dampings[name] = StoredDamping(row(name).damping, "up", now)
        batch.exchanges.append(
            make_exchange_row(PacketSample(name, "good", answered(name, now, random.random())))
        )
        if number % 10 == 0:
            what = incident(name, number, now - random.random() * 30 * DAY)
            batch.incidents[what.id] = what
        if len(batch.exchanges) == 1_000 or number == servers - 1:
            ids = dict(connection.execute("SELECT name, id FROM servers"))
            connection.execute("BEGIN")
            with connection:
                batch.write(connection, ids, now)
            batch.clear()
    samples = pack_samples([0.02 + random.random() / 100 for _ in range(120)])
    connection.execute("UPDATE current SET samples = ?, verdict = 'healthy', rtt = 0.02", (samples,))
    connection.execute("UPDATE incidents SET closed_at = opened_at + 600")


def _moments(start: float, length: float, random: Random) -> list[TimelinePoint]:
    """Checks of a server with an RTT of about twenty milliseconds, one in two hundred lost."""
    moments, at = [], start + random.random() * INTERVAL_S
    check = answered("", 0.0)
    address, verdict = check.check.address, check.diagnosis.verdict
    while at < start + length - 0.001:
        rtt = None if random.random() < 0.005 else 0.02 * random.lognormvariate(0, 0.15)
        past = StoredCheck(at, address, "bastion", verdict, True, rtt, 3, 3, rtt)
        moments.append(TimelinePoint(at, PeriodState.UP, past))
        at += INTERVAL_S * random.uniform(0.9, 1.1)
    return moments


def _tally(moments: list[TimelinePoint], length: float) -> Rollup:
    tally = Rollup()
    for moment in moments:
        if moment.check:
            tally.add_check(moment.check)
    tally.add_time(PeriodState.UP, length)
    return tally


def _remember(connection: sqlite3.Connection, name: str, tallies: list[Rollup]) -> None:
    connection.execute(f"CREATE TEMP TABLE one_{name} (number INTEGER PRIMARY KEY, {COLUMNS})")
    marks = ", ".join("?" * (len(COLUMNS.split(", ")) + 1))
    connection.executemany(
        f"INSERT INTO one_{name} VALUES ({marks})",
        ((number, *tally.to_row()) for number, tally in enumerate(tallies)),
    )


def _add(connection: sqlite3.Connection, table: str, column: str, number: int) -> None:
    connection.execute(
        f"INSERT INTO {table} ({column}, series, {COLUMNS}) SELECT :number, id, {COLUMNS} FROM servers"
        f" JOIN one_{column} ON number = (id + :number) % {_VARIANTS} ORDER BY id",
        {"number": number},
    )


def _print_tables(state_dir: Path) -> None:
    with closing(sqlite3.connect(state_dir / STORE)) as connection:
        for table in ("packs", "minutes", "hours", "days", "exchanges"):
            (rows,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
            (size,) = connection.execute(
                "SELECT sum(pgsize) FROM dbstat WHERE name = ? AND aggregate = 1", (table,)
            ).fetchone()
            print(f"{'':7}{table:10} {rows:9} rows of {size / rows:5.0f} bytes on the disk")


if __name__ == "__main__":
    main()
