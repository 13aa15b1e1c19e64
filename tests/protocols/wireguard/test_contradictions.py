"""Tests that the evidence disproves no listed cause, with an independent statement of what disproves it."""

from __future__ import annotations

from ipaddress import ip_address, ip_interface

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.protocols.wireguard.sample_evidence import ADDRESS, LATE, SERVER, SILENCE, any_evidence, check
from wgmon_tui.checks.check import Check, Handshake, ProbedAs, Tunnel
from wgmon_tui.checks.context_evidence import (
    ForeignSession,
    InnerAddressAnswered,
    NeighboursFailed,
    OtherVantagesAnswered,
    ServerInitiated,
    WorkedUntil,
)
from wgmon_tui.checks.evidence import (
    Evidence,
    FreshPortAnswered,
    IdentityAnswered,
    InnerEcho,
    InnerHop,
    NameMoved,
    OtherAddressAnswered,
    PacketRejected,
    PassiveKeepalive,
    PresharedKeyFound,
)
from wgmon_tui.checks.rejection import Reason
from wgmon_tui.checks.verdict import Cause, Verdict
from wgmon_tui.net.inner_packets import InnerIcmp
from wgmon_tui.protocols.wireguard import causes, contradictions
from wgmon_tui.protocols.wireguard.contradictions import DISPROVED_BY, Hypothesis, is_contradicted
from wgmon_tui.protocols.wireguard.diagnose import diagnose

WITH_BOTH_VERSIONS = ProbedAs(
    SERVER.public_key, (ip_interface("10.8.0.250/32"), ip_interface("fd00::250/128"))
)
WITH_IPV4 = ProbedAs(SERVER.public_key, (ip_interface("10.8.0.250/32"),))
REDIRECT = InnerIcmp(ip_address("10.8.0.1"), 4, 5, 1, ip_address("10.8.0.9"))
PROHIBITED = InnerIcmp(ip_address("10.8.0.254"), 4, 3, 13, ip_address("10.8.0.1"))
OTHER_ADDRESS = OtherAddressAnswered(ip_address("198.51.100.9"))
NEIGHBOURS = NeighboursFailed(ADDRESS, 2, 2)

RIGHT_KEYS = "FreshPortAnswered LateAnswer OtherAddressAnswered PresharedKeyFound"
"""Evidence by its class: the server answered an initiation of this identity, somewhere or some time."""

SAME_ADDRESS = "CookieDemanded IdentityAnswered KnownKeyAnswered LateAnswer"
"""Evidence that packets reach this address from the usual port, and that its answers come back."""

DISPROVED_BY_ANY = {
    "key-unknown": f"{RIGHT_KEYS} ServerInitiated WorkedUntil",
    "key-removed": f"{RIGHT_KEYS} ServerInitiated",
    "server-key-wrong": f"{RIGHT_KEYS} CookieDemanded IdentityAnswered ServerInitiated",
    "timestamp-ahead": RIGHT_KEYS,
    "this-identity": RIGHT_KEYS,
    "firewall": f"{SAME_ADDRESS} FreshPortAnswered",
    "server-down": f"{SAME_ADDRESS} FreshPortAnswered OtherAddressAnswered OtherVantagesAnswered "
    "ServerInitiated",
    "machine-or-path": f"{SAME_ADDRESS} FreshPortAnswered",
    "path-to-address": f"{SAME_ADDRESS} FreshPortAnswered",
    "path-from-here": f"{SAME_ADDRESS} FreshPortAnswered",
    "name-moved": f"{SAME_ADDRESS} FreshPortAnswered",
    "uplink": f"{SAME_ADDRESS} FreshPortAnswered OtherAddressAnswered",
    "stale-flow": SAME_ADDRESS,
    "awg-parameters": f"{RIGHT_KEYS} CookieDemanded IdentityAnswered KnownKeyAnswered ServerInitiated",
}


def disproves(evidence: Evidence, hypothesis: str) -> bool:
    """Whether evidence disproves a cause, stated without the table of the program."""
    if type(evidence).__name__ in DISPROVED_BY_ANY.get(hypothesis, "").split():
        return True
    if isinstance(evidence, NeighboursFailed) and hypothesis in ("uplink", "machine-or-path"):
        return evidence.failed < evidence.watched
    if hypothesis == "uplink":
        return type(evidence).__name__ == "WitnessProbed" and evidence.answered  # type: ignore[union-attr]
    needs_silence = ("data-dropped", "data-not-acknowledged", "awg-data-parameters")
    if hypothesis in needs_silence and isinstance(evidence, PassiveKeepalive):
        return evidence.after is not None
    if isinstance(evidence, InnerIcmp | InnerHop):
        answered = {evidence.version} if evidence.source is not None else set[int]()
    elif isinstance(evidence, InnerEcho):
        answered = {6 if evidence.target.count(":") > 1 else 4} if evidence.received else set[int]()
    else:
        answered = set[int]()
    about, _, version = hypothesis.rpartition("-v")
    if about in ("allowed-ips", "no-route-back", "not-forwarded"):
        return int(version) in answered
    needs_no_answer = ("allowed-ips", "no-route-back", "not-forwarded", "data-dropped", "awg-data-parameters")
    return hypothesis in needs_no_answer and bool(answered)


