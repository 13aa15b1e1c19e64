"""Tests of the data path diagnosis: whether a session carries data after its handshake."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_address, ip_interface

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.protocols.wireguard.sample_evidence import SERVER, SILENCE, any_evidence, check
from wgmon_tui.checks.check import Handshake, ProbedAs, Tunnel
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
    PassiveKeepalive,
    PathMtu,
    PresharedKeyFound,
    ReceiveOverflow,
    StampsAhead,
)
from wgmon_tui.checks.verdict import Diagnosis, Severity, Verdict
from wgmon_tui.config.models import Server
from wgmon_tui.net.inner_packets import InnerIcmp
from wgmon_tui.protocols.wireguard.contradictions import Hypothesis
from wgmon_tui.protocols.wireguard.diagnose import diagnose

RECEIVES = PassiveKeepalive(10.1, 10.75)
RECEIVES_NOT = PassiveKeepalive(None, 10.75)
NARROW = PathMtu(1420, 1380, 1381)
TINY = PathMtu(1420, 1216, 1217)
WIDE = PathMtu(1420, 1420, None)
SIZE_UNTESTED = PathMtu(1420, 0, None)
STRICT = replace(SERVER, tunnel_mtu=1420)
PROHIBITED = InnerIcmp(ip_address("10.8.0.254"), 4, 3, 13, ip_address("10.8.0.1"))
ALL = Handshake(0.02)
HOP_V4 = InnerHop(4, ip_address("10.8.0.1"), 0.02)
HOP_V6 = InnerHop(6, ip_address("fd00::1"), 0.02)
NO_HOP_V4, NO_HOP_V6 = InnerHop(4, None, None), InnerHop(6, None, None)
US = ProbedAs(SERVER.public_key, (ip_interface("10.8.0.250/32"), ip_interface("fd00::250/128")))


def echo(target: str, sent: int, received: int) -> InnerEcho:
    return InnerEcho(target, sent, received, 0.02 if received else None)


def tunnel_of(evidence: tuple[Evidence, ...]) -> Tunnel | None:
    """The tunnel stage's summary for such evidence."""
    asked = [(each.sent, each.received) for each in evidence if isinstance(each, InnerEcho)]
    asked += [(1, int(each.answer is not None)) for each in evidence if isinstance(each, InnerService)]
    hops = [(1, int(each.source is not None)) for each in evidence if isinstance(each, InnerHop)]
    if not asked and not hops and not any(isinstance(each, PassiveKeepalive) for each in evidence):
        return None
    sent, received = (sum(column) for column in zip(*(asked or hops or [(0, 0)]), strict=True))
    return Tunnel(sent, received, 0.02 if received else None, None, passive=not asked)


def after(*evidence: Evidence, handshake: Handshake = ALL, server: Server = SERVER) -> Diagnosis:
    answered = replace(check(*evidence, handshake=handshake), tunnel=tunnel_of(evidence), probed_as=US)
    return diagnose(answered, server)


A, B = "10.8.0.1", "10.8.0.2"
DNS, DNS_SILENT = InnerService("dns", A, "answered"), InnerService("dns", A, None)
DNS_FAILS = InnerService("dns", A, "answered", 2)
REDIRECT = InnerIcmp(ip_address(A), 4, 5, 1, ip_address(B))
CLOSED, TCP_SILENT = InnerService("tcp", f"{A}:443", "closed"), InnerService("tcp", f"{A}:443", None)

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


# In words


