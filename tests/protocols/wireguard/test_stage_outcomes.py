"""Tests of the stages of a check: what each evidence shows of them, and which one a verdict blames."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.protocols.wireguard.harness import (
    PSK,
    SILENCE_TIMEOUT_S,
    ScriptedServer,
    closed_port,
    healthy,
    make_target,
    opened_prober,
    response_to,
    silence,
)
from tests.protocols.wireguard.sample_evidence import (
    BAD_EMPTY,
    BAD_MAC1,
    CLOSED,
    COOKIE,
    EPERM,
    FOREIGN,
    LATE,
    NO_ROUTE,
    OVERFLOW,
    SERVER,
    SILENCE,
    any_evidence,
    check,
    handshake_evidence,
)
from wgmon_tui.checks.check import Check, Handshake, Tunnel
from wgmon_tui.checks.evidence import (
    IDENTITY_BUSY,
    Evidence,
    FlowCut,
    GatewaySilent,
    IcmpError,
    InnerEcho,
    InnerHop,
    InnerUnaddressed,
    KnownKeyAnswered,
    PassiveKeepalive,
    PathMtu,
    ProtocolEvidence,
    SocketError,
)
from wgmon_tui.checks.resolve_stage import NOT_NEEDED, resolve_stage
from wgmon_tui.checks.stage import Stage, StageOutcome
from wgmon_tui.checks.verdict import Severity
from wgmon_tui.config.models import AMNEZIAWG
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.net.platforms import PLATFORM
from wgmon_tui.net.resolver import Lookup
from wgmon_tui.protocols.wireguard.diagnose import diagnose
from wgmon_tui.protocols.wireguard.framing_causes import ANSWERS_PLAIN
from wgmon_tui.protocols.wireguard.stage_outcomes import make_stages

INNER = "10.8.0.1"
HOP = ip_address("10.8.0.1")
ECHOED = InnerEcho(INNER, 3, 3, 0.012)
LOST = InnerEcho(INNER, 3, 0, None)
ANSWERED = Handshake(0.012)
RAN = Tunnel(3, 3, 0.012, None, passive=False)
UNANSWERED = Tunnel(3, 0, None, None, passive=False)

_MARKS = {
    StageOutcome.PASSED: "+",
    StageOutcome.FAILED: "X",
    StageOutcome.NOT_KNOWN: "?",
    StageOutcome.NOT_RUN: "-",
}


def marks(stages: tuple[Stage, ...]) -> str:
    """One mark for each of resolve, reach, handshake, authenticate and tunnel."""
    return "".join(_MARKS[each.outcome] for each in stages)


def stages_of(checked: Check) -> dict[str, Stage]:
    return {each.name: each for each in make_stages(checked, SERVER, NOT_NEEDED)}


WITHOUT_HANDSHAKE: list[tuple[str, tuple[Evidence, ...], str]] = [
    ("silence shows nothing about reach", (SILENCE,), "-?X--"),
    ("a late answer", (LATE, SILENCE), "-+X--"),
    ("a cookie, then silence", (COOKIE, SILENCE), "-+X--"),
    ("a response under another preshared key", (BAD_EMPTY, SILENCE), "-++X-"),
    ("port unreachable from the server", (CLOSED, SILENCE), "-+X--"),
    ("port unreachable from an unknown sender", (IcmpError(0.01, 4, 3, 3, "", False),), "-?X--"),
    ("an ICMP error of a router", (NO_ROUTE, SILENCE), "-X---"),
    ("the server's own ICMP error beside that of a router", (NO_ROUTE, CLOSED), "-+X--"),
    ("a refused send", (EPERM, EPERM), "-X---"),
    ("a silent gateway", (GatewaySilent(HOP, "eth0"), SILENCE), "-X---"),
    ("nothing was sent", (SocketError(0.0, IDENTITY_BUSY),), "-----"),
    ("dropped datagrams", (OVERFLOW, SILENCE), "-??--"),
    ("bytes of another protocol", (FOREIGN, SILENCE), "-+X--"),
    ("answers of somebody else", (BAD_MAC1, SILENCE), "-+X--"),
    (
        "an answer in another framing",
        (SILENCE, ProtocolEvidence(AMNEZIAWG, ANSWERS_PLAIN, from_experiment=True)),
        "-+X--",
    ),
    ("an answer to another key", (SILENCE, KnownKeyAnswered(SERVER.public_key)), "-+X--"),
]


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [case[1:] for case in WITHOUT_HANDSHAKE],
    ids=[case[0] for case in WITHOUT_HANDSHAKE],
)
def test_without_a_handshake(evidence: tuple[Evidence, ...], expected: str) -> None:
    assert marks(make_stages(check(*evidence), SERVER, NOT_NEEDED)) == expected


WITH_HANDSHAKE: list[tuple[str, tuple[Evidence, ...], Tunnel | None, str]] = [
    ("echoes came back", (ECHOED,), RAN, "-++++"),
    ("some echoes came back", (InnerEcho(INNER, 3, 1, 0.1),), replace(RAN, received=1), "-++++"),
    ("no echo came back", (LOST,), UNANSWERED, "-+++X"),
    (
        "one target of two is silent",
        (ECHOED, InnerEcho("10.8.0.9", 3, 0, None)),
        replace(RAN, sent=6),
        "-+++X",
    ),
    ("large packets are lost", (ECHOED, PathMtu(1280, 1000, 1001)), RAN, "-+++X"),
    ("the flow was cut off", (ECHOED, FlowCut(20, 10_000, 1.5, 12)), RAN, "-+++X"),
    ("the first hop answers", (InnerHop(4, HOP, 0.1),), Tunnel(1, 1, 0.1, None, passive=True), "-++++"),
    ("the first hop is silent", (InnerHop(4, None, None),), Tunnel(1, 0, None, None, passive=True), "-+++?"),
    (
        "the data is not even acknowledged",
        (InnerHop(4, None, None), PassiveKeepalive(None, 10.75)),
        Tunnel(1, 0, None, None, passive=True),
        "-+++X",
    ),
    ("dropped datagrams hide the answers", (LOST, OVERFLOW), UNANSWERED, "-+++?"),
    ("the session of the last initiation was lost", (SILENCE,), None, "-+++-"),
    ("the identity has no tunnel address", (InnerUnaddressed(INNER),), None, "-+++-"),
]


@pytest.mark.parametrize(
    ("evidence", "tunnel", "expected"),
    [case[1:] for case in WITH_HANDSHAKE],
    ids=[case[0] for case in WITH_HANDSHAKE],
)
def test_after_a_handshake(evidence: tuple[Evidence, ...], tunnel: Tunnel | None, expected: str) -> None:
    checked = replace(check(*evidence, handshake=ANSWERED), tunnel=tunnel)

    assert marks(make_stages(checked, SERVER, NOT_NEEDED)) == expected


def test_a_tunnel_that_is_switched_off_says_so() -> None:
    *_, tunnel = make_stages(check(handshake=ANSWERED), replace(SERVER, tunnel=False), NOT_NEEDED)

    assert tunnel == Stage("tunnel", StageOutcome.NOT_RUN, detail="tunnel = false")


def test_times_are_those_of_the_answers() -> None:
    passed = stages_of(replace(check(ECHOED, handshake=Handshake(0.25)), tunnel=RAN))
    rejected = stages_of(check(BAD_EMPTY))

    assert [passed[name].seconds for name in ("reach", "handshake", "tunnel")] == [None, 0.25, 0.012]
    assert rejected["handshake"].seconds == BAD_EMPTY.at


def test_a_stage_that_did_not_run_names_the_one_that_failed() -> None:
    assert stages_of(check(SILENCE))["tunnel"].detail == "the handshake failed"
    assert stages_of(check(BAD_EMPTY))["tunnel"].detail == "the answer did not authenticate"
    assert stages_of(check(NO_ROUTE))["authenticate"].detail == "the server was not reached"


# The resolve stage


def test_a_lookup_of_this_check_has_its_time_and_no_age() -> None:
    assert resolve_stage(Lookup((HOP,), at=10.0, took=0.002), began=9.0) == Stage(
        "resolve", StageOutcome.PASSED, 0.002
    )


def test_a_kept_answer_has_its_age() -> None:
    assert resolve_stage(Lookup((HOP,), at=10.0, took=0.002), began=22.0).detail == "looked up 12 s ago"


# The stage that a verdict blames


def test_the_diagnosis_names_the_stage_that_failed() -> None:
    checked = check(BAD_EMPTY)
    checked = replace(checked, stages=make_stages(checked, SERVER, NOT_NEEDED))

    assert diagnose(checked, SERVER).failed_stage == "authenticate"


def test_a_finding_of_an_earlier_check_blames_its_stage() -> None:
    checked = replace(check(ECHOED, handshake=ANSWERED), tunnel=RAN)
    checked = replace(checked, stages=make_stages(checked, SERVER, NOT_NEEDED))
    assert checked.failed_stage is None

    found = diagnose(checked, SERVER, standing=(PathMtu(1280, 1000, 1001),))

    assert found.failed_stage == "tunnel"


@given(st.lists(any_evidence | handshake_evidence, max_size=6), st.booleans())
def test_whatever_was_observed_a_check_that_is_up_has_no_failed_stage(
    evidence: list[Evidence], has_handshake: bool
) -> None:
    checked = check(*evidence, handshake=ANSWERED if has_handshake else None)
    checked = replace(checked, stages=make_stages(checked, SERVER, NOT_NEEDED))
    diagnosis = diagnose(checked, SERVER)

    is_up, is_down = (diagnosis.verdict.severity is each for each in (Severity.UP, Severity.DOWN))
    assert [each.name for each in checked.stages] == [
        "resolve",
        "reach",
        "handshake",
        "authenticate",
        "tunnel",
    ]
    assert not (is_up and diagnosis.failed_stage)
    assert not is_down or diagnosis.failed_stage


# The prober


async def test_the_prober_fills_the_stages_of_an_answered_check() -> None:
    async with ScriptedServer(healthy) as server, opened_prober() as prober:
        target = make_target(Endpoint("localhost", server.endpoint.port), timeout=SILENCE_TIMEOUT_S)
        target = replace(target, server=replace(target.server, tunnel=False))
        results = await prober.check_all(target)

    [answered] = [each for each in results if each.handshake]
    assert marks(answered.stages) == "++++-"
    resolve, _, handshake, _, _ = answered.stages
    assert resolve.seconds is not None
    assert resolve.seconds > 0
    assert answered.handshake
    assert handshake.seconds == answered.handshake.rtt


async def test_the_prober_fills_the_stages_of_a_check_without_answer() -> None:
    async with ScriptedServer(silence) as server, opened_prober() as prober:
        [result] = await prober.check_all(make_target(server.endpoint, timeout=SILENCE_TIMEOUT_S))

    assert marks(result.stages) == "-?X--"
    assert result.stages[2].detail == "no answer within 200 ms"


async def test_the_prober_fills_the_stages_of_a_preshared_key_that_does_not_fit() -> None:
    async with (
        ScriptedServer(lambda initiation: (response_to(initiation, PSK),)) as server,
        opened_prober() as prober,
    ):
        [result] = await prober.check_all(make_target(server.endpoint, timeout=SILENCE_TIMEOUT_S))

    assert marks(result.stages) == "-++X-"


async def test_the_prober_fills_the_stages_of_a_closed_port() -> None:
    with closed_port() as endpoint:
        async with opened_prober() as prober:
            [result] = await prober.check_all(make_target(endpoint, timeout=SILENCE_TIMEOUT_S))

    # Without an error queue nothing shows who sent the error: it may be a machine on the path.
    assert marks(result.stages) == ("-+X--" if PLATFORM.has_error_queue else "-?X--")


async def test_the_prober_fills_the_stages_of_a_name_that_does_not_resolve() -> None:
    async with opened_prober() as prober:
        [result] = await prober.check_all(make_target(Endpoint("does-not-exist.invalid", 51820)))

    resolve = result.stages[0]
    assert marks(result.stages) == "X----"
    assert resolve.detail
    assert resolve.seconds is not None
