"""Trojan for the common prober."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace

from wgmon_tui.protocols.proxies.destinations import Destination, skip_socks_address
from wgmon_tui.protocols.proxies.dialects import Clock, Relay, Trial, find_unsupported_transport
from wgmon_tui.protocols.proxies.links.records import TrojanLink
from wgmon_tui.protocols.proxies.stream_layers import StreamLayerError
from wgmon_tui.protocols.proxies.trojan.stream import NAME, UDP_ASSOCIATE, TrojanStream

_CRLF = b"\r\n"


class TrojanDialect:
    """Trojan over TLS or WebSocket."""

    has_readable_secret = True

    def find_unsupported(self, link: TrojanLink) -> str | None:
        """A transport that is not known."""
        return find_unsupported_transport(link.transport)

    def uses_timestamps(self, link: TrojanLink) -> bool:
        """Whether both clocks must agree."""
        return False

    def make_stream(self, link: TrojanLink, destination: Destination, unix_time: Clock) -> TrojanStream:
        """A stream."""
        return TrojanStream(link.password, destination)

    def make_relay(self, link: TrojanLink, destination: Destination, unix_time: Clock) -> Relay:
        """Datagrams on a stream: address, length, CRLF, data."""
        address = destination.to_socks()

        def pack(data: bytes) -> bytes:
            return address + len(data).to_bytes(2, "big") + _CRLF + data

        return Relay(pack, _unpack, TrojanStream(link.password, destination, UDP_ASSOCIATE))

    def trials(self, link: TrojanLink) -> Sequence[Trial[TrojanLink]]:
        """Nothing but the password is to be agreed on."""
        return ()

    def with_wrong_secret(self, link: TrojanLink) -> TrojanLink:
        """A random password."""
        return replace(link, password=secrets.token_hex(16))


def _unpack(buffer: bytes) -> bytes | None:
    length = skip_socks_address(buffer)
    if length is None:
        if buffer and buffer[0] not in (1, 3, 4):
            raise StreamLayerError(NAME, "malformed", "the answer is not a datagram of Trojan")
        return None
    if len(buffer) < length + 4:
        return None
    size = int.from_bytes(buffer[length : length + 2], "big")
    data = buffer[length + 4 : length + 4 + size]
    return data if len(data) == size else None
