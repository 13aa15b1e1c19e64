"""What a check remembers between full checks, and across a restart."""

from __future__ import annotations

from tests.protocols.openvpn.check_harness import check, impatient, lab, verdict
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.lab.openvpn.server import OpenVpnLabMode
from wgmon_tui.protocols.openvpn import observations
from wgmon_tui.protocols.openvpn.check import OpenVpnProber
from wgmon_tui.protocols.openvpn.observations import find


async def test_between_full_checks_the_reset_alone_runs_and_the_rest_is_remembered() -> None:
    prober = OpenVpnProber()
    async with lab() as (_, target):
        first = await check(prober, target)
        second = await check(prober, target)

    assert len(second.exchange) == 2
    assert [each.name for each in second.stages] == [each.name for each in first.stages]
    assert find(observations.FULL_CHECK, second.evidence) is not None
    assert (first.tunnel is None, second.tunnel is None) == (False, True), "or its loss would count twice"
    assert verdict(second, target) is Verdict.HEALTHY


async def test_a_failure_of_the_last_full_check_stays_until_the_next_one() -> None:
    prober = OpenVpnProber()
    async with lab(OpenVpnLabMode.REFUSING) as (server, target):
        await check(prober, target, deep=True)
        server.mode = OpenVpnLabMode.HEALTHY
        between = await check(prober, target)
        after = await check(prober, target, deep=True)

    assert verdict(between, target) is Verdict.AUTH_FAILED
    assert verdict(after, target) is Verdict.HEALTHY


async def test_silence_now_says_more_than_what_was_found_earlier() -> None:
    prober = OpenVpnProber()
    async with lab() as (server, target):
        await check(prober, target, deep=True)
        server.mode = OpenVpnLabMode.SILENT
        made = await check(prober, impatient(target))

    assert [each.name for each in made.stages] == ["reach", "reset"]
    assert verdict(made, target) is Verdict.SILENT


async def test_a_restart_remembers_what_the_last_run_found() -> None:
    async with lab() as (_, target):
        earlier = await check(OpenVpnProber(), target, deep=True)
        prober = OpenVpnProber()
        prober.restore(target.server, (earlier,))
        made = await check(prober, target)

    assert len(made.exchange) == 2
    assert verdict(made, target) is Verdict.HEALTHY


async def test_another_profile_forgets_what_was_found_with_the_first() -> None:
    prober = OpenVpnProber()
    async with lab(key=b"") as (_, first), lab() as (_, second):
        await check(prober, first, deep=True)
        made = await check(prober, second)

    assert len(made.exchange) > 2
