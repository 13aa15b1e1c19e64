"""The named fields of a packet: the hex view, the JSON and the docs read the same list."""

from __future__ import annotations

from wgmon_tui.records import dataclass


@dataclass(frozen=True, slots=True)
class PacketField:
    """One field of a message: `length` bytes from `offset`, and what they mean.

    `may_be_zero`: zeros in place of a value tell something, so a comparison of two packets names them.
    """

    name: str
    offset: int
    length: int
    meaning: str
    may_be_zero: bool = False

    @property
    def end(self) -> int:
        """The offset of the first byte after the field."""
        return self.offset + self.length
