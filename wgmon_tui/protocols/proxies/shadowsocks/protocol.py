"""The protocol `shadowsocks`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wgmon_tui.checks.protocol import GlossaryTerm
from wgmon_tui.protocols.proxies.experiment_words import OF_ALL, OTHER_METHODS, SHIFTED_CLOCK
from wgmon_tui.protocols.proxies.proxy_protocol import ProxyProtocol
from wgmon_tui.protocols.proxies.shadowsocks.settings import NAME, SETTINGS

if TYPE_CHECKING:
    from wgmon_tui.protocols.proxies.dialects import Dialect
    from wgmon_tui.protocols.proxies.links.records import ShadowsocksLink


class Shadowsocks(ProxyProtocol["ShadowsocksLink"]):
    """Fetches pages through a Shadowsocks server."""

    name, title = NAME, "Shadowsocks"
    settings = SETTINGS
    experiments = (*OF_ALL, OTHER_METHODS, SHIFTED_CLOCK)
    glossary = (
        GlossaryTerm(
            "method",
            "The cipher of a Shadowsocks server. Both sides must have the same one.",
            "shadowsocks.org, AEAD ciphers",
        ),
        GlossaryTerm(
            "Shadowsocks 2022",
            "The methods whose names begin with 2022. Their keys are base64, their requests carry the time.",
            "SIP022",
        ),
    )

    def make_dialect(self) -> Dialect[ShadowsocksLink]:
        """Its stream, its relay and its experiments."""
        from wgmon_tui.protocols.proxies.shadowsocks.dialect import ShadowsocksDialect

        return ShadowsocksDialect()


PROTOCOL = Shadowsocks()
