"""Forged packets: ICMP errors, answers, cookies, data and initiations that no server made."""

from __future__ import annotations

import os
import socket
import struct
from contextlib import suppress
from ipaddress import ip_address
from types import TracebackType
from typing import Self

from wgmon_tui.config.keys import PublicKey
from wgmon_tui.net.checksum import internet_checksum
from wgmon_tui.protocols.wireguard.cookie import NO_MAC, Mac1, cookie_key
from wgmon_tui.protocols.wireguard.primitives import xaead_seal

Address = tuple[str, int]

ICMP_KINDS = {
    4: (*((3, code) for code in range(16)), (4, 0), (11, 0), (11, 1), (12, 0), (12, 2)),
    6: (*((1, code) for code in range(8)), (2, 0), (3, 0), (3, 1), (4, 0), (4, 2)),
}
"""By IP version: type and code of every ICMP error about a packet, without redirects, which change routes."""

TOO_BIG = {4: (3, 4), 6: (2, 0)}
"""By IP version: the error that names an MTU."""

_RAW = {4: (socket.AF_INET, socket.IPPROTO_ICMP), 6: (socket.AF_INET6, socket.IPPROTO_ICMPV6)}


class IcmpForger:
    """Sends ICMP errors about UDP packets. Raises PermissionError without CAP_NET_RAW."""

    def __init__(self, version: int = 4, sender: str | None = None) -> None:
        """`sender` is the address that the errors come from; the default is loopback's."""
        self._version = version
        family, protocol = _RAW[version]
        self.socket = socket.socket(family, socket.SOCK_RAW, protocol)
        self.socket.setblocking(False)
        if sender:
            self.socket.bind((sender, 0))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    def send(
        self, kind: tuple[int, int], source: Address, destination: Address, quoted: bytes = b"", mtu: int = 0
    ) -> None:
        """Send an error to `source`, about its packet to `destination`, of which it quotes the payload."""
        with suppress(BlockingIOError):
            self.socket.sendto(self.make(kind, source, destination, quoted, mtu), (source[0], 0))

    def make(
        self, kind: tuple[int, int], source: Address, destination: Address, quoted: bytes = b"", mtu: int = 0
    ) -> bytes:
        """Make the message of `send`."""
        packet = _udp_packet(source, destination, quoted)
        rest = struct.pack("!HH", 0, mtu) if self._version == 4 else struct.pack("!I", mtu)
        message = bytes(kind) + bytes(2) + rest + packet
        if self._version == 4:  # of ICMPv6 the kernel computes the checksum
            message = message[:2] + internet_checksum(message).to_bytes(2, "big") + message[4:]
        return message


def _udp_packet(source: Address, destination: Address, payload: bytes) -> bytes:
    length = 8 + len(payload)
    udp = struct.pack("!HHHH", source[1], destination[1], length, 0) + payload
    here, there = ip_address(source[0]), ip_address(destination[0])
    if here.version == 4:
        fixed = struct.pack("!BBHHHBBH", 0x45, 0, 20 + length, 7, 0x4000, 64, socket.IPPROTO_UDP, 0)
        head = fixed + here.packed + there.packed
        return head[:10] + internet_checksum(head).to_bytes(2, "big") + head[12:] + udp
    return struct.pack("!IHBB", 0x60000000, length, socket.IPPROTO_UDP, 64) + here.packed + there.packed + udp


def forged_response(client: PublicKey, index: int) -> bytes:
    """92 bytes whose mac1 is right and whose authentication fails."""
    message = b"\x02\0\0\0" + os.urandom(4) + index.to_bytes(4, "little") + os.urandom(32 + 16)
    return message + Mac1(client).compute(message) + NO_MAC


def forged_cookie_reply(initiation: bytes, server: PublicKey | None = None) -> bytes:
    """A cookie reply of garbage; with the server's public key one that opens to a wrong cookie."""
    nonce = os.urandom(24)
    sealed = os.urandom(32)
    if server:
        sealed = xaead_seal(cookie_key(server), os.urandom(16), initiation[-32:-16], nonce)
    return b"\x03\0\0\0" + initiation[4:8] + nonce + sealed


def forged_data(index: int, size: int = 48, counter: int = 0) -> bytes:
    """A transport packet with `size` bytes of ciphertext."""
    return b"\x04\0\0\0" + struct.pack("<IQ", index, counter) + os.urandom(size)


def forged_initiation(receiver: PublicKey) -> bytes:
    """An initiation whose mac1 is right and whose content does not open."""
    message = b"\x01\0\0\0" + os.urandom(112)
    return message + Mac1(receiver).compute(message) + NO_MAC
