"""The framing that compression directives add to data packets. Nothing is ever compressed here.

Source: OpenVPN 2.6, src/openvpn/comp.h and compstub.c.
"""

from __future__ import annotations

from collections.abc import Sequence

from wgmon_tui.protocols.openvpn.profile import Compression

_UNCOMPRESSED, _UNCOMPRESSED_SWAPPED = 0xFA, 0xFB
_V2_INDICATOR, _V2_UNCOMPRESSED = 0x50, 0x00

_ALGORITHMS = {
    "": Compression.STUB,
    "stub": Compression.STUB,
    "lz4": Compression.STUB,
    "lzo": Compression.LZO,
    "stub-v2": Compression.STUB_V2,
    "lz4-v2": Compression.STUB_V2,
    "migrate": Compression.NONE,
}
ALGORITHMS = tuple(name for name in _ALGORITHMS if name)


class CompressedError(Exception):
    """A payload that is compressed, or that has another framing."""


def find_compression(directive: str, words: Sequence[str]) -> Compression | None:
    """The framing of a directive in a profile or a PUSH_REPLY; None for an unknown algorithm."""
    if directive == "comp-lzo":
        return Compression.LZO
    return _ALGORITHMS.get(words[0].lower() if words else "")


def frame(payload: bytes, compression: Compression) -> bytes:
    """A payload as it is encrypted."""
    match compression:
        case Compression.LZO:
            return bytes((_UNCOMPRESSED,)) + payload
        case Compression.STUB:
            # The first byte goes to the end, so that the payload stays aligned.
            return bytes((_UNCOMPRESSED_SWAPPED,)) + payload[1:] + payload[:1]
        case Compression.STUB_V2 if payload[:1] == bytes((_V2_INDICATOR,)):
            return bytes((_V2_INDICATOR, _V2_UNCOMPRESSED)) + payload
    return payload


def unframe(framed: bytes, compression: Compression) -> bytes:
    """Inverse of `frame`. Raises CompressedError."""
    if compression is Compression.NONE or not framed:
        return framed
    head = framed[0]
    if compression is Compression.STUB_V2:
        if head != _V2_INDICATOR:
            return framed
        if framed[1:2] != bytes((_V2_UNCOMPRESSED,)):
            raise CompressedError
        return framed[2:]
    if head == _UNCOMPRESSED:
        return framed[1:]
    if head == _UNCOMPRESSED_SWAPPED:
        return framed[-1:] + framed[1:-1] if len(framed) > 1 else b""
    raise CompressedError
