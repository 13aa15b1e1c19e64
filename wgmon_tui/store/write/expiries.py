"""How the ends of certificates and keys of a server are written."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from wgmon_tui.checks.expiry import Expires

_FORGET = "DELETE FROM expiries WHERE server = ?"
_WRITE = "INSERT OR REPLACE INTO expiries (server, what, name, at) VALUES (?, ?, ?, ?)"

REMOVE_OF_REMOVED = """DELETE FROM expiries
    WHERE server IN (SELECT id FROM servers WHERE removed_at IS NOT NULL)"""


def write_expiries(connection: sqlite3.Connection, server: int, expiries: Iterable[Expires]) -> None:
    """Replace those of a server. Raises sqlite3.Error."""
    connection.execute(_FORGET, (server,))
    connection.executemany(_WRITE, ((server, each.what, each.name, each.at) for each in expiries))
