"""From what came of sending data to a verdict: whether a session whose handshake was fine carries data."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.diagnosis.facts import SERVER, SILENCE, any_evidence, check
from wgmon_tui.diagnosis.diagnose import diagnose
from wgmon_tui.diagnosis.verdict import Diagnosis, Severity, Verdict
from wgmon_tui.probe.records import (
    AllSilent,
    Evidence,
    FreshPortAnswered,
    Handshake,
    IdentityAnswered,
    InnerEcho,
    InnerIcmp,
    InnerService,
    InnerUnaddressed,
    KnownKeyAnswered,
    NameUnresolved,
    PassiveKeepalive,
    PathMtu,
    PresharedKeyFound,
    StampsAhead,
    Tunnel,
)

RECEIVES = PassiveKeepalive(10.1, 10.75)
RECEIVES_NOT = PassiveKeepalive(None, 10.75)
NARROW = PathMtu(1420, 1280, 1281)
WIDE = PathMtu(1420, 1420, None)
PROHIBITED = InnerIcmp(ip_address("10.8.0.254"), 4, 3, 13, ip_address("10.8.0.1"))
ALL = Handshake(0.02)


def echo(target: str, sent: int, received: int) -> InnerEcho:
    return InnerEcho(target, sent, received, 0.02 if received else None)


def tunnel_of(evidence: tuple[Evidence, ...]) -> Tunnel | None:
    """What the stage sums up beside such evidence."""
    asked = [(each.sent, each.received) for each in evidence if isinstance(each, InnerEcho)]
    asked += [(1, int(each.answer is not None)) for each in evidence if isinstance(each, InnerService)]
    if not asked and not any(isinstance(each, PassiveKeepalive) for each in evidence):
        return None
    sent, received = sum(sent for sent, _ in asked), sum(received for _, received in asked)
    return Tunnel(sent, received, 0.02 if received else None, None, passive=not asked)


def after(*evidence: Evidence, handshake: Handshake = ALL) -> Diagnosis:
    answered = replace(check(*evidence, handshake=handshake), tunnel=tunnel_of(evidence))
    return diagnose(answered, SERVER)


A, B = "10.8.0.1", "10.8.0.2"
DNS, DNS_SILENT = InnerService("dns", A, "answered"), InnerService("dns", A, None)
CLOSED, TCP_SILENT = InnerService("tcp", f"{A}:443", "closed"), InnerService("tcp", f"{A}:443", None)

CASES: list[tuple[str, tuple[Evidence, ...], Verdict]] = [
    ("nothing was asked", (), Verdict.HEALTHY),
    ("nothing could be asked", (InnerUnaddressed(A),), Verdict.HEALTHY),
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
    ("a port that refuses is an answer", (CLOSED,), Verdict.HEALTHY),
    ("large packets vanish", (echo(A, 3, 3), NARROW), Verdict.MTU_BLACKHOLE),
    ("large packets pass", (echo(A, 3, 3), WIDE), Verdict.HEALTHY),
    ("large packets vanish and many get lost", (echo(A, 3, 1), NARROW), Verdict.MTU_BLACKHOLE),
    ("nothing to ask, a keepalive came", (RECEIVES,), Verdict.HEALTHY),
    ("nothing to ask, no keepalive came", (RECEIVES_NOT,), Verdict.DATA_DEAD),
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


# In words


@pytest.mark.parametrize(
    ("evidence", "said"),
    [
        ((echo(A, 3, 3),), "data passes both ways"),
        ((CLOSED,), "data passes both ways"),
        ((RECEIVES,), "the server receives our data"),
        ((), "authentic answer in 20.0 ms."),
        ((echo(A, 3, 0), RECEIVES), "receives our data, but drops it or its answers inside"),
        ((echo(A, 3, 0), PROHIBITED), "10.8.0.254 says: communication administratively prohibited"),
        ((echo(A, 3, 3), echo(B, 3, 0)), f"{B} inside does not answer"),
        ((echo(A, 3, 3), NARROW), "of 1280 bytes pass, of 1281 and more vanish"),
        ((echo(A, 4, 1),), "3 of 4 echoes"),
    ],
)
def test_a_summary_says_how_far_data_comes(evidence: tuple[Evidence, ...], said: str) -> None:
    assert said in after(*evidence).summary


def test_what_was_never_asked_is_not_said_to_pass() -> None:
    for evidence in ((), (InnerUnaddressed(A),), (RECEIVES,)):
        assert "both ways" not in after(*evidence).summary


def test_a_server_that_receives_our_data_is_asked_about_its_inside_first() -> None:
    causes = [cause.cause for cause in after(echo(A, 3, 0), RECEIVES).causes]
    assert "AllowedIPs" in causes[0]
    assert not any("on the way" in cause for cause in causes)


def test_a_server_that_receives_none_of_it_is_asked_about_the_way() -> None:
    assert "on the way" in after(echo(A, 3, 0), RECEIVES_NOT).causes[0].cause


def test_as_long_as_nobody_knows_both_are_possible() -> None:
    causes = " ".join(cause.cause for cause in after(echo(A, 3, 0)).causes)
    assert "AllowedIPs" in causes
    assert "on the way" in causes


# Proofs beside silence

PROVEN: list[tuple[Evidence, Verdict]] = [
    (KnownKeyAnswered(SERVER.public_key), Verdict.WRONG_SERVER_KEY),
    (IdentityAnswered("laptop"), Verdict.PEER_MISSING),
    (FreshPortAnswered(), Verdict.STUCK_FLOW),
    (AllSilent(4), Verdict.LOCAL_FAULT),
    (StampsAhead(3600.0), Verdict.SILENT),
    (PresharedKeyFound("nyc1"), Verdict.SILENT),  # which without an answer that it opens says nothing
]


@pytest.mark.parametrize(("proof", "verdict"), PROVEN, ids=lambda each: type(each).__name__)
def test_a_proof_beside_silence(proof: Evidence, verdict: Verdict) -> None:
    assert diagnose(check(SILENCE, proof), SERVER).verdict is verdict
    assert diagnose(check(SILENCE), SERVER, standing=[proof]).verdict is verdict


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


@settings(max_examples=50)
@given(any_echoes, any_services, st.lists(other_evidence, max_size=4))
def test_what_was_asked_and_stays_silent_is_never_healthy(
    echoes: list[InnerEcho], services: list[InnerService], others: list[Evidence]
) -> None:
    silent = [each for each in echoes if not each.received]
    assume(silent or any(each.answer is None for each in services))
    diagnosis = after(*echoes, *services, *others)
    assert diagnosis.verdict.severity in (Severity.DEGRADED, Severity.DOWN)
    assert diagnosis.causes


@settings(max_examples=50)
@given(any_echoes, any_services, st.lists(other_evidence, max_size=4))
def test_while_anything_comes_back_a_server_is_not_down(
    echoes: list[InnerEcho], services: list[InnerService], others: list[Evidence]
) -> None:
    came_back = any(each.received for each in echoes) or any(each.answer for each in services)
    assume(came_back)
    assert after(*echoes, *services, *others).verdict.severity is not Severity.DOWN


@settings(max_examples=50)
@given(st.lists(any_evidence, max_size=6), st.lists(any_evidence, max_size=4))
def test_without_a_handshake_a_server_is_down_or_unknown_but_for_a_stuck_flow(
    evidence: list[Evidence], standing: list[Evidence]
) -> None:
    verdict = diagnose(check(*evidence), SERVER, standing=standing).verdict
    allowed = (Severity.DOWN, Severity.UNKNOWN)
    assert verdict.severity in allowed or verdict is Verdict.STUCK_FLOW
    if verdict is Verdict.STUCK_FLOW:
        assert FreshPortAnswered() in (*evidence, *standing)
