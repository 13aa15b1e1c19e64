"""Queries for the last known states of other vantages. Their checks are read like those of this machine.

Functions over an open connection, inside one read transaction.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from functools import lru_cache
from math import isnan

from wgmon_tui.checks.check import Check, Handshake, Tunnel
from wgmon_tui.checks.verdict import Diagnosis
from wgmon_tui.config.models import Server
from wgmon_tui.monitor.damping import from_json
from wgmon_tui.monitor.models import Round
from wgmon_tui.monitor.quorum import VantageState
from wgmon_tui.store.formats.minute_block import unpack_samples
from wgmon_tui.store.models import StoredCheck, VantageLastKnown
from wgmon_tui.store.read.exchanges import stored_round
from wgmon_tui.store.read.row_mapping import optional_address_of, stored_verdict_of
from wgmon_tui.store.replaced_values import seconds_of, time_of
from wgmon_tui.store.write.vantage_states import VantageQuorum

_SEEN_FROM = """
    SELECT name, vantage, changed, holds_until, current, damping, up_at, rtts, round,
        at, address, verdict, rtt, tunnel_sent, tunnel_received, tunnel_rtt
    FROM seen_from JOIN servers ON servers.id = server WHERE changed > ? ORDER BY name, vantage"""

_HOMES = """
    SELECT name, damping FROM current JOIN servers ON servers.id = series
    WHERE series IN (SELECT server FROM seen_from) AND damping != ''"""


def vantages(connection: sqlite3.Connection) -> VantageQuorum:
    """Return the other vantages as the writer stored them; none if it stored nothing."""
    found = connection.execute("SELECT value FROM facts WHERE name = 'vantages'").fetchone()
    try:
        said = json.loads(found[0]) if found else {}
        return (
            VantageQuorum(tuple(map(str, said["names"])), int(said["quorum"]))
            if said
            else VantageQuorum((), 1)
        )
    except (ValueError, TypeError, KeyError, RecursionError):
        return VantageQuorum((), 1)  # of another version


def version(connection: sqlite3.Connection) -> int:
    """Return the version that grows with every change of a vantage state."""
    found = connection.execute("SELECT value FROM facts WHERE name = 'sights_version'").fetchone()
    return int(found[0]) if found else 0


def vantage_states(connection: sqlite3.Connection, after: int) -> Iterator[VantageLastKnown]:
    """Yield the vantage states that changed after a version; by server, then by vantage."""
    for (
        name,
        vantage,
        changed,
        valid_until,
        current,
        damping,
        up_at,
        rtts,
        packed,
        *row,
    ) in connection.execute(_SEEN_FROM, (after,)):
        check = _stored_check(vantage, *row)
        if check:
            yield VantageLastKnown(
                server=name,
                vantage=vantage,
                check=check,
                valid_until=valid_until,
                current=bool(current),
                damping=damping,
                last_up_at=up_at,
                rtts=tuple(None if isnan(rtt) else rtt for rtt in unpack_samples(rtts)),
                exchange=_exchange(packed) if packed else None,
                changed=changed,
            )


def home_dampings(connection: sqlite3.Connection) -> dict[str, str]:
    """Return the local damping states, as JSON, of servers that other vantages check too."""
    return dict(connection.execute(_HOMES))


def last_reports(connection: sqlite3.Connection) -> dict[str, tuple[str, int]]:
    """Return the epoch and number of the last accepted report of each vantage."""
    rows = connection.execute("SELECT vantage, epoch, number FROM reported")
    return {vantage: (epoch, number) for vantage, epoch, number in rows}


def vantage_state_of(seen: VantageLastKnown, server: Server) -> VantageState:
    """Convert to the vantage state of the monitor. Its last round has no packets."""
    exchange, verdict = seen.exchange, seen.check.verdict
    alike = exchange is not None and exchange.diagnosis.verdict is verdict
    diagnosis = exchange.diagnosis if exchange and alike else Diagnosis(verdict, verdict.meaning)
    last = round_of(server, seen.check, diagnosis)
    if exchange and exchange.check.started_at == seen.check.at:
        last = exchange
    return VantageState(
        vantage=seen.vantage,
        last=last,
        at=seen.check.at,
        valid_until=seen.valid_until,
        damping=from_json(seen.damping),
        exchange=exchange,
        last_up_at=seen.last_up_at,
        rtts=seen.rtts,
        current=seen.current,
    )


def round_of(server: Server, past: StoredCheck, diagnosis: Diagnosis) -> Round:
    """Rebuild a round from a row of the store, without packets."""
    tunnel = None
    if past.tunnel_sent is not None and past.tunnel_received is not None:
        tunnel = Tunnel(past.tunnel_sent, past.tunnel_received, past.tunnel_rtt, mtu=None, passive=False)
    check = Check(
        server=server.name,
        vantage=past.vantage,
        endpoint=server.endpoint,
        address=past.address,
        started_at=past.at,
        handshake=None if past.rtt is None else Handshake(past.rtt),
        tunnel=tunnel,
    )
    return Round((check,), (diagnosis,))


@lru_cache(2048)
def _exchange(packed: bytes) -> Round | None:
    """Decode a round. Cached, because a routine change leaves it the same and it is read every second."""
    return stored_round(packed)


def _stored_check(
    vantage: str,
    at: float,
    address: str | None,
    slug: str,
    rtt: float | None,
    sent: int | None,
    received: int | None,
    tunnel_rtt: float | None,
) -> StoredCheck | None:
    verdict = stored_verdict_of(slug)
    if verdict is None:
        return None
    where = optional_address_of(address)
    rtt, tunnel_rtt = seconds_of(rtt), seconds_of(tunnel_rtt)
    return StoredCheck(time_of(at), where, vantage, verdict, True, rtt, sent, received, tunnel_rtt)
