"""Where quick checks repeat what the last deep one found, only another deep check confirms or ends it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.output.sample_rounds import check, server
from wgmon_tui.checks.check import Handshake
from wgmon_tui.checks.evidence import MachineStarved
from wgmon_tui.checks.verdict import Diagnosis, Severity, Verdict
from wgmon_tui.config.models import Server
from wgmon_tui.monitor import deep_check_policy
from wgmon_tui.monitor.check_round import CheckDepth
from wgmon_tui.monitor.damping import Damping
from wgmon_tui.monitor.deep_check_policy import FAILED_DEEP_AGAIN_S, DeepCheckPolicy
from wgmon_tui.monitor.fleet_state import Round, ServerState

UP, DEGRADED, DOWN = Severity.UP, Severity.DEGRADED, Severity.DOWN


class Clock:
    """The time of a policy, which a test sets."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(deep_check_policy, "time", found)
    return found


def vpn(protocol: str = "openvpn") -> Server:
    return replace(server("fra1"), protocol=protocol, tunnel_every=600.0)


def state_of(
    verdict: Verdict, stage: str, settled: Severity | None, protocol: str = "openvpn"
) -> ServerState:
    """The state after a check with this verdict. Its last deep check was at the time of the clock."""
    made = check(vpn(protocol), handshake=Handshake(0.01))
    outcome = Round((made,), (Diagnosis(verdict, "", failed_stage=stage),))
    return ServerState(vpn(protocol), last=outcome, damping=Damping(settled, (UP, verdict.severity)))


def checked_deeply() -> DeepCheckPolicy:
    policy = DeepCheckPolicy()
    policy.record_requested("fra1", CheckDepth(deep=True))
    return policy


@pytest.mark.parametrize("protocol", ["openvpn", "ikev2", "shadowsocks"])
@pytest.mark.parametrize(
    ("verdict", "stage", "settled"),
    [
        (Verdict.SILENT, "tls", UP),
        (Verdict.AUTH_FAILED, "authenticate", UP),
        (Verdict.AUTH_FAILED, "authenticate", None),
        (Verdict.LOSSY, "", UP),
        (Verdict.HEALTHY, "", DOWN),
    ],
    ids=["fails", "refused", "refused at first", "loses data", "recovers"],
)
@pytest.mark.usefixtures("clock")
def test_a_change_is_confirmed_by_the_next_check(
    verdict: Verdict, stage: str, settled: Severity | None, protocol: str
) -> None:
    assert checked_deeply().choose_depth(state_of(verdict, stage, settled, protocol)).deep


@pytest.mark.parametrize(
    ("verdict", "stage", "settled"),
    [
        (Verdict.HEALTHY, "", UP),
        (Verdict.SILENT, "reset", UP),
        (Verdict.SILENT, "sa-init", UP),
        (Verdict.LOSSY, "", DEGRADED),
    ],
    ids=["works", "does not answer the reset", "does not answer IKE_SA_INIT", "is settled"],
)
@pytest.mark.usefixtures("clock")
def test_nothing_is_repeated_that_a_quick_check_shows(
    verdict: Verdict, stage: str, settled: Severity
) -> None:
    assert not checked_deeply().choose_depth(state_of(verdict, stage, settled)).deep


@pytest.mark.usefixtures("clock")
def test_where_every_check_sends_data_only_packet_sizes_are_confirmed() -> None:
    policy = checked_deeply()
    assert not policy.choose_depth(state_of(Verdict.LOSSY, "", UP, "wireguard")).deep
    assert policy.choose_depth(state_of(Verdict.MTU_BLACKHOLE, "", UP, "wireguard")).deep
    assert not policy.choose_depth(state_of(Verdict.MTU_BLACKHOLE, "", DEGRADED, "wireguard")).deep


@pytest.mark.usefixtures("clock")
def test_a_server_of_an_unknown_protocol_ends_no_engine() -> None:
    assert not checked_deeply().choose_depth(state_of(Verdict.MISCONFIGURED, "", None, "nonsense")).deep


@pytest.mark.parametrize(
    ("verdict", "stage", "is_tested_again"),
    [
        (Verdict.SILENT, "tls", True),
        (Verdict.AUTH_FAILED, "key-exchange", True),
        (Verdict.SESSION_REFUSED, "push-reply", True),
        (Verdict.AUTH_FAILED, "authenticate", False),
    ],
)
def test_a_failure_is_tested_again_soon_but_refused_credentials_are_not(
    clock: Clock, verdict: Verdict, stage: str, is_tested_again: bool
) -> None:
    """A server may lock the account after some refused passwords."""
    policy, state = checked_deeply(), state_of(verdict, stage, DOWN)
    clock.now += FAILED_DEEP_AGAIN_S / 2
    assert not policy.choose_depth(state).deep
    clock.now += FAILED_DEEP_AGAIN_S
    assert policy.choose_depth(state).deep is is_tested_again
    clock.now += 600.0
    assert policy.choose_depth(state).deep


def starved_round(stage: str) -> Round:
    """A round that this machine spoiled in a stage."""
    made = check(vpn(), MachineStarved(1.0), handshake=Handshake(0.01))
    return Round((made,), (Diagnosis(Verdict.LOCAL_FAULT, "", failed_stage=stage),))


@pytest.mark.parametrize(
    ("stage", "is_repeated"), [("authenticate", True), ("push-reply", True), ("reset", False)]
)
def test_a_login_that_this_machine_spoiled_is_repeated_soon(
    clock: Clock, stage: str, is_repeated: bool
) -> None:
    """It waits as long as one that fails in another way, and not as long as one that was refused."""
    policy, outcome = checked_deeply(), starved_round(stage)
    policy.record_round(vpn(), outcome)
    state = ServerState(vpn(), last=outcome, damping=Damping(UP, (UP,)))
    clock.now += FAILED_DEEP_AGAIN_S - 1.0
    assert not policy.choose_depth(state).deep
    clock.now += 1.0
    assert policy.choose_depth(state).deep is is_repeated
