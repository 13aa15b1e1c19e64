from __future__ import annotations

import sqlite3
import time
from concurrent.futures import CancelledError
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.store.engine_updates import START, answered, closed, incident, lost, opened, row, server
from tests.store.recorder_harness import PATIENCE_S, Desk, query_store, recording
from wgmon_tui.checks.verdict import Severity
from wgmon_tui.config.keys import PublicKey
from wgmon_tui.config.models import SecretForm, SecretSource
from wgmon_tui.monitor.damping import Damping, from_json
from wgmon_tui.monitor.incidents import EventKind, IncidentEvent
from wgmon_tui.store.database import NewerStoreError
from wgmon_tui.store.formats import record_codec
from wgmon_tui.store.formats.server_entry import server_from_entry
from wgmon_tui.store.store_file import mirrored_stamps, open_store
from wgmon_tui.store.store_version import STORE
from wgmon_tui.store.timestamp_ledger import TimestampLedger
from wgmon_tui.store.write.recorder import Recorder

# Checks


def test_every_check_is_in_the_journal_as_it_was(tmp_path: Path) -> None:
    with recording(Desk(tmp_path)) as desk:
        desk.check()
        desk.clock.now += 10
        desk.states["fra1"] = row(severity=Severity.DOWN, since=desk.clock.now)
        desk.check(fails=True)
        desk.written()
        assert desk.query(
            "SELECT id, at, address, vantage, verdict, state, since, decides, rtt, tunnel_sent FROM checks"
        ) == [
            (1, START, "198.51.100.7", "here", "healthy", "up", START, 1, 0.02, 3),
            (2, START + 10, "198.51.100.7", "here", "silent", "down", START + 10, 1, None, None),
        ]


def test_of_a_round_over_several_addresses_the_first_decides(tmp_path: Path) -> None:
    with recording(Desk(tmp_path)) as desk:
        worst, other = lost("fra1", START), answered("fra1", START)
        both = replace(worst, checks=worst.checks + other.checks, diagnoses=worst.diagnoses + other.diagnoses)
        desk.recorder(desk.states["fra1"], replace(both, port_monitor="port: UP"), ())
        desk.written()
        assert desk.query("SELECT verdict, decides, port_monitor FROM checks") == [
            ("silent", 1, "port: UP"),
            ("healthy", 0, None),
        ]


def test_a_check_is_on_the_disk_within_half_a_second_without_a_flush(tmp_path: Path) -> None:
    with recording(Desk(tmp_path)) as desk:
        desk.written()
        started = time.monotonic()
        desk.check()
        while not desk.query("SELECT 1 FROM checks"):
            assert time.monotonic() - started < 30  # a busy machine; the figure is in BENCHMARKS.md
            time.sleep(0.01)


def test_the_last_update_is_written_when_the_recorder_stops(tmp_path: Path) -> None:
    with recording(Desk(tmp_path)) as desk:
        desk.check()
    assert query_store(tmp_path, "SELECT count(*) FROM checks") == [(1,)]


def test_a_state_that_changes_without_a_check_is_in_the_journal_as_no_check(tmp_path: Path) -> None:
    with recording(Desk(tmp_path)) as desk:
        desk.states["fra1"] = row(severity=Severity.UNKNOWN)
        desk.recorder(desk.states["fra1"], None, ())
        desk.written()
        assert desk.query("SELECT verdict, state, decides FROM checks") == [(None, "unknown", 0)]


def test_a_cancelled_flush_does_no_harm(tmp_path: Path) -> None:
    with recording(Desk(tmp_path)) as desk:
        desk.recorder.flush().cancel()
        desk.check()
        desk.written()


