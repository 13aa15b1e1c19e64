"""The protocol `system-path`."""

from __future__ import annotations

from collections.abc import Sequence

from wgmon_tui.checks.check import Check, Packet
from wgmon_tui.checks.evidence import Evidence, ProtocolEvidence
from wgmon_tui.checks.protocol import ProbeServices, Protocol, ProtocolProber
from wgmon_tui.checks.transport import IpProtocol, PacketTransport
from wgmon_tui.checks.verdict import Diagnosis, Verdict
from wgmon_tui.checks.verdict_help import VerdictHelp
from wgmon_tui.config.models import Server
from wgmon_tui.net.addresses import Address
from wgmon_tui.net.packet_fields import PacketField
from wgmon_tui.protocols.system_path.settings import NAME, SETTINGS

_FIELDS = (
    ("type", 0, 1, "8 or 128 is a request, 0 or 129 a reply"),
    ("code", 1, 1, "always 0"),
    ("checksum", 2, 2, "over the whole message; the kernel sets it for version 6"),
    ("identifier", 4, 2, "the number of the socket; the kernel sets it"),
    ("sequence", 6, 2, "counts the requests of a check"),
)
_REPLIES = (b"\x00", b"\x81")
_VERDICT_HELP = {
    Verdict.HEALTHY: VerdictHelp(
        "Everything that the settings name answered: ping, connection, name and HTTP status.",
        "Nothing.",
        "The address answers through this machine's own network.",
    ),
    Verdict.SLOW: VerdictHelp(
        "The first answer took longer than `slow` in servers.toml.",
        "Look which interface the route to that address names, and whether the VPN behind it is slow.",
        "The address answers, but slowly.",
    ),
    Verdict.UNPROVEN: VerdictHelp(
        "This system forbids ICMP sockets to this account. Everything else answered.",
        "Allow ICMP sockets with the command of the cause, or set echo = false.",
        "The address answers, but the ping could not be sent.",
    ),
    Verdict.MISCONFIGURED: VerdictHelp(
        "This system forbids ICMP sockets to this account, and nothing but the ping is set.",
        "Allow ICMP sockets with the command of the cause, or set tcp = true.",
    ),
    Verdict.INNER_DEAD: VerdictHelp(
        "Something at that address answered, but not everything that the settings name.",
        "On that machine, look at the service that the summary names, and at the firewall.",
        "The address answers, but something that should answer there does not.",
    ),
    Verdict.SILENT: VerdictHelp(
        "Nothing came back from that address.",
        "Look whether the VPN between this machine and that address is up.",
    ),
}


class SystemPath(Protocol):
    """Checks an inner address through this machine's own stack."""

    name, title = NAME, "System path"
    settings = SETTINGS
    no_packets = "Only the packets of a ping are shown. This check sent none, or they are not stored."
    verdict_help = _VERDICT_HELP

    def make_prober(self, services: ProbeServices) -> ProtocolProber:
        """Make a prober. It needs nothing of the process."""
        from wgmon_tui.protocols.system_path.check import SystemPathProber

        return SystemPathProber(services.vantage)

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
        from wgmon_tui.protocols.system_path.diagnose import diagnose

        return diagnose_common_fault(check, server, standing) or diagnose(check, server, standing)

    def describe_evidence(self, evidence: ProtocolEvidence) -> str:
        """Say in one line what something answered."""
        from wgmon_tui.protocols.system_path.answers import describe

        return describe(evidence)

    def label_of(self, packet: bytes, framing: str = "") -> str:
        """The name of an ICMP message."""
        return "echo reply" if packet[:1] in _REPLIES else "echo request"

    def fields_of(self, packet: bytes, framing: str = "") -> tuple[PacketField, ...]:
        """The fields of an ICMP message (RFC 792, RFC 4443)."""
        known = [PacketField(*each) for each in _FIELDS if each[1] + each[2] <= len(packet)]
        at = known[-1].offset + known[-1].length if known else 0
        data = PacketField("data", at, len(packet) - at, "random bytes of this check")
        return (*known, data) if data.length else tuple(known)

    def transport_of(self, check: Check, packet: Packet) -> PacketTransport:
        """Pings: the exchange has no other packets."""
        return PacketTransport(IpProtocol.ICMP)

    async def ask_naively(self, address: Address, port: int) -> str | None:
        """Nothing: the check itself asks the port."""
        return None


PROTOCOL = SystemPath()
