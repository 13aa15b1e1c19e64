"""Checks of OpenVPN as evidence alone, for the tests of the diagnosis."""

from __future__ import annotations

from ipaddress import ip_address

from wgmon_tui.checks.check import Check, Handshake, Tunnel
from wgmon_tui.checks.evidence import (
    Evidence,
)
from wgmon_tui.checks.stage import (
    AUTHENTICATE,
    KEY_EXCHANGE,
    PUSH_REPLY,
    REACH,
    RESET,
    TLS,
    TUNNEL,
    Stage,
    StageOutcome,
)
from wgmon_tui.checks.verdict import Diagnosis
from wgmon_tui.config.models import Server
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.protocols.openvpn import observations as seen
from wgmon_tui.protocols.openvpn.observations import observe
from wgmon_tui.protocols.openvpn.packet_fields import PacketLayout
from wgmon_tui.protocols.openvpn.profile import Wrapper, WrapperKind

SERVER = Server(name="vpn", endpoint=Endpoint("192.0.2.7", 1194), protocol="openvpn")
ORDER = (REACH, RESET, TLS, KEY_EXCHANGE, AUTHENTICATE, PUSH_REPLY, TUNNEL)
ANSWERED = observe(seen.ANSWERED, "tls-auth", "udp", at=0.01)
TELLS_TIME = observe(seen.ANSWERED, "tls-auth", "udp", "2", at=0.01)
PUSHED = observe(seen.PUSHED, "10.8.0.2/24", "AES-256-GCM", "7")
DATA = Tunnel(3, 3, 0.02, 1500, passive=False)
NO_DATA = Tunnel(3, 0, None, None, passive=False)
PATH_WORKS = observe(seen.STILL_ANSWERS, seen.LARGE)
SILENT = observe(seen.SILENT_IN, KEY_EXCHANGE, "", "", "hello")
EXPIRED = observe(seen.DATES, "client", "CN=monitor", "expired", "2026-01-01")


def stages(failed: str = "") -> tuple[Stage, ...]:
    """All stages until one failed."""
    until = ORDER.index(failed) if failed else len(ORDER)
    passed = tuple(Stage(name, StageOutcome.PASSED, 0.01) for name in ORDER[:until])
    return (*passed, Stage(failed, StageOutcome.FAILED)) if failed else passed


def check(
    *evidence: Evidence,
    failed: str = "",
    wrapping: WrapperKind = WrapperKind.TLS_AUTH,
    tunnel: Tunnel | None = None,
    is_tcp: bool = False,
) -> Check:
    """A check whose reset was answered, unless it failed there."""
    is_answered = failed not in (REACH, RESET)
    return Check(
        "vpn",
        "local",
        SERVER.endpoint,
        ip_address("192.0.2.7"),
        0.0,
        Handshake(0.01) if is_answered else None,
        evidence,
        tunnel=tunnel,
        stages=stages(failed),
        protocol="openvpn",
        framing=str(PacketLayout.of(Wrapper(wrapping), is_tcp=is_tcp)),
    )


def words(found: Diagnosis) -> list[str]:
    return [each.cause for each in found.causes]
