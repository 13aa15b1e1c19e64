"""The parameters of AmneziaWG: which must match the server's, and which need not."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, replace

from wgmon_tui.protocols.amneziawg.signature_packets import SignaturePacket

MOST_JUNK_PACKETS = 128
MOST_JUNK_BYTES = 1280
MOST_PREFIX = 1280
LEAST_PROTECTED_PREFIX = 12
"""Header protection takes its nonce from the prefix."""

_NUMBER = r"[0-9]{1,10}"
_RANGE = re.compile(rf"({_NUMBER})(?:-({_NUMBER}))?")
_LARGEST = 2**32 - 1
_system_random = random.SystemRandom()


class HeaderRangeError(Exception):
    """A text that is no header. The message is a phrase."""


@dataclass(frozen=True, slots=True)
class HeaderRange:
    """The values that replace a message type: from `first` to `last`, as 32-bit little-endian numbers."""

    first: int
    last: int

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"

    @classmethod
    def parse(cls, text: str) -> HeaderRange:
        """Parse a number, or a range "a-b". Raises HeaderRangeError."""
        match = _RANGE.fullmatch(text)
        if not match:
            raise HeaderRangeError('expected a number, or a range such as "1000-2000"')
        first = int(match[1])
        last = int(match[2]) if match[2] else first
        if not first <= last <= _LARGEST:
            raise HeaderRangeError(f"expected a range that grows, with numbers up to {_LARGEST}")
        return cls(first, last)

    def holds(self, header: bytes) -> bool:
        """Whether four bytes are one of the values."""
        return self.first <= int.from_bytes(header, "little") <= self.last

    def pick(self) -> bytes:
        """One of the values, as four bytes."""
        value = self.first if self.first == self.last else _system_random.randint(self.first, self.last)
        return value.to_bytes(4, "little")

    def overlaps(self, other: HeaderRange) -> bool:
        """Whether a value belongs to both."""
        return self.first <= other.last and other.first <= self.last


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters of one server, without the key of header protection.

    Only s1 to s4, h1 to h4 and `random_trailers` concern the server. Junk packets (jc, jmin, jmax) and
    signature packets (i1 to i5) are sent before an initiation, and the server drops them.
    """

    jc: int = 0
    jmin: int = 0
    jmax: int = 0
    s1: int = 0
    s2: int = 0
    s3: int = 0
    s4: int = 0
    h1: HeaderRange = HeaderRange(1, 1)
    h2: HeaderRange = HeaderRange(2, 2)
    h3: HeaderRange = HeaderRange(3, 3)
    h4: HeaderRange = HeaderRange(4, 4)
    i1: SignaturePacket | None = None
    i2: SignaturePacket | None = None
    i3: SignaturePacket | None = None
    i4: SignaturePacket | None = None
    i5: SignaturePacket | None = None
    random_trailers: bool = False

    @property
    def prefixes(self) -> tuple[int, int, int, int]:
        """S1 to S4: bytes before an initiation, a response, a cookie reply and a transport message."""
        return self.s1, self.s2, self.s3, self.s4

    @property
    def headers(self) -> tuple[HeaderRange, HeaderRange, HeaderRange, HeaderRange]:
        """H1 to H4: the headers of an initiation, a response, a cookie reply and a transport message."""
        return self.h1, self.h2, self.h3, self.h4

    @property
    def signature_packets(self) -> tuple[SignaturePacket, ...]:
        """Those of I1 to I5 that are set."""
        return tuple(each for each in (self.i1, self.i2, self.i3, self.i4, self.i5) if each)

    def without_decoys(self) -> Parameters:
        """The parameters that must match those of the server."""
        return replace(self, jc=0, jmin=0, jmax=0, i1=None, i2=None, i3=None, i4=None, i5=None)
