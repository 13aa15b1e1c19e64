"""Unix sockets whose path, as it stands, may exceed the limit of a socket address."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from wgmon_tui.net.platforms import PLATFORM, Platform

_O_PATH = getattr(os, "O_PATH", 0)

NAME = "control.sock"
"""The writer's socket, in its state directory."""

_SHORT_DIRECTORY = "/tmp"  # noqa: S108  $TMPDIR may be long, too; mkdtemp makes the name unguessable


@contextmanager
def bindable_path(state_dir: Path, name: str = NAME, platform: Platform = PLATFORM) -> Iterator[str]:
    """A path that `bind` and `connect` accept, valid within the block. Raises OSError."""
    path = str(state_dir / name)
    if len(os.fsencode(path)) <= platform.socket_path_bytes:
        yield path
    elif platform.has_descriptor_paths:
        directory = os.open(state_dir, _O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            yield f"/proc/self/fd/{directory}/{name}"
        finally:
            os.close(directory)
    else:
        with TemporaryDirectory(prefix="wgmon-", dir=_SHORT_DIRECTORY) as short:
            link = Path(short, "d")
            link.symlink_to(state_dir.resolve())
            yield str(link / name)


async def serve(
    listening: socket.socket,
    accept: Callable[[asyncio.StreamReader, asyncio.StreamWriter], None],
    *,
    limit: int,
    backlog: int = 100,
) -> asyncio.Server:
    """Start to accept the connections of a bound socket. `limit` is that of a reader, in bytes.

    The caller removes the socket's file. Since 3.13 asyncio would do that too, by the path that was bound.
    One from `bindable_path` names nothing any more, or whatever has that file descriptor by now.
    """
    others: dict[str, Any] = {"cleanup_socket": False} if sys.version_info >= (3, 13) else {}
    return await asyncio.start_unix_server(accept, sock=listening, limit=limit, backlog=backlog, **others)
