"""Where the parts of AmneziaWG's datagrams are, by the parameters of a server.

A check stores the layout as a text, which has no secret. So the fields of a stored exchange are those of its
own parameters, whatever servers.toml says today.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

from wgmon_tui.protocols.amneziawg.parameters import HeaderRange, HeaderRangeError, Parameters
from wgmon_tui.protocols.wireguard.wire import (
    COOKIE_REPLY_LENGTH,
    INITIATION_LENGTH,
    RESPONSE_LENGTH,
    TRANSPORT_OVERHEAD,
    MessageType,
)

LENGTHS = {
    MessageType.INITIATION: INITIATION_LENGTH,
    MessageType.RESPONSE: RESPONSE_LENGTH,
    MessageType.COOKIE_REPLY: COOKIE_REPLY_LENGTH,
    MessageType.TRANSPORT: TRANSPORT_OVERHEAD,
}
"""The length of each message; for transport, the least."""

NONCE_LENGTH = 12
"""The bytes at the start of the prefix that are the nonce of header protection."""

PROTECTED_HEAD = 16
"""Bytes of a transport message that header protection hides: type, receiver and counter."""

HEADER_LENGTH = 4

_LAYOUT = re.compile(r"s=([0-9,]{7,19}) h=([0-9,-]{7,87})( trailers)?( protected)?(?: decoys=([0-9a-f,]+))?")


@dataclass(frozen=True, slots=True)
class Layout:
    """What decides where the fields of a datagram are."""

    prefixes: tuple[int, ...]
    headers: tuple[HeaderRange, ...]
    has_trailers: bool
    is_protected: bool
    decoys: tuple[str, ...] = ()
    """Marks of the decoys of an exchange: with header protection, they look like data packets."""

    @classmethod
    def of(cls, parameters: Parameters, *, is_protected: bool) -> Layout:
        """The layout of a server's parameters."""
        return cls(parameters.prefixes, parameters.headers, parameters.random_trailers, is_protected)

    @classmethod
    def parse(cls, text: str) -> Layout | None:
        """Inverse of `str`; None for anything else, which another version or machine may have sent."""
        match = _LAYOUT.fullmatch(text)
        if match is None:
            return None
        try:
            prefixes = tuple(int(each) for each in match[1].split(","))
            headers = tuple(HeaderRange.parse(each) for each in match[2].split(","))
        except (ValueError, HeaderRangeError):
            return None
        if len(prefixes) != len(MessageType) or len(headers) != len(MessageType):
            return None
        decoys = tuple(match[5].split(",")) if match[5] else ()
        return cls(prefixes, headers, match[3] is not None, match[4] is not None, decoys)

    def __str__(self) -> str:
        prefixes, headers = (",".join(map(str, each)) for each in (self.prefixes, self.headers))
        words = (" trailers" if self.has_trailers else "") + (" protected" if self.is_protected else "")
        words += f" decoys={','.join(self.decoys)}" if self.decoys else ""
        return f"s={prefixes} h={headers}{words}"

    def with_decoys(self, decoys: Sequence[bytes]) -> Layout:
        """The layout of an exchange with these decoys."""
        return replace(self, decoys=tuple(map(_mark, decoys)))

    def is_decoy(self, datagram: bytes) -> bool:
        """Whether a datagram is one of the decoys."""
        return bool(self.decoys) and _mark(datagram) in self.decoys

    def find_kind(self, datagram: bytes) -> MessageType | None:
        """The kind of the message in a datagram; None if there is none.

        Header protection hides the header. Then only the length tells the kind, and a trailer hides that too.
        """
        if self.is_decoy(datagram):
            return None
        for kind, prefix, header in zip(MessageType, self.prefixes, self.headers, strict=True):
            size = prefix + LENGTHS[kind]
            may_be_longer = kind is MessageType.TRANSPORT or (self.has_trailers and not self.is_protected)
            if len(datagram) != size and not (may_be_longer and len(datagram) > size):
                continue
            if self.is_protected or header.holds(datagram[prefix : prefix + HEADER_LENGTH]):
                return kind
        return None


def _mark(datagram: bytes) -> str:
    return blake2b(datagram, digest_size=3).hexdigest()
