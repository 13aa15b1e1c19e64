"""STUN binding requests and their answers (RFC 8489 §5, §14.2, §14.7). Bytes in, bytes out.

The STUN servers of DERP relays answer only requests that end in FINGERPRINT and name this SOFTWARE, which is
that of Tailscale's clients (net/stun of tailscale/tailscale). Other servers ignore both.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from ipaddress import ip_address

from wgmon_tui.net.addresses import Address

PORT = 3478
TRANSACTION_LENGTH = 12

_BINDING_REQUEST, _BINDING_SUCCESS = 0x0001, 0x0101
_COOKIE = 0x2112A442
_HEADER = struct.Struct(">HHI12s")
_ATTRIBUTE = struct.Struct(">HH")
_XOR_MAPPED_ADDRESS, _SOFTWARE_TYPE, _FINGERPRINT_TYPE = 0x0020, 0x8022, 0x8028
_SOFTWARE = b"tailnode"
_FINGERPRINT_XOR = 0x5354554E
_FINGERPRINT_LENGTH = 8
_ADDRESS_LENGTHS = {1: 4, 2: 16}


def make_request(transaction: bytes) -> bytes:
    """A binding request with this transaction id of 12 random bytes."""
    software = _ATTRIBUTE.pack(_SOFTWARE_TYPE, len(_SOFTWARE)) + _SOFTWARE
    length = len(software) + _FINGERPRINT_LENGTH
    message = _HEADER.pack(_BINDING_REQUEST, length, _COOKIE, transaction) + software
    return message + _ATTRIBUTE.pack(_FINGERPRINT_TYPE, 4) + struct.pack(">I", fingerprint(message))


def fingerprint(message: bytes) -> int:
    """The value of FINGERPRINT after these bytes (RFC 8489 §14.7)."""
    return zlib.crc32(message) ^ _FINGERPRINT_XOR


def is_answer(data: bytes, transaction: bytes) -> bool:
    """Whether these bytes are the success response to a request."""
    if len(data) < _HEADER.size:
        return False
    kind, length, cookie, answered = _HEADER.unpack_from(data)
    is_whole = length % 4 == 0 and len(data) == _HEADER.size + length
    return is_whole and (kind, cookie, answered) == (_BINDING_SUCCESS, _COOKIE, transaction)


def mapped_address(data: bytes) -> tuple[Address, int] | None:
    """The address and port from which the server saw the request; None if it does not say."""
    for kind, value in _attributes(data):
        if kind != _XOR_MAPPED_ADDRESS or len(value) < 4:
            continue
        length = _ADDRESS_LENGTHS.get(value[1])
        if length is None or len(value) != 4 + length:
            continue
        key = data[4 : _HEADER.size]
        (port,) = struct.unpack_from(">H", value, 2)
        address = bytes(each ^ mask for each, mask in zip(value[4:], key, strict=False))
        return ip_address(address), port ^ (_COOKIE >> 16)
    return None


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = _HEADER.size
    while at + _ATTRIBUTE.size <= len(data):
        kind, length = _ATTRIBUTE.unpack_from(data, at)
        at += _ATTRIBUTE.size
        if at + length > len(data):
            return
        yield kind, data[at : at + length]
        at += length + -length % 4
