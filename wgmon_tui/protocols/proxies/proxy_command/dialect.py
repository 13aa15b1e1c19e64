"""A local program as the common prober sees it: SOCKS5 on loopback."""

from __future__ import annotations

from collections.abc import Sequence

from wgmon_tui.protocols.proxies.destinations import Destination, skip_socks_address
from wgmon_tui.protocols.proxies.dialects import Clock, Relay, Trial
from wgmon_tui.protocols.proxies.links.records import SocksLink
from wgmon_tui.protocols.proxies.proxy_command.socks_stream import UDP_ASSOCIATE, SocksStream

_NO_FRAGMENT = bytes(3)


class SocksDialect:
    """SOCKS5. The program knows the secrets of its server, so there is nothing to try out."""

    has_readable_secret = True

    def find_unsupported(self, link: SocksLink) -> str | None:
        """Nothing: the program decides."""
        return None

    def uses_timestamps(self, link: SocksLink) -> bool:
        """Whatever the server needs, the program says the time."""
        return False

    def make_stream(self, link: SocksLink, destination: Destination, unix_time: Clock) -> SocksStream:
        """A stream."""
        return SocksStream(destination, link.user, link.password)

    def make_relay(self, link: SocksLink, destination: Destination, unix_time: Clock) -> Relay:
        """SOCKS5 datagrams: zeros and the address come before the data (RFC 1928 §7)."""
        header = _NO_FRAGMENT + destination.to_socks()
        any_source = Destination("0.0.0.0", 0)  # noqa: S104  the program takes them from any port
        stream = SocksStream(any_source, link.user, link.password, UDP_ASSOCIATE)
        return Relay(lambda data: header + data, _unpack, association=stream)

    def trials(self, link: SocksLink) -> Sequence[Trial[SocksLink]]:
        """None."""
        return ()

    def with_wrong_secret(self, link: SocksLink) -> SocksLink:
        """The same link: a wrong login of the program would say nothing about its server."""
        return link


def _unpack(datagram: bytes) -> bytes | None:
    """The data of a datagram; None if it is a fragment, or none of SOCKS5."""
    if not datagram.startswith(_NO_FRAGMENT):
        return None
    length = skip_socks_address(datagram[len(_NO_FRAGMENT) :])
    return None if length is None else datagram[len(_NO_FRAGMENT) + length :]
