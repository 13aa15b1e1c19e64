"""Quantile sketch: the distribution of many round-trip times in a hundred bytes, with percentiles.

Buckets whose borders grow by a fixed factor, as in "DDSketch: a fast and fully-mergeable quantile sketch with
relative-error guarantees" (Masson, Rim, Lee; VLDB 2019). Every percentile is within ERROR of the true one.
Merging two sketches gives exactly the sketch of all their values, in any order. So the hours of a month add
up to the percentiles of the month.

This is not a library, because its bytes stay in users' stores for months. Every later version must read them,
and a million of them must be compact. A library may change its format, and the known ones depend on protobuf.
This page contains all that is needed of them.
"""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import field
from itertools import accumulate, pairwise
from math import ceil, isnan, log

from wgmon_tui.records import dataclass

ERROR = 0.02
"""The largest relative error of a percentile."""

SMALLEST, LARGEST = 1e-6, 3600.0
"""Seconds. Values outside are clamped to these: no network is faster, no check waits longer."""

_FACTOR = (1 + ERROR) / (1 - ERROR)
_LOG_FACTOR = log(_FACTOR)
_MIDDLE = 2 * SMALLEST / (1 + _FACTOR)
"""Times _FACTOR ** n, the value in bucket n whose relative error is the same at both borders."""

_LAST = ceil(log(LARGEST / SMALLEST) / _LOG_FACTOR)
_VALUES = tuple(_MIDDLE * _FACTOR**bucket for bucket in range(_LAST + 1))
_WIDTHS = "BHI"
_MOST = 2**32 - 1


@dataclass(slots=True)
class QuantileSketch:
    """Collects values, merges other sketches, returns percentiles. Needs a few bytes for each used bucket.

    `counts` maps a bucket to its number of values. Bucket n holds the values above the border SMALLEST *
    _FACTOR ** (n - 1), up to SMALLEST * _FACTOR ** n.
    """

    counts: dict[int, int] = field(default_factory=dict)

    def __len__(self) -> int:
        """Return how many values were added."""
        return sum(self.counts.values())

    def add(self, value: float) -> None:
        """Add a value in seconds. Raises ValueError for NaN."""
        if isnan(value):
            raise ValueError("a round-trip time cannot be NaN")
        within = min(max(value, SMALLEST), LARGEST)
        bucket = ceil(log(within / SMALLEST) / _LOG_FACTOR)
        self.counts[bucket] = self.counts.get(bucket, 0) + 1

    def merge(self, other: QuantileSketch) -> None:
        """Add all values of another sketch."""
        counts = self.counts
        for bucket, count in other.counts.items():
            counts[bucket] = counts.get(bucket, 0) + count

    def percentiles(self, *shares: float) -> tuple[float | None, ...]:
        """Return the nearest-rank percentiles in seconds for shares of 0 to 1; None if nothing was added."""
        counts = self.counts
        if not counts:
            return (None,) * len(shares)
        buckets = sorted(counts)
        up_to = list(accumulate([counts[bucket] for bucket in buckets]))
        total = up_to[-1]
        return tuple([_VALUES[buckets[bisect_left(up_to, share * total)]] for share in shares])

    def to_bytes(self) -> bytes:
        """Encode as stored, in the format of `from_bytes`; empty if nothing was added."""
        if not self.counts:
            return b""
        buckets = sorted(self.counts)
        gaps = [after - before for before, after in pairwise([buckets[0], *buckets])]
        counts = [min(self.counts[bucket], _MOST) for bucket in buckets]
        gap_width, count_width = _width_for(max(gaps)), _width_for(max(counts))
        header = bytes((gap_width << 4 | count_width,)) + buckets[0].to_bytes(2, "little")
        return header + _packed(gap_width, gaps) + _packed(count_width, counts)

    @classmethod
    def from_bytes(cls, data: bytes) -> QuantileSketch:
        """Decode stored bytes. Never raises: unreadable bytes give an empty sketch."""
        buckets, counts = _decode(data)
        return cls(dict(zip(buckets, counts, strict=True)))


def stored_percentiles(data: bytes, *shares: float) -> tuple[float | None, ...]:
    """Return the percentiles of a stored sketch. The same as of `from_bytes`, in a third of the time."""
    buckets, counts = _decode(data)
    if not buckets:
        return (None,) * len(shares)
    up_to = list(accumulate(counts))
    total = up_to[-1]
    return tuple([_VALUES[buckets[bisect_left(up_to, share * total)]] for share in shares])


def _decode(data: bytes) -> tuple[Sequence[int], Sequence[int]]:
    """Return the used buckets, ascending, and their counts; none if the bytes are unreadable.

    One byte with the widths of the numbers that follow (the high half for gaps, the low one for counts;
    0, 1, 2 for 1, 2, 4 bytes; little-endian). Two bytes with the first bucket. Then for all buckets their
    gaps to the one before, the first of them 0, and then for all of them their counts.
    """
    if len(data) < 5:
        return (), ()
    gap_width, count_width = data[0] >> 4, data[0] & 15
    if gap_width >= len(_WIDTHS) or count_width >= len(_WIDTHS):
        return (), ()
    size, odd = divmod(len(data) - 3, (1 << gap_width) + (1 << count_width))
    border = 3 + (size << gap_width)
    if odd:
        return (), ()
    gaps, counts = _unpacked(gap_width, data[3:border]), _unpacked(count_width, data[border:])
    buckets = list(accumulate(gaps, initial=int.from_bytes(data[1:3], "little")))[1:]
    if buckets[-1] > _LAST or 0 in counts:
        return (), ()
    return buckets, counts


def _width_for(number: int) -> int:
    return 0 if number < 1 << 8 else 1 if number < 1 << 16 else 2


def _packed(width: int, numbers: list[int]) -> bytes:
    values = array(_WIDTHS[width], numbers)
    if sys.byteorder == "big":
        values.byteswap()
    return values.tobytes()


def _unpacked(width: int, data: bytes) -> Sequence[int]:
    if not width:
        return data
    values = array(_WIDTHS[width], data)
    if sys.byteorder == "big":
        values.byteswap()
    return values
