"""The protocol `proxy-command`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.evidence import Evidence, ProtocolEvidence
from wgmon_tui.checks.protocol import GlossaryTerm, ProbeServices, ProtocolProber, Targets
from wgmon_tui.checks.verdict import Diagnosis
from wgmon_tui.config.models import Fleet, Server
from wgmon_tui.config.secrets.keyring import Keyring
from wgmon_tui.net.addresses import Address
from wgmon_tui.protocols.proxies.proxy_command.settings import NAME, SETTINGS
from wgmon_tui.protocols.proxies.proxy_protocol import ProxyProtocol
from wgmon_tui.text import printable

if TYPE_CHECKING:
    from wgmon_tui.protocols.proxies.dialects import Dialect
    from wgmon_tui.protocols.proxies.links.records import SocksLink


class ProxyCommand(ProxyProtocol["SocksLink"]):
    """Fetches pages through a program of the user."""

    name, title = NAME, "Proxy by command"
    settings = SETTINGS
    glossary = (
        GlossaryTerm(
            "share link",
            "A text such as `ss://…` with all that a client needs to use a proxy. It is a secret.",
            "docs/proxies.md",
        ),
    )

    def make_targets(self, servers: Sequence[Server], fleet: Fleet, keyring: Keyring) -> Targets:
        """Join servers with their share links, if they have one."""
        from wgmon_tui.protocols.proxies.proxy_command.targets import join_servers

        return join_servers(servers, keyring)

    def make_prober(self, services: ProbeServices) -> ProtocolProber:
        """Make a prober. It needs nothing of the process."""
        from wgmon_tui.protocols.proxies.proxy_command.check import CommandProber

        return CommandProber(services.vantage)

    def make_dialect(self) -> Dialect[SocksLink]:
        """SOCKS5 on loopback."""
        from wgmon_tui.protocols.proxies.proxy_command.dialect import SocksDialect

        return SocksDialect()

    def diagnose(
        self,
        check: Check,
        server: Server,
        recent: Sequence[float | None] = (),
        standing: Sequence[Evidence] = (),
        *,
        is_explained_by_loss: bool = False,
    ) -> Diagnosis:
        """Diagnose a check: common faults first."""
        from wgmon_tui.checks.common_faults import diagnose_common_fault
        from wgmon_tui.protocols.proxies.proxy_command.diagnose import diagnose

        return diagnose_common_fault(check, server, standing) or diagnose(check, server, recent, standing)

    def describe_evidence(self, evidence: ProtocolEvidence) -> str:
        """Say in one line what the program or the proxy did."""
        if evidence.kind == "program" and evidence.values:
            return f"the program does not run: {printable(evidence.values[0])}"
        return super().describe_evidence(evidence)

    async def ask_naively(self, address: Address, port: int) -> str | None:
        """Nothing: the protocol may be one over TCP or over UDP."""
        return None


PROTOCOL = ProxyCommand()
