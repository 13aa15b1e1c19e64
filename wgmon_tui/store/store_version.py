"""Name and version of the history file, and the version in its header, read without SQLite.

The start reads it before the first row. SQLite would take 2 ms to load there.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

STORE = "history.db"

VERSION = 3
"""`PRAGMA user_version` of a store that this program writes."""

_MAGIC = b"SQLite format 3\0"
_VERSION_AT = slice(60, 64)
"""Where the header has it (the file format of SQLite, 1.3)."""


def version_in_header(state_dir: Path) -> int:
    """The version of the history as the main file has it; 0 if there is none, or no readable one."""
    path = state_dir / STORE
    with suppress(OSError):
        if path.is_file():  # to open a pipe waits for its other end
            with path.open("rb") as file:
                header = file.read(_VERSION_AT.stop)
            return int.from_bytes(header[_VERSION_AT]) if header.startswith(_MAGIC) else 0
    return 0
