"""The protocol `vless`."""

from __future__ import annotations

from wgmon_tui.protocols.proxies.proxy_protocol import ProxyProtocol
from wgmon_tui.protocols.proxies.vless.settings import NAME, SETTINGS


class VLESS(ProxyProtocol):
    """Fetches pages through a VLESS server."""

    name, title = NAME, "VLESS"
    settings = SETTINGS


PROTOCOL = VLESS()
