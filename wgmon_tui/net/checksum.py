"""The Internet checksum of RFC 1071, used by IPv4, ICMP, UDP and TCP."""

from __future__ import annotations


def internet_checksum(data: bytes) -> int:
    """The ones' complement of the ones' complement sum of `data` as 16-bit words in network order.

    An odd last byte is padded with a zero byte. Over data that contains its own correct checksum the result
    is 0.
    """
    number = int.from_bytes(data, "big") << 8 * (len(data) % 2)
    # 65536 is 1 modulo 65535, so the words add up to the remainder. A sum of 65535 has the remainder 0.
    total = number % 0xFFFF or (0xFFFF if number else 0)
    return total ^ 0xFFFF


def udp_checksum(data: bytes) -> int:
    """The checksum for a UDP header. A sum of 0 becomes 65535, because 0 means no checksum (RFC 768)."""
    return internet_checksum(data) or 0xFFFF
