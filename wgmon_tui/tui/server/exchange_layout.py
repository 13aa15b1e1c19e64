"""Layout of an exchange as lines: heading, result and dump of each packet, and missing packets.

Pure functions: a check in, lines out, which `HexView` draws. The comparison with the last good exchange
considers only structure. Keys, indices, tags and hashes are new in every exchange, so different bytes there
mean nothing. Extra or missing packets, other lengths, and zeros in place of a value are differences.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from textwrap import wrap

from wgmon_tui.checks.check import Check, Direction, Packet
from wgmon_tui.checks.evidence import (
    Evidence,
    IcmpError,
    InnerEcho,
    InnerHop,
    InnerService,
    LateAnswer,
    PassiveKeepalive,
    ReceiveOverflow,
    Silence,
    SocketError,
)
from wgmon_tui.checks.evidence_text import describe_evidence
from wgmon_tui.checks.fetch_evidence import InnerFetch
from wgmon_tui.checks.packets import fields_of, find_decisive_field, label_of, remark_on, value_of
from wgmon_tui.text import format_count, format_offset
from wgmon_tui.tui.server.hex_layout import GUTTER, HexLine, bytes_per_line, hex_lines

_AT_THE_END = float("inf")


class LineTone(Enum):
    """The tone of a remark, drawn as a colour. The text has the same meaning without it."""

    QUIET = "quiet"
    GOOD = "good"
    BAD = "bad"
    DIFFERENT = "different"


@dataclass(frozen=True, slots=True)
class PacketHeading:
    """The line above a dump: direction, time, type and size of packet number `packet`."""

    packet: int
    direction: str
    time: str
    label: str
    size: str


@dataclass(frozen=True, slots=True)
class RemarkLine:
    """A line of text about the packet above it or about the exchange."""

    text: str
    tone: LineTone


@dataclass(frozen=True, slots=True)
class BlankLine:
    """An empty line."""


Line = PacketHeading | RemarkLine | HexLine | BlankLine


@dataclass(frozen=True, slots=True)
class CursorStop:
    """A position of the field cursor: field number `field` of packet number `packet`."""

    packet: int
    field: int


@dataclass(frozen=True, slots=True)
class ExchangeComparison:
    """How the structure of an exchange differs from that of a good one.

    `extra` holds the numbers of packets that only this exchange has. `missing` holds the packets that only
    the good one has. `differing` maps fields of the common packets to the difference in words. `pairs` maps
    the number of each common packet to its number in the good exchange.
    """

    extra: frozenset[int] = frozenset()
    missing: tuple[Packet, ...] = ()
    differing: dict[CursorStop, str] = field(default_factory=dict)
    pairs: dict[int, int] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class ExchangeLayout:
    """The lines of an exchange, and the cursor positions in order."""

    lines: tuple[Line, ...] = ()
    stops: tuple[CursorStop, ...] = ()
    per_line: int = 16


@dataclass(frozen=True, slots=True)
class FieldExplanation:
    """A field in words: its packet, name, location, meaning and value."""

    packet: str
    name: str
    location: str
    meaning: str
    value: str | None


def lay_out(
    check: Check, width: int, comparison: ExchangeComparison | None = None, ascii_only: bool = False
) -> ExchangeLayout:
    """All lines of the check's exchange in `width` columns, in order of time."""
    per_line = bytes_per_line(width)
    blocks: list[tuple[float, list[Line]]] = []
    for number, packet in enumerate(check.exchange):
        remarks = [*_packet_remarks(check, packet), *_difference_remarks(number, comparison, ascii_only)]
        dump = hex_lines(packet.data, fields_of(check, packet), per_line, number)
        heading = _heading(check, number, packet, ascii_only)
        blocks.append((packet.at, [heading, *_wrapped(remarks, width), *dump]))
    for at, remark in _event_remarks(check.evidence):
        blocks.append((at, _wrapped([remark], width)))
    if comparison and comparison.missing:
        blocks.append((_AT_THE_END, _wrapped(_missing_remarks(check, comparison.missing, ascii_only), width)))
    blocks.sort(key=lambda block: block[0])

    lines: list[Line] = []
    for _, block in blocks:
        lines += [BlankLine(), *block] if lines else block
    stops = [
        CursorStop(number, index)
        for number, packet in enumerate(check.exchange)
        for index in range(len(fields_of(check, packet)))
    ]
    return ExchangeLayout(tuple(lines), tuple(stops), per_line)


def compare(check: Check, good: Check) -> ExchangeComparison:
    """How the structure of an exchange differs from that of a `good` one.

    Packets are paired by direction and kind, in order, preferring the same length. Echoes of both IP versions
    are of one kind and may return in any order.
    """
    left = list(good.exchange)
    extra: set[int] = set()
    differing: dict[CursorStop, str] = {}
    pairs: dict[int, int] = {}
    for number, packet in enumerate(check.exchange):
        counterpart = _find_counterpart(check, packet, good, left)
        if counterpart is None:
            extra.add(number)
            continue
        left.remove(counterpart)
        pairs[number] = next(at for at, packet in enumerate(good.exchange) if packet is counterpart)
        for index, difference in _field_differences(check, packet, good, counterpart):
            differing[CursorStop(number, index)] = difference
    return ExchangeComparison(frozenset(extra), tuple(left), differing, pairs)


