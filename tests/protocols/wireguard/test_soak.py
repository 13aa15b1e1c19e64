"""Tests of the soak and of echoes that follow a lost one, against servers behind paths that cut flows off."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from ipaddress import ip_address

import pytest

from tests.busy_machine import repeated_if_starved
from tests.parameters import default_run
from tests.protocols.wireguard.harness import evidence_of_kind, opened_prober
from tests.protocols.wireguard.inner_servers import (
    INNER_V4,
    SETUP,
    TUNNEL_V4,
    TunnelServer,
    answer_pings,
    make_tunnel_target,
    no_answer,
)
from wgmon_tui.checks.check import Check
from wgmon_tui.checks.evidence import FlowCut, InnerEcho, Silence, Soak
from wgmon_tui.checks.soak_progress import SoakProgress, ignore_progress
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.lab.server import LabServer
from wgmon_tui.protocols.wireguard import soak, tunnel_stage
from wgmon_tui.protocols.wireguard.diagnose import diagnose
from wgmon_tui.protocols.wireguard.flow_cut import CHECK_RULE, SOAK_RULE
from wgmon_tui.protocols.wireguard.prober import Prober
from wgmon_tui.protocols.wireguard.soak import EchoFlow
from wgmon_tui.protocols.wireguard.targets import Target
from wgmon_tui.protocols.wireguard.wire import MessageType, message_type

_PACKET_S = 0.012
"""The time that passes on a path with each answer: real time is not even on a busy machine."""


@dataclass
class CuttingPath:
    """Passes so many answers, bytes of answers or seconds of each session, and so many handshakes."""

    packets: float = float("inf")
    size: float = float("inf")
    seconds: float = float("inf")
    handshakes: float = float("inf")
    sessions: list[list[int]] = field(default_factory=list)
    _seconds: float = 0.0
    _is_cut: bool = False

    def __call__(self, answer: bytes) -> Iterable[bytes]:
        if message_type(answer) is MessageType.RESPONSE:
            self.sessions.append([])
            self._seconds, self._is_cut = 0.0, False
            return (answer,) if len(self.sessions) <= self.handshakes else ()
        passed = self.sessions[-1]
        self._seconds += _PACKET_S
        self._is_cut = self._is_cut or (
            len(passed) >= self.packets
            or sum(passed) + len(answer) > self.size
            or self._seconds > self.seconds
        )
        if self._is_cut:
            return ()
        passed.append(len(answer))
        return (answer,)


@pytest.fixture
def brief_soak(monkeypatch: pytest.MonkeyPatch) -> None:
    """A soak of the same echoes that takes a second."""
    monkeypatch.setattr(soak, "_FAST_GAP_S", 0.004)
    monkeypatch.setattr(soak, "_SLOW_GAP_S", 0.012)
    monkeypatch.setattr(soak, "_FOLLOW_UP_GAP_S", 0.02)
    monkeypatch.setattr(soak, "SOAK_RULE", replace(SOAK_RULE, least_s=0.08))
    monkeypatch.setattr(soak, "CHECK_RULE", replace(CHECK_RULE, least_s=0.02))
    monkeypatch.setattr(tunnel_stage, "CHECK_RULE", replace(CHECK_RULE, least_s=0.02))


async def soaked(prober: Prober, target: Target, progress: list[SoakProgress] | None = None) -> Check:
    note = ignore_progress if progress is None else progress.append
    address = ip_address(target.server.endpoint.host)
    return await prober.check(target, address, soak=True, on_soak=note)


def pinged(server: TunnelServer | LabServer, **changes: object) -> Target:
    return make_tunnel_target(server.endpoint, ping=(INNER_V4,), timeout=0.15, ours=(TUNNEL_V4,), **changes)  # type: ignore[arg-type]


def verdict_of(check: Check, target: Target) -> Verdict:
    return diagnose(check, target.server).verdict


pytestmark = pytest.mark.usefixtures("brief_soak")

# The soak


def test_a_soak_sends_about_64_kb_over_half_a_minute_first_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    echoes = list(soak.plan_echoes(soak.LARGEST_ECHO))
    assert len(echoes) == 100
    assert 60_000 <= sum(size for _, size in echoes) <= 68_000
    assert sum(gap for gap, _ in echoes) == pytest.approx(30.0, abs=0.5)
    assert sum(gap for gap, _ in echoes[:40]) < 2.5
    assert max(size for _, size in soak.plan_echoes(1280)) == 1280


async def test_a_path_that_passes_everything_passes_the_soak() -> None:
    progress: list[SoakProgress] = []
    async with LabServer(SETUP) as lab, opened_prober() as prober:
        result = await soaked(prober, target := pinged(lab), progress)
    (found,) = evidence_of_kind(Soak, result)
    assert (found.sent, found.received) == (100, 100)
    assert 64_000 <= found.size <= 72_000
    assert evidence_of_kind(FlowCut, result) == []
    assert verdict_of(result, target) is Verdict.HEALTHY
    assert [each.sent for each in progress] == list(range(1, 101))


_BY_BYTES = CuttingPath(size=20_000)


@pytest.mark.parametrize(
    "limit", default_run([_BY_BYTES], [CuttingPath(packets=25), _BY_BYTES, CuttingPath(seconds=0.3)])
)
@repeated_if_starved()
async def test_a_flow_that_is_cut_by_packets_bytes_or_time_dies_after_them(limit: CuttingPath) -> None:
    path = replace(limit, sessions=[])
    async with TunnelServer(answer_pings, path=path) as server, opened_prober() as prober:
        result = await soaked(prober, target := pinged(server))
    (cut,) = evidence_of_kind(FlowCut, result)
    _, second = path.sessions
    assert cut.packets == 2 * len(second)
    assert cut.size == 2 * sum(second)
    assert cut.unanswered >= 10
    assert verdict_of(result, target) is Verdict.DIES_AFTER
    (found,) = evidence_of_kind(Soak, result)
    assert found.sent < 100, "it ends early once the cut is clear"


async def test_the_first_hop_is_soaked_where_no_inner_address_is_known() -> None:
    path = CuttingPath(packets=25)
    async with TunnelServer(answer_pings, path=path) as server, opened_prober() as prober:
        result = await soaked(prober, target := make_tunnel_target(server.endpoint, timeout=0.15))
    assert len(evidence_of_kind(FlowCut, result)) == 1
    assert verdict_of(result, target) is Verdict.DIES_AFTER


async def test_a_soak_to_nothing_that_echoes_sends_nothing_and_says_so() -> None:
    async with TunnelServer(no_answer) as server, opened_prober() as prober:
        result = await soaked(prober, pinged(server, count=3))
    (found,) = evidence_of_kind(Soak, result)
    assert found.received == 0
    assert len(evidence_of_kind(FlowCut, result)) == 0
    assert len(server.inner_received) <= 8


async def test_a_flow_that_died_before_its_soak_is_cut_and_not_without_an_echo(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(soak, "_MOST_FOLLOW_UPS", SOAK_RULE.least_run - 1)
    async with TunnelServer(answer_pings, path=CuttingPath(packets=2)) as server, opened_prober() as prober:
        result = await soaked(prober, target := pinged(server, count=2))
    (cut,) = evidence_of_kind(FlowCut, result)
    assert cut.packets == 4
    assert verdict_of(result, target) is Verdict.DIES_AFTER


async def test_a_path_that_loses_large_packets_cuts_no_flow() -> None:
    def loses_large(answer: bytes) -> Iterable[bytes]:
        return (answer,) if len(answer) < 800 else ()

    async with TunnelServer(answer_pings, path=loses_large) as server, opened_prober() as prober:
        result = await soaked(prober, pinged(server))
    assert evidence_of_kind(FlowCut, result) == []
    (found,) = evidence_of_kind(Soak, result)
    assert found.sent >= 100 > found.received > 40


async def test_a_path_that_works_again_in_the_second_session_cuts_no_flow() -> None:
    path = CuttingPath(packets=25)

    def cuts_once(answer: bytes) -> Iterable[bytes]:
        arriving = path(answer)
        return arriving if len(path.sessions) < 2 else (answer,)

    async with TunnelServer(answer_pings, path=cuts_once) as server, opened_prober() as prober:
        result = await soaked(prober, pinged(server))
    assert len(path.sessions) == 2
    assert evidence_of_kind(FlowCut, result) == []
    (found,) = evidence_of_kind(Soak, result)
    assert (found.sent, found.received) == (100, 100)


async def test_a_server_that_falls_silent_in_a_soak_is_silent() -> None:
    path = CuttingPath(packets=25, handshakes=1)
    async with TunnelServer(answer_pings, path=path) as server, opened_prober() as prober:
        result = await soaked(prober, target := pinged(server))
    assert result.handshake is None
    assert len(evidence_of_kind(Silence, result)) >= 1
    assert verdict_of(result, target) is Verdict.SILENT


# The echoes of an ordinary check


async def plain_check(prober: Prober, target: Target) -> Check:
    return await prober.check(target, ip_address(target.server.endpoint.host))


async def test_nine_of_fifteen_echoes_and_then_nothing_is_no_loss() -> None:
    path = CuttingPath(packets=9)
    async with TunnelServer(answer_pings, path=path) as server, opened_prober() as prober:
        result = await plain_check(prober, target := pinged(server, count=15))
    assert [(each.sent, each.received) for each in evidence_of_kind(InnerEcho, result)] == [(15, 9)]
    (cut,) = evidence_of_kind(FlowCut, result)
    assert (cut.packets, cut.unanswered >= 6) == (18, True)
    diagnosis = diagnose(result, target.server)
    assert diagnosis.verdict is Verdict.DIES_AFTER
    assert "18 packets" in diagnosis.summary


async def test_a_lost_last_echo_is_loss_if_the_next_ones_are_answered() -> None:
    seen = 0

    def loses_the_third(answer: bytes) -> Iterable[bytes]:
        nonlocal seen
        seen += message_type(answer) is MessageType.TRANSPORT
        return () if seen == 3 else (answer,)

    async with TunnelServer(answer_pings, path=loses_the_third) as server, opened_prober() as prober:
        result = await plain_check(prober, pinged(server, count=3))
    assert evidence_of_kind(FlowCut, result) == []
    assert [(each.sent, each.received) for each in evidence_of_kind(InnerEcho, result)] == [(3, 2)]
    assert 4 <= seen <= 6, "the check asked again"


async def test_one_lost_echo_is_followed_by_three_before_a_cut_is_found() -> None:
    path = CuttingPath(packets=2)
    async with TunnelServer(answer_pings, path=path) as server, opened_prober() as prober:
        result = await plain_check(prober, pinged(server, count=3))
    (cut,) = evidence_of_kind(FlowCut, result)
    assert (cut.packets, cut.unanswered) == (4, 4)


async def test_an_inner_host_that_dies_in_a_check_is_no_cut_flow() -> None:
    path = CuttingPath(packets=2)

    def dies(answer: bytes) -> Iterable[bytes]:
        arriving = path(answer)
        is_data = message_type(answer) is MessageType.TRANSPORT
        return () if is_data and len(path.sessions) > 1 else arriving

    async with TunnelServer(answer_pings, path=dies) as server, opened_prober() as prober:
        result = await plain_check(prober, target := pinged(server, count=3))
    assert evidence_of_kind(FlowCut, result) == []
    assert verdict_of(result, target) is Verdict.DATA_DEAD


def test_a_flow_that_has_ended_lets_go_of_its_sender() -> None:
    class Stage:
        def send(self, size: int) -> None:
            """Send nothing."""

    stage = Stage()
    seen = weakref.ref(stage)
    flow = EchoFlow(stage.send, asyncio.sleep, 0.0)
    del stage
    assert seen() is not None
    flow.end()
    assert seen() is None
