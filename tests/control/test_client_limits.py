"""Tests of the limits of the control socket: connections and changes of members, idle clients."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from wgmon_tui.control import client_limits, server
from wgmon_tui.control.budgets import Budget, Resource
from wgmon_tui.control.client import ControlConnection, NoWriterError, WriterBusyError
from wgmon_tui.control.client_limits import CHANGES_AT_ONCE, ClientLimits
from wgmon_tui.control.one_shot_rounds import OneShotRounds
from wgmon_tui.control.protocol import ControlRequest, Operation
from wgmon_tui.control.server import ControlServer, RequestRefusedError
from wgmon_tui.net.peer_credentials import PeerCredentials
from wgmon_tui.store.timestamp_ledger import TimestampLedger

OWNER, ROOT, MALLORY, ALICE, BOB, CAROL = 1000, 0, 1001, 1002, 1003, 1004
GROUP = 77


def accepted(limits: ClientLimits, uid: int, attempts: int = 100) -> int:
    return sum(not limits.connect(uid) for _ in range(attempts))


def test_a_member_gets_at_most_16_connections() -> None:
    limits = ClientLimits(OWNER)
    assert accepted(limits, MALLORY) == 16
    assert "has 16 connections already" in limits.connect(MALLORY)


def test_members_together_leave_16_connections_to_root_and_the_owner() -> None:
    limits = ClientLimits(OWNER)
    assert [accepted(limits, uid) for uid in (MALLORY, ALICE, BOB, CAROL)] == [16, 16, 16, 0]
    assert [accepted(limits, uid, 8) for uid in (ROOT, OWNER)] == [8, 8]


def test_a_closed_connection_can_be_opened_again() -> None:
    limits = ClientLimits(OWNER)
    accepted(limits, MALLORY)
    limits.disconnect(MALLORY)
    assert accepted(limits, MALLORY) == 1


def test_a_member_can_send_so_many_changes_at_once() -> None:
    limits = ClientLimits(OWNER)
    refusals = [limits.find_change_refusal(MALLORY) for _ in range(CHANGES_AT_ONCE + 1)]
    assert not any(refusals[:-1])
    assert refusals[-1] == "too many changes from this account: try again in 6 s"
    assert not limits.find_change_refusal(ALICE)


def test_a_member_can_send_so_many_changes_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_limits, "CHANGES_PER_DAY", 20)
    limits = ClientLimits(OWNER)
    assert sum(not limits.find_change_refusal(MALLORY) for _ in range(CHANGES_AT_ONCE)) == 20


@pytest.mark.parametrize("uid", [ROOT, OWNER])
def test_root_and_the_owner_can_send_any_number_of_changes(uid: int) -> None:
    limits = ClientLimits(OWNER)
    assert not any(limits.find_change_refusal(uid) for _ in range(10 * CHANGES_AT_ONCE))


async def test_a_member_that_asks_too_often_is_delayed_but_not_for_checks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    delays: list[float] = []

    async def sleep(seconds: float) -> None:
        delays.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    limits = ClientLimits(OWNER)
    for _ in range(1000):
        await limits.pace(MALLORY, 100, is_check=True)
        await limits.pace(OWNER, 1_000_000)
    assert delays == []
    for _ in range(1000):
        await limits.pace(MALLORY, 100)
    assert delays[-1] > 5.0


def test_budgets_show_what_is_used_and_what_was_refused() -> None:
    limits = ClientLimits(OWNER)
    accepted(limits, MALLORY, 20)
    limits.connect(OWNER)
    for _ in range(CHANGES_AT_ONCE + 5):
        limits.find_change_refusal(ALICE)
    logins = {MALLORY: "mallory", ALICE: "alice"}
    assert limits.budgets(logins.__getitem__) == [
        Budget(Resource.CONNECTIONS, "all", 17, 64, 0),
        Budget(Resource.CONNECTIONS, "mallory", 16, 16, 4),
        Budget(Resource.CHANGES, "mallory", 0, 60, 0),
        Budget(Resource.CONNECTIONS, "alice", 0, 16, 0),
        Budget(Resource.CHANGES, "alice", 60, 60, 5),
    ]


class Recorder:
    def __init__(self) -> None:
        self.operations: list[Operation] = []

    async def answer(self, request: ControlRequest, _: str) -> Mapping[str, object]:
        self.operations.append(request.operation)
        return {}


@asynccontextmanager
async def control_server(state: Path) -> AsyncIterator[Recorder]:
    recorder = Recorder()
    control = ControlServer(state, recorder.answer, since=0.0)
    await control.open()
    try:
        yield recorder
    finally:
        await control.close()


@pytest.fixture
def member(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let the server take every client for a member of the group of a shared directory."""
    os.chown(tmp_path, -1, GROUP)
    tmp_path.chmod(0o2750)
    credentials = PeerCredentials(os.getpid(), MALLORY, frozenset({GROUP}))
    monkeypatch.setattr(server, "read_peer_credentials", lambda _: credentials)


