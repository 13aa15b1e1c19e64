"""Rows that a recorder writes to an empty store: all tables that one batch fills, with all stored strings."""

from __future__ import annotations

import json
import sqlite3
import zlib
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from tests.golden import GoldenFile
from tests.store.golden.examples import CLOSED, DAMPINGS, LATER_SERVERS, OPEN, SERVERS
from tests.store.golden.rounds import AT, CONTROL_PLANE_VERDICTS, LATEST_VERDICTS, ROUNDS
from wgmon_tui.alerts.alert_tables import GIVEN_UP, AlertChanges
from wgmon_tui.alerts.delivery_queue import make_delivery, make_held_delivery
from wgmon_tui.alerts.expiry_policy import ExpiryState
from wgmon_tui.alerts.models import Announcement, AnnouncementKind
from wgmon_tui.alerts.notification_policy import Notification
from wgmon_tui.checks.expiry import Expires
from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.monitor.incidents import EventKind, IncidentEvent
from wgmon_tui.monitor.quorum import VantageReport, VantageState
from wgmon_tui.monitor.server_state import ServerState
from wgmon_tui.store import schema
from wgmon_tui.store.formats.incident_snapshot import IncidentSnapshot
from wgmon_tui.store.formats.server_entry import server_to_entry
from wgmon_tui.store.models import Mute, Note, PeriodState
from wgmon_tui.store.write.batch import (
    Batch,
    Pause,
    StoredDamping,
    StoredServer,
    make_exchange_row,
    make_journal_rows,
    make_outbox_row,
    make_state_row,
)
from wgmon_tui.store.write.packet_sampling import PacketSample
from wgmon_tui.store.write.vantage_states import VantageQuorum, VantageStates

HERE = Path(__file__).parent

_QUIET = ("minutes", "hours", "days", "packs", "stamps", "tellings", "sqlite_sequence")
"""Tables that no batch fills."""


def _batch() -> Batch:
    batch = Batch(fleet={server.name: StoredServer(server_to_entry(server), 97.5) for server in SERVERS})
    full, bare, plain = ROUNDS[:3]
    batch.add_journal_rows(make_journal_rows("fra1", full, "up", AT))
    batch.add_journal_rows(make_journal_rows("fra1", plain, "down", AT))
    batch.add_journal_rows([make_state_row("ams1", AT, state.value, AT) for state in PeriodState])
    batch.exchanges.append(make_exchange_row(PacketSample("fra1", "good", full)))
    batch.exchanges.append(make_exchange_row(PacketSample("ams1", "change", bare, OPEN.id)))
    batch.exchanges.append(make_exchange_row(PacketSample("ams1", "failure", plain, OPEN.id)))
    batch.dampings = {
        "fra1": StoredDamping(DAMPINGS[1], "down", AT),
        "ams1": StoredDamping(DAMPINGS[0], "unknown", AT),
    }
    batch.incidents = {each.id: each for each in (CLOSED, OPEN)}
    batch.notes = [(CLOSED.id, Note(AT, "ada", "Ü – ✖"))]
    batch.pauses = {"fra1": Pause(AT, "ada")}
    batch.mutes = {"ams1": Mute(AT, AT + 60.0, "ada")}
    row = ServerState(SERVERS[0], Severity.DOWN, last=full)
    batch.outbox = [
        make_outbox_row(row, IncidentEvent(what, AT, CLOSED, "ada", "a note"))
        for what in EventKind
        if what is not EventKind.NOTED
    ]
    vantage_state = VantageState(
        "ams", full, AT, AT + 97.5, DAMPINGS[1], full, AT - 10.0, (0.25, None), current=False
    )
    report = VantageReport("ams", "9f", 7, "fra1", full)
    batch.add_journal_rows(make_journal_rows("fra1", full, "up", AT, report))
    sample = make_exchange_row(PacketSample("fra1", "change", full, CLOSED.id, "ams"))
    batch.exchanges.append(sample)
    batch.vantage_states = VantageStates(
        seen={("fra1", "ams"): vantage_state},
        packets={("fra1", "ams"): sample[-1]},
        reported={"ams": ("9f", 7)},
        vantages=VantageQuorum(("ams", "nyc"), 2),
    )
    return batch


def _later_batch() -> Batch:
    batch = Batch(fleet={"ams1": StoredServer(server_to_entry(LATER_SERVERS[0]), 97.5)})
    batch.add_journal_rows(make_journal_rows("ams1", ROUNDS[3], "down", AT))
    batch.exchanges.append(make_exchange_row(PacketSample("ams1", "failure", ROUNDS[3])))
    return batch


