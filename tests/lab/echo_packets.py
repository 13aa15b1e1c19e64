"""Echo requests as a client's kernel writes them, but without checksums."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address


def echo_request_v4(source: str, destination: str, data: bytes = b"wgmon-tui", *, ttl: int = 64) -> bytes:
    message = b"\x08\0\0\0\x12\x34\0\x01" + data
    header = b"\x45\0" + (20 + len(message)).to_bytes(2, "big") + bytes(4) + bytes((ttl, 1, 0, 0))
    return header + IPv4Address(source).packed + IPv4Address(destination).packed + message


def echo_request_v6(source: str, destination: str, data: bytes = b"wgmon-tui", *, ttl: int = 64) -> bytes:
    message = b"\x80\0\0\0\x12\x34\0\x01" + data
    header = b"\x60\0\0\0" + len(message).to_bytes(2, "big") + bytes((58, ttl))
    return header + IPv6Address(source).packed + IPv6Address(destination).packed + message
