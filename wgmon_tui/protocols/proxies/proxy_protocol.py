"""What all proxy protocols share of the contract in checks/protocol.py."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Generic

from wgmon_tui.checks.check import Check, Packet
from wgmon_tui.checks.evidence import Evidence, ProtocolEvidence
from wgmon_tui.checks.protocol import Experiment, ProbeServices, Protocol, ProtocolProber, Targets
from wgmon_tui.checks.transport import IpProtocol, PacketTransport
from wgmon_tui.checks.verdict import Diagnosis
from wgmon_tui.config.models import Fleet, Server
from wgmon_tui.config.secrets.keyring import Keyring
from wgmon_tui.net.addresses import Address
from wgmon_tui.net.naive_port_check import check_tcp_port_naively
from wgmon_tui.net.packet_fields import PacketField
from wgmon_tui.protocols.proxies import stream_bytes
from wgmon_tui.protocols.proxies.experiment_words import OF_STREAMS
from wgmon_tui.protocols.proxies.links.records import StreamLinkT
from wgmon_tui.protocols.proxies.verdict_words import VERDICT_HELP
from wgmon_tui.text import quoted

if TYPE_CHECKING:
    from wgmon_tui.protocols.proxies.dialects import Dialect
    from wgmon_tui.protocols.proxies.targets import ProxyTarget


_PACKAGES = ("cryptography", "blake3", "h11")
"""What the extra `proxy` brings; a check needs all of them."""


class ProxyProtocol(Protocol, Generic[StreamLinkT]):
    """One proxy protocol. A server is checked by a fetch of a page through it."""

    repeats_deep_results = True
    experiments: Sequence[Experiment] = OF_STREAMS
    verdict_help = VERDICT_HELP

    def make_targets(self, servers: Sequence[Server], fleet: Fleet, keyring: Keyring) -> Targets:
        """Join servers with their share links. A link that cannot be spoken excludes its server."""
        from wgmon_tui.protocols.proxies.targets import ProxyTarget, join_servers

        joined = join_servers(servers, keyring)
        ready, problems = dict(joined.ready), dict(joined.problems)
        for name, target in joined.ready.items():
            problem = self._find_problem(target) if isinstance(target, ProxyTarget) else None
            if problem:
                problems[name] = f"servers.toml: server {quoted(name)}: {problem}"
                del ready[name]
        return Targets(ready, problems)

    def make_prober(self, services: ProbeServices) -> ProtocolProber:
        """Make a prober. It needs nothing of the process."""
        from wgmon_tui.protocols.proxies.check import ProxyProber

        return ProxyProber(services.vantage, self.make_dialect())

    def make_dialect(self) -> Dialect[StreamLinkT]:
        """What only this protocol has. It may need packages that are not installed."""
        raise NotImplementedError

    def _find_problem(self, target: ProxyTarget[StreamLinkT]) -> str | None:
        missing = next((each for each in _PACKAGES if find_spec(each) is None), None)
        if missing:
            return f'it needs the package {missing}; type: pip install "wgmon-tui[proxy]"'
        return self.make_dialect().find_unsupported(target.link)

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
        from wgmon_tui.protocols.proxies.diagnose import diagnose

        return diagnose_common_fault(check, server, standing) or diagnose(check, server, recent, standing)

    def describe_evidence(self, evidence: ProtocolEvidence) -> str:
        """Say in one line what the proxy did."""
        from wgmon_tui.protocols.proxies.words import describe_own

        return describe_own(evidence)

    def transport_of(self, check: Check, packet: Packet) -> PacketTransport:
        """A TCP connection."""
        return PacketTransport(IpProtocol.TCP)

    def label_of(self, packet: bytes, framing: str = "") -> str:
        """What the bytes look like to the path: the stream has no messages that others can see."""
        return stream_bytes.label_of(packet)

    def fields_of(self, packet: bytes, framing: str = "") -> tuple[PacketField, ...]:
        """The header of a TLS record, or one field."""
        return stream_bytes.fields_of(packet)

    async def ask_naively(self, address: Address, port: int) -> str | None:
        """Whether the port accepts a connection: what a port monitor says."""
        return await check_tcp_port_naively(address, port)
