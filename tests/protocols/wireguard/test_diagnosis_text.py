"""Tests of the diagnosis text: a sentence per fact, a command per cause."""

from __future__ import annotations

import dataclasses
import string
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.parameters import examples
from tests.protocols.wireguard.sample_evidence import (
    BAD_EMPTY,
    BAD_MAC1,
    CLOSED,
    COOKIE,
    EPERM,
    FOREIGN,
    KINDS,
    LATE,
    NO_ROUTE,
    ONE_OF_EACH,
    OVERFLOW,
    PROHIBITED,
    REJECTED_BY_ROUTER,
    SERVER,
    SILENCE,
    UNRESOLVED,
    check,
    handshake_evidence,
    icmp,
)
from wgmon_tui.checks.check import Handshake
from wgmon_tui.checks.context_evidence import ServerInitiated
from wgmon_tui.checks.evidence import Evidence, LateAnswer
from wgmon_tui.checks.evidence_text import describe_evidence
from wgmon_tui.checks.icmp_errors import icmp_name
from wgmon_tui.checks.misconfiguration import diagnose_misconfiguration
from wgmon_tui.checks.verdict import Diagnosis, Severity, Verdict
from wgmon_tui.config.models import SecretForm, SecretSource
from wgmon_tui.net.platforms import PLATFORM
from wgmon_tui.protocols.wireguard.context_causes import trace_command
from wgmon_tui.protocols.wireguard.diagnose import diagnose

LOSSES: list[float | None] = [0.02, None] * 3
ONE_OF_EACH_DIAGNOSIS = [
    *(
        diagnose(check(*facts), SERVER)
        for facts in (
            (SILENCE,),
            (LATE, SILENCE),
            (COOKIE, SILENCE),
            (FOREIGN, SILENCE),
            (BAD_MAC1, SILENCE),
            (BAD_EMPTY, SILENCE),
            (CLOSED, CLOSED),
            (REJECTED_BY_ROUTER,),
            (PROHIBITED,),
            (NO_ROUTE,),
            (OVERFLOW, SILENCE),
            (EPERM,),
            (UNRESOLVED,),
        )
    ),
    diagnose(check(handshake=Handshake(0.02)), SERVER),
    *(
        diagnose(check(*facts, handshake=handshake), replace(SERVER, tunnel=False), recent)
        for facts, handshake, recent in (
            ((), Handshake(0.02), ()),
            ((), Handshake(0.02), LOSSES),
            ((), Handshake(0.6), ()),
            ((COOKIE,), Handshake(0.02, cookie=True), ()),
        )
    ),
    diagnose_misconfiguration('servers.toml: identity "bastion": key private_key_file: no such file'),
]


def texts(diagnosis: Diagnosis) -> list[str]:
    causes = [text for cause in diagnosis.causes for text in (cause.cause, cause.why, cause.fix)]
    return [diagnosis.summary, *diagnosis.evidence, *causes]


@pytest.mark.parametrize("diagnosis", ONE_OF_EACH_DIAGNOSIS, ids=lambda each: each.summary)
def test_every_text_is_one_whole_line(diagnosis: Diagnosis) -> None:
    for text in texts(diagnosis):
        assert text.strip() == text != ""
        assert text.isprintable()
        assert not set("{}") & set(text)


@pytest.mark.parametrize("diagnosis", ONE_OF_EACH_DIAGNOSIS, ids=lambda each: each.summary)
def test_whatever_is_not_well_has_a_cause_to_look_into(diagnosis: Diagnosis) -> None:
    assert bool(diagnosis.causes) == (diagnosis.verdict is not Verdict.HEALTHY)


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_has_a_slug_a_severity_and_a_meaning(verdict: Verdict) -> None:
    assert set(verdict.slug) <= set(string.ascii_lowercase + "-")
    assert verdict.severity in Severity
    assert verdict.meaning.endswith(".")


def test_slugs_are_unique() -> None:
    assert len({verdict.slug for verdict in Verdict}) == len(Verdict)


def test_severities_rank_worst_first() -> None:
    words = [severity.word for severity in sorted(Severity, key=lambda severity: severity.rank)]
    assert words == ["down", "degraded", "unknown", "up", "paused"]


# Silence


@given(st.lists(handshake_evidence, max_size=6))
def test_silence_says_that_it_does_not_know_and_ranks_what_may_be(evidence: list[Evidence]) -> None:
    diagnosis = diagnose(check(*evidence), SERVER)
    if diagnosis.verdict is Verdict.SILENT:
        assert diagnosis.causes
        assert not any(cause.cause in diagnosis.summary for cause in diagnosis.causes)


def test_mere_silence_says_so_in_words() -> None:
    assert diagnose(check(SILENCE), SERVER).summary == "No answer. Silence alone does not show the cause."


