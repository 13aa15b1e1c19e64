"""Rows of the journal as compaction reads them: those of some series in each step.

The journal has no index by series, because then each commit would touch as many pages as there are servers.
So a pass notes once which rows belong to which series, and each step looks up its own.
"""

from __future__ import annotations

import json
import sqlite3
from array import array
from collections import defaultdict
from collections.abc import Generator, Iterable
from functools import lru_cache
from typing import NamedTuple

from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.net.addresses import parse_address
from wgmon_tui.store.models import PeriodState, StoredCheck, TimelinePoint, verdict_of
from wgmon_tui.store.replaced_values import text_of

_INDEXED_A_STEP = 2_000

_INDEX = "SELECT id, series FROM checks WHERE id > ? ORDER BY id LIMIT ?"

# Text comes as bytes, and is decoded once for all rows with the same one.
_ROWS = """SELECT id, series, at, CAST(address AS BLOB), CAST(vantage AS BLOB), CAST(verdict AS BLOB),
    CAST(state AS BLOB), since, decides, rtt, tunnel_sent, tunnel_received, tunnel_rtt, port_monitor
    FROM checks WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id"""


class JournalPoint(NamedTuple):
    """A row of the journal, with the columns that compaction needs."""

    id: int
    moment: TimelinePoint
    since: float
    port_monitor: str | None


def index_journal(connection: sqlite3.Connection) -> Generator[None, None, dict[int, array[int]]]:
    """Return the ids of the rows of each series; yields after some thousand. Raises sqlite3.Error.

    Lists would take twice as much memory: five megabytes for a minute of 10,000 servers.
    """
    by_series: dict[int, array[int]] = defaultdict(_no_ids)
    last = -1
    while True:
        some = connection.execute(_INDEX, (last, _INDEXED_A_STEP)).fetchall()
        for number, series in some:
            by_series[series].append(number)
        if len(some) < _INDEXED_A_STEP:
            return by_series
        last = some[-1][0]
        yield


def _no_ids() -> array[int]:
    return array("q")


def read_journal(connection: sqlite3.Connection, ids: Iterable[int]) -> dict[int, list[JournalPoint]]:
    """Read these rows by series, in their order. Raises sqlite3.Error."""
    found: dict[int, list[JournalPoint]] = defaultdict(list)
    for row in connection.execute(_ROWS, (json.dumps(list(ids)),)):
        number, series, at, address, vantage, slug, state, since, is_deciding, rtt, *tunnel, port = row
        verdict = _verdict(slug)
        check = None
        if verdict is not None:
            check = StoredCheck(
                at,
                parse_address(text_of(address)) if address else None,
                _text(vantage),
                verdict,
                bool(is_deciding),
                rtt,
                *tunnel,
            )
        found[series].append(JournalPoint(number, TimelinePoint(at, _state(state), check), since, port))
    return found


def state_of_text(word: str) -> PeriodState:
    """Return the state of a stored string; unknown if no version wrote it."""
    try:
        return PeriodState(word)
    except ValueError:
        return PeriodState.UNKNOWN


@lru_cache(maxsize=16)
def _state(word: bytes) -> PeriodState:
    return state_of_text(text_of(word))


@lru_cache(maxsize=256)
def _verdict(slug: bytes | None) -> Verdict | None:
    return verdict_of(text_of(slug) if slug else None)


@lru_cache(maxsize=256)
def _text(word: bytes) -> str:
    return text_of(word)
