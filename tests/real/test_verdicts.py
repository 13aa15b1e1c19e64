"""Tests of verdicts on third-party servers."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.parameters import default_run
from tests.real.boringtun import Boringtun
from tests.real.flood import SMALL_BURST, check_under_load
from tests.real.namespaces import ROUTER_V4, ROUTER_V6
from tests.real.server import (
    ANSWER_S,
    LONG_S,
    SHORT_S,
    RealServer,
    poll_until_nonzero,
    prober_at,
    run_check,
    target,
)
from tests.real.wireguard_go import WireguardGo
from wgmon_tui.checks.evidence import IcmpError
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.config.keys import PresharedKey, PrivateKey
from wgmon_tui.net.platforms import PLATFORM
from wgmon_tui.protocols.wireguard.diagnose import diagnose

pytestmark = pytest.mark.repeated_if_starved

PSK = PresharedKey(b"a".ljust(32))
OTHER_PSK = PresharedKey(b"b".ljust(32))

IMPLEMENTATIONS = ["wireguard_go", "boringtun"]


@dataclass(frozen=True)
class Case:
    """The faults in a pair of configurations, and the expected verdict."""

    what: str
    verdict: Verdict
    peer_known: bool = True
    server_key_right: bool = True
    servers_psk: PresharedKey | None = None
    our_psk: PresharedKey | None = None


CASES = [
    Case("all right", Verdict.HEALTHY),
    Case("all right, with a preshared key", Verdict.HEALTHY, servers_psk=PSK, our_psk=PSK),
    Case("the server has another key", Verdict.SILENT, server_key_right=False),
    Case("the server does not know us", Verdict.SILENT, peer_known=False),
    Case("only we have a preshared key", Verdict.PSK_MISMATCH, our_psk=PSK),
    Case("only the server has one", Verdict.PSK_MISMATCH, servers_psk=PSK),
    Case("both have one, not the same", Verdict.PSK_MISMATCH, servers_psk=PSK, our_psk=OTHER_PSK),
]

_TIMEOUTS_S = {Verdict.HEALTHY: LONG_S, Verdict.PSK_MISMATCH: ANSWER_S, Verdict.SILENT: SHORT_S}

CONFIGURATIONS = [
    pytest.param(
        implementation,
        case,
        version,
        id=f"{implementation}: {case.what}, IPv{version}",
        marks=() if version == 4 or case is CASES[0] else pytest.mark.thorough,
    )
    for implementation in IMPLEMENTATIONS
    for case in CASES
    for version in (4, 6)
    if not (implementation == "boringtun" and case.servers_psk)  # mitmproxy gives it none
]


@pytest.mark.parametrize(("server", "case", "version"), CONFIGURATIONS, indirect=["server"])
async def test_configurations(server: RealServer, case: Case, version: int) -> None:
    known = server.new_peer(case.servers_psk)
    aim = target(
        server,
        known if case.peer_known else PrivateKey.generate(),
        psk=case.our_psk,
        public_key=None if case.server_key_right else PrivateKey.generate().public,
        version=version,
        timeout_s=_TIMEOUTS_S[case.verdict],
    )
    check, diagnosis = await run_check(server, aim, version)
    assert diagnosis.verdict is case.verdict
    assert (check.handshake is not None) == (case.verdict is Verdict.HEALTHY)


@pytest.mark.parametrize("version", default_run([4], [4, 6]), ids=["IPv4", "IPv6"])
@pytest.mark.parametrize("short_lived", IMPLEMENTATIONS, indirect=True)
async def test_when_its_process_has_ended_the_port_is_closed(short_lived: RealServer, version: int) -> None:
    aim = target(short_lived, short_lived.new_peer(), version=version, timeout_s=ANSWER_S)
    short_lived.stop()
    _, diagnosis = await run_check(short_lived, aim, version)
    assert diagnosis.verdict is Verdict.PORT_CLOSED


async def test_a_process_that_hangs_is_silent(wireguard_go: WireguardGo) -> None:
    aim = target(wireguard_go, wireguard_go.new_peer(), timeout_s=SHORT_S)
    with wireguard_go.device.frozen():
        _, diagnosis = await run_check(wireguard_go, aim)
    assert diagnosis.verdict is Verdict.SILENT


# The way there


@pytest.mark.parametrize(
    ("rule", "verdict"),
    [
        ("udp dport 51820 drop", Verdict.SILENT),
        ("udp sport 51820 drop", Verdict.SILENT),
        ("udp dport 51820 reject", Verdict.UNREACHABLE),
        *(
            pytest.param(
                f"udp dport 51820 reject with icmpx {error}", Verdict.UNREACHABLE, marks=pytest.mark.thorough
            )
            for error in ("admin-prohibited", "host-unreachable")
        ),
    ],
)
@pytest.mark.parametrize("version", default_run([4], [4, 6]), ids=["IPv4", "IPv6"])
async def test_a_firewall_on_the_way(
    wireguard_go: WireguardGo, version: int, rule: str, verdict: Verdict
) -> None:
    if verdict is Verdict.UNREACHABLE and not PLATFORM.has_error_queue:
        pytest.skip("this system does not show that the router sent the ICMP error")
    timeout_s = ANSWER_S if verdict is Verdict.UNREACHABLE else SHORT_S
    aim = target(wireguard_go, wireguard_go.new_peer(), version=version, timeout_s=timeout_s)
    with wireguard_go.path.filtered(rule):
        check, diagnosis = await run_check(wireguard_go, aim, version)
    assert diagnosis.verdict is verdict
    offenders = {each.offender for each in check.evidence if isinstance(each, IcmpError)}
    router = str(ROUTER_V4 if version == 4 else ROUTER_V6)
    assert offenders == ({router} if verdict is Verdict.UNREACHABLE else set())


# Under load


@pytest.mark.parametrize("short_lived", ["wireguard_go"], indirect=True)
async def test_wireguard_go_under_load_demands_a_cookie_and_then_answers(short_lived: WireguardGo) -> None:
    aim = target(short_lived, short_lived.new_peer())
    async with prober_at(short_lived) as prober:
        check = await check_under_load(
            short_lived, aim, prober, frozen=short_lived.device.frozen, burst=SMALL_BURST
        )
    assert check.handshake is not None
    assert check.handshake.cookie
    assert diagnose(check, aim.server).verdict is Verdict.UNDER_LOAD


@pytest.mark.parametrize("short_lived", ["boringtun"], indirect=True)
async def test_boringtun_demands_a_cookie_after_ten_initiations_and_then_answers(
    short_lived: Boringtun,
) -> None:
    aim = target(short_lived, short_lived.new_peer())
    async with prober_at(short_lived) as prober:
        first = await prober.check(aim, short_lived.endpoint(4)[0])
        check = await check_under_load(short_lived, aim, prober, burst=10)
    assert diagnose(first, aim.server).verdict is Verdict.HEALTHY
    assert check.handshake is not None
    assert diagnose(check, aim.server).verdict is Verdict.UNDER_LOAD


# What the server thinks


async def test_our_keepalive_confirms_the_session_so_that_wg_shows_the_handshake(
    wireguard_go: WireguardGo,
) -> None:
    key = wireguard_go.new_peer()
    assert wireguard_go.device.latest_handshake(key.public) == 0
    _, diagnosis = await run_check(wireguard_go, target(wireguard_go, key))
    assert diagnosis.verdict is Verdict.HEALTHY
    assert await poll_until_nonzero(lambda: wireguard_go.device.latest_handshake(key.public)) > 0


async def test_a_check_with_another_preshared_key_is_no_handshake_to_the_server(
    wireguard_go: WireguardGo,
) -> None:
    key = wireguard_go.new_peer(PSK)
    await run_check(wireguard_go, target(wireguard_go, key, psk=OTHER_PSK, timeout_s=SHORT_S))
    assert wireguard_go.device.latest_handshake(key.public) == 0
