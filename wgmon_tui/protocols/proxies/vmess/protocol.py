"""The protocol `vmess`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wgmon_tui.protocols.proxies.proxy_protocol import ProxyProtocol
from wgmon_tui.protocols.proxies.vmess.settings import NAME, SETTINGS

if TYPE_CHECKING:
    from wgmon_tui.protocols.proxies.dialects import Dialect


class VMess(ProxyProtocol):
    """Fetches pages through a VMess server."""

    name, title = NAME, "VMess"
    settings = SETTINGS

    def make_dialect(self) -> Dialect:
        """Its stream, its relay and its experiments."""
        from wgmon_tui.protocols.proxies.vmess.dialect import VmessDialect

        return VmessDialect()


PROTOCOL = VMess()
