"""The protocol `shadowsocks`."""

from __future__ import annotations

from wgmon_tui.protocols.proxies.proxy_protocol import ProxyProtocol
from wgmon_tui.protocols.proxies.shadowsocks.settings import NAME, SETTINGS


class Shadowsocks(ProxyProtocol):
    """Fetches pages through a Shadowsocks server."""

    name, title = NAME, "Shadowsocks"
    settings = SETTINGS


PROTOCOL = Shadowsocks()
