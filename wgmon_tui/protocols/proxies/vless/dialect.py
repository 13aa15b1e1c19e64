"""VLESS for the common prober."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from uuid import uuid4

from wgmon_tui.protocols.proxies.destinations import Destination
from wgmon_tui.protocols.proxies.dialects import Clock, Relay, Trial, find_unsupported_transport
from wgmon_tui.protocols.proxies.links.records import VlessLink
from wgmon_tui.protocols.proxies.vless.stream import UDP, VlessStream
from wgmon_tui.protocols.proxies.vless.vision import FLOW


class VlessDialect:
    """VLESS over TCP, TLS or WebSocket."""

    has_readable_secret = True

    def find_unsupported(self, link: VlessLink) -> str | None:
        """A flow, an encryption or a transport that is not known."""
        if link.flow not in ("", FLOW):
            return f"the flow is not supported; known is {FLOW}"
        if link.encryption not in ("", "none"):
            return "VLESS Encryption is not supported; import the link again for proxy-command with mihomo"
        return find_unsupported_transport(link.transport)

    def uses_timestamps(self, link: VlessLink) -> bool:
        """Whether both clocks must agree."""
        return False

    def make_stream(self, link: VlessLink, destination: Destination, unix_time: Clock) -> VlessStream:
        """A stream."""
        return VlessStream(link.user_id, destination, flow=link.flow)

    def make_relay(self, link: VlessLink, destination: Destination, unix_time: Clock) -> Relay:
        """Datagrams on a stream, each after its length."""
        return Relay(_pack, _unpack, VlessStream(link.user_id, destination, UDP))

    def trials(self, link: VlessLink) -> Sequence[Trial[VlessLink]]:
        """The other flow. Beside the user id, nothing else is to be agreed on; Vision needs TLS."""
        if link.flow:
            return (Trial("flow", "none", replace(link, flow="")),)
        can_have = link.tls is not None and link.transport is None
        return (Trial("flow", FLOW, replace(link, flow=FLOW)),) if can_have else ()

    def with_wrong_secret(self, link: VlessLink) -> VlessLink:
        """A random user id."""
        return replace(link, user_id=uuid4())


def _pack(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data


def _unpack(buffer: bytes) -> bytes | None:
    if len(buffer) < 2:
        return None
    size = int.from_bytes(buffer[:2], "big")
    return buffer[2 : 2 + size] if len(buffer) >= 2 + size else None
