"""A local program as the common prober sees it: SOCKS5 on loopback."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.protocols.proxies.destinations import Destination
from wgmon_tui.protocols.proxies.dialects import Clock, Relay, Trial
from wgmon_tui.protocols.proxies.proxy_command.socks_stream import SocksStream


@dataclass(frozen=True, slots=True)
class SocksLink:
    """Where a program listens."""

    endpoint: Endpoint
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    name: str = ""


class SocksDialect:
    """SOCKS5. The program knows the secrets of its server, so there is nothing to try out."""

    has_readable_secret = True
    proves_server = False

    def find_unsupported(self, link: SocksLink) -> str | None:
        """Nothing: the program decides."""
        return None

    def leaves_tls(self, link: SocksLink) -> bool:
        """Nothing that the prober would see."""
        return False

    def timestamps(self, link: SocksLink) -> bool:
        """Whatever the server needs, the program says the time."""
        return False

    def make_stream(self, link: SocksLink, destination: Destination, unix_time: Clock) -> SocksStream:
        """A stream."""
        return SocksStream(destination, link.user, link.password)

    def make_relay(self, link: SocksLink, destination: Destination, unix_time: Clock) -> Relay:
        """No test of UDP: the settings have no name server."""
        raise NotImplementedError

    def trials(self, link: SocksLink) -> Sequence[Trial]:
        """None."""
        return ()

    def with_wrong_secret(self, link: SocksLink) -> SocksLink:
        """The same link: a wrong login of the program would say nothing about its server."""
        return link
