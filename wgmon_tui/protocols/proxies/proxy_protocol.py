"""What all proxy protocols share of the contract in checks/protocol.py."""

from __future__ import annotations

from collections.abc import Sequence

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.evidence import Evidence
from wgmon_tui.checks.protocol import ProbeServices, Protocol, ProtocolProber, Targets
from wgmon_tui.checks.verdict import Diagnosis, Verdict
from wgmon_tui.config.models import Fleet, Server
from wgmon_tui.config.secrets.keyring import Keyring
from wgmon_tui.net.addresses import Address
from wgmon_tui.net.naive_port_check import check_tcp_port_naively
from wgmon_tui.net.packet_fields import PacketField


class ProxyProtocol(Protocol):
    """One proxy protocol. A server is checked by a fetch of a page through it."""

    def make_targets(self, servers: Sequence[Server], fleet: Fleet, keyring: Keyring) -> Targets:
        """Join servers with their share links."""
        from wgmon_tui.protocols.proxies.targets import join_servers

        return join_servers(servers, keyring)

    def make_prober(self, services: ProbeServices) -> ProtocolProber:
        """Make a prober. It needs nothing of the process."""
        from wgmon_tui.protocols.proxies.check import ProxyProber

        return ProxyProber(services.vantage)

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

        return diagnose_common_fault(check, server, standing) or Diagnosis(Verdict.SILENT, "No answer.")

    def label_of(self, packet: bytes, framing: str = "") -> str:
        """The bytes of a stream have no messages that others can see."""
        return "encrypted bytes"

    def fields_of(self, packet: bytes, framing: str = "") -> tuple[PacketField, ...]:
        """One field: the bytes are encrypted."""
        return (PacketField("bytes", 0, len(packet), "encrypted"),)[: len(packet)]

    async def ask_naively(self, address: Address, port: int) -> str | None:
        """Whether the port accepts a connection: what a port monitor says."""
        return await check_tcp_port_naively(address, port)
