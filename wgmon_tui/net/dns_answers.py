"""Answers of a name server as bytes (RFC 1035): the addresses of a name."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from wgmon_tui.net.addresses import Address

A, AAAA = 1, 28
"""Types of the records that hold an address of version 4 and 6."""

_HEADER = struct.Struct("!HHHHHH")
_RECORD = struct.Struct("!HHIH")
_IN = 1
_RESPONSE = 0x8000
_POINTER = 0xC0
_MOST_ADDRESSES = 16


@dataclass(frozen=True, slots=True)
class AddressAnswer:
    """The addresses in an answer, which may be none. `rcode` 3 is a name that does not exist."""

    transaction: int
    rcode: int
    addresses: tuple[Address, ...]


def parse_address_answer(message: bytes) -> AddressAnswer | None:
    """Parse an answer. None for anything else, or damage: the input is untrusted."""
    try:
        transaction, flags, questions, answers, _, _ = _HEADER.unpack_from(message)
        if not flags & _RESPONSE or questions > 1:
            return None
        at = _HEADER.size
        for _ in range(questions):
            at = _skip_name(message, at) + 4
        addresses: list[Address] = []
        for _ in range(answers):
            at = _skip_name(message, at)
            kind, family, _, length = _RECORD.unpack_from(message, at)
            at += _RECORD.size
            data = message[at : at + length]
            at += length
            if family == _IN and (kind, len(data)) == (A, 4):
                addresses.append(IPv4Address(data))
            elif family == _IN and (kind, len(data)) == (AAAA, 16):
                addresses.append(IPv6Address(data))
    except (struct.error, IndexError):
        return None
    return AddressAnswer(transaction, flags & 15, tuple(addresses[:_MOST_ADDRESSES]))


def _skip_name(message: bytes, at: int) -> int:
    """Return where a name ends. A pointer ends it. Raises IndexError for one that goes on beyond the end."""
    while (length := message[at]) != 0:
        if length >= _POINTER:
            return at + 2
        at += 1 + length
    return at + 1
