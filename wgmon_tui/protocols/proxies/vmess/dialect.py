"""VMess for the common prober."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from uuid import uuid4

from wgmon_tui.protocols.proxies.clock_trials import clock_trials
from wgmon_tui.protocols.proxies.destinations import Destination
from wgmon_tui.protocols.proxies.dialects import Clock, Relay, Trial, find_unsupported_transport
from wgmon_tui.protocols.proxies.links.records import VmessLink
from wgmon_tui.protocols.proxies.vmess.stream import CLOCK_WINDOW_S, SECURITIES, UDP, VmessStream


class VmessDialect:
    """VMess with the AEAD header, over TCP, TLS or WebSocket."""

    has_readable_secret = False

    def find_unsupported(self, link: VmessLink) -> str | None:
        """The legacy header, or a cipher or transport that is not known."""
        if link.alter_id:
            return "an alterId above 0, the header before VMess AEAD, is not supported"
        if link.security not in SECURITIES:
            return "the cipher is not supported; known are " + ", ".join(SECURITIES)
        return find_unsupported_transport(link.transport)

    def uses_timestamps(self, link: VmessLink) -> bool:
        """Whether both clocks must agree."""
        return True

    def make_stream(self, link: VmessLink, destination: Destination, unix_time: Clock) -> VmessStream:
        """A stream."""
        return VmessStream(link.user_id, SECURITIES[link.security], destination, unix_time=unix_time)

    def make_relay(self, link: VmessLink, destination: Destination, unix_time: Clock) -> Relay:
        """Datagrams on a stream: each is one chunk."""
        security = SECURITIES["auto" if link.security == "zero" else link.security]
        layer = VmessStream(link.user_id, security, destination, unix_time=unix_time, command=UDP)
        return Relay(lambda data: data, lambda buffer: buffer or None, layer)

    def trials(self, link: VmessLink) -> Sequence[Trial[VmessLink]]:
        """Other clocks. The client alone chooses the cipher."""
        return tuple(clock_trials(link, CLOCK_WINDOW_S))

    def with_wrong_secret(self, link: VmessLink) -> VmessLink:
        """A random user id."""
        return replace(link, user_id=uuid4())
