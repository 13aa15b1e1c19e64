"""Echoes through unprivileged ICMP sockets (Linux: ping_group_range; macOS: for everybody)."""

from __future__ import annotations

import asyncio
import secrets
import socket
import struct
import time
from collections.abc import Collection
from dataclasses import dataclass

from wgmon_tui.net.addresses import Address
from wgmon_tui.net.checksum import internet_checksum

_HEADER = struct.Struct("!BBHHH")
_REQUEST = {4: 8, 6: 128}
_REPLY = {4: 0, 6: 129}
_TOKEN_BYTES = 16
_ATTEMPTS = 3
_IPV4 = 4


class PingForbiddenError(Exception):
    """The system lets this account open no ICMP socket."""


@dataclass(frozen=True, slots=True)
class Ping:
    """The echoes to one address. `rtt` is that of the first reply in seconds, None without one.

    `sent` and `reply` are ICMP messages as bytes.
    """

    sent: tuple[bytes, ...]
    reply: bytes | None
    rtt: float | None


async def ping(address: Address, timeout_s: float) -> Ping:
    """Send an echo, and again if nothing comes back. Raises PingForbiddenError and OSError.

    A late reply to an earlier echo counts: the round trip may take as long as `timeout_s`.
    """
    family = socket.AF_INET if address.version == _IPV4 else socket.AF_INET6
    protocol = socket.IPPROTO_ICMP if address.version == _IPV4 else socket.IPPROTO_ICMPV6
    try:
        opened = socket.socket(family, socket.SOCK_DGRAM, protocol)
    except PermissionError:
        raise PingForbiddenError from None
    with opened:
        opened.setblocking(False)
        opened.connect((str(address), 0))
        sent: list[bytes] = []
        times: dict[bytes, float] = {}
        for _ in range(_ATTEMPTS):
            token = secrets.token_bytes(_TOKEN_BYTES)
            request = _request(address.version, len(sent), token)
            sent.append(request)
            times[token] = time.monotonic()
            await asyncio.get_running_loop().sock_sendall(opened, request)
            try:
                async with asyncio.timeout(timeout_s / _ATTEMPTS):
                    reply, answered = await _receive(opened, address.version, times)
            except TimeoutError:
                continue
            return Ping(tuple(sent), reply, time.monotonic() - times[answered])
        return Ping(tuple(sent), None, None)


def _request(version: int, sequence: int, data: bytes) -> bytes:
    """An echo request. The kernel sets identifier and, for version 6, the checksum."""
    message = _HEADER.pack(_REQUEST[version], 0, 0, 0, sequence) + data
    if version == _IPV4:
        message = _HEADER.pack(_REQUEST[version], 0, internet_checksum(message), 0, sequence) + data
    return message


async def _receive(opened: socket.socket, version: int, tokens: Collection[bytes]) -> tuple[bytes, bytes]:
    """The first reply to one of these tokens, and the token."""
    while True:
        message = await asyncio.get_running_loop().sock_recv(opened, 2048)
        if version == _IPV4 and message[:1] == b"\x45":  # macOS gives the IP header too
            message = message[20:]
        if message[:1] == bytes((_REPLY[version],)) and message[_HEADER.size :] in tokens:
            return message, message[_HEADER.size :]
