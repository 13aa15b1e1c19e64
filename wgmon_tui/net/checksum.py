"""The Internet checksum of RFC 1071, which IPv4, ICMP, UDP and TCP share."""

from __future__ import annotations

import struct


def internet_checksum(data: bytes) -> int:
    """The ones' complement of the ones' complement sum of `data` as 16-bit words in network order.

    A last odd byte counts as if a zero byte followed it. Over data that holds its own right checksum the
    result is 0.
    """
    words = data + bytes(len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(words) // 2}H", words))
    while total > 0xFFFF:  # carries come back in at the low end
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def udp_checksum(data: bytes) -> int:
    """The checksum for a UDP header, where 0 says that there is none: the same sum is 65535 (RFC 768)."""
    return internet_checksum(data) or 0xFFFF
