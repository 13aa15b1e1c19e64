"""Whole encrypted messages: one SK payload, or fragments (RFC 7296 §3.14, RFC 7383)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

from wgmon_tui.protocols.ikev2.iana_numbers import PayloadType
from wgmon_tui.protocols.ikev2.protection import MessageCipher
from wgmon_tui.protocols.ikev2.wire import (
    HEADER_SIZE,
    IkeHeader,
    IkeMessage,
    MalformedMessageError,
    Payload,
    encode_chain,
    encode_header,
    first_kind,
    generic_header,
    iterate_payloads,
    with_size,
)

LARGEST_MESSAGE = 1200
"""Larger messages are sent in fragments: with headers they fit into the least MTU of IPv6."""

_GENERIC_SIZE = 4
_FRAGMENT_HEAD = struct.Struct("!HH")
_MOST_FRAGMENTS = 64


def seal_message(header: IkeHeader, payloads: Sequence[Payload], cipher: MessageCipher) -> bytes:
    """A message whose payloads are encrypted in one SK payload."""
    return _seal(header, PayloadType.SK, first_kind(payloads), b"", encode_chain(payloads), cipher)


def seal_fragments(
    header: IkeHeader, payloads: Sequence[Payload], cipher: MessageCipher
) -> tuple[bytes, ...]:
    """The same as `seal_message`, in fragments if it is too large for one datagram."""
    whole = seal_message(header, payloads, cipher)
    if len(whole) <= LARGEST_MESSAGE:
        return (whole,)
    chain = encode_chain(payloads)
    room = LARGEST_MESSAGE - HEADER_SIZE - _GENERIC_SIZE - _FRAGMENT_HEAD.size - cipher.sealed_size(16)
    parts = [chain[offset : offset + room] for offset in range(0, len(chain), room)]
    return tuple(
        _seal(
            header,
            PayloadType.SKF,
            first_kind(payloads) if number == 1 else PayloadType.NONE,
            _FRAGMENT_HEAD.pack(number, len(parts)),
            part,
            cipher,
        )
        for number, part in enumerate(parts, 1)
    )


def _seal(
    header: IkeHeader, kind: int, first_inner: int, before: bytes, content: bytes, cipher: MessageCipher
) -> bytes:
    size = len(before) + cipher.sealed_size(len(content))
    head = encode_header(with_size(header, kind, _GENERIC_SIZE + size))
    head += generic_header(first_inner, size) + before
    return head + cipher.seal(head, content)


@dataclass(slots=True)
class FragmentBuffer:
    """The fragments of one message that have arrived, all of which authenticated."""

    total: int = 0
    first_inner: int = PayloadType.NONE
    parts: dict[int, bytes] = field(default_factory=dict)

    def add(self, number: int, total: int, first_inner: int, part: bytes) -> bytes | None:
        """Add a fragment, and return the whole content if none is missing any more.

        A larger total replaces the fragments before it: the sender has chosen smaller ones (RFC 7383 §2.6).
        """
        if total > self.total:
            self.total, self.parts = total, {}
        elif total < self.total:
            return None
        self.parts.setdefault(number, part)
        if number == 1:
            self.first_inner = first_inner
        if len(self.parts) < self.total:
            return None
        return b"".join(self.parts[each] for each in range(1, self.total + 1))


def open_message(
    data: bytes, message: IkeMessage, cipher: MessageCipher, fragments: FragmentBuffer
) -> tuple[Payload, ...] | None:
    """Decrypt a message; None while fragments of it are missing.

    Raises MalformedMessageError, also for a message in cleartext, and SealBrokenError.
    """
    closed = next((each for each in message.payloads if each.kind in (PayloadType.SK, PayloadType.SKF)), None)
    if closed is None:
        raise MalformedMessageError("it is not encrypted")
    content_at = closed.offset + _GENERIC_SIZE
    if closed.kind == PayloadType.SK:
        content = cipher.open(data[:content_at], data[content_at:])
        return tuple(iterate_payloads(closed.first_inner, content))
    if len(closed.body) < _FRAGMENT_HEAD.size:
        raise MalformedMessageError("a fragment is cut off")
    number, total = _FRAGMENT_HEAD.unpack_from(closed.body)
    if not 1 <= number <= total <= _MOST_FRAGMENTS:
        raise MalformedMessageError("the number of a fragment is impossible")
    content_at += _FRAGMENT_HEAD.size
    part = cipher.open(data[:content_at], data[content_at:])
    whole = fragments.add(number, total, closed.first_inner, part)
    return None if whole is None else tuple(iterate_payloads(fragments.first_inner, whole))