def _find_counterpart(
    check: Check, packet: Packet, good: Check, candidates: Iterable[Packet]
) -> Packet | None:
    alike = [other for other in candidates if _kind(good, other) == _kind(check, packet)]
    return next(
        (other for other in alike if len(other.data) == len(packet.data)), alike[0] if alike else None
    )


def initial_stop(check: Check) -> CursorStop | None:
    """The field to show first: the one that decided a failed check, else the first field."""
    if decisive := find_decisive_field(check):
        number, name = decisive
        for index, found in enumerate(fields_of(check, check.exchange[number])):
            if found.name == name:
                return CursorStop(number, index)
    return next((CursorStop(number, 0) for number, packet in enumerate(check.exchange) if packet.data), None)


def explain(check: Check, stop: CursorStop) -> FieldExplanation:
    """The name, location, meaning and value of the field at `stop`."""
    packet = check.exchange[stop.packet]
    found = fields_of(check, packet)[stop.field]
    value = value_of(check, stop.packet, found)
    location = f"byte {found.offset}" if found.length == 1 else f"bytes {found.offset} to {found.end - 1}"
    return FieldExplanation(
        label_of(check, packet), found.name, f"{location}, length {found.length}", found.meaning, value
    )


def _heading(check: Check, number: int, packet: Packet, ascii_only: bool) -> PacketHeading:
    arrows = {Direction.SENT: "->", Direction.RECEIVED: "<-"} if ascii_only else _ARROWS
    direction = f"{arrows[packet.direction]} {packet.direction.value}"
    size = format_count(len(packet.data), "byte")
    return PacketHeading(number, direction, format_offset(packet.at), label_of(check, packet), size)


_ARROWS = {Direction.SENT: "→", Direction.RECEIVED: "←"}


def _packet_remarks(check: Check, packet: Packet) -> list[RemarkLine]:
    """What became of a packet, in the words of its protocol."""
    remark = remark_on(check, packet)
    return [RemarkLine(remark.text, LineTone(remark.tone))] if remark else []


def _event_remarks(evidence: Iterable[Evidence]) -> Iterator[tuple[float, RemarkLine]]:
    """Observations other than packets, with their time."""
    for fact in evidence:
        match fact:
            case IcmpError(at=at) | SocketError(at=at):
                yield at, RemarkLine(f"{format_offset(at)}  {describe_evidence(fact)}", LineTone.BAD)
            case Silence() | ReceiveOverflow() | LateAnswer():
                yield _AT_THE_END, RemarkLine(describe_evidence(fact), LineTone.BAD)
            case PassiveKeepalive(after=None) | InnerService(answer=None) | InnerHop(source=None):
                yield _AT_THE_END, RemarkLine(describe_evidence(fact), LineTone.BAD)
            case InnerFetch(fault=str()):
                yield _AT_THE_END, RemarkLine(describe_evidence(fact), LineTone.BAD)
            case InnerEcho(sent=sent, received=received) if received < sent:
                yield _AT_THE_END, RemarkLine(describe_evidence(fact), LineTone.BAD)


def _difference_remarks(
    number: int, comparison: ExchangeComparison | None, ascii_only: bool
) -> Iterator[RemarkLine]:
    if comparison is None:
        return
    if number in comparison.extra:
        yield RemarkLine(f"{_unequal_sign(ascii_only)} not in the last good exchange", LineTone.DIFFERENT)
    for stop, difference in comparison.differing.items():
        if stop.packet == number:
            yield RemarkLine(f"{_unequal_sign(ascii_only)} {difference}", LineTone.DIFFERENT)


def _missing_remarks(check: Check, packets: tuple[Packet, ...], ascii_only: bool) -> Iterator[RemarkLine]:
    for packet in packets:
        what = f"{label_of(check, packet)}, {len(packet.data)} bytes"
        when = f"the last good exchange {packet.direction.value} it at {format_offset(packet.at)}"
        yield RemarkLine(f"{_unequal_sign(ascii_only)} missing: {what}; {when}", LineTone.DIFFERENT)


def _unequal_sign(ascii_only: bool) -> str:
    return "!=" if ascii_only else "≠"


def _kind(check: Check, packet: Packet) -> tuple[Direction, str]:
    return packet.direction, label_of(check, packet)


def _field_differences(
    check: Check, packet: Packet, good: Check, counterpart: Packet
) -> Iterator[tuple[int, str]]:
    # Packets of one kind have the same fields, except an empty datagram that is not of the protocol.
    pairs = zip(fields_of(check, packet), fields_of(good, counterpart), strict=False)
    for index, (current, usual) in enumerate(pairs):
        if current.length != usual.length:
            yield (
                index,
                f"{current.name}: {current.length} bytes here, {usual.length} in the last good exchange",
            )
        elif current.may_be_zero:
            is_set = any(packet.data[current.offset : current.end])
            if is_set != any(counterpart.data[usual.offset : usual.end]):
                here, there = ("set", "zeros") if is_set else ("zeros", "set")
                yield index, f"{current.name}: {here} here, {there} in the last good exchange"


def _wrapped(remarks: Iterable[RemarkLine], width: int) -> list[Line]:
    return [
        RemarkLine(part, remark.tone)
        for remark in remarks
        for part in wrap(remark.text, max(20, width - GUTTER), subsequent_indent="  ", break_on_hyphens=False)
    ]
