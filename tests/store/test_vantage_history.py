"""Tests of reports of other vantages: written once, packed, read again, and restored after the next start."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.monitor.sample_vantages import START, VANTAGES, seen, watched
from tests.store.recorder_harness import query_store
from tests.store.writer_run import Life
from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.config.config_toml import Retention
from wgmon_tui.config.vantages import LOCAL_VANTAGE
from wgmon_tui.monitor.fleet_state import FleetState
from wgmon_tui.monitor.quorum import VantageReport
from wgmon_tui.store import schema
from wgmon_tui.store.history import History
from wgmon_tui.store.maintenance.retention import forget
from wgmon_tui.store.maintenance.vantage_compaction import compact_vantage_checks
from wgmon_tui.store.models import VantageCheckId
from wgmon_tui.store.read.vantages import vantage_state_of
from wgmon_tui.store.store_file import STORE, open_store
from wgmon_tui.store.write import vantage_batch
from wgmon_tui.store.write.packet_sampling import PacketSampler
from wgmon_tui.store.write.vantage_batch import VantageQuorum, make_vantage_update

HEALTHY, SILENT = Verdict.HEALTHY, Verdict.SILENT
EVER = 1e12


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    made = Life(tmp_path)
    yield made
    made.stop()


# Written


def test_every_report_is_kept_with_its_vantage(life: Life) -> None:
    life.reports(HEALTHY, SILENT)
    life.reports(HEALTHY, vantage="nyc")
    life.written()
    kept = life.history.vantage_checks("fra1", 0.0, EVER)
    assert [(each.vantage, each.verdict) for each in kept] == [
        ("fra", HEALTHY),
        ("fra", SILENT),
        ("nyc", HEALTHY),
    ]
    assert [each.rtt for each in kept] == [0.02, None, 0.02]
    assert [each.vantage for each in life.history.vantage_checks("fra1", 0.0, EVER, vantage="nyc")] == ["nyc"]
    assert life.history.checks("fra1", 0.0, EVER) == []


def test_a_report_that_comes_again_is_neither_counted_nor_kept_twice(life: Life) -> None:
    outcome = seen(SILENT, START)
    for _ in range(3):
        life.report(outcome, 7)
    life.report(seen(HEALTHY, START), 6)
    life.written()
    assert life.count("sights") == 1
    assert life.engine.fleet_state.states["fra1"].vantage_states["fra"].verdict is SILENT


def test_a_new_store_of_a_vantage_numbers_from_the_beginning(life: Life) -> None:
    life.report(seen(HEALTHY), 50, epoch="one")
    life.report(seen(HEALTHY), 1, epoch="two")
    life.written()
    assert life.history.last_reports() == {"fra": ("two", 1)}
    assert life.count("sights") == 2


def test_a_change_of_state_by_a_report_is_in_the_timeline_and_the_outbox(life: Life) -> None:
    life.reports(HEALTHY, SILENT)
    life.written()
    [opened] = life.history.incidents("fra1")
    assert (opened.vantage, opened.verdict) == ("fra", SILENT)
    assert query_store(life.state_dir, "SELECT state FROM checks ORDER BY id") == [("up",), ("down",)]
    assert life.count("outbox") == 1


def test_a_report_that_changes_no_state_leaves_the_journal_alone(life: Life) -> None:
    life.reports(*[HEALTHY] * 4)
    life.written()
    assert life.count("checks") == 1


def test_packets_are_kept_of_changes_and_of_some_failures(life: Life) -> None:
    life.reports(HEALTHY, *[SILENT] * 100, HEALTHY)
    life.written()
    rounds = life.history.vantage_rounds("fra1", 0.0, EVER)
    assert 10 < len(rounds) < 25
    assert [each.diagnosis.verdict for each in rounds[:2]] == [HEALTHY, SILENT]
    assert rounds[-1].diagnosis.verdict is HEALTHY
    assert all(each.check.exchange for each in rounds)
    assert life.history.vantage_rounds("fra1", 0.0, EVER, vantage="nyc") == []


def test_failures_of_all_vantages_are_read_the_latest_first_with_what_opens_their_packets(life: Life) -> None:
    life.reports(HEALTHY, SILENT)
    life.reports(SILENT, vantage="nyc", packets=False)
    life.written()
    [(later, nothing), (earlier, kept)] = life.history.vantage_failures("fra1")
    assert (later.vantage, nothing) == ("nyc", None)
    assert earlier.vantage == "fra"
    assert kept == VantageCheckId("fra", "one", 2)
    found = life.history.vantage_round(kept)
    assert found
    assert found.check.started_at == earlier.at
    assert found.check.exchange
    assert [check.vantage for check, _ in life.history.vantage_failures("fra1", limit=1)] == ["nyc"]
    assert [check.vantage for check, _ in life.history.vantage_failures("fra1", later.at)] == ["fra"]
    assert life.history.vantage_failures("nobody") == []


def test_packets_that_are_gone_or_were_never_kept_are_no_round(life: Life) -> None:
    life.reports(SILENT, packets=False)
    life.written()
    assert life.history.vantage_round(VantageCheckId("fra", "one", 1)) is None
    assert life.history.vantage_round(VantageCheckId("fra", "two", 1)) is None


def test_failures_are_in_the_order_of_time_whether_they_are_packed_or_not(tmp_path: Path) -> None:
    with closing(stored(tmp_path, *[SILENT] * 30, packets=True)) as connection:
        history = History(tmp_path / STORE)
        before = history.vantage_failures("fra1")
        for _ in compact_vantage_checks(connection, START + 200):
            pass
        after = history.vantage_failures("fra1")
        times = [check.at for check, _ in after]
        assert len(after) == 30
        assert times == sorted(times, reverse=True)
        assert [kept for _, kept in after] == [kept for _, kept in before]
        assert [check.at for check, _ in history.vantage_failures("fra1", START + 100, 3)] == pytest.approx(
            [START + 90, START + 80, START + 70], abs=0.001
        )
        history.close()


def test_what_cannot_be_written_for_long_goes_the_oldest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vantage_batch, "MAX_VANTAGE_ROWS", 3)
    waiting, sampler = vantage_batch.VantageBatch(), PacketSampler(20)
    row = FleetState([watched()]).states["fra1"]
    lost = [
        waiting.add_update(
            make_vantage_update(row, "fra", VantageReport("fra", "one", number, seen(HEALTHY))), sampler
        )
        for number in range(5)
    ]
    assert (lost, [each[2] for each in waiting.report_rows]) == ([0, 0, 0, 1, 1], [2, 3, 4])


# Last known states


def test_the_last_known_states_are_read_as_the_fleet_state_has_them(life: Life) -> None:
    life.reports(HEALTHY, HEALTHY, SILENT)
    life.reports(HEALTHY, vantage="nyc")
    life.written()
    row = life.engine.fleet_state.states["fra1"]
    for found in life.history.vantage_states():
        vantage_state, original = vantage_state_of(found, row.server), row.vantage_states[found.vantage]
        assert (
            vantage_state.at,
            vantage_state.verdict,
            vantage_state.damping,
            vantage_state.last_up_at,
            vantage_state.current,
        ) == (
            original.at,
            original.verdict,
            original.damping,
            original.last_up_at,
            original.current,
        )
        assert vantage_state.rtts == pytest.approx(original.rtts)
        assert vantage_state.last.check.address == original.last.check.address


def test_only_what_changed_since_a_version_is_read(life: Life) -> None:
    life.reports(HEALTHY)
    life.reports(HEALTHY, vantage="nyc")
    life.written()
    version = life.history.vantages_version()
    life.reports(SILENT, vantage="nyc")
    life.written()
    assert [each.vantage for each in life.history.vantage_states(version)] == ["nyc"]
    assert life.history.vantages_version() > version


def test_the_packets_of_the_last_exchange_stay_while_routine_rounds_come(life: Life) -> None:
    life.reports(SILENT, HEALTHY)
    life.reports(*[HEALTHY] * 3, packets=False)
    life.written()
    [found] = life.history.vantage_states()
    assert found.exchange
    assert found.exchange.check.started_at == START + 20
    assert found.check.at == START + 50


def test_readers_know_the_vantages_and_how_many_must_agree(life: Life) -> None:
    life.written()
    assert life.history.vantages() == VantageQuorum(("fra", "nyc"), 1)


def test_a_vantage_that_no_longer_watches_a_server_has_no_state_of_it(life: Life) -> None:
    life.reports(HEALTHY)
    life.reports(HEALTHY, vantage="nyc")
    life.engine.vantage_reports.set_vantages((VANTAGES[0],), 1)
    life.written()
    assert [each.vantage for each in life.history.vantage_states()] == ["fra"]
    assert life.count("sights") == 2  # its history stays


def test_a_vantage_that_was_removed_without_a_writer_has_no_state_either(tmp_path: Path) -> None:
    first = Life(tmp_path)
    first.reports(HEALTHY)
    first.reports(HEALTHY, vantage="nyc")
    first.stop()
    second = Life(tmp_path, vantages=(VANTAGES[1],))
    second.written()
    assert [each.vantage for each in second.history.vantage_states()] == ["nyc"]
    second.stop()


def test_vantage_states_of_a_removed_server_are_deleted(tmp_path: Path) -> None:
    first = Life(tmp_path, watched(), watched("nyc1"))
    first.reports(HEALTHY)
    first.reports(HEALTHY, name="nyc1")
    first.engine.watch([watched()], {}, {})
    first.recorder.watch(first.engine.fleet_state.states.values())
    first.written()
    assert [each.server for each in first.history.vantage_states()] == ["fra1"]
    first.stop()


# The next start


def test_a_restarted_writer_continues_from_the_vantage_states(tmp_path: Path) -> None:
    first = Life(tmp_path, quorum=2)
    for vantage in ("fra", "nyc"):
        first.reports(HEALTHY, SILENT, vantage=vantage)
    first.engine.fleet_state.record("fra1", seen(HEALTHY, first.now, LOCAL_VANTAGE), first.now)
    opened = first.engine.fleet_state.states["fra1"].incident
    first.stop()
    second = Life(tmp_path, quorum=2, now=first.now)
    row = second.engine.fleet_state.states["fra1"]
    assert (row.severity, set(row.vantage_states)) == (Severity.DOWN, {"fra", "nyc"})
    second.engine.fleet_state.record("fra1", seen(HEALTHY, second.now, LOCAL_VANTAGE), second.now)
    assert (row.severity, row.status_word, row.incident and row.incident.id) == (
        Severity.DOWN,
        "regional",
        opened and opened.id,
    )
    second.report(seen(HEALTHY, second.now), 2)  # the last number of fra that the first run accepted
    assert row.vantage_states["fra"].verdict is SILENT
    second.stop()


def test_a_new_store_after_a_damaged_one_gets_the_vantage_states_again(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.reports(HEALTHY)
    life.written()
    life.recorder._store_id = "another"
    life.recorder._collector.start_new_store()
    life.written()
    assert life.history.last_reports() == {"fra": ("one", 1)}
    assert life.history.vantages().names == ("fra", "nyc")
    life.stop()


# Packed and deleted


def stored(tmp_path: Path, *verdicts: Verdict, packets: bool = False) -> sqlite3.Connection:
    life = Life(tmp_path)
    life.reports(*verdicts, packets=packets)
    life.stop()
    return open_store(tmp_path).connection


def test_routine_rows_are_packed_when_their_minute_is_over_and_read_as_before(tmp_path: Path) -> None:
    with closing(stored(tmp_path, *[HEALTHY] * 30)) as connection:
        history = History(tmp_path / STORE)
        before = history.vantage_checks("fra1", 0.0, EVER)
        for _ in compact_vantage_checks(connection, START + 200):
            pass
        assert connection.execute("SELECT count(*) FROM sights").fetchone()[0] < 30
        assert connection.execute("SELECT count(*) FROM sight_packs").fetchone()[0] >= 3
        after = history.vantage_checks("fra1", 0.0, EVER)
        assert [(each.vantage, each.verdict) for each in after] == [("fra", HEALTHY)] * 30
        assert [each.at for each in after] == pytest.approx([each.at for each in before], abs=0.001)
        assert [each.rtt for each in after] == [pytest.approx(0.02)] * 30
        history.close()


def test_what_a_vantage_catches_up_with_is_added_to_its_minute(tmp_path: Path) -> None:
    with closing(stored(tmp_path, HEALTHY)) as connection:
        for _ in compact_vantage_checks(connection, EVER):
            pass
    life = Life(tmp_path)
    life.now = START
    life.reports(SILENT, vantage="nyc", packets=False)
    life.stop()
    with closing(open_store(tmp_path).connection) as connection:
        for _ in compact_vantage_checks(connection, EVER):
            pass
        assert connection.execute("SELECT count(*) FROM sights").fetchone() == (0,)
    history = History(tmp_path / STORE)
    assert [each.vantage for each in history.vantage_checks("fra1", 0.0, EVER)] == ["fra", "nyc"]
    history.close()


def test_packs_go_with_single_checks_and_packets_with_exchanges(tmp_path: Path) -> None:
    with closing(stored(tmp_path, SILENT, HEALTHY, packets=True)) as connection:
        life = Life(tmp_path)
        life.now = START
        life.number = 2
        life.reports(HEALTHY, packets=False)
        life.stop()
        for _ in compact_vantage_checks(connection, EVER):
            pass

        def left() -> tuple[int, int]:
            [(packs, states)] = connection.execute(
                "SELECT (SELECT count(*) FROM sight_packs), (SELECT count(*) FROM sights)"
            )
            return packs, states

        kept = Retention(raw=3600.0, exchanges=7200.0)
        full = left()
        for now, expected in (
            (START + 3000, full),
            (START + 4000, (0, full[1])),
            (START + 8000, (0, 0)),
        ):
            for turn in range(4):
                for _ in forget(connection, kept, now, turn):
                    pass
            assert left() == expected


# A store of an older version


def test_a_store_of_version_1_is_as_one_that_was_made_now(tmp_path: Path) -> None:
    older, newer = tmp_path / "older", tmp_path / "newer"
    older.mkdir()
    with closing(sqlite3.connect(older / STORE)) as connection:
        connection.executescript((Path(__file__).parent / "schema_version_1.sql").read_text())
        connection.execute("INSERT INTO servers (name, entry, holds) VALUES ('fra1', '{}', 35)")
        connection.execute("INSERT INTO facts VALUES ('store', 'one'), ('begun', 0), ('fleet_version', 1)")
        connection.execute("PRAGMA user_version = 1")
        connection.commit()
    with closing(open_store(older).connection) as migrated, closing(open_store(newer).connection) as made:
        assert shape(migrated) == shape(made)
        assert schema.version_of(migrated) == schema.VERSION
        assert migrated.execute("SELECT name FROM servers").fetchall() == [("fra1",)]
    life = Life(older)
    life.reports(HEALTHY)
    life.written()
    assert len(life.history.vantage_checks("fra1", 0.0, EVER)) == 1
    life.stop()


def shape(connection: sqlite3.Connection) -> dict[str, object]:
    """Return every table with its columns, and every index with its columns."""
    names = connection.execute(
        "SELECT type, name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY name"
    ).fetchall()
    pragma = {"table": "table_info", "index": "index_info", "trigger": "table_info"}
    columns = {name: connection.execute(f"PRAGMA {pragma[kind]}({name})") for kind, name in names}
    return {name: sorted(map(str, (row[1:] for row in states))) for name, states in columns.items()}


def test_vantages_stored_by_another_version_are_ignored(tmp_path: Path) -> None:
    with closing(open_store(tmp_path).connection) as connection:
        connection.execute("INSERT INTO facts VALUES ('vantages', ?)", (json.dumps({"names": 7}),))
    history = History(tmp_path / STORE)
    assert history.vantages() == VantageQuorum((), 1)
    history.close()
