"""The control socket's path, shortened where it exceeds the limit of a socket address."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NAME = "control.sock"
"""The writer's socket, in its state directory."""

_MAX_PATH_BYTES = 107
"""Bytes that fit into a Unix socket address, without the final zero."""


@contextmanager
def bindable_path(state_dir: Path, name: str = NAME) -> Iterator[str]:
    """A path that `bind` and `connect` accept, valid within the block. Raises OSError."""
    path = str(state_dir / name)
    if len(os.fsencode(path)) <= _MAX_PATH_BYTES:
        yield path
        return
    directory = os.open(state_dir, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{directory}/{name}"
    finally:
        os.close(directory)
