"""OpenVPN under the contract of checks/protocol.py. What a check needs is imported with its first use."""

from __future__ import annotations

from collections.abc import Sequence

from wgmon_tui.checks.check import Check, Packet
from wgmon_tui.checks.evidence import Evidence, ProtocolEvidence
from wgmon_tui.checks.key_log import KeyLog, KeyLogFormat
from wgmon_tui.checks.protocol import (
    PacketRemark,
    ProbeServices,
    Protocol,
    ProtocolProber,
    ProtocolTarget,
    Targets,
)
from wgmon_tui.checks.transport import UDP, IpProtocol, PacketTransport
from wgmon_tui.checks.verdict import Diagnosis
from wgmon_tui.config.models import Fleet, Server
from wgmon_tui.config.secrets.keyring import Keyring
from wgmon_tui.net.addresses import Address
from wgmon_tui.net.naive_port_check import CLOSED, check_port_naively, check_tcp_port_naively
from wgmon_tui.net.packet_fields import PacketField
from wgmon_tui.protocols.openvpn.settings import NAME, SETTINGS
from wgmon_tui.protocols.openvpn.words import EXPERIMENTS, GLOSSARY, VERDICT_HELP


class OpenVpn(Protocol):
    """OpenVPN, from the reset to echoes through the data channel."""

    name, title = NAME, "OpenVPN"
    settings = SETTINGS
    repeats_deep_results = True
    verdict_help = VERDICT_HELP
    experiments = EXPERIMENTS
    glossary = GLOSSARY

    def make_targets(self, servers: Sequence[Server], fleet: Fleet, keyring: Keyring) -> Targets:
        """Join servers with their profiles."""
        from wgmon_tui.protocols.openvpn.targets import join_servers

        return join_servers(servers, keyring)

    def make_prober(self, services: ProbeServices) -> ProtocolProber:
        """Make a prober. It needs nothing of the process."""
        from wgmon_tui.protocols.openvpn.check import OpenVpnProber

        return OpenVpnProber(services.vantage, services.note_secret)

    def diagnose(
        self,
        check: Check,
        server: Server,
        recent: Sequence[float | None] = (),
        standing: Sequence[Evidence] = (),
        *,
        is_explained_by_loss: bool = False,
    ) -> Diagnosis:
        """Diagnose a check."""
        from wgmon_tui.protocols.openvpn.diagnose import diagnose

        return diagnose(check, server, standing, is_explained_by_loss=is_explained_by_loss)

    def describe_evidence(self, evidence: ProtocolEvidence) -> str:
        """Say in one line what evidence of OpenVPN is."""
        from wgmon_tui.protocols.openvpn.observations import describe

        return describe(evidence)

    def label_of(self, packet: bytes, framing: str = "") -> str:
        """The name of a packet."""
        from wgmon_tui.protocols.openvpn.packet_fields import PacketLayout, label_of

        return label_of(packet, PacketLayout.parse(framing))

    def fields_of(self, packet: bytes, framing: str = "") -> tuple[PacketField, ...]:
        """The fields of a packet: header, wrapping and body."""
        from wgmon_tui.protocols.openvpn.packet_fields import PacketLayout, fields_of

        return fields_of(packet, PacketLayout.parse(framing))

    def value_of(self, check: Check, number: int, field: PacketField) -> str | None:
        """The numbers of a packet, and what was in its encrypted part."""
        from wgmon_tui.protocols.openvpn.packet_fields import PacketLayout, value_of

        return value_of(check.exchange[number].data, number, field, PacketLayout.parse(check.framing))

    def remark_on(self, check: Check, packet: Packet) -> PacketRemark | None:
        """Whether a received packet was accepted, and what it did."""
        from wgmon_tui.protocols.openvpn.packet_remarks import remark_on

        return remark_on(check, packet)

    def find_decisive_field(self, check: Check) -> tuple[int, str] | None:
        """The packet that ended a failed check."""
        from wgmon_tui.protocols.openvpn.packet_remarks import find_decisive_field

        return find_decisive_field(check)

    def transport_of(self, check: Check, packet: Packet) -> PacketTransport:
        """UDP, or the TCP connection of the check."""
        from wgmon_tui.protocols.openvpn.packet_fields import PacketLayout

        layout = PacketLayout.parse(check.framing)
        return PacketTransport(IpProtocol.TCP) if layout and layout.is_tcp else UDP

    def key_log_warning(self, target: ProtocolTarget) -> Sequence[str]:
        """What the key log of an exchange reveals."""
        return (
            "The file will contain, unencrypted: the TLS secrets of this session.",
            "Anyone with the file can read the user, the password and the data of the session.",
            "Do not share the file, and delete it after use.",
        )

    def make_key_logs(self, target: ProtocolTarget, secrets: Sequence[str]) -> Sequence[KeyLog]:
        """The TLS key log of the exchange."""
        lines = "".join(secrets)
        return (KeyLog(KeyLogFormat.TLS, lines),) if lines else ()

    async def ask_naively(self, address: Address, port: int) -> str | None:
        """What a port monitor would say: one for TCP, where UDP is closed."""
        found = await check_port_naively(address, port)
        return await check_tcp_port_naively(address, port) if found == CLOSED else found


PROTOCOL = OpenVpn()