def _deliver(connection: sqlite3.Connection) -> None:
    """Write deliveries of every kind, in every state except 'sent'."""
    about = (IncidentSnapshot(CLOSED, "fra1.example.net:51820"),)
    changes = AlertChanges()
    sent_to_mail = [
        make_delivery("mail", Announcement(f"9f-{kind.value}", kind, AT, about), AT)
        for kind in tuple(AnnouncementKind)[:10]
    ]
    held = make_held_delivery(Notification("chat", AnnouncementKind.OPENED, about[0], "muted by ada"), AT)
    reason = 'no sink "mail" in config.toml any more'
    for delivery in (
        *(replace(each, state=GIVEN_UP, reason=reason, done_at=AT) for each in sent_to_mail),
        held,
        make_delivery("chat", Announcement("9f-test-2", AnnouncementKind.TEST, AT), AT),
    ):
        changes.deliveries[delivery.key] = delivery
    changes.write(connection)


def _later_rows() -> list[str]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        schema.create_or_migrate(connection)
        _later_batch().write(connection, {}, AT)
        rows = [line for name in ("servers", "checks", "exchanges") for line in _rows_of(connection, name)]
        latest = Batch(fleet={"ams1": StoredServer(server_to_entry(LATER_SERVERS[0]), 97.5)})
        latest.add_journal_rows(make_journal_rows("ams1", ROUNDS[5], "degraded", AT + 1.0))
        latest.write(connection, {}, AT)
        rows += [each for each in _rows_of(connection, "checks") if each not in rows]
        stalled = next(each for each in ROUNDS if each.diagnosis.verdict is Verdict.TCP_STALLS)
        newest = Batch(fleet={"ams1": StoredServer(server_to_entry(LATER_SERVERS[0]), 97.5)})
        newest.add_journal_rows(make_journal_rows("ams1", stalled, "degraded", AT + 2.0))
        newest.write(connection, {}, AT)
        rows += [each for each in _rows_of(connection, "checks") if each not in rows]
        other = next(each for each in ROUNDS if each.diagnosis.verdict is LATEST_VERDICTS[0])
        of_other_protocols = Batch(fleet={"ams1": StoredServer(server_to_entry(LATER_SERVERS[0]), 97.5)})
        of_other_protocols.add_journal_rows(make_journal_rows("ams1", other, "down", AT + 3.0))
        of_other_protocols.write(connection, {}, AT)
        rows += [each for each in _rows_of(connection, "checks") if each not in rows]
        framed = next(each for each in ROUNDS if each.diagnosis.verdict is Verdict.WRONG_PARAMETERS)
        of_amneziawg = Batch(fleet={"ams1": StoredServer(server_to_entry(LATER_SERVERS[0]), 97.5)})
        of_amneziawg.add_journal_rows(make_journal_rows("ams1", framed, "down", AT + 4.0))
        of_amneziawg.write(connection, {}, AT)
        rows += [each for each in _rows_of(connection, "checks") if each not in rows]
        planes = next(each for each in ROUNDS if each.diagnosis.verdict is CONTROL_PLANE_VERDICTS[0])
        of_control_planes = Batch(fleet={"ams1": StoredServer(server_to_entry(LATER_SERVERS[0]), 97.5)})
        of_control_planes.add_journal_rows(make_journal_rows("ams1", planes, "down", AT + 5.0))
        of_control_planes.write(connection, {}, AT)
        rows += [each for each in _rows_of(connection, "checks") if each not in rows]
        _tell_of_expiries(connection)
        return [*rows, *_rows_of(connection, "expiries"), *_rows_of(connection, "expiry_notices")]


def _tell_of_expiries(connection: sqlite3.Connection) -> None:
    key = ("ams1", "server certificate", "ams1.example.net")
    Batch(new_expiries={"ams1": (Expires(*key[1:], AT + 86_400.0),)}).write(connection, {"ams1": 1}, AT)
    changes = AlertChanges()
    changes.expiry_states[*key, "mail"] = ExpiryState(AT + 86_400.0, 604_800.0)
    changes.expiry_states[*key, "chat"] = ExpiryState(AT + 86_400.0, None, "muted by ada")
    changes.write(connection)


def _rows() -> list[str]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        schema.create_or_migrate(connection)
        connection.execute("INSERT INTO facts (name, value) VALUES ('fleet_version', 1)")
        _batch().write(connection, {}, AT)
        _deliver(connection)
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        names = [name for (name,) in tables.fetchall() if name not in _QUIET]
        return [line for name in names for line in _rows_of(connection, name)]


def _rows_of(connection: sqlite3.Connection, table: str) -> list[str]:
    found = connection.execute(f"SELECT * FROM {table}")
    columns = [column for column, *_ in found.description]
    return sorted(
        json.dumps(
            [table, {each: _shown(each, value) for each, value in zip(columns, row, strict=True)}],
            ensure_ascii=False,
        )
        for row in found
    )


def _shown(column: str, value: object) -> object:
    """Return bytes as text: the JSON of a round, because libraries compress in different ways."""
    if not isinstance(value, bytes):
        return value
    return zlib.decompress(value[1:]).decode() if column == "round" else value.hex()


FILES = (
    GoldenFile(HERE / "version_3_store_rows.jsonl", _rows(), str, str),
    GoldenFile(HERE / "version_3_later_store_rows.jsonl", _later_rows(), str, str),
)
