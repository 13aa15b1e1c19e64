"""Tests of verdicts on the Linux kernel's WireGuard."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address, ip_interface

import pytest

from tests.busy_machine import without_starvation
from tests.real.flood import check_under_load
from tests.real.linux_kernel import LinuxKernel, forwarded_port, tap
from tests.real.linux_kernel_image import require_machine
from tests.real.prerequisites import require
from tests.real.server import ANSWER_S, LONG_S, SHORT_S, poll_until_nonzero, prober_at, run_check, target
from wgmon_tui.checks.context_evidence import ForeignSession
from wgmon_tui.checks.evidence import (
    IcmpError,
    LateAnswer,
    PacketRejected,
)
from wgmon_tui.checks.path_trace import HopAnswer, TraceOptions
from wgmon_tui.checks.rejection import Reason
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.config.keys import PresharedKey, PrivateKey
from wgmon_tui.protocols.wireguard.diagnose import diagnose

pytestmark = [pytest.mark.thorough, pytest.mark.repeated_if_starved]  # the kernel boots in qemu, twice

PSK = PresharedKey(b"a".ljust(32))
OTHER_PSK = PresharedKey(b"b".ljust(32))

_RECOVERS_WITHIN_S = 60.0
"""A server demands cookies until a second after its load, but an emulated one has little of the processor."""

over_every_path = pytest.mark.parametrize(
    ("server", "version"),
    [
        pytest.param("kernel_behind_port", 4, id="forwarded port, IPv4"),
        pytest.param("kernel_behind_tap", 4, id="tap, IPv4"),
        pytest.param("kernel_behind_tap", 6, id="tap, IPv6"),
    ],
    indirect=["server"],
)
over_ipv4_and_ipv6 = pytest.mark.parametrize(
    "version", [pytest.param(4, id="IPv4"), pytest.param(6, id="IPv6")]
)


@pytest.fixture(scope="module")
def kernel_behind_port() -> Iterator[LinuxKernel]:
    """The kernel behind a forwarded port."""
    require_machine()
    server = LinuxKernel(forwarded_port())
    yield server
    server.stop()


@pytest.fixture(scope="module")
def kernel_behind_tap() -> Iterator[LinuxKernel]:
    """The kernel behind a tap device."""
    require("ip", root=True)
    require_machine(tap=True)
    with tap() as link:
        server = LinuxKernel(link)
        yield server
        server.stop()


# What the configurations say


@over_every_path
@pytest.mark.parametrize("psk", [None, PSK], ids=["no preshared key", "a preshared key"])
async def test_with_the_right_keys_it_is_healthy(
    server: LinuxKernel, version: int, psk: PresharedKey | None
) -> None:
    aim = target(server, server.new_peer(psk), psk=psk, version=version)
    check, diagnosis = await run_check(server, aim, version)
    assert diagnosis.verdict is Verdict.HEALTHY
    assert check.handshake is not None
    assert without_starvation(check.evidence) == []


@over_every_path
async def test_another_server_key_is_met_with_silence(server: LinuxKernel, version: int) -> None:
    other = PrivateKey.generate().public
    aim = target(server, server.new_peer(), public_key=other, version=version, timeout_s=SHORT_S)
    _, diagnosis = await run_check(server, aim, version)
    assert diagnosis.verdict is Verdict.SILENT


@over_every_path
async def test_an_unknown_peer_is_met_with_silence(server: LinuxKernel, version: int) -> None:
    aim = target(server, PrivateKey.generate(), version=version, timeout_s=SHORT_S)
    _, diagnosis = await run_check(server, aim, version)
    assert diagnosis.verdict is Verdict.SILENT


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        pytest.param(PSK, None, id="only the server has one"),
        pytest.param(None, PSK, id="only we have one"),
        pytest.param(PSK, OTHER_PSK, id="both have one, not the same"),
    ],
)
async def test_other_preshared_keys_are_told_from_silence(
    kernel_behind_tap: LinuxKernel, theirs: PresharedKey | None, ours: PresharedKey | None
) -> None:
    aim = target(kernel_behind_tap, kernel_behind_tap.new_peer(theirs), psk=ours, timeout_s=ANSWER_S)
    check, diagnosis = await run_check(kernel_behind_tap, aim)
    assert diagnosis.verdict is Verdict.PSK_MISMATCH
    rejected = [each for each in check.evidence if isinstance(each, PacketRejected)]
    assert {(each.reason, each.length) for each in rejected} == {(Reason.BAD_EMPTY, 92)}


# What changes while we watch


async def test_a_peer_that_is_removed_goes_silent(kernel_behind_tap: LinuxKernel) -> None:
    key = kernel_behind_tap.new_peer()
    aim, patient = (target(kernel_behind_tap, key, timeout_s=each) for each in (SHORT_S, LONG_S))
    async with prober_at(kernel_behind_tap) as prober:
        address, _ = kernel_behind_tap.endpoint(4)
        before = await prober.check(patient, address)
        kernel_behind_tap.forget(key.public)
        after = await prober.check(aim, address)
    verdicts = [diagnose(check, aim.server).verdict for check in (before, after)]
    assert verdicts == [Verdict.HEALTHY, Verdict.SILENT]


@over_ipv4_and_ipv6
async def test_with_its_interface_down_the_port_is_closed(
    kernel_behind_tap: LinuxKernel, version: int
) -> None:
    aim = target(kernel_behind_tap, kernel_behind_tap.new_peer(), version=version)
    with kernel_behind_tap.interface_down():
        check, diagnosis = await run_check(kernel_behind_tap, aim, version)
    assert diagnosis.verdict is Verdict.PORT_CLOSED
    errors = [each for each in check.evidence if isinstance(each, IcmpError)]
    assert errors
    assert all(each.from_target for each in errors)


@over_ipv4_and_ipv6
@pytest.mark.parametrize(
    ("rule", "verdict"),
    [
        ("udp dport 51820 drop", Verdict.SILENT),
        ("udp dport 51820 reject", Verdict.PORT_CLOSED),
        ("udp dport 51820 reject with icmpx admin-prohibited", Verdict.UNREACHABLE),
    ],
)
async def test_a_firewall_on_the_server_itself(
    kernel_behind_tap: LinuxKernel, version: int, rule: str, verdict: Verdict
) -> None:
    timeout_s = SHORT_S if verdict is Verdict.SILENT else LONG_S
    aim = target(kernel_behind_tap, kernel_behind_tap.new_peer(), version=version, timeout_s=timeout_s)
    with kernel_behind_tap.filtered(rule):
        _, diagnosis = await run_check(kernel_behind_tap, aim, version)
    assert diagnosis.verdict is verdict


@over_every_path
async def test_a_machine_that_is_frozen_is_silent_and_answers_late(server: LinuxKernel, version: int) -> None:
    key = server.new_peer()
    address, _ = server.endpoint(version)
    impatient = target(server, key, version=version, timeout_s=SHORT_S)
    patient = target(server, key, version=version, timeout_s=LONG_S)
    async with prober_at(server) as prober:
        with server.guest.frozen():
            during = await prober.check(impatient, address)
        await asyncio.to_thread(server.await_sent_to, key.public)
        after = await prober.check(patient, address)
    assert diagnose(during, impatient.server).verdict is Verdict.SILENT
    assert diagnose(after, patient.server).verdict is Verdict.HEALTHY
    # To one of the two attempts at least: a server drops what it reads within 20 ms of another.
    assert {type(each) for each in without_starvation(after.evidence)} == {LateAnswer}


async def test_under_load_it_demands_a_cookie_answers_and_recovers(kernel_behind_tap: LinuxKernel) -> None:
    aim = target(kernel_behind_tap, kernel_behind_tap.new_peer())
    address, _ = kernel_behind_tap.endpoint(4)
    async with prober_at(kernel_behind_tap) as prober:
        check = await check_under_load(kernel_behind_tap, aim, prober, frozen=kernel_behind_tap.guest.frozen)
        assert diagnose(check, aim.server).verdict is Verdict.UNDER_LOAD
        assert check.handshake is not None
        async with asyncio.timeout(_RECOVERS_WITHIN_S):
            while diagnose(check, aim.server).verdict is not Verdict.HEALTHY:
                check = await prober.check(aim, address)


# What the server thinks


@over_every_path
async def test_our_keepalive_confirms_the_session_so_that_wg_shows_the_handshake(
    server: LinuxKernel, version: int
) -> None:
    key = server.new_peer()
    assert server.latest_handshake(key.public) == 0
    await run_check(server, target(server, key, version=version), version)
    assert await poll_until_nonzero(lambda: server.latest_handshake(key.public)) > 0


async def test_a_check_with_another_preshared_key_is_no_handshake_to_the_server(
    kernel_behind_tap: LinuxKernel,
) -> None:
    key = kernel_behind_tap.new_peer(PSK)
    await run_check(kernel_behind_tap, target(kernel_behind_tap, key, psk=OTHER_PSK, timeout_s=SHORT_S))
    assert kernel_behind_tap.latest_handshake(key.public) == 0


@over_ipv4_and_ipv6
async def test_a_trace_reaches_it_and_leaves_the_session_of_the_last_check(
    kernel_behind_tap: LinuxKernel, version: int
) -> None:
    server = kernel_behind_tap
    aim, address = target(server, server.new_peer(), version=version), server.endpoint(version)[0]
    entry = replace(aim.server, tunnel=True, tunnel_ping=(ip_address("10.7.0.1"),))
    aim = replace(aim, server=entry, tunnel_addresses=(ip_interface(f"10.7.0.{server._peers}/32"),))
    async with prober_at(server) as prober:
        before = await prober.check(aim, address)
        found = await prober.trace_path(aim, TraceOptions(), lambda _: None)
        after = [await prober.check(aim, address) for _ in range(2)]
    assert found.is_reached
    assert [(hop.answer, hop.answered) for hop in found.hops] == [(HopAnswer.SERVER, 3)]
    for check in (before, *after):
        assert check.handshake is not None
        assert check.handshake.retransmits == 0
        assert check.tunnel is not None
        assert check.tunnel.received
        assert not any(isinstance(each, ForeignSession) for each in check.evidence)
