"""Where sockets are, and how to reach one by a path that is longer than a socket address may be."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NAME = "control.sock"
"""The writer's, in its state directory."""

_MAX_PATH_BYTES = 107
"""Bytes that fit a Unix socket address, less its ending zero."""


@contextmanager
def bindable_path(state_dir: Path, name: str = NAME) -> Iterator[str]:
    """A path of the socket that `bind` and `connect` take, good within the block. Raises OSError."""
    path = str(state_dir / name)
    if len(os.fsencode(path)) <= _MAX_PATH_BYTES:
        yield path
        return
    directory = os.open(state_dir, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{directory}/{name}"
    finally:
        os.close(directory)