def test_what_is_known_beside_silence_leads_the_causes() -> None:
    hung = diagnose(check(LATE, SILENCE), SERVER)
    flooded = diagnose(check(COOKIE, SILENCE), SERVER)
    assert "slow" in hung.causes[0].cause
    assert "hangs" in hung.causes[1].cause
    assert "7.50 s" in hung.summary
    assert "flooded" in flooded.causes[0].cause


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (6.0, "Answered after 6.00 s, later than the timeout of 5.00 s. Clients start over after 5 s"),
        (3.0, "an authentic answer came 3.00 s after its request, when the check had ended"),
    ],
)
def test_a_late_answer_says_how_late_and_blames_no_key(age: float, words: str) -> None:
    diagnosis = diagnose(check(SILENCE, LateAnswer(age)), SERVER)
    assert words in diagnosis.summary
    assert not any("key" in cause.cause for cause in diagnosis.causes)


def test_an_answer_that_does_not_open_may_be_forged_and_says_so() -> None:
    causes = diagnose(check(BAD_EMPTY), SERVER).causes
    assert "preshared key" in causes[0].cause
    assert "forges" in causes[1].cause


@pytest.mark.parametrize("ours", [None, SecretSource(SecretForm.ENV, "PSK")])
def test_a_psk_mismatch_says_whether_we_have_one(ours: SecretSource | None) -> None:
    server = dataclasses.replace(SERVER, preshared_key=ours)
    why = diagnose(check(BAD_EMPTY), server).causes[0].why
    assert ("sets a preshared key" if ours else "sets no preshared key") in why


# Real names and ports


@pytest.mark.parametrize(
    ("facts", "typed"),
    [
        ((SILENCE,), str(SERVER.public_key)),
        ((SILENCE,), "udp port 51823"),
        ((BAD_EMPTY,), 'server "fra1"'),
        ((CLOSED,), "must print 51823"),
        ((NO_ROUTE,), trace_command(SERVER)),
        ((PROHIBITED,), "on the server: nft list ruleset | grep -e reject -e 51823"),
        ((UNRESOLVED,), "dig fra1.example.net"),
        ((FOREIGN,), ":51823"),
        ((EPERM,), PLATFORM.commands.firewall),
    ],
)
def test_what_to_type_names_the_real_server(facts: tuple[Evidence, ...], typed: str) -> None:
    assert any(typed in cause.fix for cause in diagnose(check(*facts), SERVER).causes)


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ((CLOSED,), "192.0.2.7 reports that nothing listens on UDP port 51823."),
        ((REJECTED_BY_ROUTER,), "198.51.100.1 on the path reports: port unreachable."),
        ((PROHIBITED,), "The server itself reports: communication administratively prohibited."),
        ((UNRESOLVED,), "fra1.example.net does not resolve: Name or service not known."),
        ((EPERM,), "Could not send: the firewall of this machine blocks it (EPERM)."),
    ],
)
def test_a_summary_says_who_said_what(facts: tuple[Evidence, ...], said: str) -> None:
    assert diagnose(check(*facts), SERVER).summary == said


@pytest.mark.parametrize("facts", [icmp(4, 3, 1, "198.51.100.1"), icmp(6, 1, 3, "2001:db8::1")])
def test_a_router_that_cannot_reach_the_machine_names_a_machine_that_is_off_first(facts: Evidence) -> None:
    causes = [each.cause for each in diagnose(check(facts), SERVER).causes]
    assert causes == ["the machine is off or has another address", "routing to the server is broken"]


def test_a_router_without_a_route_or_a_server_that_initiates_does_not_mean_a_machine_that_is_off() -> None:
    alive = check(icmp(4, 3, 1, "198.51.100.1"), ServerInitiated(0.5, 1))
    for each in (check(NO_ROUTE), alive):
        assert [cause.cause for cause in diagnose(each, SERVER).causes] == ["routing to the server is broken"]


def test_an_address_that_reports_another_machine_as_missing_is_that_of_a_nat() -> None:
    [cause] = diagnose(check(icmp(4, 3, 1)), SERVER).causes
    assert cause.cause.startswith("the address is that of a NAT or relay")
    assert cause.fix.startswith("on the NAT: ")


# Facts in words


@pytest.mark.parametrize("kind", KINDS)
@examples(50)
@given(st.data())
def test_every_kind_of_fact_has_a_sentence(kind: type[Evidence], data: st.DataObject) -> None:
    assert describe_evidence(data.draw(st.from_type(kind)))


def test_no_two_kinds_of_fact_share_a_sentence() -> None:
    assert len({describe_evidence(each) for each in ONE_OF_EACH}) == len(ONE_OF_EACH)


def test_an_icmp_error_without_a_name_keeps_its_numbers() -> None:
    assert icmp_name(icmp(4, 3, 200)) == "type 3 code 200"
    assert describe_evidence(icmp(6, 1, 3, "fe80::1")) == "fe80::1 reports: address unreachable (ICMPv6 1/3)"


def test_a_too_small_mtu_is_named() -> None:
    too_big = dataclasses.replace(icmp(4, 3, 4, "198.51.100.1"), mtu=1280)
    assert describe_evidence(too_big) == "198.51.100.1 reports: fragmentation needed (ICMP 3/4, MTU 1280)"
