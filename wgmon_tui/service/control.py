"""The writer's end of the control socket: who may ask what, and the answers.

Each client is served by a task of its own, one request after the other, so that one who does not read holds
up nobody but himself.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path

from wgmon_tui.service.accounts import Peer, group_name, is_shared, login_name, peer_of
from wgmon_tui.service.messages import (
    LONGEST_REQUEST,
    MEMBERS_MAY,
    BadMessageError,
    Greeting,
    Operation,
    Request,
    answer_line,
    error_line,
    greeting_line,
    parse_request,
)
from wgmon_tui.service.sockets import NAME, control_path

_MOST_CLIENTS = 64
_ANSWER_SECONDS = 10.0

Answer = Callable[[Request, str], Awaitable[Mapping[str, object]]]
"""Does what is asked by the account of this login name. Raises RefusedError."""


class RefusedError(Exception):
    """What is asked cannot be had. The message is one line."""


class Control:
    """Listens in a state directory whose lock we hold, and hands requests to `answer`."""

    def __init__(self, state_dir: Path, answer: Answer, since: float) -> None:
        """`since` is the Unix time from which on we have been the writer."""
        self._state_dir = state_dir
        self._answer = answer
        self._since = since
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Listen. Raises OSError where the directory cannot be written.

        The socket of a writer that was killed is replaced; that none lives we know by the lock.
        """
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            (self._state_dir / NAME).unlink(missing_ok=True)
            with control_path(self._state_dir) as path:
                listening.bind(path)
            self._let_in()
            self._server = await asyncio.start_unix_server(
                self._accept, sock=listening, limit=LONGEST_REQUEST, backlog=_MOST_CLIENTS
            )
        except BaseException:
            listening.close()
            raise

    def _let_in(self) -> None:
        """Give the socket the directory's group. Before it listens, nobody can have connected to it."""
        path, directory = self._state_dir / NAME, self._state_dir.stat()
        path.chmod(0o600)
        if is_shared(directory):
            os.chown(path, -1, directory.st_gid)
            path.chmod(0o660)

    async def close(self) -> None:
        """Hang up on everybody."""
        if self._server is None:
            return
        with suppress(OSError):
            (self._state_dir / NAME).unlink(missing_ok=True)
        self._server.close()
        clients = list(self._clients)
        for client in clients:
            client.cancel()
        await asyncio.gather(*clients, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = asyncio.create_task(self._attend(reader, writer), name="viewer")
        self._clients.add(client)
        client.add_done_callback(self._clients.discard)

    async def _attend(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # What ends it: the client has gone, or does not read.
        with suppress(OSError):
            try:
                await self._serve(reader, writer)
            finally:
                writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._clients) > _MOST_CLIENTS:
            await _send(writer, error_line(None, f"there are {_MOST_CLIENTS} viewers already"))
            return
        peer = peer_of(writer.get_extra_info("socket"))
        may = permitted(peer, os.geteuid(), self._state_dir.stat())
        if not may:
            # Asking for names may take a directory server's time.
            reason = await asyncio.to_thread(_not_for, peer.uid, self._state_dir)
            await _send(writer, error_line(None, reason))
            return
        who = await asyncio.to_thread(login_name, peer.uid)
        await _send(writer, greeting_line(Greeting(self._since, may)))
        while True:
            try:
                line = await reader.readuntil()
            except asyncio.IncompleteReadError:
                return
            except asyncio.LimitOverrunError:
                await _send(writer, error_line(None, f"a request has at most {LONGEST_REQUEST} bytes"))
                return
            await _send(writer, await self._answered(line, may, who))

    async def _answered(self, line: bytes, may: frozenset[Operation], who: str) -> bytes:
        try:
            request = parse_request(line)
        except BadMessageError as error:
            return error_line(None, str(error))
        if request.operation not in may:
            return error_line(request.id, f"{who} may not ask for {request.operation.value} here")
        try:
            return answer_line(request.id, await self._answer(request, who))
        except RefusedError as error:
            return error_line(request.id, str(error))


def permitted(peer: Peer, owner: int, directory: os.stat_result) -> frozenset[Operation]:
    """What a peer may ask: all as root and as the writer's own account, a part in the directory's group."""
    if peer.uid in (0, owner):
        return frozenset(Operation)
    if is_shared(directory) and directory.st_gid in peer.gids:
        return MEMBERS_MAY
    return frozenset()


def _not_for(uid: int, state_dir: Path) -> str:
    status = state_dir.stat()
    if not is_shared(status):
        return f"not for {login_name(uid)}: this state directory is shared with no group"
    return f"not for {login_name(uid)}: only for the group {group_name(status.st_gid)}"


async def _send(writer: asyncio.StreamWriter, line: bytes) -> None:
    """Raises TimeoutError for a client that does not read."""
    writer.write(line)
    async with asyncio.timeout(_ANSWER_SECONDS):
        await writer.drain()
