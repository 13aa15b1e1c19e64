"""The protocol `shadowsocks`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wgmon_tui.protocols.proxies.proxy_protocol import ProxyProtocol
from wgmon_tui.protocols.proxies.shadowsocks.settings import NAME, SETTINGS

if TYPE_CHECKING:
    from wgmon_tui.protocols.proxies.dialects import Dialect


class Shadowsocks(ProxyProtocol):
    """Fetches pages through a Shadowsocks server."""

    name, title = NAME, "Shadowsocks"
    settings = SETTINGS

    def make_dialect(self) -> Dialect:
        """Its stream, its relay and its experiments."""
        from wgmon_tui.protocols.proxies.shadowsocks.dialect import ShadowsocksDialect

        return ShadowsocksDialect()


PROTOCOL = Shadowsocks()
