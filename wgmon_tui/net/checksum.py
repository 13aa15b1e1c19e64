"""The Internet checksum of RFC 1071, used by IPv4, ICMP, UDP and TCP."""

from __future__ import annotations

import struct


def internet_checksum(data: bytes) -> int:
    """The ones' complement of the ones' complement sum of `data` as 16-bit words in network order.

    An odd last byte is padded with a zero byte. Over data that contains its own correct checksum the result
    is 0.
    """
    words = data + bytes(len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(words) // 2}H", words))
    while total > 0xFFFF:  # add the carries to the low end
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def udp_checksum(data: bytes) -> int:
    """The checksum for a UDP header. A sum of 0 becomes 65535, because 0 means no checksum (RFC 768)."""
    return internet_checksum(data) or 0xFFFF
