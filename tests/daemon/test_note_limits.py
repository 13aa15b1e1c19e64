"""Tests of notes that arrive over the control socket: on what incidents, and how many."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.daemon.harness import query_rows, quick_server, until, write_config
from tests.daemon.viewer_harness import at_work, writer_of
from wgmon_tui.control.client import ControlConnection
from wgmon_tui.control.protocol import Operation
from wgmon_tui.control.server import RequestRefusedError
from wgmon_tui.daemon.writer import Writer

NOTES = "SELECT text FROM notes ORDER BY id"


async def connected_to(writer: Writer, state: Path) -> tuple[ControlConnection, str]:
    """A connection to a writer with an open incident, and the id of the incident."""
    await until(lambda: writer.fleet_state.states["ams1"].incident and (state / "control.sock").exists())
    incident = writer.fleet_state.states["ams1"].incident
    assert incident
    return await ControlConnection.connect(state), incident.id


async def test_a_note_on_an_incident_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    write_config(tmp_path / "config", quick_server("ams1"))
    writer = writer_of(tmp_path)
    async with at_work(writer):
        connection, incident = await connected_to(writer, tmp_path / "state")
        for unknown in ("", "nonsense", f"{incident}0"):
            with pytest.raises(RequestRefusedError, match="there is no incident"):
                await connection.ask(Operation.NOTE, incident=unknown, text="flood")
        await connection.ask(Operation.NOTE, incident=incident, text="technician on the way")
        await connection.close()
    assert query_rows(tmp_path / "state", NOTES) == [("technician on the way",)]


async def test_a_note_on_a_closed_incident_of_an_earlier_run_is_accepted(tmp_path: Path) -> None:
    write_config(tmp_path / "config", quick_server("ams1"))
    first = writer_of(tmp_path)
    async with at_work(first):
        connection, incident = await connected_to(first, tmp_path / "state")
        await connection.close()
    write_config(tmp_path / "config", quick_server("bru1"))
    second = writer_of(tmp_path)
    async with at_work(second):
        await until(lambda: second.fleet_state.states["bru1"].last)
        connection = await ControlConnection.connect(tmp_path / "state")
        await connection.ask(Operation.NOTE, incident=incident, text="it was the cable")
        await connection.close()
    assert query_rows(tmp_path / "state", NOTES) == [("left servers.toml",), ("it was the cable",)]


async def test_an_incident_takes_so_many_notes_with_those_of_acknowledgements_and_earlier_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wgmon_tui.daemon.note_limits.MAX_NOTES_PER_INCIDENT", 3)
    write_config(tmp_path / "config", quick_server("ams1"))
    first = writer_of(tmp_path)
    async with at_work(first):
        connection, incident = await connected_to(first, tmp_path / "state")
        await connection.ask(Operation.NOTE, incident=incident, text="1")
        await connection.ask(Operation.ACKNOWLEDGE, ["ams1"], text="2")
        await connection.close()
    second = writer_of(tmp_path)
    async with at_work(second):
        connection, incident = await connected_to(second, tmp_path / "state")
        await connection.ask(Operation.ACKNOWLEDGE, ["ams1"], text="3")
        for operation, names in ((Operation.NOTE, []), (Operation.ACKNOWLEDGE, ["ams1"])):
            with pytest.raises(RequestRefusedError, match="has 3 notes already"):
                await connection.ask(operation, names, incident=incident, text="4")
        await connection.ask(Operation.ACKNOWLEDGE, ["ams1"])
        await connection.close()
    assert query_rows(tmp_path / "state", NOTES) == [("1",), ("2",), ("3",)]


async def test_a_sink_that_a_request_names_often_is_tested_once(tmp_path: Path) -> None:
    write_config(tmp_path / "config", quick_server("ams1"))
    (tmp_path / "config" / "config.toml").write_text(
        '[[sink]]\nname = "desk"\ntype = "command"\ncommand = ["true"]\n'
    )
    writer = writer_of(tmp_path)
    async with at_work(writer):
        connection, _ = await connected_to(writer, tmp_path / "state")
        await connection.ask(Operation.TEST_SINK, ["desk"] * 1000)
        await connection.close()
    assert query_rows(tmp_path / "state", "SELECT count(*) FROM deliveries WHERE kind = 'test'") == [(1,)]
