"""The protocol `vless`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wgmon_tui.checks.protocol import GlossaryTerm
from wgmon_tui.protocols.proxies.experiment_words import OF_STREAMS, OTHER_FLOW
from wgmon_tui.protocols.proxies.proxy_protocol import ProxyProtocol
from wgmon_tui.protocols.proxies.vless.settings import NAME, SETTINGS

if TYPE_CHECKING:
    from wgmon_tui.protocols.proxies.dialects import Dialect
    from wgmon_tui.protocols.proxies.links.records import VlessLink


class VLESS(ProxyProtocol["VlessLink"]):
    """Fetches pages through a VLESS server."""

    name, title = NAME, "VLESS"
    settings = SETTINGS
    experiments = (*OF_STREAMS, OTHER_FLOW)
    glossary = (
        GlossaryTerm(
            "REALITY",
            "TLS 1.3 to a server that shows strangers the site of another. The link has its public key.",
            "XTLS/REALITY",
        ),
        GlossaryTerm(
            "Vision",
            "A flow of VLESS that pads the first packets, and leaves the outer TLS for a page with TLS.",
            "Xray-core, proxy.go",
        ),
        GlossaryTerm(
            "user id",
            "The UUID that stands for a user of VLESS or VMess. It is a secret.",
            "Xray-core#5201",
        ),
    )

    def make_dialect(self) -> Dialect[VlessLink]:
        """Its stream, its relay and its experiments."""
        from wgmon_tui.protocols.proxies.vless.dialect import VlessDialect

        return VlessDialect()


PROTOCOL = VLESS()
