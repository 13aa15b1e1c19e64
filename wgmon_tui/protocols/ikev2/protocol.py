"""The protocol `ikev2`."""

from __future__ import annotations

from collections.abc import Sequence

from wgmon_tui.checks.check import Check, Packet
from wgmon_tui.checks.evidence import Evidence, ProtocolEvidence
from wgmon_tui.checks.key_log import KeyLog
from wgmon_tui.checks.protocol import (
    PacketRemark,
    ProbeServices,
    Protocol,
    ProtocolProber,
    ProtocolTarget,
    Targets,
)
from wgmon_tui.checks.transport import UDP, PacketTransport
from wgmon_tui.checks.verdict import Diagnosis
from wgmon_tui.config.models import Fleet, Server
from wgmon_tui.config.secrets.keyring import Keyring
from wgmon_tui.net.packet_fields import PacketField
from wgmon_tui.protocols.ikev2.settings import NAME, SETTINGS
from wgmon_tui.protocols.ikev2.words import EXPERIMENTS, GLOSSARY, VERDICT_HELP

_IKE_PORT, _NAT_PORT = 500, 4500


class Ikev2(Protocol):
    """Runs IKE_SA_INIT and IKE_AUTH of a server, and ends the session that it opened."""

    name, title = NAME, "IKEv2"
    settings = SETTINGS
    repeats_deep_results = True
    verdict_help = VERDICT_HELP
    experiments = EXPERIMENTS
    glossary = GLOSSARY

    def make_targets(self, servers: Sequence[Server], fleet: Fleet, keyring: Keyring) -> Targets:
        """Join servers with their credentials."""
        from wgmon_tui.protocols.ikev2.targets import join_servers

        return join_servers(servers, keyring.protocol_secrets)

    def make_prober(self, services: ProbeServices) -> ProtocolProber:
        """Make a prober. It needs no identity."""
        from wgmon_tui.protocols.ikev2.check import Ikev2Prober

        return Ikev2Prober(services.vantage, services.note_secret)

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
        from wgmon_tui.protocols.ikev2.diagnose import diagnose

        return diagnose(check, server, standing, is_explained_by_loss=is_explained_by_loss)

    def describe_evidence(self, evidence: ProtocolEvidence) -> str:
        """Say in one line what was observed."""
        from wgmon_tui.protocols.ikev2.evidence_words import describe

        return describe(evidence)

    def label_of(self, packet: bytes, framing: str = "") -> str:
        """The name of a message."""
        from wgmon_tui.protocols.ikev2.message_fields import label_of

        return label_of(packet)

    def fields_of(self, packet: bytes, framing: str = "") -> tuple[PacketField, ...]:
        """The fields of a message, in order and without gaps."""
        from wgmon_tui.protocols.ikev2.message_fields import fields_of

        return fields_of(packet, framing)

    def value_of(self, check: Check, number: int, field: PacketField) -> str | None:
        """Words for numbers, and what encrypted parts held."""
        from wgmon_tui.protocols.ikev2.packet_values import value_of

        return value_of(check.exchange[number].data, field, check.framing)

    def remark_on(self, check: Check, packet: Packet) -> PacketRemark | None:
        """What became of a received packet."""
        from wgmon_tui.protocols.ikev2.packet_remarks import remark_on

        return remark_on(check, packet)

    def find_decisive_field(self, check: Check) -> tuple[int, str] | None:
        """The notification, or the encrypted answer, that decided a failed check."""
        from wgmon_tui.protocols.ikev2.packet_remarks import find_decisive_field

        return find_decisive_field(check)

    def transport_of(self, check: Check, packet: Packet) -> PacketTransport:
        """Port 4500 for what has the marker, and for ESP, if the endpoint is port 500."""
        from wgmon_tui.protocols.ikev2.message_fields import is_for_nat_port

        moved = check.endpoint.port == _IKE_PORT and is_for_nat_port(packet.data)
        return PacketTransport(server_port=_NAT_PORT) if moved else UDP

    def key_log_warning(self, target: ProtocolTarget) -> Sequence[str]:
        """What the keys of a session reveal."""
        from wgmon_tui.protocols.ikev2.key_log import key_log_warning

        return key_log_warning(target)

    def make_key_logs(self, target: ProtocolTarget, secrets: Sequence[str]) -> Sequence[KeyLog]:
        """The tables of Wireshark for IKEv2 and ESP."""
        from wgmon_tui.protocols.ikev2.key_log import make_key_logs

        return make_key_logs(secrets)


PROTOCOL = Ikev2()
