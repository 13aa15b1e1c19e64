"""Received bytes in order, from segments that come in any order and more than once."""

from __future__ import annotations

_HALF = 1 << 31
_WHOLE = 1 << 32
_MAX_EARLY = 1024
"""How many early segments are kept. What is dropped comes again."""


def distance(later: int, earlier: int) -> int:
    """How far a sequence number is after another one; negative if it is before it. Both wrap at 2^32."""
    return (later - earlier + _HALF) % _WHOLE - _HALF


class Reassembly:
    """The bytes from `expected` on. It keeps at most `window` bytes that came too early."""

    def __init__(self, expected: int, window: int) -> None:
        self.expected = expected
        """The sequence number of the first byte that is missing."""
        self._window = window
        self._early: dict[int, bytes] = {}
        self.islands: list[tuple[int, int]] = []
        """What came early: first sequence number and the one behind it. The range that grew last is first."""

    def add(self, sequence: int, payload: bytes) -> bytes:
        """Add a segment; return the bytes that are in order now."""
        skipped = distance(self.expected, sequence)
        if skipped > 0:
            sequence, payload = self.expected, payload[skipped:]
        payload = payload[: max(0, self._window - distance(sequence, self.expected))]
        if (
            payload
            and len(self._early.get(sequence, b"")) < len(payload)
            and self._has_room(sequence, payload)
        ):
            self._early[sequence] = payload
        if sequence in self._early:
            self._join(sequence, (sequence + len(self._early[sequence])) % _WHOLE)
        taken = self._take()
        self.islands = [each for each in self.islands if distance(each[1], self.expected) > 0]
        return taken

    def _join(self, begin: int, end: int) -> None:
        """Add a range to the islands that it touches."""
        apart = []
        for first, behind in self.islands:
            if distance(behind, begin) < 0 or distance(first, end) > 0:
                apart.append((first, behind))
                continue
            begin = first if distance(begin, first) > 0 else begin
            end = behind if distance(behind, end) > 0 else end
        self.islands = [(begin, end), *apart]

    def _has_room(self, sequence: int, payload: bytes) -> bool:
        """What is in order always has room. Overlapping segments could take more than the window."""
        if sequence == self.expected:
            return True
        kept = sum(map(len, self._early.values()))
        return len(self._early) < _MAX_EARLY and kept + len(payload) <= self._window

    def _take(self) -> bytes:
        taken = bytearray()
        while (first := self._first_usable()) is not None:
            payload = self._early.pop(first)
            fresh = payload[distance(self.expected, first) :]
            taken += fresh
            self.expected = (self.expected + len(fresh)) % _WHOLE
        return bytes(taken)

    def _first_usable(self) -> int | None:
        """A kept segment that begins no later than the first missing byte."""
        return next((each for each in self._early if distance(self.expected, each) >= 0), None)
