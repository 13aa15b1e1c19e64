"""The prober of proxies: a connection, its layers, and a fetch through them."""

from __future__ import annotations

from wgmon_tui.checks.address_prober import AddressCheck, AddressProber
from wgmon_tui.checks.check import Check


class ProxyProber(AddressProber):
    """Checks servers by fetches through them."""

    async def check_address(self, asked: AddressCheck) -> Check:
        """Check one address."""
        return self.make_check(asked.server, asked.address)
