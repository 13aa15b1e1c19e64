"""Reads the ends of certificates and keys."""

from __future__ import annotations

import sqlite3

from wgmon_tui.checks.expiry import Expires

_ALL = """SELECT servers.name, what, expiries.name, at FROM expiries
    JOIN servers ON servers.id = server WHERE removed_at IS NULL
    ORDER BY at, servers.name, what, expiries.name"""

_HAS_TABLE = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'expiries'"


def read_expiries(connection: sqlite3.Connection) -> dict[str, tuple[Expires, ...]]:
    """By server, the first to end first; empty if the writer does not know them. Raises sqlite3.Error."""
    if connection.execute(_HAS_TABLE).fetchone() is None:
        return {}
    found: dict[str, list[Expires]] = {}
    for server, what, name, at in connection.execute(_ALL):
        found.setdefault(server, []).append(Expires(what, name, at))
    return {server: tuple(expiries) for server, expiries in found.items()}
