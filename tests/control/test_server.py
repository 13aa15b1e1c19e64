"""Tests of the control socket, with real sockets: answers, refusals and misbehaving clients."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from wgmon_tui.control.client import AccessDeniedError, ControlConnection, NoWriterError, WriterBusyError
from wgmon_tui.control.protocol import GROUP_OPERATIONS, MAX_REQUEST_BYTES, ControlRequest, Operation
from wgmon_tui.control.server import ControlServer, RequestRefusedError, allowed_operations
from wgmon_tui.net.peer_credentials import PeerCredentials
from wgmon_tui.net.unix_socket import NAME


class RequestRecorder:
    """Records the requests and the accounts that sent them."""

    def __init__(self) -> None:
        self.requests: list[tuple[Operation, tuple[str, ...], str]] = []

    async def answer(self, request: ControlRequest, who: str) -> Mapping[str, object]:
        self.requests.append((request.operation, request.names, who))
        if request.operation is Operation.EDIT:
            raise RequestRefusedError("servers.toml is edited in its file")
        if request.operation is Operation.ROUND:
            return {"round": "x" * 4_000_000}
        return {}


@asynccontextmanager
async def control_server(state: Path, recorder: RequestRecorder) -> AsyncIterator[ControlServer]:
    control = ControlServer(state, recorder.answer, since=12.5)
    await control.open()
    try:
        yield control
    finally:
        await control.close()


@asynccontextmanager
async def control_client(state: Path) -> AsyncIterator[ControlConnection]:
    connection = await ControlConnection.connect(state)
    try:
        yield connection
    finally:
        await connection.close()


async def raw(state: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_unix_connection(str(state / "control.sock"))


async def test_what_is_asked_reaches_the_writer_with_the_name_of_who_asked(tmp_path: Path) -> None:
    recorder = RequestRecorder()
    async with control_server(tmp_path, recorder), control_client(tmp_path) as connection:
        assert connection.greeting.since == 12.5
        assert connection.writer.pid == os.getpid()
        await connection.ask(Operation.PAUSE, ["fra1", "fra2"])
    assert recorder.requests == [(Operation.PAUSE, ("fra1", "fra2"), "root")]


async def test_what_the_writer_refuses_is_told_in_its_words(tmp_path: Path) -> None:
    async with control_server(tmp_path, RequestRecorder()), control_client(tmp_path) as connection:
        with pytest.raises(RequestRefusedError, match="is edited in its file"):
            await connection.ask(Operation.EDIT)


async def test_the_end_of_the_writer_is_known_at_once(tmp_path: Path) -> None:
    async with control_server(tmp_path, RequestRecorder()) as control, control_client(tmp_path) as connection:
        assert not connection.ended.is_set()
        await control.close()
        async with asyncio.timeout(30):
            await connection.ended.wait()
        with pytest.raises(NoWriterError):
            await connection.ask(Operation.STATS)


async def test_without_a_writer_there_is_nobody_to_ask(tmp_path: Path) -> None:
    with pytest.raises(NoWriterError):
        await ControlConnection.connect(tmp_path)


async def test_the_socket_of_a_writer_that_was_killed_is_replaced(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "control.sock"))
    with pytest.raises(NoWriterError):
        await ControlConnection.connect(tmp_path)
    async with control_server(tmp_path, RequestRecorder()), control_client(tmp_path) as connection:
        assert await connection.ask(Operation.STATS) == {}


async def test_a_directory_that_moves_during_the_start_leaves_the_next_writers_socket_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / "state"
    state.mkdir()
    set_permissions = ControlServer._set_permissions

    def move(control: ControlServer) -> None:
        state.rename(tmp_path / "moved")
        state.mkdir()
        (state / NAME).touch(0o640)
        set_permissions(control)

    monkeypatch.setattr(ControlServer, "_set_permissions", move)
    async with control_server(state, RequestRecorder()):
        assert (tmp_path / "moved" / NAME).is_socket()
    assert (state / NAME).stat().st_mode & 0o777 == 0o640
    assert not (tmp_path / "moved" / NAME).exists()


async def test_a_writer_that_accepts_nobody_for_a_moment_is_busy_and_not_gone(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening, socket.socket(socket.AF_UNIX) as waiting:
        listening.bind(str(tmp_path / "control.sock"))
        listening.listen(0)
        waiting.connect(str(tmp_path / "control.sock"))
        with pytest.raises(WriterBusyError, match="at the same time"):
            await ControlConnection.connect(tmp_path)


async def test_a_state_directory_may_have_a_path_longer_than_a_socket_address(tmp_path: Path) -> None:
    state = tmp_path / ("d" * 100) / ("e" * 100)
    state.mkdir(parents=True)
    async with control_server(state, RequestRecorder()), control_client(state) as connection:
        assert await connection.ask(Operation.STATS) == {}
    assert list(state.iterdir()) == []


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        (b"nonsense\n", b"expected one JSON object per line"),
        (b'{"v":1,"id":1,"op":"destroy"}\n', b"op: expected one of"),
        (b'{"v":9,"id":1,"op":"stats"}\n', b"different protocol versions"),
    ],
)
async def test_a_line_that_is_no_request_is_answered_and_the_next_one_counts(
    tmp_path: Path, line: bytes, answer: bytes
) -> None:
    async with control_server(tmp_path, RequestRecorder()):
        reader, writer = await raw(tmp_path)
        await reader.readline()
        writer.write(line)
        assert answer in await reader.readline()
        writer.write(b'{"v":1,"id":2,"op":"stats"}\n')
        assert await reader.readline() == b'{"v":1,"id":2,"ok":{}}\n'
        writer.close()


async def test_a_request_without_end_is_cut_off(tmp_path: Path) -> None:
    async with control_server(tmp_path, RequestRecorder()):
        reader, writer = await raw(tmp_path)
        await reader.readline()
        writer.write(b"x" * (MAX_REQUEST_BYTES + 1))
        assert b"bytes per line" in await reader.readline()
        assert await reader.read() == b""
        writer.close()


async def test_a_client_that_does_not_read_holds_up_nobody_else(tmp_path: Path) -> None:
    recorder = RequestRecorder()
    async with control_server(tmp_path, recorder), control_client(tmp_path) as connection:
        with socket.socket(socket.AF_UNIX) as deaf:
            deaf.connect(str(tmp_path / "control.sock"))
            for number in range(20):
                deaf.send(b'{"v":1,"id":%d,"op":"round"}\n' % number)
            for _ in range(20):
                await connection.ask(Operation.STATS)
    # Answers do not accumulate in the server: the client gets the next one after it has read the last.
    assert [operation for operation, _, _ in recorder.requests].count(Operation.ROUND) <= 2


async def test_a_client_waits_for_so_many_checks_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wgmon_tui.control.server.MAX_CHECKS_PER_CLIENT", 2)
    started, ends = asyncio.Queue[int](), [asyncio.Event() for _ in range(3)]

    async def answer(request: ControlRequest, _: str) -> Mapping[str, object]:
        started.put_nowait(request.id)
        await ends[request.id].wait()
        return {}

    control = ControlServer(tmp_path, answer, since=0.0)
    await control.open()
    reader, writer = await raw(tmp_path)
    await reader.readline()
    for number in range(3):
        writer.write(b'{"v":1,"id":%d,"op":"probe","names":["fra1"]}\n' % number)
    assert [await started.get() for _ in range(2)] == [0, 1]
    ends[1].set()
    assert await reader.readline() == b'{"v":1,"id":1,"ok":{}}\n'
    assert await started.get() == 2
    writer.close()
    await control.close()


async def test_only_so_many_can_be_attached(tmp_path: Path) -> None:
    async with control_server(tmp_path, RequestRecorder()):
        clients = [await raw(tmp_path) for _ in range(64)]
        for reader, _ in clients:
            assert b'"may"' in await reader.readline()
        with pytest.raises(AccessDeniedError, match="all 64 viewer slots are in use"):
            await ControlConnection.connect(tmp_path)
        for _, writer in clients:
            writer.close()


def directory(mode: int, gid: int) -> os.stat_result:
    return os.stat_result((mode, 0, 0, 0, 1000, gid, 0, 0, 0, 0))


def test_root_and_the_writers_own_account_may_ask_everything() -> None:
    for uid in (0, 1000):
        assert allowed_operations(
            PeerCredentials(1, uid, frozenset()), 1000, directory(0o40700, 1000)
        ) == frozenset(Operation)


def test_a_member_of_the_group_may_ask_for_all_but_edits() -> None:
    member = PeerCredentials(1, 1001, frozenset({1001, 77}))
    assert allowed_operations(member, 1000, directory(0o42750, 77)) == GROUP_OPERATIONS
    assert Operation.EDIT not in GROUP_OPERATIONS


def test_a_group_without_access_to_the_directory_counts_for_nothing() -> None:
    assert (
        allowed_operations(PeerCredentials(1, 1001, frozenset({77})), 1000, directory(0o40700, 77))
        == frozenset()
    )


def test_everybody_else_may_ask_nothing() -> None:
    assert (
        allowed_operations(PeerCredentials(1, 1001, frozenset({1001})), 1000, directory(0o42755, 77))
        == frozenset()
    )
