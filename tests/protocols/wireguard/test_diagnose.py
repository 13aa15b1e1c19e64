"""Tests of the verdict for each combination of evidence."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.protocols.wireguard.sample_evidence import (
    BAD_EMPTY,
    BAD_MAC1,
    CLOSED,
    CLOSED_V6,
    COOKIE,
    EPERM,
    FOREIGN,
    LATE,
    NO_ROUTE,
    ONE_OF_EACH,
    OVERFLOW,
    PROHIBITED,
    REJECTED_BY_ROUTER,
    SERVER,
    SILENCE,
    UNRESOLVED,
    any_evidence,
    check,
    handshake_evidence,
)
from wgmon_tui.checks.check import Direction, Handshake, Packet, Tunnel
from wgmon_tui.checks.evidence import (
    AnsweredFromElsewhere,
    Evidence,
    FreshPortAnswered,
    GatewaySilent,
    IcmpError,
    InnerEcho,
    MachineStarved,
    RecentLoss,
)
from wgmon_tui.checks.misconfiguration import diagnose_misconfiguration
from wgmon_tui.checks.protocol import LOSS_WINDOW
from wgmon_tui.checks.verdict import Diagnosis, Severity, Verdict
from wgmon_tui.protocols.wireguard.diagnose import diagnose

UNANSWERED: list[tuple[str, tuple[Evidence, ...], Verdict]] = [
    ("nothing came", (SILENCE,), Verdict.SILENT),
    ("nothing at all is known", (), Verdict.SILENT),
    ("an earlier check was answered late", (LATE, SILENCE), Verdict.SLOW),
    ("it demanded a cookie, then fell silent", (COOKIE, SILENCE), Verdict.SILENT),
    ("the name has no address", (UNRESOLVED,), Verdict.DNS_FAILURE),
    ("an answer under another preshared key", (BAD_EMPTY, SILENCE), Verdict.PSK_MISMATCH),
    ("the server itself: port unreachable", (CLOSED, CLOSED), Verdict.PORT_CLOSED),
    ("the same over IPv6", (CLOSED_V6, CLOSED_V6), Verdict.PORT_CLOSED),
    ("a router: port unreachable", (REJECTED_BY_ROUTER,) * 2, Verdict.UNREACHABLE),
    ("the server itself: prohibited", (PROHIBITED, PROHIBITED), Verdict.UNREACHABLE),
    ("a router: network unreachable", (NO_ROUTE, NO_ROUTE), Verdict.UNREACHABLE),
    ("our kernel would not send", (EPERM, EPERM), Verdict.LOCAL_FAULT),
    ("our own buffer ran over", (OVERFLOW, SILENCE), Verdict.LOCAL_FAULT),
    ("bytes of another protocol", (FOREIGN, SILENCE), Verdict.NOT_WIREGUARD),
    ("answers that are not this server's", (BAD_MAC1, SILENCE), Verdict.NOT_WIREGUARD),
    # Where several facts come together, the one that proves most decides.
    ("another preshared key, among garbage", (FOREIGN, BAD_MAC1, BAD_EMPTY, SILENCE), Verdict.PSK_MISMATCH),
    ("another preshared key, and a port closed since", (BAD_EMPTY, CLOSED), Verdict.PSK_MISMATCH),
    ("the server's own word beside a router's", (NO_ROUTE, CLOSED), Verdict.PORT_CLOSED),
    ("our own firewall rejects, and nothing is sent", (REJECTED_BY_ROUTER, EPERM), Verdict.LOCAL_FAULT),
    ("garbage, while our own buffer ran over", (FOREIGN, OVERFLOW, SILENCE), Verdict.LOCAL_FAULT),
    ("garbage that speaks no WireGuard beside some that does", (BAD_MAC1, FOREIGN), Verdict.NOT_WIREGUARD),
]


@pytest.mark.parametrize(
    ("evidence", "verdict"), [case[1:] for case in UNANSWERED], ids=[case[0] for case in UNANSWERED]
)
def test_unanswered(evidence: tuple[Evidence, ...], verdict: Verdict) -> None:
    assert diagnose(check(*evidence), SERVER).verdict is verdict


def test_a_routers_word_about_a_packet_weighs_more_than_one_that_was_not_sent() -> None:
    sent = replace(check(EPERM, NO_ROUTE), exchange=(Packet(0.0, Direction.SENT, bytes(148)),))
    assert diagnose(sent, SERVER).verdict is Verdict.UNREACHABLE


def test_a_dead_gateway_is_named_and_nothing_else_is_listed() -> None:
    gateway = GatewaySilent(ip_address("10.98.0.1"), "eth0")
    own_error = IcmpError(3.0, 4, 3, 1, "10.98.0.2", from_target=False)
    found = diagnose(check(own_error, own_error, gateway), SERVER)
    assert found.verdict is Verdict.LOCAL_FAULT
    assert found.summary == "The gateway 10.98.0.1 of this machine does not answer on eth0."
    assert [cause.cause for cause in found.causes] == [
        "the gateway 10.98.0.1 of this machine is down, or the link to it is"
    ]


HANDSHAKE_ONLY = replace(SERVER, tunnel=False)
LOST: list[float | None] = [None]
FINE: list[float | None] = [0.02]

ANSWERED: list[tuple[str, Handshake, list[float | None], Verdict]] = [
    ("at once", Handshake(0.02), [], Verdict.HEALTHY),
    ("at once, as always", Handshake(0.02), FINE * LOSS_WINDOW, Verdict.HEALTHY),
    ("after a retransmission", Handshake(0.02, retransmits=1), FINE, Verdict.HEALTHY),
    ("exactly at the server's limit", Handshake(0.5), [], Verdict.HEALTHY),
    ("over the server's limit", Handshake(0.51), [], Verdict.SLOW),
    ("after a cookie", Handshake(0.02, cookie=True), [], Verdict.UNDER_LOAD),
    ("after a cookie, and slowly", Handshake(0.8, cookie=True), [], Verdict.UNDER_LOAD),
    ("three separate losses before", Handshake(0.02), (FINE * 3 + LOST) * 3 + FINE, Verdict.LOSSY),
    ("two separate losses before", Handshake(0.02), (FINE * 3 + LOST) * 2 + FINE, Verdict.HEALTHY),
    ("one long outage that is over", Handshake(0.02), FINE * 5 + LOST * 15, Verdict.HEALTHY),
    ("never before", Handshake(0.02), LOST * LOSS_WINDOW, Verdict.HEALTHY),
    ("slowly, with losses before", Handshake(0.8), (FINE + LOST) * 5, Verdict.SLOW),
]


@pytest.mark.parametrize(
    ("handshake", "recent", "verdict"), [case[1:] for case in ANSWERED], ids=[case[0] for case in ANSWERED]
)
def test_answered(handshake: Handshake, recent: list[float | None], verdict: Verdict) -> None:
    assert diagnose(check(handshake=handshake), HANDSHAKE_ONLY, recent).verdict is verdict


def diagnose_data(handshake_rtt: float, data_rtt: float, *evidence: Evidence) -> Diagnosis:
    """Diagnose a check whose data came back after `data_rtt` seconds."""
    echoes = InnerEcho("10.8.0.1", 3, 3, data_rtt)
    answered = check(echoes, *evidence, handshake=Handshake(handshake_rtt))
    return diagnose(replace(answered, tunnel=Tunnel(3, 3, data_rtt, None, passive=False)), SERVER)


def test_slow_data_after_a_quick_handshake_is_slow_and_says_that_it_is_the_data() -> None:
    diagnosis = diagnose_data(0.005, 1.5)
    assert diagnosis.verdict is Verdict.SLOW
    assert "1.50 s through the tunnel, handshake 5.0 ms: data is queued or shaped" in diagnosis.summary
    assert "queue" in diagnosis.causes[0].cause


def test_a_slow_path_is_slow_and_says_that_it_is_the_handshake() -> None:
    diagnosis = diagnose_data(0.65, 0.66)
    assert diagnosis.verdict is Verdict.SLOW
    assert "handshake 650 ms" in diagnosis.summary
    assert "queued" not in diagnosis.summary


def test_data_just_above_the_limit_is_slow_without_a_guess_about_queues() -> None:
    diagnosis = diagnose_data(0.45, 0.55)
    assert diagnosis.verdict is Verdict.SLOW
    assert "550 ms through the tunnel" in diagnosis.summary
    assert "queued" not in diagnosis.summary


@pytest.mark.parametrize(
    ("source", "where"),
    [
        (("192.0.2.9", SERVER.endpoint.port), "192.0.2.9, not from 192.0.2.7:"),
        (("192.0.2.7", 4242), f"port 4242, not from port {SERVER.endpoint.port}:"),
        (("192.0.2.9", 4242), "192.0.2.9 port 4242, not from 192.0.2.7:"),
    ],
)
def test_answers_from_elsewhere_are_degraded_and_named(source: tuple[str, int], where: str) -> None:
    diagnosis = diagnose_data(0.02, 0.02, AnsweredFromElsewhere(*source))
    assert diagnosis.verdict is Verdict.UNPROVEN
    assert diagnosis.summary.startswith(f"Answers come from {where}")


SOME_LOSS = RecentLoss(20, 20, 0, 60, 5)


def test_known_loss_makes_a_server_that_answers_lossy() -> None:
    diagnosis = diagnose(check(handshake=Handshake(0.02)), HANDSHAKE_ONLY, standing=(SOME_LOSS,))
    assert diagnosis.verdict is Verdict.LOSSY
    assert diagnosis.summary == "Answers in 20.0 ms, but over the last 20 checks 5 of 60 echoes were lost."


@pytest.mark.parametrize("explained", [True, False])
def test_silence_that_known_loss_explains_is_loss_and_the_path_leads_its_causes(explained: bool) -> None:
    diagnosis = diagnose(check(SILENCE), SERVER, (), (SOME_LOSS,), is_explained_by_loss=explained)
    assert diagnosis.verdict is (Verdict.LOSSY if explained else Verdict.SILENT)
    assert diagnosis.causes[0].cause.startswith("packets are lost on the path")


def test_data_that_known_loss_took_is_loss() -> None:
    dead = replace(
        check(InnerEcho("10.8.0.1", 3, 0, None), handshake=Handshake(0.02)),
        tunnel=Tunnel(3, 0, None, None, passive=False),
    )
    diagnosis = diagnose(dead, SERVER, (), (SOME_LOSS,), is_explained_by_loss=True)
    assert diagnosis.verdict is Verdict.LOSSY
    assert diagnosis.summary.startswith("The handshake works, but no data came back, which loss")


def test_what_is_proven_is_never_put_down_to_loss() -> None:
    diagnosis = diagnose(check(CLOSED, SILENCE), SERVER, (), (SOME_LOSS,), is_explained_by_loss=True)
    assert diagnosis.verdict is Verdict.PORT_CLOSED


def test_a_first_packet_lost_in_every_check_is_named() -> None:
    first_lost = RecentLoss(20, 40, 20, 60, 0)
    diagnosis = diagnose(check(handshake=Handshake(0.02, retransmits=1)), HANDSHAKE_ONLY, (), (first_lost,))
    assert diagnosis.verdict is Verdict.LOSSY
    assert "20 of 40 initiations were lost" in diagnosis.summary
    assert any("first packet of each flow" in cause.cause for cause in diagnosis.causes)


def test_a_hidden_retransmission_stands_in_the_evidence() -> None:
    diagnosis = diagnose(check(handshake=Handshake(0.02, retransmits=1)), HANDSHAKE_ONLY)
    assert diagnosis.evidence[0] == "the response authenticated after 20.0 ms; 1 initiation got no answer"


def test_answers_from_elsewhere_lead_the_causes_of_dead_data() -> None:
    silent = InnerEcho("10.8.0.1", 3, 0, None)
    dead = check(silent, AnsweredFromElsewhere("192.0.2.9", 1), handshake=Handshake(0.02))
    diagnosis = diagnose(replace(dead, tunnel=Tunnel(3, 0, None, None, passive=False)), SERVER)
    assert diagnosis.verdict is Verdict.DATA_DEAD
    assert "several addresses" in diagnosis.causes[0].cause


@pytest.mark.parametrize("evidence", ONE_OF_EACH, ids=lambda each: type(each).__name__)
def test_no_evidence_takes_away_what_an_authentic_answer_proves(evidence: Evidence) -> None:
    diagnosis = diagnose(check(evidence, handshake=Handshake(0.02)), HANDSHAKE_ONLY)
    assert diagnosis.verdict is Verdict.HEALTHY
    assert len(diagnosis.evidence) == 2  # the handshake and that


def test_what_we_ourselves_lack_is_unknown_and_repeats_the_line() -> None:
    diagnosis = diagnose_misconfiguration('servers.toml: server "fra1": key preshared_key_file: no such file')
    assert diagnosis.verdict is Verdict.MISCONFIGURED
    assert diagnosis.summary.startswith("servers.toml")


@given(st.lists(any_evidence, max_size=6))
def test_without_a_handshake_nothing_is_up(evidence: list[Evidence]) -> None:
    assert diagnose(check(*evidence), SERVER).verdict.severity is not Severity.UP


@given(
    st.builds(Handshake, st.floats(0, 10), st.integers(0, 3), st.booleans()),
    st.lists(handshake_evidence, max_size=6),
    st.lists(st.none() | st.floats(0, 5), max_size=LOSS_WINDOW),
)
def test_with_a_handshake_nothing_that_preceded_it_is_down(
    handshake: Handshake, evidence: list[Evidence], recent: list[float | None]
) -> None:
    diagnosis = diagnose(check(*evidence, handshake=handshake), SERVER, recent)
    assert diagnosis.verdict.severity is not Severity.DOWN


def test_data_that_this_machine_dropped_is_no_dead_data() -> None:
    lost = check(OVERFLOW, InnerEcho("10.8.0.1", 3, 0, None), handshake=Handshake(0.02))
    lost = replace(lost, tunnel=Tunnel(3, 0, None, None, passive=False))
    assert diagnose(lost, SERVER).verdict is Verdict.LOCAL_FAULT
    answered = check(OVERFLOW, InnerEcho("10.8.0.1", 3, 3, 0.02), handshake=Handshake(0.02))
    answered = replace(answered, tunnel=Tunnel(3, 3, 0.02, None, passive=False))
    assert diagnose(answered, SERVER).verdict is Verdict.HEALTHY


def test_a_late_answer_on_a_starved_machine_is_slow_where_the_wait_does_not_explain_it() -> None:
    late = check(LATE, SILENCE, MachineStarved(LATE.age / 2))
    assert diagnose(late, replace(SERVER, slow=0.5)).verdict is Verdict.SLOW
    assert diagnose(late, replace(SERVER, slow=LATE.age)).verdict is Verdict.LOCAL_FAULT


@pytest.mark.parametrize(("address", "options"), [("192.0.2.7", "-D -p"), ("2001:db8::7", "-D -f ipv6 -p")])
def test_the_stale_flow_is_deleted_in_the_address_family_of_the_server(address: str, options: str) -> None:
    stuck = replace(check(SILENCE, FreshPortAnswered()), address=ip_address(address))
    [cause] = diagnose(stuck, SERVER).causes
    assert f"conntrack {options} udp --dport {SERVER.endpoint.port}" in cause.fix


def test_errors_without_a_quote_count_only_where_no_other_came() -> None:
    blind = replace(CLOSED, quotes_packet=False)
    quoting = replace(NO_ROUTE, quotes_packet=True)
    assert diagnose(check(blind, quoting, SILENCE), SERVER).verdict is Verdict.UNREACHABLE
    assert diagnose(check(blind, SILENCE), SERVER).verdict is Verdict.PORT_CLOSED


def test_icmp_errors_while_this_machine_drops_datagrams_prove_no_closed_port() -> None:
    assert diagnose(check(CLOSED, CLOSED, OVERFLOW, SILENCE), SERVER).verdict is Verdict.LOCAL_FAULT


@given(st.lists(handshake_evidence, max_size=6))
def test_the_order_in_which_facts_came_does_not_matter(evidence: list[Evidence]) -> None:
    forwards, backwards = (diagnose(check(*order), SERVER) for order in (evidence, evidence[::-1]))
    assert forwards.verdict is backwards.verdict
