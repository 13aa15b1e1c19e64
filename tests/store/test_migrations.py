"""Tests of stores of earlier versions: nothing of them is lost, and a kill leaves the old or the new one."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import time
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.monitor.sample_vantages import seen
from tests.store.writer_run import Life
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.net.addresses import Address
from wgmon_tui.store import schema
from wgmon_tui.store.formats import record_codec
from wgmon_tui.store.formats.minute_block import pack
from wgmon_tui.store.history import History
from wgmon_tui.store.models import PeriodState, StoredCheck, TimelinePoint
from wgmon_tui.store.read.row_mapping import address_of
from wgmon_tui.store.store_file import UpgradeStoppedError, open_store, upgrade_store
from wgmon_tui.store.store_version import STORE, VERSION

HERE = Path(__file__).parent
HEALTHY, SILENT = Verdict.HEALTHY, Verdict.SILENT
EVER = 1e12
HOUR = 472_222
T0 = HOUR * 3600.0
ADDRESS: Address = address_of("192.0.2.7")
EVERY_S, HOLDS_S = 10.0, 35.0
MINUTES = 30
"""The last of them is not packed yet."""


def store_of_version(number: int, state_dir: Path) -> sqlite3.Connection:
    """Create a store with the tables of an earlier version, and one server."""
    state_dir.mkdir(exist_ok=True)
    connection = sqlite3.connect(state_dir / STORE)
    connection.executescript((HERE / f"schema_version_{number}.sql").read_text())
    connection.execute("INSERT INTO servers (name, entry, holds) VALUES ('fra1', '{}', ?)", (HOLDS_S,))
    connection.execute(
        "INSERT OR REPLACE INTO facts VALUES ('store', 'one'), ('begun', 0), ('fleet_version', 1)"
    )
    connection.execute(f"PRAGMA user_version = {number}")
    connection.commit()
    return connection


def times(minutes: int = MINUTES) -> list[float]:
    return [T0 + EVERY_S * number for number in range(int(minutes * 60 / EVERY_S))]


def is_silent(at: float, vantage: str) -> bool:
    """In the second quarter of an hour, the server does not answer nyc."""
    return vantage == "nyc" and at >= T0 + 900


def check(at: float, vantage: str) -> StoredCheck:
    verdict, rtt = (SILENT, None) if is_silent(at, vantage) else (HEALTHY, 0.02)
    return StoredCheck(at, ADDRESS, vantage, verdict, True, rtt)


def fill_version_2(state_dir: Path, minutes: int = MINUTES, servers: int = 1) -> None:
    """Write a store of version 2: checks of this machine with rollups, and reports of two vantages."""
    with closing(store_of_version(2, state_dir)) as connection:
        connection.executemany(
            "INSERT INTO servers (id, name, entry, holds) VALUES (?, ?, '{}', ?)",
            ((number, f"s{number}", HOLDS_S) for number in range(2, servers + 1)),
        )
        for server in range(1, servers + 1):
            _fill_server(connection, server, minutes)
        connection.execute("INSERT INTO reported VALUES ('fra', 'one', 180), ('nyc', 'one', 180)")
        connection.commit()


def _fill_server(connection: sqlite3.Connection, server: int, minutes: int) -> None:
    by_minute: dict[int, list[TimelinePoint]] = {}
    for at in times(minutes):
        for vantage in ("fra", "nyc"):
            point = TimelinePoint(at, PeriodState.UNKNOWN, check(at, vantage))
            by_minute.setdefault(int(at // 60), []).append(point)
    first, *later = by_minute
    own = pack(first, [TimelinePoint(first * 60.0, PeriodState.UP, check(first * 60.0, "local"))])
    connection.execute("INSERT INTO packs VALUES (?, ?, ?)", (first, server, own))
    for table, number in (("minutes", first), ("hours", first // 60), ("days", first // 1440)):
        connection.execute(
            f"INSERT INTO {table} VALUES (?, ?, 1, 0, 60, 0, 0, 0, 0, 0, x'')", (number, server)
        )
    for minute in (first, *later[:-1]):
        packed = pack(minute, by_minute[minute])
        connection.execute("INSERT INTO sight_packs VALUES (?, ?, ?)", (minute, server, packed))
    for number, point in enumerate(by_minute[later[-1]]):
        _insert_sight(connection, server, 1_000 * server + number, point.check, packets=number == 1)


def _insert_sight(
    connection: sqlite3.Connection, server: int, number: int, past: StoredCheck | None, *, packets: bool
) -> None:
    assert past
    outcome = seen(past.verdict, past.at, past.vantage, name="fra1")
    connection.execute(
        "INSERT INTO sights (vantage, epoch, number, server, at, address, verdict, rtt, round)"
        " VALUES (?, 'one', ?, ?, ?, ?, ?, ?, ?)",
        (
            past.vantage,
            number,
            server,
            past.at,
            str(past.address),
            past.verdict.slug,
            past.rtt,
            record_codec.to_bytes(outcome) if packets else None,
        ),
    )


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    """The history after the migration of a store of version 2."""
    fill_version_2(tmp_path)
    open_store(tmp_path).connection.close()
    with History(tmp_path / STORE, clock=lambda: times()[-1]) as opened:
        yield opened


@pytest.mark.parametrize("version", [1, 2])
def test_a_store_of_an_earlier_version_is_as_one_that_was_made_now(tmp_path: Path, version: int) -> None:
    older, newer = tmp_path / "older", tmp_path / "newer"
    store_of_version(version, older).close()
    with closing(open_store(older).connection) as migrated, closing(open_store(newer).connection) as made:
        assert shape(migrated) == shape(made)
        assert schema.version_of(migrated) == VERSION
        assert migrated.execute("SELECT name FROM servers").fetchall() == [("fra1",)]
    life = Life(older)
    life.reports(HEALTHY)
    life.written()
    assert len(life.history.checks("fra1", 0.0, EVER, "fra")) == 1
    life.stop()


def shape(connection: sqlite3.Connection) -> dict[str, object]:
    """Return every table with its columns, and every index with its columns."""
    names = connection.execute(
        "SELECT type, name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY name"
    ).fetchall()
    pragma = {"table": "table_info", "index": "index_info", "trigger": "table_info"}
    columns = {name: connection.execute(f"PRAGMA {pragma[kind]}({name})") for kind, name in names}
    return {name: sorted(map(str, (row[1:] for row in rows))) for name, rows in columns.items()}


def test_all_rows_that_version_2_wrote_are_there_under_their_new_names(tmp_path: Path) -> None:
    rows: list[tuple[str, dict[str, Any]]] = [
        json.loads(line) for line in (HERE / "golden" / "store_rows.jsonl").read_text().splitlines()
    ]
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.executescript((HERE / "schema_version_2.sql").read_text())
        connection.execute("DELETE FROM facts")
        for table, row in rows:
            marks = ", ".join("?" * len(row))
            values = [_stored(column, value) for column, value in row.items()]
            connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", values)
        schema.create_or_migrate(connection)
        for table, row in rows:
            if table != "sights":
                assert _find(connection, table, row), (table, row)
        [series] = connection.execute("SELECT server, vantage FROM series").fetchall()
        assert series == (2, "ams")
        assert connection.execute("SELECT count(*) FROM exchanges WHERE series < 0").fetchone() == (1,)


def _stored(column: str, value: Any) -> Any:
    if column in ("samples", "rtts"):
        return bytes.fromhex(value)
    return b"\x01" + zlib.compress(value.encode()) if column == "round" and value is not None else value


def _find(connection: sqlite3.Connection, table: str, row: dict[str, Any]) -> bool:
    renamed = table in ("checks", "current", "exchanges")
    wanted = {"series" if renamed and column == "server" else column: value for column, value in row.items()}
    test = " AND ".join(f"{column} IS ?" for column in wanted)
    values = [_stored(column, value) for column, value in wanted.items()]
    return connection.execute(f"SELECT 1 FROM {table} WHERE {test}", values).fetchone() is not None


def test_every_check_of_a_vantage_is_read_as_before(history: History) -> None:
    for vantage in ("fra", "nyc"):
        found = history.checks("fra1", 0.0, EVER, vantage)
        assert [each.at for each in found] == pytest.approx(times(), abs=0.001)
        assert [each.verdict for each in found] == [check(at, vantage).verdict for at in times()]
        assert {each.vantage for each in found} == {vantage}


def test_the_past_of_a_vantage_has_percentiles_loss_and_uptime(history: History) -> None:
    fra, nyc = (history.window("fra1", T0, T0 + 1800, vantage) for vantage in ("fra", "nyc"))
    assert (fra.checks, fra.lost, fra.uptime) == (180, 0, 1.0)
    assert fra.p95 == pytest.approx(0.02, rel=0.02)
    assert (nyc.checks, nyc.lost) == (180, 90)
    assert nyc.uptime == pytest.approx(0.5, abs=0.01)


def test_the_past_of_a_vantage_has_hours_for_the_heat_map(history: History) -> None:
    [hour] = history.buckets("fra1", T0, T0 + 1790, 3600.0, "nyc")
    assert hour.seen.down == pytest.approx(890.0, abs=11.0)


def test_the_series_of_this_machine_is_untouched(history: History) -> None:
    assert len(history.checks("fra1", 0.0, EVER)) == 1
    assert history.window("fra1", T0, T0 + 60).up == 60


def test_packets_of_a_vantage_are_exchanges_of_it(history: History) -> None:
    [line] = history.exchanges("fra1", vantage="nyc")
    stored = history.exchange(line.id)
    assert stored
    assert stored.round.check.exchange
    assert (stored.line.vantage, stored.line.verdict) == ("nyc", SILENT)
    assert history.exchanges("fra1") == []
    assert [kept for _, kept in history.failures("fra1", vantage="nyc") if kept] == [line]


def test_the_first_report_of_a_vantage_counts_although_it_has_packets(tmp_path: Path) -> None:
    with closing(store_of_version(2, tmp_path)) as connection:
        for number in range(3):
            past = check(T0 + EVERY_S * number, "fra")
            _insert_sight(connection, 1, number, past, packets=number == 0)
        connection.commit()
    open_store(tmp_path).connection.close()
    with History(tmp_path / STORE) as history:
        assert len(history.checks("fra1", 0.0, EVER, "fra")) == 3
        assert len(history.exchanges("fra1", vantage="fra")) == 1


def test_old_failures_without_the_checks_between_them_make_no_figures(tmp_path: Path) -> None:
    fill_version_2(tmp_path)
    with closing(sqlite3.connect(tmp_path / STORE)) as connection:
        older = check(T0 - 7200.0, "nyc")
        _insert_sight(connection, 1, 1, older, packets=True)
        for table, number in (("minutes", int(T0 // 60) - 240), ("hours", HOUR - 4)):
            connection.execute(f"INSERT INTO {table} VALUES (?, 1, 1, 0, 60, 0, 0, 0, 0, 0, x'')", (number,))
        connection.commit()
    open_store(tmp_path).connection.close()
    with History(tmp_path / STORE) as history:
        assert history.window("fra1", T0 - 10_800, T0, "nyc").checks == 0
        assert len(history.exchanges("fra1", vantage="nyc")) == 2


def test_reports_that_version_2_accepted_are_not_accepted_again(history: History) -> None:
    assert history.last_reports() == {"fra": ("one", 180), "nyc": ("one", 180)}


@pytest.mark.parametrize(
    "kills", [pytest.param(6, id="some"), pytest.param(100, id="many", marks=pytest.mark.thorough)]
)
def test_a_kill_during_the_migration_leaves_the_old_or_the_new_store(tmp_path: Path, kills: int) -> None:
    fill_version_2(tmp_path / "template", servers=20)
    random, began = Random(7), time.monotonic()
    copy_store(tmp_path / "template", tmp_path / "timed")
    open_store(tmp_path / "timed").connection.close()
    took = time.monotonic() - began
    found = set()
    for number in range(kills):
        state = tmp_path / str(number)
        copy_store(tmp_path / "template", state)
        kill_while_opening(state, random.uniform(0.0, took))
        with closing(sqlite3.connect(state / STORE)) as connection:
            found.add(schema.version_of(connection))
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        opened = open_store(state)
        opened.connection.close()
        assert opened.notice is None
        with History(state / STORE) as history:
            assert len(history.checks("s20", 0.0, EVER, "fra")) == len(times())
            assert history.window("s20", T0, T0 + 1800, "nyc").checks == len(times())
    assert found <= {2, VERSION}


def copy_store(template: Path, state: Path) -> None:
    state.mkdir()
    (state / STORE).write_bytes((template / STORE).read_bytes())


def kill_while_opening(state: Path, seconds: float) -> None:
    """Open the store in another process, and kill it after some time."""
    child = os.fork()
    if child == 0:
        try:
            open_store(state).connection.close()
        finally:
            os._exit(0)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def test_an_upgrade_tells_how_many_servers_are_done(tmp_path: Path) -> None:
    fill_version_2(tmp_path, servers=3)
    told: list[tuple[int, int]] = []
    upgrade_store(tmp_path, lambda done, total: told.append((done, total)))
    assert told == [(0, 3), (1, 3), (2, 3)]
    assert version_of(tmp_path) == VERSION
    upgrade_store(tmp_path, lambda *_: pytest.fail("it is upgraded already"))


def test_an_upgrade_that_is_stopped_leaves_the_store_as_it_was(tmp_path: Path) -> None:
    def stop(done: int, _total: int) -> None:
        if done:
            raise UpgradeStoppedError

    fill_version_2(tmp_path, servers=2)
    with pytest.raises(UpgradeStoppedError):
        upgrade_store(tmp_path, stop)
    assert version_of(tmp_path) == 2
    with closing(open_store(tmp_path).connection) as migrated:
        assert migrated.execute("SELECT count(*) FROM series").fetchone() == (4,)


def test_a_damaged_value_ends_an_upgrade_and_its_opening_moves_the_store_aside(tmp_path: Path) -> None:
    fill_version_2(tmp_path)
    with closing(sqlite3.connect(tmp_path / STORE)) as connection:
        connection.execute("UPDATE sights SET rtt = 1e300 WHERE number = 1001")
        connection.commit()
    upgrade_store(tmp_path, lambda *_: None)
    assert version_of(tmp_path) == 2
    opened = open_store(tmp_path)
    opened.connection.close()
    assert opened.notice
    assert list(tmp_path.glob("*.damaged-*"))


def test_an_upgrade_leaves_a_damaged_store_and_its_log_to_be_moved_aside(tmp_path: Path) -> None:
    fill_version_2(tmp_path / "whole")
    with closing(sqlite3.connect(tmp_path / "whole" / STORE)) as connection:
        connection.executescript("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0")
        connection.execute("INSERT INTO notes (incident, at, who, text) VALUES ('x', 1, 'ada', 'seen')")
        connection.commit()
        found = {name: (tmp_path / "whole" / name).read_bytes() for name in (STORE, f"{STORE}-wal")}
    page = 3 * 4096
    found[STORE] = found[STORE][:page] + b"\xff" * 200 + found[STORE][page + 200 :]
    for name, content in found.items():
        (tmp_path / name).write_bytes(content)
    upgrade_store(tmp_path, lambda *_: None)
    assert {name: (tmp_path / name).read_bytes() for name in found} == found


@pytest.mark.parametrize("content", [None, b"", b"no database" * 100])
def test_what_is_no_store_of_an_earlier_version_is_left_to_its_opening(
    tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / STORE).write_bytes(content)
    upgrade_store(tmp_path, lambda *_: pytest.fail("there is nothing to upgrade"))
    assert not list(tmp_path.glob("*.damaged-*"))


def version_of(state_dir: Path) -> int:
    with closing(sqlite3.connect(state_dir / STORE)) as connection:
        return schema.version_of(connection)
