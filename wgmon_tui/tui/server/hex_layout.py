"""Hex dump lines of a packet, in which every byte belongs to a named field. Pure functions.

A line holds its offset, the bytes in hex with a gap after the eighth, and the same bytes as ASCII:

    0000  01 00 00 00 78 56 34 12  8f 40 c5 ad b6 8f 25 62  ····xV4··@····%b

All column arithmetic is in this module, so that drawing and mouse clicks agree.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from wgmon_tui.net.packet_fields import PacketField

GUTTER = 6
"""Columns before the first byte: four digits of offset and two spaces."""

GROUP = 8
"""Bytes after which a line has a wider gap."""


@dataclass(frozen=True, slots=True)
class HexSpan:
    """The bytes `start` to `end` of a packet: on one line, and all in field number `field`, named `name`."""

    field: int
    name: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class HexLine:
    """One dump line of packet number `packet`: its bytes from `offset`, split at field boundaries."""

    packet: int
    offset: int
    data: bytes
    spans: tuple[HexSpan, ...]

    def hex_of(self, span: HexSpan) -> str:
        """The bytes of a span as hex digits, spaced as on the line."""
        pairs = (f"{self._gap(at) if at > span.start else ''}{byte:02x}" for at, byte in self._bytes(span))
        return "".join(pairs)

    def gap_before(self, span: HexSpan) -> str:
        """The space before the span on its line."""
        return self._gap(span.start) if span.start > self.offset else ""

    def ascii_of(self, span: HexSpan, unprintable: str = "·") -> str:
        """The bytes of a span as ASCII, with `unprintable` for bytes that have no glyph."""
        return "".join(chr(byte) if 0x20 <= byte < 0x7F else unprintable for _, byte in self._bytes(span))

    def _bytes(self, span: HexSpan) -> Iterator[tuple[int, int]]:
        return ((at, self.data[at - self.offset]) for at in range(span.start, span.end))

    def _gap(self, at: int) -> str:
        return "  " if at - self.offset == GROUP else " "


def bytes_per_line(width: int) -> int:
    """16 if such a line fits into `width` columns, else 8."""
    return 16 if width >= ascii_column(16) + 16 else 8


def hex_column(index: int) -> int:
    """The column of the first digit of the byte number `index` on its line."""
    return GUTTER + 3 * index + (1 if index >= GROUP else 0)


def ascii_column(per_line: int) -> int:
    """The column at which the ASCII side begins."""
    return hex_column(per_line - 1) + 4


def offset_at(line: HexLine, column: int, per_line: int) -> int | None:
    """The offset of the byte drawn at `column`, in the hex or ASCII part; None outside both."""
    index = column - ascii_column(per_line)
    if index < 0:
        index = next((at for at in range(per_line) if 0 <= column - hex_column(at) <= 2), -1)
    return line.offset + index if 0 <= index < len(line.data) else None


def hex_lines(
    packet: bytes, fields: tuple[PacketField, ...], per_line: int, number: int = 0
) -> tuple[HexLine, ...]:
    """The dump of `packet`, packet number `number` of the exchange, with `per_line` bytes per line."""
    return tuple(
        HexLine(number, offset, packet[offset : offset + per_line], _spans(fields, offset, offset + per_line))
        for offset in range(0, len(packet), per_line)
    )


def _spans(fields: tuple[PacketField, ...], start: int, end: int) -> tuple[HexSpan, ...]:
    return tuple(
        HexSpan(number, field.name, max(field.offset, start), min(field.end, end))
        for number, field in enumerate(fields)
        if field.offset < end and field.end > start
    )