@pytest.mark.parametrize(
    ("evidence", "said"),
    [
        (
            (echo(A, 3, 3),),
            "authentic answer in 20.0 ms, data passes both ways. Packet size is not tested yet.",
        ),
        ((HOP_V4,), "data passes both ways (10.8.0.1 answers). Packet"),
        ((HOP_V4, HOP_V6), "data passes both ways (10.8.0.1 and fd00::1 answer). Packet"),
        (
            (HOP_V4, WIDE),
            "data passes both ways (10.8.0.1 answers). Inner packets of 1420 bytes pass.",
        ),
        ((DNS, SIZE_UNTESTED), "Packet size not tested, because nothing inside the tunnel answers echoes."),
        ((echo(A, 3, 3), NARROW), "Inner packets over 1380 bytes are lost: clients need MTU = 1380."),
        ((CLOSED,), "10.8.0.1:443 refuses connections, the tunnel is fine."),
        ((DNS_FAILS,), "The name server 10.8.0.1 answers SERVFAIL, the tunnel is fine."),
        (
            (InnerService("dns", f"www.example.net@{A}", "answered", 3),),
            "The name server 10.8.0.1 does not know www.example.net, the tunnel is fine.",
        ),
        ((InnerService("dns", A, "answered", 3),), "The name server 10.8.0.1 answers NXDOMAIN"),
        ((echo(A, 3, 0), HOP_V4), "10.8.0.1 does not answer echoes, the tunnel is fine (10.8.0.1 answers)."),
        (
            (echo("fd00::1", 3, 0), echo(A, 3, 3), NO_HOP_V6),
            "fd00::1 does not answer echoes, the tunnel is fine over IPv4, but nothing came back over IPv6.",
        ),
        ((echo(A, 3, 3), NO_HOP_V6), "data passes, but nothing came back over IPv6."),
        (
            (InnerUnaddressed("[fd07::1]:53"), echo(A, 3, 3)),
            '[fd07::1]:53 was not probed: identity "bastion" has no IPv6 tunnel address.',
        ),
        ((HOP_V4, NO_HOP_V6), "10.8.0.1 answers inside, but nothing came back over IPv6"),
        ((NO_HOP_V4, RECEIVES), "the server receives data, but nothing came back through the tunnel"),
        ((NO_HOP_V4,), "Not proven: the handshake works, but nothing came back through the tunnel"),
        ((RECEIVES,), 'identity "bastion" has no tunnel address'),
        ((echo(A, 3, 0), RECEIVES), "receives data, but drops it or the answers inside"),
        (
            (echo(A, 3, 0), PROHIBITED),
            "10.8.0.254 inside the tunnel reports: communication administratively prohibited",
        ),
        ((echo(A, 3, 3), echo(B, 3, 0)), f"{B} does not answer echoes, the tunnel is fine."),
        ((echo(A, 3, 3), DNS_SILENT), f"The name server {A} does not answer, the tunnel is fine."),
        ((echo(A, 3, 3), TINY), "of 1216 bytes pass, 1217 or more are lost"),
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
    assert not any("on the path" in cause for cause in causes)


def test_a_server_that_receives_none_of_it_is_asked_about_the_way() -> None:
    assert "on the path" in after(echo(A, 3, 0), RECEIVES_NOT).causes[0].cause


def test_what_is_not_proven_may_be_allowed_ips_or_a_server_that_is_well() -> None:
    causes = after(NO_HOP_V4, NO_HOP_V6, RECEIVES).causes
    assert "AllowedIPs" in causes[0].cause
    assert causes[0].fix.endswith("must contain 10.8.0.250, fd00::250")
    assert "does not forward, and is not at 10.8.0.1 or fd00::1" in causes[1].cause
    assert 'server "fra1": tunnel_ping = [' in causes[1].fix
    assert "tunnel = false" in causes[1].fix
    assert not any("on the path" in cause.cause for cause in causes)


def test_as_long_as_no_keepalive_was_waited_for_the_way_may_lose_our_data() -> None:
    assert "on the path" in after(NO_HOP_V4).causes[-1].cause


def test_one_version_that_is_silent_asks_about_its_own_address_alone() -> None:
    causes = after(HOP_V4, NO_HOP_V6).causes
    assert causes[0].fix.endswith("must contain fd00::250")
    assert "10.8.0.1" not in causes[1].cause


def test_an_identity_without_tunnel_addresses_is_told_where_to_write_them() -> None:
    for evidence in ((), (RECEIVES,)):
        [cause] = after(*evidence).causes
        assert 'identity "bastion": addresses = [' in cause.fix
        assert str(SERVER.public_key) in cause.fix


def test_a_required_size_that_is_lost_is_a_blackhole() -> None:
    assert after(echo(A, 3, 3), NARROW, server=STRICT).verdict is Verdict.MTU_BLACKHOLE
    assert after(HOP_V4, NARROW, server=STRICT).verdict is Verdict.MTU_BLACKHOLE
    assert after(echo(A, 3, 3), WIDE, server=STRICT).verdict is Verdict.HEALTHY


def test_a_required_size_below_1280_that_passes_is_enough() -> None:
    assert after(echo(A, 3, 3), TINY, server=replace(SERVER, tunnel_mtu=1200)).verdict is Verdict.HEALTHY


def test_a_required_size_that_nothing_can_test_is_not_proven() -> None:
    diagnosis = after(DNS, SIZE_UNTESTED, server=STRICT)
    assert diagnosis.verdict is Verdict.UNPROVEN
    assert "packets of 1420 bytes: size not tested" in diagnosis.summary
    assert "remove tunnel_mtu" in diagnosis.causes[0].fix


def test_without_a_size_test_no_result_of_one_counts() -> None:
    diagnosis = after(echo(A, 3, 3), TINY, server=replace(SERVER, tunnel_mtu=0))
    assert diagnosis.verdict is Verdict.HEALTHY
    assert diagnosis.summary.endswith("Packet size is not tested (tunnel_mtu = 0).")


def test_from_1280_bytes_on_the_advice_is_an_mtu_and_below_it_is_none() -> None:
    [narrow] = after(echo(A, 3, 3), NARROW, server=STRICT).causes
    assert narrow.fix.endswith("MTU = 1380 — under [Interface]")
    [tiny] = after(echo(A, 3, 3), TINY).causes
    assert tiny.cause == "the path drops packets over 1216 bytes"
    assert "MTU =" not in f"{tiny.why} {tiny.fix}"


@pytest.mark.parametrize(
    "evidence", [(echo(A, 3, 0), PROHIBITED), (echo(A, 3, 0), REDIRECT), (NO_HOP_V4, PROHIBITED)]
)
def test_an_error_from_inside_disproves_wrong_allowed_ips_and_a_missing_route(
    evidence: tuple[Evidence, ...],
) -> None:
    causes = " ".join(cause.cause for cause in after(*evidence).causes)
    assert causes
    assert "AllowedIPs" not in causes
    assert "no route back" not in causes


def test_a_first_hop_that_only_refuses_is_not_proven_and_no_path_is_blamed() -> None:
    for evidence in ((NO_HOP_V4, PROHIBITED), (NO_HOP_V4, HOP_V6, PROHIBITED)):
        diagnosis = after(*evidence)
        assert diagnosis.verdict is Verdict.UNPROVEN
        assert "10.8.0.254 inside reports over IPv4: communication administratively" in diagnosis.summary
        assert "nothing came back" not in diagnosis.summary
        assert "inside the tunnel rejects" in diagnosis.causes[0].cause
        assert not any("on the path" in each.cause for each in diagnosis.causes)


def test_where_the_first_hop_answers_allowed_ips_are_no_cause() -> None:
    [cause] = after(echo(A, 3, 0), HOP_V4).causes
    assert cause.why == "10.8.0.1 answers, so the tunnel itself is fine"


def test_a_version_in_which_all_is_silent_is_dead_inside_where_another_one_carries_data() -> None:
    diagnosis = after(echo(A, 3, 0), NO_HOP_V4, HOP_V6)
    assert diagnosis.summary.endswith("(fd00::1 answers), but nothing comes back over IPv4.")
    assert diagnosis.causes[0].fix.endswith("must contain 10.8.0.250")
    assert not any("on the path" in each.cause for each in diagnosis.causes)


def test_a_version_that_nothing_answers_in_may_lack_its_allowed_ips() -> None:
    causes = after(echo("fd00::1", 3, 0), echo(A, 3, 3), NO_HOP_V6).causes
    assert any("AllowedIPs" in each.cause and each.fix.endswith("fd00::250") for each in causes)


def test_what_was_not_probed_is_named_with_what_to_write() -> None:
    [cause] = after(InnerUnaddressed("fd07::1"), echo(A, 3, 3)).causes
    assert cause.fix.startswith('in servers.toml, identity "bastion": add its IPv6 tunnel address')


def test_without_the_tunnel_stage_the_summary_says_that_only_the_handshake_is_looked_at() -> None:
    diagnosis = after(server=replace(SERVER, tunnel=False))
    assert diagnosis.verdict is Verdict.HEALTHY
    assert "Data is not tested (tunnel = false)" in diagnosis.summary


def test_as_long_as_nobody_knows_both_are_possible() -> None:
    causes = " ".join(cause.cause for cause in after(echo(A, 3, 0)).causes)
    assert "AllowedIPs" in causes
    assert "on the path" in causes


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
