"""The protocol `vmess`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wgmon_tui.checks.protocol import GlossaryTerm
from wgmon_tui.protocols.proxies.experiment_words import OF_STREAMS, SHIFTED_CLOCK
from wgmon_tui.protocols.proxies.proxy_protocol import ProxyProtocol
from wgmon_tui.protocols.proxies.vmess.settings import NAME, SETTINGS

if TYPE_CHECKING:
    from wgmon_tui.protocols.proxies.dialects import Dialect
    from wgmon_tui.protocols.proxies.links.records import VmessLink


class VMess(ProxyProtocol["VmessLink"]):
    """Fetches pages through a VMess server."""

    name, title = NAME, "VMess"
    settings = SETTINGS
    experiments = (*OF_STREAMS, SHIFTED_CLOCK)
    glossary = (
        GlossaryTerm(
            "auth id",
            "The first 16 bytes of a VMess request: the time, encrypted under a key of the user.",
            "v2fly-github-io#20",
        ),
        GlossaryTerm(
            "security (VMess)",
            "The cipher of the data. The client alone chooses it.",
            "v2fly, VMess",
        ),
    )

    def make_dialect(self) -> Dialect[VmessLink]:
        """Its stream, its relay and its experiments."""
        from wgmon_tui.protocols.proxies.vmess.dialect import VmessDialect

        return VmessDialect()


PROTOCOL = VMess()
