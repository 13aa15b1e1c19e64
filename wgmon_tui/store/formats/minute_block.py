"""Packed block with the timeline points of one server in one minute: usually eight bytes per point.

Column by column, little-endian. What all points share (mostly one address and one vantage) is written once,
and a minute is decoded with one call. Times are kept to a millisecond, round-trip times to seven digits.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from math import isnan, nan

from wgmon_tui.net.addresses import Address
from wgmon_tui.store.maintenance.rollups import MINUTE_S
from wgmon_tui.store.models import PeriodState, StoredCheck, TimelinePoint, verdict_of
from wgmon_tui.store.read.row_mapping import address_of

_VERSION = 1

SLUGS: tuple[str, ...] = (
    "healthy",
    "under-load",
    "slow",
    "lossy",
    "unproven",
    "inner-dead",
    "mtu-blackhole",
    "stuck-flow",
    "data-dead",
    "wrong-server-key",
    "peer-missing",
    "psk-mismatch",
    "port-closed",
    "unreachable",
    "silent",
    "not-wireguard",
    "dns-failure",
    "local-fault",
    "misconfigured",
    "regional",
    "dies-after",
    "address-dead",
    "tcp-stalls",
    "auth-failed",
    "bad-certificate",
    "cipher-mismatch",
    "session-refused",
    "proxy-down",
    "target-down",
    "wrong-protocol",
    "wrong-parameters",
    "api-failed",
    "backend-down",
    "says-connected",
    "forgotten",
)
"""A verdict is stored as its position in this list, from 1 on; 0 means no check. New ones go to the end. None
may be removed, because stored blocks refer to them.
"""

STATES: tuple[PeriodState, ...] = (
    PeriodState.UP,
    PeriodState.DEGRADED,
    PeriodState.DOWN,
    PeriodState.UNKNOWN,
    PeriodState.PAUSED,
    PeriodState.MAINTENANCE,
)
"""A state is stored as its position in this list, under the same rule."""

_NUMBER = {slug: number for number, slug in enumerate(SLUGS, 1)}

Place = tuple[str, Address | None]
"""A vantage, and the address that it checked."""

_HEADER = struct.Struct("<BBHH")
"""Version, whether there are tunnel columns, number of points, number of places."""

_LAST_MS = 59_999
_NONE = 0xFFFF
_DECIDES = 8
_STATE = 7


def pack(minute: int, moments: Sequence[TimelinePoint]) -> bytes:
    """Pack the points of a minute in the given order. To extend a block, unpack it and put its points first.

    Raises ValueError for a point outside the minute.
    """
    start = minute * MINUTE_S
    if not all(0 <= moment.at - start < MINUTE_S for moment in moments):
        raise ValueError(f"a timeline point outside minute {minute}")
    # Round to nearest, so that repacking changes nothing; but never into the next minute.
    offsets = [min(round((moment.at - start) * 1000), _LAST_MS) for moment in moments]
    checks = [moment.check for moment in moments]
    places = _places_of(checks)
    tunnel = any(check and check.tunnel_sent is not None for check in checks)
    columns: list[float] = [
        *offsets,
        *(_NUMBER[check.verdict.slug] if check else 0 for check in checks),
        *(_flags(moment) for moment in moments),
        *(_or_nan(check.rtt if check else None) for check in checks),
    ]
    if len(places) > 1:
        number = {place: index for index, place in enumerate(places)}
        columns += (number[check.vantage, check.address] if check else 0 for check in checks)
    if tunnel:
        columns += (_or_none(check.tunnel_sent if check else None) for check in checks)
        columns += (_or_none(check.tunnel_received if check else None) for check in checks)
        columns += (_or_nan(check.tunnel_rtt if check else None) for check in checks)
    header = _HEADER.pack(_VERSION, tunnel, len(moments), len(places))
    form = _columns(len(moments), len(places), tunnel)
    return header + b"".join(map(_place_to_bytes, places)) + struct.pack(form, *columns)


def unpack(minute: int, packed: bytes) -> list[TimelinePoint]:
    """Unpack the points of a minute. Never raises: a damaged or unknown block holds none.

    A point with the verdict of a later version comes back without its check.
    """
    try:
        return list(_moments(minute * MINUTE_S, packed))
    except (struct.error, ValueError, IndexError):
        return []


def _moments(start: float, packed: bytes) -> Iterator[TimelinePoint]:
    """Yield the points. Raises struct.error, ValueError and IndexError for a damaged block."""
    version, tunnel, count, place_count = _HEADER.unpack_from(packed)
    if version != _VERSION:
        return
    at = _HEADER.size
    places: list[Place] = []
    for _ in range(place_count):
        place, at = _place_from_bytes(packed, at)
        places.append(place)
    values = struct.unpack(_columns(count, place_count, tunnel), packed[at:])
    column = [values[number : number + count] for number in range(0, len(values), count or 1)]
    offsets, verdicts, flags, rtts = column[:4]
    wheres = column[4] if place_count > 1 else repeat(0)
    tunnels = zip(*column[-3:], strict=True) if tunnel else repeat((_NONE, _NONE, nan))
    for offset, number, flag, rtt, where, through in zip(
        offsets, verdicts, flags, rtts, wheres, tunnels, strict=False
    ):
        moment_at, state = start + offset / 1000, STATES[flag & _STATE]
        verdict = verdict_of(SLUGS[number - 1]) if 0 < number <= len(SLUGS) else None
        if verdict is None:
            yield TimelinePoint(moment_at, state)
            continue
        vantage, address = places[where]
        sent, received, tunnel_rtt = through
        yield TimelinePoint(
            moment_at,
            state,
            StoredCheck(
                moment_at,
                address,
                vantage,
                verdict,
                bool(flag & _DECIDES),
                None if isnan(rtt) else rtt,
                None if sent == _NONE else sent,
                None if received == _NONE else received,
                None if isnan(tunnel_rtt) else tunnel_rtt,
            ),
        )


def _places_of(checks: Iterable[StoredCheck | None]) -> list[Place]:
    """Return what was checked from where, each once. Hashing an address takes longer than all the rest."""
    found: dict[Place, None] = {}
    last: StoredCheck | None = None
    for check in checks:
        if check and not (last and check.address is last.address and check.vantage is last.vantage):
            found[check.vantage, check.address] = None
            last = check
    return list(found)


def _columns(count: int, places: int, tunnel: bool) -> str:
    """Return the `struct` format: offsets in ms, verdicts, flags, RTTs, places if needed, tunnel columns."""
    where = "" if places <= 1 else f"{count}B" if places <= 256 else f"{count}H"
    return f"<{count}H{count}B{count}B{count}f{where}" + (f"{count}H{count}H{count}f" if tunnel else "")


def _place_to_bytes(place: Place) -> bytes:
    vantage, address = place[0].encode()[:255], str(place[1] or "").encode()[:255]
    return bytes((len(vantage), len(address))) + vantage + address


def _place_from_bytes(packed: bytes, at: int) -> tuple[Place, int]:
    border = at + 2 + packed[at]
    end = border + packed[at + 1]
    vantage, address = packed[at + 2 : border].decode(errors="replace"), packed[border:end].decode()
    return (vantage, address_of(address) if address else None), end


def _flags(moment: TimelinePoint) -> int:
    return STATES.index(moment.state) | (_DECIDES if moment.check and moment.check.is_deciding else 0)


def _or_nan(number: float | None) -> float:
    return nan if number is None else number


def _or_none(number: int | None) -> int:
    return _NONE if number is None else min(number, _NONE - 1)


def pack_samples(rtts: Iterable[float]) -> bytes:
    """Pack `current.samples`: round-trip times in seconds, NaN for a lost check."""
    values = list(rtts)
    return struct.pack(f"<{len(values)}f", *values)


def unpack_samples(packed: bytes) -> array[float]:
    """Unpack the result of `pack_samples`. Never raises: bytes after the last whole number are ignored."""
    values = array("f", packed[: len(packed) // 4 * 4])
    if sys.byteorder == "big":
        values.byteswap()
    return values
