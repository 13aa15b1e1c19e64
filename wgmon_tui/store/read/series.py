"""Series of a server: its history as each vantage sees it."""

from __future__ import annotations

import sqlite3

from wgmon_tui.config.vantages import LOCAL_VANTAGE
from wgmon_tui.records import dataclass

_SERVER = "SELECT id, holds FROM servers WHERE name = ?"

_OF_VANTAGES = """
    SELECT id, vantage FROM series WHERE server = :server AND (:vantage IS NULL OR vantage = :vantage)
    ORDER BY vantage"""


@dataclass(frozen=True, slots=True)
class Series:
    """A series: its id in the store, its vantage, and for how many seconds a state holds."""

    id: int
    vantage: str
    max_gap_s: float


def find_series(connection: sqlite3.Connection, server: str, vantage: str | None) -> list[Series]:
    """Return the series of a server for one vantage, or for all: this machine first, the others by name."""
    found = connection.execute(_SERVER, (server,)).fetchone()
    if found is None:
        return []
    number, max_gap_s = found
    here = [Series(number, LOCAL_VANTAGE, max_gap_s)] if vantage in (None, LOCAL_VANTAGE) else []
    rows = connection.execute(_OF_VANTAGES, {"server": number, "vantage": vantage})
    return [*here, *(Series(series, name, max_gap_s) for series, name in rows)]
