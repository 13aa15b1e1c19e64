"""Evidence of the tunnel stage, and the diagnosis after a check that found it."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_interface

from tests.protocols.wireguard.sample_evidence import SERVER, check
from wgmon_tui.checks.check import Handshake, ProbedAs, Tunnel
from wgmon_tui.checks.evidence import Evidence, InnerEcho, InnerHop, InnerService, PassiveKeepalive, PathMtu
from wgmon_tui.checks.verdict import Diagnosis
from wgmon_tui.config.models import Server
from wgmon_tui.net.inner_packets import InnerIcmp
from wgmon_tui.protocols.wireguard.diagnose import diagnose

RECEIVES = PassiveKeepalive(10.1, 10.75)
RECEIVES_NOT = PassiveKeepalive(None, 10.75)
NARROW = PathMtu(1420, 1380, 1381)
TINY = PathMtu(1420, 1216, 1217)
WIDE = PathMtu(1420, 1420, None)
SIZE_UNTESTED = PathMtu(1420, 0, None)
STRICT = replace(SERVER, tunnel_mtu=1420)
PROHIBITED = InnerIcmp(ip_address("10.8.0.254"), 4, 3, 13, ip_address("10.8.0.1"))
ALL = Handshake(0.02)
HOP_V4 = InnerHop(4, ip_address("10.8.0.1"), 0.02)
HOP_V6 = InnerHop(6, ip_address("fd00::1"), 0.02)
NO_HOP_V4, NO_HOP_V6 = InnerHop(4, None, None), InnerHop(6, None, None)
A, B = "10.8.0.1", "10.8.0.2"
DNS, DNS_SILENT = InnerService("dns", A, "answered"), InnerService("dns", A, None)
DNS_FAILS = InnerService("dns", A, "answered", 2)
CLOSED, TCP_SILENT = InnerService("tcp", f"{A}:443", "closed"), InnerService("tcp", f"{A}:443", None)
REDIRECT = InnerIcmp(ip_address(A), 4, 5, 1, ip_address(B))
US = ProbedAs(SERVER.public_key, (ip_interface("10.8.0.250/32"), ip_interface("fd00::250/128")))


def echo(target: str, sent: int, received: int) -> InnerEcho:
    return InnerEcho(target, sent, received, 0.02 if received else None)


def tunnel_of(evidence: tuple[Evidence, ...]) -> Tunnel | None:
    """The tunnel stage's summary for such evidence."""
    asked = [(each.sent, each.received) for each in evidence if isinstance(each, InnerEcho)]
    asked += [(1, int(each.answer is not None)) for each in evidence if isinstance(each, InnerService)]
    hops = [(1, int(each.source is not None)) for each in evidence if isinstance(each, InnerHop)]
    if not asked and not hops and not any(isinstance(each, PassiveKeepalive) for each in evidence):
        return None
    sent, received = (sum(column) for column in zip(*(asked or hops or [(0, 0)]), strict=True))
    return Tunnel(sent, received, 0.02 if received else None, None, passive=not asked)


def after(*evidence: Evidence, handshake: Handshake = ALL, server: Server = SERVER) -> Diagnosis:
    answered = replace(check(*evidence, handshake=handshake), tunnel=tunnel_of(evidence), probed_as=US)
    return diagnose(answered, server)
