"""The store as the recorder has it open."""

from __future__ import annotations

import sqlite3
from pathlib import Path


class WritableStore:
    """The store that is open: the servers that it knows, and whether it is still where it was opened."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        """Raises OSError and sqlite3.Error."""
        self.connection = connection
        self.id = str(connection.execute("SELECT value FROM facts WHERE name = 'store'").fetchone()[0])
        self.ids: dict[str, int] = dict(connection.execute("SELECT name, id FROM servers"))
        self._path, self._inode = path, path.stat().st_ino

    def is_there(self) -> bool:
        """Whether what we write is what is found under its name. Raises OSError."""
        try:
            return self._path.stat().st_ino == self._inode
        except FileNotFoundError:
            return False
