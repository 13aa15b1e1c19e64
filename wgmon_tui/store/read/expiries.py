"""Reads the ends of certificates and keys."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping

from wgmon_tui.checks.expiry import Expires
from wgmon_tui.records import dataclass
from wgmon_tui.store.database import VALUE_ERRORS
from wgmon_tui.store.formats.server_entry import SERVER_ENTRY

_ALL = """SELECT servers.name, what, expiries.name, at FROM expiries
    JOIN servers ON servers.id = server WHERE removed_at IS NULL
    ORDER BY at, servers.name, what, expiries.name"""

_HAS_TABLE = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'expiries'"


_SERVERS = """SELECT name, entry, EXISTS (SELECT 1 FROM pauses WHERE server = id) FROM servers
    WHERE removed_at IS NULL AND id IN (SELECT server FROM expiries)"""


@dataclass(frozen=True, slots=True)
class ExpiringServer:
    """A server with certificates or keys that expire, and what decides whether an alert is sent."""

    name: str
    tags: tuple[str, ...]
    is_paused: bool
    expiries: tuple[Expires, ...]


def read_expiring_servers(connection: sqlite3.Connection) -> tuple[ExpiringServer, ...]:
    """All of them, by name; none if the writer does not know any ends. Raises sqlite3.Error."""
    expiries = read_expiries(connection)
    if not expiries:
        return ()
    found = []
    for name, entry, is_paused in connection.execute(_SERVERS):
        stored = _entry(entry)
        tags = stored.get(SERVER_ENTRY["tags"])
        paused = bool(is_paused or stored.get(SERVER_ENTRY["paused"]))
        known_tags = tuple(each for each in tags if isinstance(each, str)) if isinstance(tags, list) else ()
        found.append(ExpiringServer(name, known_tags, paused, expiries.get(name, ())))
    return tuple(sorted(found, key=lambda each: each.name))


def _entry(entry: str) -> Mapping[str, object]:
    try:
        stored = json.loads(entry)
    except VALUE_ERRORS:
        return {}
    return stored if isinstance(stored, dict) else {}


def read_expiries(connection: sqlite3.Connection) -> dict[str, tuple[Expires, ...]]:
    """By server, the first to end first; empty if the writer does not know them. Raises sqlite3.Error."""
    if connection.execute(_HAS_TABLE).fetchone() is None:
        return {}
    found: dict[str, list[Expires]] = {}
    for server, what, name, at in connection.execute(_ALL):
        found.setdefault(server, []).append(Expires(what, name, at))
    return {server: tuple(expiries) for server, expiries in found.items()}
