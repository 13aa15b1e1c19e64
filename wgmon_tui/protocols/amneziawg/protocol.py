"""AmneziaWG under the contract of checks/protocol.py. What a check needs is imported with its first use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from wgmon_tui.checks.check import Check, Packet
from wgmon_tui.checks.evidence import Evidence, ProtocolEvidence
from wgmon_tui.checks.key_log import KeyLog
from wgmon_tui.checks.protocol import (
    Experiment,
    GlossaryTerm,
    PacketRemark,
    ProbeServices,
    Protocol,
    ProtocolProber,
    ProtocolTarget,
    Targets,
)
from wgmon_tui.checks.verdict import Diagnosis
from wgmon_tui.config.models import AMNEZIAWG, WIREGUARD, Fleet, Server
from wgmon_tui.config.secrets.keyring import Keyring
from wgmon_tui.net.packet_fields import PacketField
from wgmon_tui.protocols.amneziawg.layout import Layout
from wgmon_tui.protocols.amneziawg.settings import SETTINGS
from wgmon_tui.protocols.wireguard.protocol import PROTOCOL as _WIREGUARD
from wgmon_tui.protocols.wireguard.wire import MessageType

if TYPE_CHECKING:
    from wgmon_tui.checks.inspection import Inspector

_SOURCE = "amneziawg-go, README"


class AmneziaWg(Protocol):
    """AmneziaWG: the handshake of WireGuard, framed so that it looks like nothing known."""

    name = AMNEZIAWG
    title = "AmneziaWG"
    settings = SETTINGS
    prober_of = WIREGUARD
    traces_paths = True
    experiments = (
        Experiment(
            "plain WireGuard",
            "the same handshake without the parameters",
            "the server has no parameters of AmneziaWG",
        ),
        Experiment(
            "parameters of other servers",
            "the same handshake with the parameters of each other AmneziaWG server of the fleet",
            "the server has those parameters",
        ),
        Experiment(
            "one parameter of other servers",
            "the same handshake with one parameter changed: S1, H1, trailers or the header protection key",
            "only this parameter is wrong",
        ),
        Experiment(
            "the framing that an answer shows",
            "the same handshake with the S2, H2, S3 or H3 of an answer that cannot be read",
            "only this parameter is wrong",
        ),
        Experiment(
            "data parameters of other servers",
            "data through a new session with the S4 or H4 of each other AmneziaWG server, or of WireGuard",
            "only S4 or H4 is wrong",
        ),
    )
    glossary = (
        GlossaryTerm(
            "S1 to S4",
            "Random bytes before an initiation, a response, a cookie reply and a data packet. "
            "They must match the server's.",
            _SOURCE,
        ),
        GlossaryTerm(
            "H1 to H4",
            "The numbers, or ranges, that replace WireGuard's four message types. "
            "They must match the server's.",
            _SOURCE,
        ),
        GlossaryTerm(
            "junk packets (Jc, Jmin, Jmax)",
            "Random packets before an initiation. The server drops them, so they need not match.",
            _SOURCE,
        ),
        GlossaryTerm(
            "signature packets (I1 to I5)",
            "Packets before an initiation that look like another protocol. "
            "The server drops them, so they need not match.",
            _SOURCE,
        ),
        GlossaryTerm(
            "header protection",
            "ChaCha20 hides the messages of a handshake, and the header of a data packet. Version 3.0.",
            _SOURCE,
        ),
        GlossaryTerm(
            "random trailers",
            "Random bytes after the messages of a handshake. Version 3.1.",
            _SOURCE,
        ),
    )

    def make_targets(self, servers: Sequence[Server], fleet: Fleet, keyring: Keyring) -> Targets:
        """Join servers with their keys and framings."""
        from wgmon_tui.protocols.amneziawg.targets import join_servers

        return join_servers(servers, fleet, keyring)

    def share_trials(self, ready: Mapping[str, ProtocolTarget]) -> Mapping[str, ProtocolTarget]:
        """Let silent servers of plain WireGuard try the parameters of this fleet."""
        from wgmon_tui.protocols.amneziawg.targets import share_trials

        return share_trials(ready)

    def make_prober(self, services: ProbeServices) -> ProtocolProber:
        """Make a prober of WireGuard: each target brings its framing."""
        return _WIREGUARD.make_prober(services)

    def diagnose(
        self,
        check: Check,
        server: Server,
        recent: Sequence[float | None] = (),
        standing: Sequence[Evidence] = (),
        *,
        is_explained_by_loss: bool = False,
    ) -> Diagnosis:
        """Diagnose a check as one of WireGuard, with the causes that only a framing has."""
        from wgmon_tui.protocols.amneziawg.diagnose import diagnose

        return diagnose(check, server, recent, standing, is_explained_by_loss=is_explained_by_loss)

    def describe_evidence(self, evidence: ProtocolEvidence) -> str:
        """What an experiment found."""
        from wgmon_tui.protocols.wireguard.framing_causes import (
            describe_answered,
            find_answered,
            find_passing,
        )

        found = find_answered([evidence]) or find_passing([evidence])
        return describe_answered(found) if found else super().describe_evidence(evidence)

    def label_of(self, packet: bytes, framing: str = "") -> str:
        """The whitepaper's name of a framed message."""
        from wgmon_tui.protocols.amneziawg import wire

        layout = Layout.parse(framing)
        return wire.label_of(packet, layout) if layout else wire.UNFRAMED

    def fields_of(self, packet: bytes, framing: str = "") -> tuple[PacketField, ...]:
        """Prefix, message and trailer."""
        from wgmon_tui.protocols.amneziawg import wire

        layout = Layout.parse(framing)
        if layout:
            return wire.fields_of(packet, layout)
        return (PacketField("unknown", 0, len(packet), "its parameters are not known"),)[: len(packet)]

    def value_of(self, check: Check, number: int, field: PacketField) -> str | None:
        """Headers, indices and counters that are not hidden."""
        from wgmon_tui.protocols.amneziawg.packet_words import value_in_check

        return value_in_check(check, number, field)

    def remark_on(self, check: Check, packet: Packet) -> PacketRemark | None:
        """Whether a packet is authentic, or why it was rejected."""
        from wgmon_tui.protocols.amneziawg.packet_words import remark_on

        return remark_on(check, packet)

    def find_decisive_field(self, check: Check) -> tuple[int, str] | None:
        """The field that caused a rejection."""
        from wgmon_tui.protocols.amneziawg.packet_words import find_decisive_field

        return find_decisive_field(check)

    def is_unasked(self, packet: bytes, framing: str = "") -> bool:
        """A server initiates handshakes of its own accord, if it has data for this peer."""
        layout = Layout.parse(framing)
        return layout is not None and layout.find_kind(packet) is MessageType.INITIATION

    def key_log_warning(self, target: ProtocolTarget) -> Sequence[str]:
        """The same keys as for WireGuard."""
        return _WIREGUARD.key_log_warning(target)

    def make_key_logs(self, target: ProtocolTarget, secrets: Sequence[str]) -> Sequence[KeyLog]:
        """The key log of the handshake inside of the framing."""
        return _WIREGUARD.make_key_logs(target, secrets)

    def find_inspector(self) -> Inspector:
        """The dumps of awg(8) on a server, and those of wg(8) here."""
        return _WIREGUARD.find_inspector()


PROTOCOL = AmneziaWg()
