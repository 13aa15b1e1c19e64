"""WireGuard under the contract of checks/protocol.py. What a check needs is imported with its first use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from wgmon_tui.checks.check import Check, Packet
from wgmon_tui.checks.evidence import Evidence
from wgmon_tui.checks.key_log import KeyLog
from wgmon_tui.checks.protocol import (
    Experiment,
    PacketRemark,
    ProbeServices,
    Protocol,
    ProtocolProber,
    ProtocolTarget,
    Targets,
)
from wgmon_tui.checks.verdict import Diagnosis
from wgmon_tui.config.models import WIREGUARD, Fleet, Server
from wgmon_tui.config.secrets.keyring import Keyring
from wgmon_tui.net.packet_fields import PacketField
from wgmon_tui.protocols.wireguard import wire
from wgmon_tui.protocols.wireguard.settings import SETTINGS

if TYPE_CHECKING:
    from wgmon_tui.checks.inspection import Inspector


class WireGuard(Protocol):
    """WireGuard: a Noise handshake over UDP, and data through its session."""

    name = WIREGUARD
    title = "WireGuard"
    settings = SETTINGS
    traces_paths = True
    experiments = (
        Experiment(
            "known keys",
            "the same handshake with each key of `known_keys`",
            "the server has that key now",
        ),
        Experiment(
            "other identities",
            "the same handshake with each other identity, if `try_identities` allows it",
            "the server does not know this identity, or refuses it",
        ),
        Experiment(
            "a fresh source port",
            "the same handshake from a port that no middlebox has seen",
            "an old entry on the path holds the usual port back",
        ),
        Experiment(
            "preshared keys of other servers",
            "each of them on a response that does not authenticate; nothing is sent",
            "that preshared key is the right one",
        ),
    )

    def make_targets(self, servers: Sequence[Server], fleet: Fleet, keyring: Keyring) -> Targets:
        """Join servers with their keys."""
        from wgmon_tui.protocols.wireguard.targets import join_servers

        return join_servers(servers, fleet, keyring)

    def make_prober(self, services: ProbeServices) -> ProtocolProber:
        """Make a prober that stamps and locks its identities."""
        from wgmon_tui.protocols.wireguard.key_log import noting_ephemerals
        from wgmon_tui.protocols.wireguard.local_identities import LocalIdentities
        from wgmon_tui.protocols.wireguard.prober import Prober

        identities = LocalIdentities()
        return Prober(
            timestamps=services.next_timestamp,
            ahead_s=services.ahead_s,
            may_stamp=services.may_stamp,
            vantage=services.vantage,
            hold_identity=services.hold_identity,
            stamped_elsewhere=services.stamped_elsewhere,
            make_ephemeral=None if services.note_secret is None else noting_ephemerals(services.note_secret),
            interface_of=identities.interface_of,
            interfaces_to=identities.interfaces_to,
            on_open=identities.refresh,
        )

    def diagnose(
        self,
        check: Check,
        server: Server,
        recent: Sequence[float | None] = (),
        standing: Sequence[Evidence] = (),
        *,
        is_explained_by_loss: bool = False,
    ) -> Diagnosis:
        """Diagnose a check by the evidence of handshake and data."""
        from wgmon_tui.protocols.wireguard.diagnose import diagnose

        return diagnose(check, server, recent, standing, is_explained_by_loss=is_explained_by_loss)

    def label_of(self, packet: bytes, framing: str = "") -> str:
        """The whitepaper's name of a message."""
        return wire.label_of(packet)

    def fields_of(self, packet: bytes, framing: str = "") -> tuple[PacketField, ...]:
        """The fields of the whitepaper."""
        return wire.fields_of(packet)

    def value_of(self, check: Check, number: int, field: PacketField) -> str | None:
        """Indices, counters and keys in the clear."""
        from wgmon_tui.protocols.wireguard.packet_words import value_in_check

        return value_in_check(check, number, field)

    def remark_on(self, check: Check, packet: Packet) -> PacketRemark | None:
        """Whether a packet is authentic, or why it was rejected."""
        from wgmon_tui.protocols.wireguard.packet_words import remark_on

        return remark_on(check, packet)

    def find_decisive_field(self, check: Check) -> tuple[int, str] | None:
        """The field that caused a rejection."""
        from wgmon_tui.protocols.wireguard.packet_words import find_decisive_field

        return find_decisive_field(check)

    def is_unasked(self, packet: bytes, framing: str = "") -> bool:
        """A server initiates handshakes of its own accord, if it has data for this peer."""
        return wire.message_type(packet) is wire.MessageType.INITIATION

    def key_log_warning(self, target: ProtocolTarget) -> Sequence[str]:
        """The keys of identity and server, and the risk."""
        from wgmon_tui.protocols.wireguard.key_log import key_log_warning
        from wgmon_tui.protocols.wireguard.targets import require_wireguard

        return key_log_warning(require_wireguard(target))

    def make_key_logs(self, target: ProtocolTarget, secrets: Sequence[str]) -> Sequence[KeyLog]:
        """One key log, with the one-time keys of the initiations."""
        from wgmon_tui.protocols.wireguard.key_log import make_key_log
        from wgmon_tui.protocols.wireguard.targets import require_wireguard

        return (make_key_log(require_wireguard(target), secrets),)

    def find_inspector(self) -> Inspector:
        """The dumps of wg(8)."""
        from wgmon_tui.protocols.wireguard.inspector import INSPECTOR

        return INSPECTOR


PROTOCOL = WireGuard()
