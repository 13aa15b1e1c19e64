"""The protocol `vmess`."""

from __future__ import annotations

from wgmon_tui.protocols.proxies.proxy_protocol import ProxyProtocol
from wgmon_tui.protocols.proxies.vmess.settings import NAME, SETTINGS


class VMess(ProxyProtocol):
    """Fetches pages through a VMess server."""

    name, title = NAME, "VMess"
    settings = SETTINGS


PROTOCOL = VMess()
