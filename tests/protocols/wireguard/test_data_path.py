"""Data path diagnosis: the verdict on a session after its handshake, whatever evidence comes together."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.protocols.wireguard.sample_data_paths import (
    CLOSED,
    DNS,
    DNS_FAILS,
    DNS_SILENT,
    HOP_V4,
    HOP_V6,
    NARROW,
    NO_HOP_V4,
    NO_HOP_V6,
    PROHIBITED,
    RECEIVES,
    RECEIVES_NOT,
    REDIRECT,
    SIZE_UNTESTED,
    TCP_SILENT,
    TINY,
    WIDE,
    A,
    B,
    after,
    echo,
)
from tests.protocols.wireguard.sample_evidence import SERVER, SILENCE, any_evidence, check
from wgmon_tui.checks.check import Handshake
from wgmon_tui.checks.evidence import (
    AllSilent,
    Evidence,
    FlowCut,
    FreshPortAnswered,
    GatewaySilent,
    IdentityAnswered,
    InnerEcho,
    InnerHop,
    InnerService,
    InnerUnaddressed,
    KnownKeyAnswered,
    LateAnswer,
    MachineStarved,
    NameUnresolved,
    PresharedKeyFound,
    ReceiveOverflow,
    StampsAhead,
)
from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.protocols.wireguard.contradictions import Hypothesis
from wgmon_tui.protocols.wireguard.diagnose import diagnose

CASES: list[tuple[str, tuple[Evidence, ...], Verdict]] = [
    ("nothing was asked", (), Verdict.UNPROVEN),
    ("nothing could be asked", (InnerUnaddressed(A),), Verdict.UNPROVEN),
    ("every echo came back", (echo(A, 3, 3), echo(B, 3, 3)), Verdict.HEALTHY),
    ("one of three got lost", (echo(A, 3, 2),), Verdict.HEALTHY),
    ("half of them got lost", (echo(A, 4, 2),), Verdict.LOSSY),
    ("most of them got lost", (echo(A, 3, 1),), Verdict.LOSSY),
    ("none came back", (echo(A, 3, 0),), Verdict.DATA_DEAD),
    ("none came back, from anywhere", (echo(A, 3, 0), DNS_SILENT, TCP_SILENT), Verdict.DATA_DEAD),
    ("none came back, a keepalive did", (echo(A, 3, 0), RECEIVES), Verdict.DATA_DEAD),
    ("none came back, no keepalive either", (echo(A, 3, 0), RECEIVES_NOT), Verdict.DATA_DEAD),
    ("none came back, but an error from inside", (echo(A, 3, 0), PROHIBITED), Verdict.DATA_DEAD),
    ("one address of two is silent", (echo(A, 3, 3), echo(B, 3, 0)), Verdict.INNER_DEAD),
    ("the name server alone is silent", (echo(A, 3, 3), DNS_SILENT), Verdict.INNER_DEAD),
    ("pings are filtered, the name server answers", (echo(A, 3, 0), DNS), Verdict.INNER_DEAD),
    ("one address is silent, another loses some", (echo(A, 3, 2), echo(B, 3, 0)), Verdict.LOSSY),
    ("the same among many that answer", (echo(A, 3, 2), DNS, echo(B, 3, 0), echo("c", 9, 9)), Verdict.LOSSY),
    ("the name server is silent, echoes get lost", (echo(A, 3, 2), DNS_SILENT), Verdict.LOSSY),
    ("a port refuses connections", (CLOSED,), Verdict.INNER_DEAD),
    ("a port refuses connections, echoes get lost", (CLOSED, echo(A, 3, 2)), Verdict.INNER_DEAD),
    ("a name server answers with an error", (DNS_FAILS, echo(A, 3, 3)), Verdict.INNER_DEAD),
    ("echoes are silent, the first hop answers", (echo(A, 3, 0), HOP_V4), Verdict.INNER_DEAD),
    (
        "echoes are silent in the version that the first hop is too",
        (echo("fd00::1", 3, 0), echo(A, 3, 3), NO_HOP_V6),
        Verdict.INNER_DEAD,
    ),
    (
        "echoes are silent, and so is the first hop of their version",
        (echo(A, 3, 0), NO_HOP_V4, HOP_V6),
        Verdict.DATA_DEAD,
    ),
    ("echoes are silent, a router names a better way", (echo(A, 3, 0), REDIRECT), Verdict.INNER_DEAD),
    ("no target covers IPv6, its first hop answers", (echo(A, 3, 3), HOP_V6), Verdict.HEALTHY),
    ("no target covers IPv6, its first hop is silent", (echo(A, 3, 3), NO_HOP_V6), Verdict.UNPROVEN),
    ("1280 bytes vanish", (echo(A, 3, 3), TINY), Verdict.MTU_BLACKHOLE),
    ("1280 bytes vanish, only the first hop is asked", (HOP_V4, TINY), Verdict.MTU_BLACKHOLE),
    ("1280 bytes pass, 1420 vanish", (echo(A, 3, 3), NARROW), Verdict.HEALTHY),
    ("large packets pass", (echo(A, 3, 3), WIDE), Verdict.HEALTHY),
    ("nothing echoes that could be padded", (DNS, SIZE_UNTESTED), Verdict.HEALTHY),
    ("large packets vanish and many get lost", (echo(A, 3, 1), TINY), Verdict.MTU_BLACKHOLE),
    ("nothing to ask, a keepalive came", (RECEIVES,), Verdict.UNPROVEN),
    ("nothing to ask, no keepalive came", (RECEIVES_NOT,), Verdict.DATA_DEAD),
    ("the first hop answers", (HOP_V4,), Verdict.HEALTHY),
    ("the first hop answers in both versions", (HOP_V4, HOP_V6), Verdict.HEALTHY),
    ("the first hop answers in one version only", (HOP_V4, NO_HOP_V6), Verdict.UNPROVEN),
    ("the first hop is silent", (NO_HOP_V4, NO_HOP_V6), Verdict.UNPROVEN),
    ("the first hop is silent, a keepalive came", (NO_HOP_V4, RECEIVES), Verdict.UNPROVEN),
    ("the first hop is silent, no keepalive came", (NO_HOP_V4, RECEIVES_NOT), Verdict.DATA_DEAD),
    ("what cannot be asked beside a first hop that answers", (InnerUnaddressed(A), HOP_V4), Verdict.UNPROVEN),
    ("what cannot be asked beside what answers", (InnerUnaddressed(B), echo(A, 3, 3)), Verdict.UNPROVEN),
    ("an error from inside beside answers", (echo(A, 3, 3), PROHIBITED), Verdict.HEALTHY),
]


@pytest.mark.parametrize(
    ("evidence", "verdict"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_the_verdict_on_the_data_path(evidence: tuple[Evidence, ...], verdict: Verdict) -> None:
    assert after(*evidence).verdict is verdict


@pytest.mark.parametrize(
    ("evidence", "verdict"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_the_data_path_weighs_more_than_a_cookie_or_a_slow_answer(
    evidence: tuple[Evidence, ...], verdict: Verdict
) -> None:
    expected = {Verdict.HEALTHY: (Verdict.UNDER_LOAD, Verdict.SLOW)}.get(verdict, (verdict, verdict))
    assert after(*evidence, handshake=Handshake(0.02, cookie=True)).verdict is expected[0]
    assert after(*evidence, handshake=Handshake(0.9)).verdict is expected[1]


# Proofs beside silence

PROVEN: list[tuple[Evidence, Verdict]] = [
    (KnownKeyAnswered(SERVER.public_key), Verdict.WRONG_SERVER_KEY),
    (IdentityAnswered("laptop"), Verdict.PEER_MISSING),
    (FreshPortAnswered(), Verdict.STUCK_FLOW),
    (AllSilent(4), Verdict.LOCAL_FAULT),
    (GatewaySilent(ip_address("10.98.0.1"), "eth0"), Verdict.LOCAL_FAULT),
    (StampsAhead(3600.0), Verdict.SILENT),
    (PresharedKeyFound("nyc1"), Verdict.SILENT),  # which without an answer that it opens says nothing
]


@pytest.mark.parametrize(("proof", "verdict"), PROVEN, ids=lambda each: type(each).__name__)
def test_a_proof_beside_silence(proof: Evidence, verdict: Verdict) -> None:
    assert diagnose(check(SILENCE, proof), SERVER).verdict is verdict
    assert diagnose(check(SILENCE), SERVER, standing=[proof]).verdict is verdict


def test_an_answer_to_another_identity_proves_no_missing_peer() -> None:
    """A server that holds a later timestamp of this key is as silent."""
    causes = diagnose(check(SILENCE, IdentityAnswered("laptop")), SERVER).causes
    assert [cause.hypothesis for cause in causes] == [Hypothesis.KEY_REMOVED, Hypothesis.TIMESTAMP_AHEAD]
    assert not any(cause.proven for cause in causes)


def test_a_name_that_does_not_resolve_while_all_are_silent_is_our_side() -> None:
    unresolved = NameUnresolved("fra1.example.net", "Temporary failure in name resolution")
    assert diagnose(check(unresolved), SERVER, standing=[AllSilent(4)]).verdict is Verdict.LOCAL_FAULT


# Whatever comes together

any_echoes = st.lists(
    st.builds(
        lambda target, sent, lost: echo(target, sent, max(0, sent - lost)),
        st.sampled_from([A, B, "fd00::1"]),
        st.integers(1, 20),
        st.integers(0, 20),
    ),
    max_size=4,
)
any_services = st.lists(st.sampled_from([DNS, DNS_SILENT, CLOSED, TCP_SILENT]), max_size=3)
other_evidence = any_evidence.filter(lambda each: not isinstance(each, InnerEcho | InnerService))


def not_up(evidence: Sequence[Evidence]) -> set[Severity]:
    """Only a fault of this machine makes it unknown whether a server is degraded or down."""
    is_own_fault = any(isinstance(each, MachineStarved | ReceiveOverflow) for each in evidence)
    return {Severity.DEGRADED, Severity.DOWN} | ({Severity.UNKNOWN} if is_own_fault else set())


without_an_answer = any_evidence.filter(
    lambda each: not isinstance(each, InnerEcho | InnerService | InnerHop)
)


@given(
    st.lists(
        st.sampled_from([echo(A, 3, 0), DNS_SILENT, TCP_SILENT, NO_HOP_V4, NO_HOP_V6]) | without_an_answer,
        max_size=6,
    )
)
def test_nothing_is_green_out_of_whose_tunnel_no_data_has_come(evidence: list[Evidence]) -> None:
    assert after(*evidence).verdict.severity in not_up(evidence)


@given(any_echoes, any_services, st.lists(other_evidence, max_size=4))
def test_what_was_asked_and_stays_silent_is_never_healthy(
    echoes: list[InnerEcho], services: list[InnerService], others: list[Evidence]
) -> None:
    silent = [each for each in echoes if not each.received]
    assume(silent or any(each.answer is None for each in services))
    diagnosis = after(*echoes, *services, *others)
    assert diagnosis.verdict.severity in not_up(others)
    assert diagnosis.causes


@given(any_echoes, any_services, st.lists(other_evidence, max_size=4))
def test_while_anything_comes_back_a_server_is_not_down(
    echoes: list[InnerEcho], services: list[InnerService], others: list[Evidence]
) -> None:
    came_back = any(each.received for each in echoes) or any(each.answer for each in services)
    assume(came_back and not any(isinstance(each, FlowCut) for each in others))
    assert after(*echoes, *services, *others).verdict.severity is not Severity.DOWN


@given(st.lists(any_evidence, max_size=6), st.lists(any_evidence, max_size=4))
def test_without_a_handshake_a_server_is_down_or_unknown_but_for_a_stuck_flow_or_late_answers(
    evidence: list[Evidence], standing: list[Evidence]
) -> None:
    verdict = diagnose(check(*evidence), SERVER, standing=standing).verdict
    allowed = (Severity.DOWN, Severity.UNKNOWN)
    is_late = any(isinstance(each, LateAnswer) for each in (*evidence, *standing))
    assert (
        verdict.severity in allowed or verdict is Verdict.STUCK_FLOW or (is_late and verdict is Verdict.SLOW)
    )
    if verdict is Verdict.STUCK_FLOW:
        assert FreshPortAnswered() in (*evidence, *standing)
