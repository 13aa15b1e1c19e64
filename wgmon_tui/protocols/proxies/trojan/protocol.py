"""The protocol `trojan`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wgmon_tui.checks.protocol import GlossaryTerm
from wgmon_tui.protocols.proxies.proxy_protocol import ProxyProtocol
from wgmon_tui.protocols.proxies.trojan.settings import NAME, SETTINGS

if TYPE_CHECKING:
    from wgmon_tui.protocols.proxies.dialects import Dialect
    from wgmon_tui.protocols.proxies.links.records import TrojanLink


class Trojan(ProxyProtocol["TrojanLink"]):
    """Fetches pages through a Trojan server."""

    name, title = NAME, "Trojan"
    settings = SETTINGS
    glossary = (
        GlossaryTerm(
            "fallback",
            "The web site that a Trojan server shows to everybody who does not know the password.",
            "trojan-gfw, protocol.md",
        ),
    )

    def make_dialect(self) -> Dialect[TrojanLink]:
        """Its stream, its relay and its experiments."""
        from wgmon_tui.protocols.proxies.trojan.dialect import TrojanDialect

        return TrojanDialect()


PROTOCOL = Trojan()
