"""Tests of when a server has a soak: at its interval, after a recovery or a cut, never too many at once."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from random import Random

import pytest

from tests.monitor.test_check_depth import outcome_of, pinged_at, watching
from tests.monitor.test_engine import at_work
from tests.protocols.wireguard.inner_servers import TunnelServer, answer_pings
from tests.protocols.wireguard.test_soak import CuttingPath
from wgmon_tui.checks.check import Check, Handshake
from wgmon_tui.checks.evidence import Evidence, FlowCut, Soak
from wgmon_tui.checks.verdict import Diagnosis, Severity, Verdict
from wgmon_tui.config.keys import PrivateKey
from wgmon_tui.config.models import Server
from wgmon_tui.monitor import deep_check_policy
from wgmon_tui.monitor.damping import Damping
from wgmon_tui.monitor.deep_check_policy import (
    FIRST_SOAK_WITHIN_S,
    MAX_CONCURRENT_SOAKS,
    SOAK_AFTER_RECOVERY_S,
    SOAK_AGAIN_S,
    SOAK_SPACING_S,
    DeepCheckPolicy,
)
from wgmon_tui.monitor.fleet_state import Round, ServerState
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.protocols.wireguard import soak
from wgmon_tui.protocols.wireguard.flow_cut import SOAK_RULE

pytestmark = pytest.mark.repeated_if_starved

SERVER = Server("fra1", Endpoint("192.0.2.7", 51820), PrivateKey(bytes(range(32))).public, "bastion")
ANSWERED = Handshake(0.02)
SOAKED = Soak(100, 100, 68_000, 30.4)
CUT = FlowCut(20, 11_264, 5.0, 12)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(deep_check_policy, "time", found)
    return found


@pytest.fixture
def policy(clock: Clock) -> DeepCheckPolicy:
    return DeepCheckPolicy(Random(1))


def outcome(
    *evidence: Evidence, verdict: Verdict = Verdict.HEALTHY, handshake: Handshake | None = ANSWERED
) -> Round:
    check = Check("fra1", "here", SERVER.endpoint, ip_address("192.0.2.7"), 0.0, handshake, evidence)
    return Round((check,), (Diagnosis(verdict, "words"),))


def state(server: Server = SERVER, last: Round | None = None, **changes: object) -> ServerState:
    return ServerState(server, last=last or outcome(), **changes)  # type: ignore[arg-type]


def first_soak_s(policy: DeepCheckPolicy, clock: Clock, server_state: ServerState, within_s: float) -> float:
    """Seconds until a soak is chosen, checked once per second; fails if there is none."""
    for second in range(int(within_s) + 2):
        if policy.choose_depth(server_state).soak:
            policy.finish_round(server_state.server.name)
            return second
        clock.now += 1.0
    pytest.fail("no soak")


def test_the_first_soaks_are_spread_over_ten_minutes(clock: Clock, policy: DeepCheckPolicy) -> None:
    starts = [
        first_soak_s(policy, clock, state(replace(SERVER, name=f"server-{n}")), FIRST_SOAK_WITHIN_S)
        for n in range(20)
    ]
    assert max(starts) - min(starts) > FIRST_SOAK_WITHIN_S / 2


def test_a_soak_is_repeated_at_its_interval(clock: Clock, policy: DeepCheckPolicy) -> None:
    policy.record_round(SERVER, outcome(SOAKED))
    assert 3200 < first_soak_s(policy, clock, state(), 4000) < 4000


def test_a_server_whose_flows_are_cut_is_soaked_again_sooner(clock: Clock, policy: DeepCheckPolicy) -> None:
    policy.record_round(SERVER, outcome(SOAKED, CUT))
    last = outcome(verdict=Verdict.DIES_AFTER)
    assert 500 < first_soak_s(policy, clock, state(last=last, damping=Damping(Severity.DOWN)), 4000) < 700
    assert SOAK_AGAIN_S == 600


@pytest.mark.parametrize(
    "unsoaked",
    [
        state(replace(SERVER, tunnel_soak=0.0)),
        state(replace(SERVER, tunnel=False)),
        state(last=outcome(verdict=Verdict.SILENT, handshake=None)),
        state(damping=Damping(Severity.DOWN)),
    ],
    ids=["off", "no tunnel", "silent", "not yet recovered"],
)
def test_no_soak_where_it_is_off_or_the_server_is_down(
    unsoaked: ServerState, policy: DeepCheckPolicy
) -> None:
    policy.request_soak("fra1")
    assert not policy.choose_depth(unsoaked).soak


def test_a_proxy_has_soaks_without_a_tunnel_that_could_be_off(policy: DeepCheckPolicy) -> None:
    proxy = replace(SERVER, protocol="trojan", tunnel=False)
    policy.request_soak("fra1")
    assert policy.choose_depth(state(proxy)).soak


def test_a_cut_that_an_ordinary_check_found_is_soaked_at_once(policy: DeepCheckPolicy) -> None:
    policy.record_round(SERVER, outcome(SOAKED))
    assert not policy.choose_depth(state()).soak
    policy.record_round(SERVER, outcome(CUT, verdict=Verdict.DIES_AFTER))
    assert policy.choose_depth(state(last=outcome(CUT, verdict=Verdict.DIES_AFTER))).soak


def test_a_restored_server_whose_flows_were_cut_is_soaked_at_once(policy: DeepCheckPolicy) -> None:
    assert policy.choose_depth(state(verdict=Verdict.DIES_AFTER)).soak


def test_a_recovered_server_is_soaked_within_a_minute(clock: Clock, policy: DeepCheckPolicy) -> None:
    policy.record_round(SERVER, outcome(SOAKED))
    policy.request_soak("fra1", SOAK_AFTER_RECOVERY_S)
    assert 0 < first_soak_s(policy, clock, state(), 100) <= SOAK_AFTER_RECOVERY_S


def test_soaks_start_apart_and_only_so_many_run_at_once(clock: Clock, policy: DeepCheckPolicy) -> None:
    due = [state(replace(SERVER, name=f"server-{n}")) for n in range(MAX_CONCURRENT_SOAKS + 50)]
    for each in due:
        policy.request_soak(each.server.name)
    assert sum(policy.choose_depth(each).soak for each in due) == 1
    running = 1
    for each in due[1:]:
        clock.now += SOAK_SPACING_S
        running += policy.choose_depth(each).soak
    assert running == MAX_CONCURRENT_SOAKS
    policy.finish_round(due[0].server.name)
    assert policy.choose_depth(due[-1]).soak


# With the engine


async def test_the_engine_soaks_a_server_and_keeps_it_down_until_a_soak_passes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(soak, "_FAST_GAP_S", 0.002)
    monkeypatch.setattr(soak, "_SLOW_GAP_S", 0.01)
    monkeypatch.setattr(soak, "_FOLLOW_UP_GAP_S", 0.02)
    monkeypatch.setattr(soak, "SOAK_RULE", replace(SOAK_RULE, least_s=0.05))
    path = CuttingPath(packets=25)
    async with TunnelServer(answer_pings, path=path) as server:
        watched = pinged_at(server.endpoint, timeout=0.6, tunnel_every=3600.0)
        async with at_work(watching(watched)) as desk:
            found = [await outcome_of(desk)]
            for _ in range(3):
                if len(found) in (1, 3):
                    desk.engine._deep_check_policy.request_soak("fra1")
                if len(found) == 3:
                    path.packets = 10_000
                found.append(await outcome_of(desk))
    verdicts = [each.diagnosis.verdict for each in found]
    assert verdicts == [Verdict.HEALTHY, Verdict.DIES_AFTER, Verdict.DIES_AFTER, Verdict.HEALTHY]
    soaked = [any(isinstance(each, Soak) for each in outcome.check.evidence) for outcome in found]
    assert soaked == [False, True, False, True]