def test_a_flush_that_can_no_longer_come_true_is_cancelled(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("no directory")
    recorder = Recorder(tmp_path / "state")
    recorder.start()
    flush = recorder.flush()
    recorder.stop()
    with pytest.raises(CancelledError):
        flush.result(PATIENCE_S)


# Exchanges


def test_a_change_keeps_the_packets_of_both_sides_of_it(tmp_path: Path) -> None:
    with recording(Desk(tmp_path)) as desk:
        for at in (START, START + 10):
            desk.recorder(desk.states["fra1"], answered("fra1", at), ())
        failed = lost("fra1", START + 20)
        desk.recorder(desk.states["fra1"], failed, ())
        desk.written()
        states = desk.query("SELECT kind, at, verdict, round FROM exchanges ORDER BY id")
        assert [row[:3] for row in states] == [
            ("good", START + 10, "healthy"),
            ("change", START + 20, "silent"),
        ]
        packed = states[1][3]
        assert record_codec.from_bytes(packed) == failed


# Incidents, notes, pauses


def test_an_incident_is_written_as_it_is_after_each_event_with_what_was_noted(tmp_path: Path) -> None:
    with recording(Desk(tmp_path)) as desk:
        what = incident()
        desk.recorder(desk.states["fra1"], None, opened(what))
        seen = replace(what, acknowledged_at=START + 5, acknowledged_by="ana")
        event = IncidentEvent(EventKind.ACKNOWLEDGED, START + 5, seen, who="ana", note="on it")
        desk.recorder(desk.states["fra1"], None, (event,))
        desk.recorder.note(what.id, "bo", "router again")
        desk.recorder(desk.states["fra1"], None, closed(seen, START + 60))
        desk.written()
        assert desk.query("SELECT id, closed_at, acknowledged_by FROM incidents") == [
            (what.id, START + 60, "ana")
        ]
        assert desk.query("SELECT who, text FROM notes ORDER BY id") == [
            ("ana", "on it"),
            ("bo", "router again"),
        ]


def test_an_event_that_only_notes_something_is_stored_and_notifies_nobody(tmp_path: Path) -> None:
    with recording(Desk(tmp_path)) as desk:
        what = incident()
        desk.recorder(desk.states["fra1"], None, opened(what))
        event = IncidentEvent(EventKind.NOTED, START + 5, what, note="the name moved")
        desk.recorder(desk.states["fra1"], None, (event,))
        desk.written()
        assert desk.query("SELECT text FROM notes") == [("the name moved",)]
        assert desk.query("SELECT count(*) FROM outbox") == [(1,)]


def test_a_note_with_a_lone_surrogate_is_written_like_any_other(tmp_path: Path) -> None:
    with recording(Desk(tmp_path)) as desk:
        desk.recorder.note(incident().id, "an\udc61", "caf\udce9")
        desk.written()
        assert desk.query("SELECT who, text FROM notes") == [("an?", "caf?")]


def test_a_server_has_one_open_incident_at_most(tmp_path: Path) -> None:
    with recording(Desk(tmp_path)) as desk:
        for number in (1, 2):
            what = incident(number=number, opened_at=START + number * 100)
            desk.recorder(desk.states["fra1"], None, opened(what))
        desk.written()
        assert desk.query("SELECT closed_at FROM incidents ORDER BY opened_at") == [(START + 200,), (None,)]


def test_a_pause_is_remembered_with_who_asked_for_it_until_it_ends(tmp_path: Path) -> None:
    with recording(Desk(tmp_path)) as desk:
        each = desk.states["fra1"]
        each.paused, each.paused_by, each.severity = True, "ana", Severity.PAUSED
        desk.recorder(each, None, ())
        desk.written()
        assert desk.query("SELECT since, who FROM pauses") == [(START, "ana")]
        each.paused, each.severity = False, Severity.UP
        desk.recorder(each, None, ())
        desk.written()
        assert desk.query("SELECT since, who FROM pauses") == []


def test_the_end_of_a_pause_is_stored_and_deleted_with_it(tmp_path: Path) -> None:
    with recording(Desk(tmp_path)) as desk:
        each = desk.states["fra1"]
        each.paused, each.paused_until, each.severity = True, START + 60, Severity.PAUSED
        desk.recorder(each, None, ())
        desk.written()
        assert desk.query("SELECT until FROM pause_ends") == [(START + 60,)]
        each.paused_until = None
        desk.recorder(each, None, ())
        desk.written()
        assert desk.query("SELECT until FROM pause_ends") == []
        assert desk.query("SELECT count(*) FROM pauses") == [(1,)]


def test_a_pause_in_servers_toml_is_not_stored(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    each = desk.states["fra1"]
    each.server, each.paused, each.severity = replace(each.server, paused=True), True, Severity.PAUSED
    with recording(desk):
        desk.written()
        assert desk.query("SELECT * FROM pauses") == []
        assert desk.query("SELECT state FROM checks") == [("paused",)]


def test_the_fleet_version_grows_with_incidents_pauses_and_servers(tmp_path: Path) -> None:
    version = "SELECT value FROM facts WHERE name = 'fleet_version'"
    with recording(Desk(tmp_path)) as desk:
        desk.written()
        before = desk.value(version)
        desk.check()
        desk.written()
        assert desk.value(version) == before
        desk.recorder(desk.states["fra1"], None, opened(incident()))
        desk.written()
        assert desk.value(version) != before


# Servers


def test_viewers_learn_of_a_server_what_is_not_secret(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    secret = replace(
        server(),
        preshared_key=SecretSource(SecretForm.FILE, "/etc/psk"),
        inspect=("ssh", "root@fra1", "wg show wg0 dump"),
    )
    desk.states["fra1"].server = secret
    with recording(desk):
        desk.written()
        entry = desk.value("SELECT entry FROM servers")
    assert "psk" not in entry
    assert "ssh" not in entry
    assert server_from_entry("fra1", entry) == replace(secret, preshared_key=None, inspect=())


@pytest.mark.parametrize("entry", ["", "[]", "{}", '{"endpoint": 1}', '{"interval": "x"}', "null"])
def test_an_entry_of_another_program_is_no_server(entry: str) -> None:
    assert server_from_entry("fra1", entry) is None


def test_a_server_that_leaves_the_file_keeps_its_history_and_no_open_incident(tmp_path: Path) -> None:
    with recording(Desk(tmp_path, ("fra1", "ams1"))) as desk:
        desk.run(120)
        desk.recorder(desk.states["fra1"], None, opened(incident()))
        desk.written()
        del desk.states["fra1"]
        desk.recorder.watch(desk.states.values())
        desk.written()
        assert desk.query("SELECT name, removed_at FROM servers ORDER BY name") == [
            ("ams1", None),
            ("fra1", START + 120),
        ]
        assert desk.value("SELECT closed_at FROM incidents") == START + 120
        kept = "SELECT sum(checks) FROM minutes JOIN servers ON series = id WHERE name = 'fra1'"
        assert desk.value(kept) == 6
        desk.run(600)
        assert desk.value(kept) == 12
        desk.states["fra1"] = row("fra1")
        desk.recorder.watch(desk.states.values())
        desk.written()
        assert desk.query("SELECT removed_at FROM servers WHERE name = 'fra1'") == [(None,)]


# From one run to the next


def test_the_state_of_the_damping_rule_is_as_of_the_last_commit(tmp_path: Path) -> None:
    with recording(Desk(tmp_path)) as desk:
        desk.check()
        desk.written()
        damping = Damping(Severity.UP, (Severity.UP, Severity.UP, Severity.DOWN), failed_at=START)
        desk.states["fra1"].damping = damping
        desk.check(fails=True)
        desk.written()
        stored = desk.value("SELECT damping FROM current")
    assert from_json(stored) == damping


def test_the_last_stamps_are_copied_into_the_store(tmp_path: Path) -> None:
    identity = PublicKey(bytes(32))
    with TimestampLedger(tmp_path) as ledger:
        with recording(Desk(tmp_path, ledger=ledger)):
            ledger.next(identity)
        assert mirrored_stamps(tmp_path) == ledger.last()
        assert len(ledger.last()) == 1


def test_a_store_of_a_later_version_is_refused_at_the_start(tmp_path: Path) -> None:
    open_store(tmp_path).connection.close()
    with closing(sqlite3.connect(tmp_path / STORE)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(NewerStoreError):
        Recorder(tmp_path).start()
