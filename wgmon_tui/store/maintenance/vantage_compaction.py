"""Compaction of routine checks of other vantages: from rows of `sights` to one block a minute.

Some servers in each transaction. The same transaction packs a row and deletes it, so that after a kill every
check still counts exactly once. Rows with packets stay as they are.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterator

from wgmon_tui.store.formats.minute_block import pack, unpack
from wgmon_tui.store.maintenance.rollups import MINUTE_S
from wgmon_tui.store.models import PeriodState, StoredCheck, TimelinePoint, verdict_of
from wgmon_tui.store.read.row_mapping import address_of

_SERVERS_A_STEP = 25

_SERVERS = "SELECT DISTINCT server FROM sights INDEXED BY plain_sights WHERE round IS NULL AND at < ?"

_PLAIN = """
    SELECT vantage, at, address, verdict, rtt, tunnel_sent, tunnel_received, tunnel_rtt
    FROM sights INDEXED BY plain_sights WHERE round IS NULL AND server = ? AND at < ? ORDER BY at"""

_DONE = "DELETE FROM sights WHERE round IS NULL AND server = ? AND at < ?"

_PACK = "INSERT OR REPLACE INTO sight_packs (minute, server, sights) VALUES (?, ?, ?)"


def compact_vantage_checks(connection: sqlite3.Connection, boundary: float) -> Iterator[None]:
    """Pack the checks of other vantages before `boundary`; yields after each transaction. Raises
    sqlite3.Error.
    """
    servers = [server for (server,) in connection.execute(_SERVERS, (boundary,))]
    for start in range(0, len(servers), _SERVERS_A_STEP):
        connection.execute("BEGIN IMMEDIATE")
        with connection:
            for server in servers[start : start + _SERVERS_A_STEP]:
                _pack_server(connection, server, boundary)
        yield


def _pack_server(connection: sqlite3.Connection, server: int, boundary: float) -> None:
    minutes: defaultdict[int, list[TimelinePoint]] = defaultdict(list)
    for vantage, at, address, slug, *found in connection.execute(_PLAIN, (server, boundary)):
        if verdict := verdict_of(slug):
            where = address_of(address) if address else None
            check = StoredCheck(at, where, vantage, verdict, True, *found)
            minutes[int(at // MINUTE_S)].append(TimelinePoint(at, PeriodState.UNKNOWN, check))
    for minute, moments in minutes.items():
        before = connection.execute(
            "SELECT sights FROM sight_packs WHERE minute = ? AND server = ?", (minute, server)
        ).fetchone()
        earlier = unpack(minute, before[0]) if before else []
        connection.execute(_PACK, (minute, server, pack(minute, [*earlier, *moments])))
    connection.execute(_DONE, (server, boundary))
