"""TCP segments as bytes (RFC 9293 §3.1), with the options that the client uses."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntFlag

from wgmon_tui.net.addresses import Address
from wgmon_tui.net.checksum import internet_checksum
from wgmon_tui.net.inner_packets import TCP, pseudo_header, wrap

HEADER_SIZE = 20

_HEADER = struct.Struct("!HHIIBBHHH")
_SUM_AT = 16
_END, _NOTHING, _MSS, _SCALE, _SACK_PERMITTED, _SACK = range(6)  # kinds of options
_MAX_SCALE = 14
"""A larger shift counts as this one: RFC 7323 §2.3."""


class Flag(IntFlag):
    """The control bits of a segment."""

    FIN = 0x01
    SYN = 0x02
    RST = 0x04
    PSH = 0x08
    ACK = 0x10


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment. `window` is the field as it is sent, before scaling.

    `mss` and `scale` are the options Maximum Segment Size in bytes and Window Scale; None if absent.
    `sack_permitted` and `sack_blocks` are those of RFC 2018. A block is the first sequence number of data
    that came early, and the one behind it. `decode` leaves blocks out: the client sends too little for them.
    """

    source_port: int
    destination_port: int
    sequence: int
    acknowledgement: int
    flags: Flag
    window: int
    payload: bytes = b""
    mss: int | None = None
    scale: int | None = None
    sack_permitted: bool = False
    sack_blocks: tuple[tuple[int, int], ...] = ()

    @property
    def length(self) -> int:
        """How many sequence numbers it takes: the payload, SYN and FIN."""
        return len(self.payload) + bool(self.flags & Flag.SYN) + bool(self.flags & Flag.FIN)


def encode(segment: Segment, source: Address, destination: Address) -> bytes:
    """The IP packet that carries a segment."""
    options = b""
    if segment.mss is not None:
        options += struct.pack("!BBH", _MSS, 4, segment.mss)
    if segment.scale is not None:
        options += struct.pack("!BBBB", _NOTHING, _SCALE, 3, segment.scale)
    if segment.sack_permitted:
        options += struct.pack("!BBBB", _NOTHING, _NOTHING, _SACK_PERMITTED, 2)
    if segment.sack_blocks:
        options += struct.pack("!BBBB", _NOTHING, _NOTHING, _SACK, 2 + 8 * len(segment.sack_blocks))
        options += b"".join(struct.pack("!II", *block) for block in segment.sack_blocks)
    header = _HEADER.pack(
        segment.source_port,
        segment.destination_port,
        segment.sequence,
        segment.acknowledgement,
        (HEADER_SIZE + len(options)) // 4 << 4,
        segment.flags,
        segment.window,
        0,
        0,
    )
    whole = header + options + segment.payload
    total = internet_checksum(pseudo_header(source, destination, TCP, len(whole)) + whole)
    summed = whole[:_SUM_AT] + total.to_bytes(2, "big") + whole[_SUM_AT + 2 :]
    return wrap(source, destination, TCP, summed)


def decode(source: Address, destination: Address, data: bytes) -> Segment | None:
    """Parse what follows the IP header; None for damage, a wrong checksum, or options that overflow."""
    if len(data) < HEADER_SIZE:
        return None
    source_port, destination_port, sequence, acknowledgement, offset, flags, window, _, _ = (
        _HEADER.unpack_from(data)
    )
    size = (offset >> 4) * 4
    if not HEADER_SIZE <= size <= len(data):
        return None
    if internet_checksum(pseudo_header(source, destination, TCP, len(data)) + data):
        return None
    options = _parse_options(data[HEADER_SIZE:size])
    if options is None:
        return None
    return Segment(
        source_port,
        destination_port,
        sequence,
        acknowledgement,
        Flag(flags & 0x1F),
        window,
        data[size:],
        *options,
    )


def _parse_options(data: bytes) -> tuple[int | None, int | None, bool] | None:
    mss = scale = None
    sack_permitted = False
    at = 0
    while at < len(data) and data[at] != _END:
        if data[at] == _NOTHING:
            at += 1
            continue
        length = data[at + 1] if at + 1 < len(data) else 0
        value = data[at + 2 : at + length]
        if length < 2 or at + length > len(data):
            return None
        if data[at] == _MSS and len(value) == 2:
            mss = int.from_bytes(value, "big")
        if data[at] == _SCALE and len(value) == 1:
            scale = min(value[0], _MAX_SCALE)
        sack_permitted |= data[at] == _SACK_PERMITTED
        at += length
    return mss, scale, sack_permitted
