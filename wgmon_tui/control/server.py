"""Server of the control socket, in the writer: access rules, requests and answers.

One task serves each client, one request after the other. A client that does not read delays only itself.
Checks take seconds, so each has a task of its own. It ends when its client hangs up. client_limits.py limits
what each account can take.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from math import inf
from pathlib import Path

from wgmon_tui.control.budgets import Budget
from wgmon_tui.control.client_limits import IDLE_TIMEOUT_S, MAX_CONNECTIONS, ClientLimits
from wgmon_tui.control.protocol import (
    CHANGING_OPERATIONS,
    CHECKING_OPERATIONS,
    GROUP_OPERATIONS,
    MAX_REQUEST_BYTES,
    BadMessageError,
    ControlRequest,
    Greeting,
    Operation,
    encode_answer,
    encode_busy,
    encode_error,
    encode_greeting,
    parse_request,
)
from wgmon_tui.net.accounts import group_name, is_shared, login_name
from wgmon_tui.net.peer_credentials import PeerCredentials, read_peer_credentials
from wgmon_tui.net.unix_socket import NAME, bindable_path, serve
from wgmon_tui.records import dataclass
from wgmon_tui.text import format_limit

MAX_CHECKS_PER_CLIENT = 128
"""Checks that a client can wait for at once. Its next request is read when one of them has ended."""

_ANSWER_TIMEOUT_S = 10.0
_LOGIN_CACHE_S = 60.0

_QUEUED_CONNECTIONS = 1024
"""Connections that wait to be accepted: a client that connects in a loop leaves room for others."""

RequestHandler = Callable[[ControlRequest, str], Awaitable[Mapping[str, object]]]
"""Executes a request for the account with this login name. Raises RequestRefusedError."""


class RequestRefusedError(Exception):
    """The request cannot be executed. The message is one line."""


@dataclass(frozen=True, slots=True)
class _Account:
    """The account of a client, and what it may request."""

    uid: int
    login: str
    allowed: frozenset[Operation]


class ControlServer:
    """Listens in a state directory whose lock this process holds. Passes requests to `answer`."""

    def __init__(self, state_dir: Path, answer: RequestHandler, since: float) -> None:
        """`since` is the Unix time at which this process became the writer."""
        self._state_dir = state_dir
        self._answer = answer
        self._since = since
        self._server: asyncio.Server | None = None
        self._directory = -1
        """The state directory. Once it is moved, its path may lead to that of another writer."""
        self._inode = 0
        self._clients: set[asyncio.Task[None]] = set()
        self._limits = ClientLimits(os.geteuid())
        self._logins: dict[int, tuple[str, float]] = {}
        """The login name of each account, and the time of its lookup."""

    @property
    def budgets(self) -> list[Budget]:
        """The connections and changes of each account."""
        return self._limits.budgets(lambda uid: self._logins[uid][0] if uid in self._logins else str(uid))

    async def open(self) -> None:
        """Listen. Raises OSError if the directory is not writable.

        Replaces the socket of a killed writer: the lock proves that no other writer runs.
        """
        self._directory = os.open(self._state_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with suppress(FileNotFoundError):
                os.unlink(NAME, dir_fd=self._directory)
            with bindable_path(self._state_dir) as path:
                listening.bind(path)
            self._set_permissions()
            self._inode = os.stat(NAME, dir_fd=self._directory).st_ino
            self._server = await serve(
                listening, self._accept, limit=MAX_REQUEST_BYTES, backlog=MAX_CONNECTIONS
            )
            listening.listen(_QUEUED_CONNECTIONS)
        except BaseException:
            listening.close()
            os.close(self._directory)
            raise

    def _set_permissions(self) -> None:
        """Give the socket the directory's group, before it listens and accepts connections."""
        directory = os.fstat(self._directory)
        os.chmod(NAME, 0o600, dir_fd=self._directory)
        if is_shared(directory):
            os.chown(NAME, -1, directory.st_gid, dir_fd=self._directory)
            os.chmod(NAME, 0o660, dir_fd=self._directory)

    async def close(self) -> None:
        """Stop listening and close all connections."""
        server, self._server = self._server, None
        if server is None:
            return
        with suppress(OSError):
            # Another process may be the writer here, if the lock was deleted.
            if os.stat(NAME, dir_fd=self._directory).st_ino == self._inode:
                os.unlink(NAME, dir_fd=self._directory)
        os.close(self._directory)
        server.close()
        clients = list(self._clients)
        for client in clients:
            client.cancel()
        await asyncio.gather(*clients, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Refuse or serve a new connection. A refusal costs no task: a client may repeat it in a loop."""
        try:
            peer = read_peer_credentials(writer.get_extra_info("socket"))
        except OSError:
            writer.transport.abort()
            return
        if refusal := self._limits.connect(peer.uid):
            writer.write(encode_busy(refusal))
            writer.close()
            return
        client = asyncio.create_task(self._run_client(reader, writer, peer), name="viewer")
        self._clients.add(client)
        client.add_done_callback(self._clients.discard)
        client.add_done_callback(lambda _: self._limits.disconnect(peer.uid))

    async def _run_client(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, peer: PeerCredentials
    ) -> None:
        # It ends when the client disconnects or does not read.
        with suppress(OSError):
            try:
                await self._serve(reader, writer, peer)
            finally:
                writer.transport.abort()

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, peer: PeerCredentials
    ) -> None:
        allowed = allowed_operations(peer, os.geteuid(), self._state_dir.stat())
        if not allowed:
            # A name lookup may wait for a directory server.
            reason = await asyncio.to_thread(_explain_refusal, peer.uid, self._state_dir)
            await _send(writer, encode_error(None, reason))
            return
        account = _Account(peer.uid, await self._look_up_login(peer.uid), allowed)
        await _send(writer, encode_greeting(Greeting(self._since, allowed)))
        checks: set[asyncio.Task[None]] = set()
        try:
            while (line := await _read_line(reader, writer, checks)) is not None:
                try:
                    request = parse_request(line)
                except BadMessageError as error:
                    await self._limits.pace(peer.uid, len(line))
                    await _send(writer, encode_error(None, str(error)))
                    continue
                is_check = request.operation in CHECKING_OPERATIONS
                await self._limits.pace(peer.uid, len(line), is_check=is_check)
                if not is_check:
                    await _send(writer, await self._answer_request(request, account))
                    continue
                if len(checks) >= MAX_CHECKS_PER_CLIENT:
                    await asyncio.wait(checks, return_when=asyncio.FIRST_COMPLETED)
                check = asyncio.create_task(self._answer_check(writer, request, account), name="probe")
                checks.add(check)
                check.add_done_callback(checks.discard)
        finally:
            for check in checks:
                check.cancel()

    async def _look_up_login(self, uid: int) -> str:
        """The login name of an account. A client that connects in a loop causes no lookups in a loop."""
        login, looked_up_at = self._logins.get(uid, ("", -inf))
        if time.monotonic() - looked_up_at > _LOGIN_CACHE_S:
            login = await asyncio.to_thread(login_name, uid)
            self._logins[uid] = login, time.monotonic()
        return login

    async def _answer_check(
        self, writer: asyncio.StreamWriter, request: ControlRequest, account: _Account
    ) -> None:
        try:
            await _send(writer, await self._answer_request(request, account))
        except OSError:
            writer.transport.abort()  # the client has gone or does not read

    async def _answer_request(self, request: ControlRequest, account: _Account) -> bytes:
        operation = request.operation
        if operation not in account.allowed:
            return encode_error(request.id, f"{account.login} is not allowed to request {operation.value}")
        if operation in CHANGING_OPERATIONS and (refusal := self._limits.find_change_refusal(account.uid)):
            return encode_error(request.id, refusal)
        try:
            return encode_answer(request.id, await self._answer(request, account.login))
        except RequestRefusedError as error:
            return encode_error(request.id, str(error))


def allowed_operations(peer: PeerCredentials, owner: int, directory: os.stat_result) -> frozenset[Operation]:
    """The operations allowed for a peer.

    Root and the writer's account may request all; members of the directory's group, `GROUP_OPERATIONS`.
    """
    if peer.uid in (0, owner):
        return frozenset(Operation)
    if is_shared(directory) and directory.st_gid in peer.gids:
        return GROUP_OPERATIONS
    return frozenset()


def _explain_refusal(uid: int, state_dir: Path) -> str:
    status = state_dir.stat()
    if not is_shared(status):
        return f"{login_name(uid)} has no access: this state directory is not shared with a group"
    return f"{login_name(uid)} has no access: only the group {group_name(status.st_gid)} has"


async def _read_line(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, checks: Collection[object]
) -> bytes | None:
    """Read a request; None if the client has gone or is idle, or its line is too long.

    A client that waits for `checks` is not idle.
    """
    while True:
        try:
            async with asyncio.timeout(IDLE_TIMEOUT_S):
                return await reader.readuntil()
        except TimeoutError:
            if not checks:
                reason = f"closed after {format_limit(IDLE_TIMEOUT_S)} without a request"
                await _send(writer, encode_error(None, reason))
                return None
        except asyncio.IncompleteReadError:
            return None
        except asyncio.LimitOverrunError:
            await _send(writer, encode_error(None, f"expected at most {MAX_REQUEST_BYTES} bytes per line"))
            return None


async def _send(writer: asyncio.StreamWriter, line: bytes) -> None:
    """Send a line. Raises TimeoutError for a client that does not read."""
    writer.write(line)
    async with asyncio.timeout(_ANSWER_TIMEOUT_S):
        await writer.drain()
