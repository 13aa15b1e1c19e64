"""The ends of a profile's certificates as evidence of a check."""

from __future__ import annotations

import time

from tests.protocols.openvpn.check_harness import check, lab, verdict
from wgmon_tui.checks.check import Check
from wgmon_tui.checks.expiry import Expires
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.lab.openvpn.server import OpenVpnLabMode
from wgmon_tui.protocols.openvpn.certificates import SERVER_CERTIFICATE
from wgmon_tui.protocols.openvpn.check import OpenVpnProber


async def test_an_expired_certificate_of_the_server_ends_the_check_at_tls() -> None:
    async with lab(OpenVpnLabMode.EXPIRED) as (_, target):
        made = await check(OpenVpnProber(), target, deep=True)

    assert made.failed_stage is not None
    assert made.failed_stage.name == "tls"
    assert verdict(made, target) is Verdict.BAD_CERTIFICATE
    [server] = [
        each for each in made.evidence if isinstance(each, Expires) and each.what == SERVER_CERTIFICATE
    ]
    assert server.at < time.time()


def ends(made: Check) -> list[str]:
    """What is known to end."""
    return [each.what for each in made.evidence if isinstance(each, Expires)]


async def test_the_ends_of_a_profile_are_told_without_a_login() -> None:
    async with lab(dedicated=False) as (_, target):
        made = await check(OpenVpnProber(), target)

    assert ends(made) == ["client certificate", "authority certificate"]


async def test_the_end_of_a_certificate_that_is_refused_now_is_still_known() -> None:
    """An expired certificate must not leave the list of what ends."""
    prober = OpenVpnProber()
    async with lab() as (server, target):
        await check(prober, target, deep=True)
        server.mode = OpenVpnLabMode.EXPIRED
        made = await check(prober, target, deep=True)
        between = await check(prober, target)

    known = ["client certificate", "authority certificate", "server certificate"]
    assert made.failed_stage is not None
    assert made.failed_stage.name == "tls"
    assert ends(made) == ends(between) == known
