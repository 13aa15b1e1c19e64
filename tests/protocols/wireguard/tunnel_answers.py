"""What the tunnel stage found, from the evidence of a check."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from tests.protocols.wireguard.harness import evidence_of_kind
from tests.protocols.wireguard.inner_servers import INNER_V4, answer_pings
from wgmon_tui.checks.check import Check, Tunnel
from wgmon_tui.checks.evidence import InnerEcho
from wgmon_tui.net.addresses import Endpoint, NameServer

BRIEF_S = 0.2
"""The timeout of a check with unanswered probes."""

TUNNEL_DNS = (NameServer(INNER_V4),)
TUNNEL_TCP = (Endpoint(str(INNER_V4), 443),)


def answer_v4_pings(packet: bytes) -> Iterable[bytes]:
    return answer_pings(packet) if packet and packet[0] >> 4 == 4 else ()


def echoes(result: Check) -> dict[str, tuple[int, int]]:
    return {each.target: (each.sent, each.received) for each in evidence_of_kind(InnerEcho, result)}


def without_rtt(tunnel: Tunnel | None) -> Tunnel | None:
    return tunnel and replace(tunnel, rtt=None)