any_check = st.builds(
    lambda *parts: _check(*parts),
    st.lists(any_evidence, max_size=5),
    st.none() | st.just(Handshake(0.02)),
    st.none() | st.builds(Tunnel, st.just(4), st.integers(0, 4), st.none(), st.none(), st.booleans()),
    st.sampled_from([None, WITH_IPV4, WITH_BOTH_VERSIONS]),
)


def _check(
    evidence: list[Evidence],
    handshake: Handshake | None = None,
    tunnel: Tunnel | None = None,
    probed_as: ProbedAs | None = None,
) -> Check:
    tunnel = tunnel if handshake else None
    return Check(
        "fra1", "here", SERVER.endpoint, ADDRESS, 1_700_000_000.0, handshake, tuple(evidence), tunnel=tunnel,
        probed_as=probed_as,
    )  # fmt: skip


@given(any_check)
def test_no_evidence_disproves_a_listed_cause(done: Check) -> None:
    for cause in diagnose(done, SERVER).causes:
        assert not [each for each in done.evidence if disproves(each, cause.hypothesis)], cause


@pytest.mark.parametrize("answered", [FreshPortAnswered(), OTHER_ADDRESS, PresharedKeyFound(None)])
def test_where_answers_disprove_every_lasting_cause_packets_are_lost(answered: Evidence) -> None:
    diagnosis = diagnose(_check([IdentityAnswered("other"), answered, ServerInitiated(0.1, 3)]), SERVER)
    assert [cause.cause for cause in diagnosis.causes] == [causes.lossy(SERVER).cause]


@given(any_check)
def test_down_always_has_a_cause_left(done: Check) -> None:
    diagnosis = diagnose(done, SERVER)
    if diagnosis.verdict in (Verdict.SILENT, Verdict.DATA_DEAD, Verdict.PEER_MISSING, Verdict.UNPROVEN):
        assert diagnosis.causes


@given(st.sampled_from(sorted(DISPROVED_BY)), any_evidence)
def test_the_table_agrees_with_the_independent_statement(hypothesis: Hypothesis, evidence: Evidence) -> None:
    if disproves(evidence, hypothesis):
        assert is_contradicted(hypothesis, [evidence])


def test_every_hypothesis_that_evidence_can_disprove_is_in_the_table() -> None:
    never_disproved = {Hypothesis.SERVER_HUNG, Hypothesis.IDENTITY_SHARED}
    assert set(DISPROVED_BY) == set(Hypothesis) - never_disproved


@pytest.mark.parametrize(
    "lost",
    [
        SILENCE,
        PassiveKeepalive(None, 10.75),
        InnerEcho("10.8.0.1", 4, 0, None),
        InnerHop(4, None, None),
    ],
    ids=lambda each: type(each).__name__,
)
def test_a_lost_packet_disproves_nothing(lost: Evidence) -> None:
    assert not [each for each in Hypothesis if is_contradicted(each, [lost])]


def test_a_cause_without_identity_is_never_disproved() -> None:
    plain = Cause("a cause", "why", "fix")
    assert contradictions.without_contradicted([plain], [LATE, OTHER_ADDRESS]) == [plain]


# The examples


def hypotheses(*evidence: Evidence) -> list[str]:
    return [each.hypothesis for each in diagnose(check(*evidence), SERVER).causes]


def test_an_answer_from_another_address_puts_the_path_to_this_one_first() -> None:
    listed = hypotheses(SILENCE, OTHER_ADDRESS)
    assert listed == [Hypothesis.PATH_TO_ADDRESS, Hypothesis.FIREWALL]


def test_keys_that_worked_before_were_not_forgotten_from_the_start() -> None:
    diagnosis = diagnose(check(SILENCE, WorkedUntil(1_700_000_000.0 - 5)), SERVER)
    assert Hypothesis.KEY_UNKNOWN not in [each.hypothesis for each in diagnosis.causes]
    assert Hypothesis.KEY_REMOVED in [each.hypothesis for each in diagnosis.causes]
    assert diagnosis.causes[0].hypothesis == Hypothesis.FIREWALL
    assert "it worked with this key until " in diagnosis.summary
    assert diagnosis.summary.count(":") == 2  # a clock with seconds


