"""TAI64N, the timestamp in an initiation: 8 bytes of seconds, 4 of nanoseconds, big-endian (§5.1).

A server stores the greatest stamp of each peer and silently drops every initiation that is not later. So a
stamp must never repeat or go back, whatever the wall clock does.
"""

from __future__ import annotations

TAI64N_LENGTH = 12

# 2^62 is the epoch of TAI64; ten seconds are the offset of TAI in 1970. WireGuard ignores leap seconds since
# (kernel: tai64n_now adds 0x400000000000000a).
_EPOCH = 0x400000000000000A
_NANOSECONDS_PER_SECOND = 1_000_000_000


def encode(unix_ns: int) -> bytes:
    """Encode a Unix time in nanoseconds as a stamp."""
    seconds, nanoseconds = divmod(unix_ns, _NANOSECONDS_PER_SECOND)
    return (_EPOCH + seconds).to_bytes(8, "big") + nanoseconds.to_bytes(4, "big")


def decode(timestamp: bytes) -> int:
    """Decode a stamp to Unix nanoseconds. Raises ValueError if it is not 12 bytes."""
    if len(timestamp) != TAI64N_LENGTH:
        raise ValueError(f"a TAI64N stamp has {TAI64N_LENGTH} bytes, not {len(timestamp)}")
    return (int.from_bytes(timestamp[:8], "big") - _EPOCH) * _NANOSECONDS_PER_SECOND + int.from_bytes(
        timestamp[8:], "big"
    )


def next_timestamp_ns(last_unix_ns: int, now_unix_ns: int) -> int:
    """The time of the next stamp: now, or one nanosecond after the last if the clock is not later.

    One nanosecond is enough: servers compare all twelve bytes.
    """
    return max(now_unix_ns, last_unix_ns + 1)
