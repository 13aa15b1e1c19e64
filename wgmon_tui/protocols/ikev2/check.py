"""The prober of IKEv2."""

from __future__ import annotations

from wgmon_tui.checks.address_prober import AddressCheck, AddressProber
from wgmon_tui.checks.check import Check


class Ikev2Prober(AddressProber):
    """Checks an address stage by stage."""

    async def check_address(self, asked: AddressCheck) -> Check:
        """Check nothing yet."""
        return self.make_check(asked.server, asked.address)