def test_neighbours_that_failed_together_put_their_machine_first_and_the_keys_last() -> None:
    diagnosis = diagnose(check(SILENCE, NEIGHBOURS), SERVER)
    listed = [each.hypothesis for each in diagnosis.causes]
    assert listed[0] == Hypothesis.MACHINE_OR_PATH
    assert set(listed[-3:]) == {
        Hypothesis.KEY_UNKNOWN,
        Hypothesis.SERVER_KEY_WRONG,
        Hypothesis.TIMESTAMP_AHEAD,
    }
    assert "3 servers at 192.0.2.7 failed together" in diagnosis.summary


def test_a_neighbour_that_answers_leaves_the_machine_out() -> None:
    assert Hypothesis.MACHINE_OR_PATH not in hypotheses(SILENCE, NeighboursFailed(ADDRESS, 2, 3))


def test_a_name_that_moved_is_a_cause() -> None:
    moved = NameMoved("fra1.example.net", (ip_address("192.0.2.1"),), (ADDRESS,))
    assert hypotheses(SILENCE, moved)[0] == Hypothesis.NAME_MOVED


def test_a_server_that_others_reach_is_not_down() -> None:
    listed = hypotheses(SILENCE, OtherVantagesAnswered(("fra", "nyc")))
    assert listed[0] == Hypothesis.PATH_FROM_HERE
    assert Hypothesis.SERVER_DOWN not in listed


def test_a_server_whose_tunnel_answers_another_way_is_silent_to_this_identity_first_of_all() -> None:
    listed = hypotheses(SILENCE, InnerAddressAnswered(ip_address("10.8.0.1"), "own-wg0"))
    assert listed[0] == Hypothesis.THIS_IDENTITY


def test_a_server_that_initiates_knows_this_identity() -> None:
    listed = hypotheses(SILENCE, ServerInitiated(0.5, 2))
    assert Hypothesis.FIREWALL in listed
    assert not {Hypothesis.KEY_UNKNOWN, Hypothesis.SERVER_KEY_WRONG, Hypothesis.SERVER_DOWN} & set(listed)


def test_a_late_answer_leaves_neither_keys_nor_clock() -> None:
    assert not {
        Hypothesis.KEY_UNKNOWN,
        Hypothesis.SERVER_KEY_WRONG,
        Hypothesis.TIMESTAMP_AHEAD,
        Hypothesis.FIREWALL,
    } & set(hypotheses(SILENCE, LATE))


def test_another_identity_that_is_answered_proves_nothing_if_this_one_is_known() -> None:
    diagnosis = diagnose(check(SILENCE, IdentityAnswered("guest"), ServerInitiated(0.5, 1)), SERVER)
    assert diagnosis.verdict is Verdict.SILENT


def test_another_client_leads_the_causes_of_silence() -> None:
    assert hypotheses(SILENCE, ForeignSession(4))[0] == Hypothesis.IDENTITY_SHARED


def test_a_forged_packet_disproves_nothing() -> None:
    rejected = [PacketRejected(0.01, reason, 92) for reason in Reason]
    assert not [each for each in Hypothesis if is_contradicted(each, rejected)]


@pytest.mark.parametrize("error", [REDIRECT, PROHIBITED], ids=["redirect", "prohibited"])
def test_an_error_from_inside_proves_allowed_ips_and_the_route_back(error: InnerIcmp) -> None:
    silent = InnerEcho("10.8.0.1", 4, 0, None)
    done = _check([silent, error], Handshake(0.02), Tunnel(4, 0, None, None, passive=False), WITH_IPV4)
    diagnosis = diagnose(done, SERVER)
    assert diagnosis.verdict in (Verdict.DATA_DEAD, Verdict.INNER_DEAD)
    assert diagnosis.causes
    assert not [each for each in diagnosis.causes if "AllowedIPs" in each.cause or "route back" in each.cause]


def test_an_answer_over_ipv4_leaves_allowed_ips_of_ipv6() -> None:
    hops = [InnerHop(4, ip_address("10.8.0.1"), 0.02), InnerHop(6, None, None)]
    done = _check(list(hops), Handshake(0.02), Tunnel(2, 1, None, None, True), WITH_BOTH_VERSIONS)
    listed = {each.hypothesis for each in diagnose(done, SERVER).causes}
    assert Hypothesis.ALLOWED_IPS_V6 in listed
