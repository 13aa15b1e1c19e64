"""What all control planes share of the contract in checks/protocol.py."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from wgmon_tui.checks.check import Check, Packet
from wgmon_tui.checks.evidence import Evidence, ProtocolEvidence
from wgmon_tui.checks.protocol import ProbeServices, Protocol, ProtocolProber, Targets
from wgmon_tui.checks.transport import IpProtocol, PacketTransport
from wgmon_tui.checks.verdict import Diagnosis, Verdict
from wgmon_tui.checks.verdict_help import VerdictHelp
from wgmon_tui.config.models import Fleet, Server
from wgmon_tui.config.secrets.keyring import Keyring
from wgmon_tui.control_planes.api import ControlPlaneApi
from wgmon_tui.net.addresses import Address
from wgmon_tui.net.naive_port_check import check_tcp_port_naively
from wgmon_tui.net.packet_fields import PacketField

_VERDICT_HELP: Mapping[Verdict, VerdictHelp] = MappingProxyType(
    {
        Verdict.HEALTHY: VerdictHelp(
            "The API accepted the token and answered every request in a form that is known. It reported no "
            "part of its own as broken.",
            "Nothing. Whether nodes can be reached is shown at each node, not here.",
            "The control plane works, as far as its API shows.",
        ),
        Verdict.SLOW: VerdictHelp(
            "The first answer of the API took longer than `slow` in servers.toml.",
            "On the control plane, look at the load of its database.",
            "The API answers, but slowly.",
        ),
        Verdict.UNPROVEN: VerdictHelp(
            "The API wants fewer requests, or fields that every known release has are missing.",
            "Read the summary. For missing fields, look for a newer wgmon-tui.",
            "The API answers, but something that matters could not be read.",
        ),
        Verdict.SILENT: VerdictHelp(
            "The connection did not open in time, or the API did not answer in time.",
            "Fetch its health page yourself with curl.",
        ),
        Verdict.PORT_CLOSED: VerdictHelp(
            "The host refused or reset the connection.",
            "On the control plane, find what listens there: ss -lntp. Start the service.",
        ),
        Verdict.MISCONFIGURED: VerdictHelp(
            "The token cannot be read, the socket may not be opened, or the package h11 is missing.",
            "The summary says what to type.",
        ),
    }
)


class ControlPlaneProtocol(Protocol):
    """One kind of control plane. Its check asks the API."""

    verdict_help = _VERDICT_HELP
    no_packets = "Requests and answers are shown. This check made none, or they are not stored."

    @abstractmethod
    def make_api(self) -> ControlPlaneApi:
        """Make the reader of its answers."""

    def make_local_api(self) -> ControlPlaneApi | None:
        """Make the reader of what its program on this machine answers on a socket; None if it has none."""
        return None

    def make_targets(self, servers: Sequence[Server], fleet: Fleet, keyring: Keyring) -> Targets:
        """Join control planes with their tokens."""
        from wgmon_tui.control_planes.targets import join_servers

        return join_servers(servers, keyring.protocol_secrets)

    def make_prober(self, services: ProbeServices) -> ProtocolProber:
        """Make a prober. It passes the reports on to the process."""
        from wgmon_tui.control_planes.check import ControlPlaneProber

        return ControlPlaneProber(self.name, self.make_api(), self.make_local_api(), services)

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
        from wgmon_tui.control_planes.diagnose import diagnose

        return diagnose_common_fault(check, server, standing) or diagnose(self.title, check, server, standing)

    def describe_evidence(self, evidence: ProtocolEvidence) -> str:
        """Say in one line what was found."""
        from wgmon_tui.control_planes.answers import describe

        return describe(evidence)

    def has_seen_all_ends(self, check: Check) -> bool:
        """Each check asks for all of them: whether every answer could be read."""
        kinds = {each.kind for each in check.evidence if isinstance(each, ProtocolEvidence)}
        return "nodes" in kinds and not kinds & {"unread", "drift", "partial"}

    def label_of(self, packet: bytes, framing: str = "") -> str:
        """The first line of a request or a response."""
        line = packet.partition(b"\r\n")[0].decode("utf-8", "replace")
        return line.removesuffix(" HTTP/1.1").removeprefix("HTTP/1.1 ") or "empty"

    def fields_of(self, packet: bytes, framing: str = "") -> tuple[PacketField, ...]:
        """The head and the body of a request or a response."""
        head, separator, body = packet.partition(b"\r\n\r\n")
        size = len(head) + len(separator)
        fields = [PacketField("head", 0, size, "the first line and the headers; the token is masked")]
        if body:
            fields.append(PacketField("body", size, len(body), "JSON; keys and other secrets are masked"))
        return tuple(fields) if packet else ()

    def transport_of(self, check: Check, packet: Packet) -> PacketTransport:
        """TCP; the bytes of TLS are not recorded."""
        return PacketTransport(IpProtocol.TCP)

    async def ask_naively(self, address: Address, port: int) -> str | None:
        """Whether the port accepts a connection: what a port monitor says."""
        return await check_tcp_port_naively(address, port)