@pytest.mark.usefixtures("member")
async def test_owner_and_root_are_answered_while_a_member_holds_all_connections_that_it_gets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with control_server(tmp_path):
        held = [await ControlConnection.connect(tmp_path) for _ in range(16)]
        with pytest.raises(WriterBusyError, match="16 connections already"):
            await ControlConnection.connect(tmp_path)
        monkeypatch.setattr(
            server, "read_peer_credentials", lambda _: PeerCredentials(1, os.geteuid(), frozenset())
        )
        connection = await ControlConnection.connect(tmp_path)
        assert await connection.ask(Operation.STATS) == {}
        for each in (*held, connection):
            await each.close()


@pytest.mark.usefixtures("member")
async def test_changes_above_the_limit_are_refused_and_not_executed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_limits, "CHANGES_AT_ONCE", 2)
    async with control_server(tmp_path) as recorder:
        connection = await ControlConnection.connect(tmp_path)
        for _ in range(2):
            await connection.ask(Operation.PAUSE, ["fra1"])
        with pytest.raises(RequestRefusedError, match="too many changes"):
            await connection.ask(Operation.PAUSE, ["fra1"])
        await connection.ask(Operation.STATS)
        await connection.close()
    assert recorder.operations == [Operation.PAUSE, Operation.PAUSE, Operation.STATS]


async def test_a_connection_without_a_request_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "IDLE_TIMEOUT_S", 0.05)
    async with control_server(tmp_path):
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / "control.sock"))
        await reader.readline()
        writer.write(b'{"v":1,')  # half a request is none
        assert b"without a request" in await reader.readline()
        assert await reader.read() == b""
        writer.close()


async def test_a_connection_that_waits_for_a_check_is_not_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "IDLE_TIMEOUT_S", 0.5)

    async def answer(_: ControlRequest, __: str) -> Mapping[str, object]:
        await asyncio.sleep(0.8)
        return {"done": True}

    control = ControlServer(tmp_path, answer, since=0.0)
    await control.open()
    connection = await ControlConnection.connect(tmp_path)
    assert await connection.ask(Operation.PROBE, ["fra1"]) == {"done": True}
    await connection.close()
    await control.close()


async def test_a_one_shot_command_waits_for_a_free_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_limits, "MAX_CONNECTIONS", 1)
    async with control_server(tmp_path):
        held = await ControlConnection.connect(tmp_path)
        asyncio.get_running_loop().call_later(0.1, lambda: asyncio.ensure_future(held.close()))
        lines: list[str] = []
        with TimestampLedger(tmp_path) as timestamps:
            async with OneShotRounds(tmp_path, timestamps, lines.append):
                assert held.ended.is_set()
    assert not [line for line in lines if "checking without" in line]


async def test_a_one_shot_command_connects_again_after_its_idle_connection_was_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "IDLE_TIMEOUT_S", 0.05)
    async with control_server(tmp_path):
        with TimestampLedger(tmp_path) as timestamps:
            async with OneShotRounds(tmp_path, timestamps) as rounds:
                first = await rounds._open_connection()
                assert first
                await first.ended.wait()
                with pytest.raises(NoWriterError):
                    await first.ask(Operation.STATS)
                monkeypatch.setattr(server, "IDLE_TIMEOUT_S", 60.0)  # a busy machine is slow to ask
                second = await rounds._open_connection()
                assert second
                assert await second.ask(Operation.STATS) == {}
