"""Checks of a real OpenVPN server by the prober."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from tests.real.namespaces import entered
from tests.real.server import SLOW_S
from wgmon_tui.checks.check import Check
from wgmon_tui.checks.evidence import Evidence
from wgmon_tui.checks.verdict import Diagnosis
from wgmon_tui.config.models import Server
from wgmon_tui.net.addresses import Address, Endpoint
from wgmon_tui.protocols.openvpn.check import OpenVpnProber
from wgmon_tui.protocols.openvpn.profile_parser import parse_profile
from wgmon_tui.protocols.openvpn.protocol import PROTOCOL
from wgmon_tui.protocols.openvpn.settings import NAME, OpenVpnSettings
from wgmon_tui.protocols.openvpn.targets import OpenVpnTarget, make_target

SHORT_S = 1.0
"""The timeout of checks that expect silence: hundreds of round trips on loopback."""


def make_openvpn_target(
    profile: str,
    *,
    dedicated: bool = True,
    timeout_s: float = 3.0,
    tunnel_ping: Sequence[Address] = (),
    challenge_response: str = "",
    key_password: str = "",
    tunnel_over_s: float = 0.2,
) -> OpenVpnTarget:
    """A target for the first remote of a profile."""
    remote = parse_profile(profile.encode()).remotes[0]
    server = Server(
        name="vpn",
        endpoint=Endpoint(remote.host, remote.port),
        protocol=NAME,
        protocol_settings=OpenVpnSettings(dedicated=dedicated, proto=remote.transport.value),
        timeout=timeout_s,
        slow=SLOW_S,
        tunnel_ping=tuple(tunnel_ping),
        tunnel_over=tunnel_over_s,
    )
    typed = {"challenge_response": challenge_response, "key_password": key_password}
    return make_target(
        server, {"profile": profile.encode(), **{name: word.encode() for name, word in typed.items() if word}}
    )


def run_check(
    namespace: str,
    target: OpenVpnTarget,
    *,
    deep: bool = True,
    explain: bool = False,
    standing: Sequence[Evidence] = (),
    prober: OpenVpnProber | None = None,
) -> tuple[Check, Diagnosis]:
    """One check in a namespace, without the stage that resolves an address, and its diagnosis."""
    checking = (prober or OpenVpnProber()).check_all(target, deep=deep, explain=explain)
    with entered(namespace):
        (check,) = asyncio.run(checking)
    check = replace(check, stages=check.stages[1:])
    return check, PROTOCOL.diagnose(check, target.server, (), standing)
