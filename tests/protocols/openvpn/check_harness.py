"""Checks against the lab's server on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from ipaddress import ip_address

from wgmon_tui.checks.address_prober import AddressCheck
from wgmon_tui.checks.check import Check
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.config.models import Server
from wgmon_tui.lab.openvpn.certificates import LabAuthority, make_static_key, write_profile
from wgmon_tui.lab.openvpn.server import OpenVpnLabMode, OpenVpnLabServer, OpenVpnLabSetup
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.protocols.openvpn.check import OpenVpnProber
from wgmon_tui.protocols.openvpn.protocol import PROTOCOL
from wgmon_tui.protocols.openvpn.settings import OpenVpnSettings
from wgmon_tui.protocols.openvpn.targets import OpenVpnTarget, make_target

KEY = make_static_key()
SILENCE_S, ANSWER_S = 1.5, 30.0
"""The timeout of checks that expect silence, and of those that end with an answer, on a busy machine too."""

LOCALHOST = ip_address("127.0.0.1")


@asynccontextmanager
async def lab(
    mode: OpenVpnLabMode = OpenVpnLabMode.HEALTHY, *, dedicated: bool = True, key: bytes = KEY
) -> AsyncIterator[tuple[OpenVpnLabServer, OpenVpnTarget]]:
    authority = LabAuthority()
    async with OpenVpnLabServer(OpenVpnLabSetup(authority, static_key=key), mode) as running:
        profile = write_profile(running.endpoint, authority, authority.issue_client("monitor"), key)
        server = Server(
            name="vpn",
            endpoint=Endpoint("127.0.0.1", running.endpoint.port),
            protocol="openvpn",
            protocol_settings=OpenVpnSettings(dedicated=dedicated),
            timeout=SILENCE_S if mode in (OpenVpnLabMode.SILENT, OpenVpnLabMode.WRONG_KEY) else ANSWER_S,
            slow=ANSWER_S,
            tunnel_over=0.1,
        )
        yield running, make_target(server, {"profile": profile.encode()})


def impatient(target: OpenVpnTarget, timeout_s: float = SILENCE_S) -> OpenVpnTarget:
    return target.with_server(replace(target.server, timeout=timeout_s))


async def check(
    prober: OpenVpnProber, target: OpenVpnTarget, *, deep: bool = False, explain: bool = False
) -> Check:
    return await prober.check_address(AddressCheck(target, LOCALHOST, deep, explain))


def verdict(made: Check, target: OpenVpnTarget) -> Verdict:
    return PROTOCOL.diagnose(made, target.server).verdict
