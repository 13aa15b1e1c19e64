"""The protocol `trojan`."""

from __future__ import annotations

from wgmon_tui.protocols.proxies.proxy_protocol import ProxyProtocol
from wgmon_tui.protocols.proxies.trojan.settings import NAME, SETTINGS


class Trojan(ProxyProtocol):
    """Fetches pages through a Trojan server."""

    name, title = NAME, "Trojan"
    settings = SETTINGS


PROTOCOL = Trojan()
