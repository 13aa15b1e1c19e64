"""Tests of carried evidence: what stays valid with the next check, and what disproves it."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.protocols.wireguard.sample_evidence import any_evidence
from wgmon_tui.checks.check import Check, Handshake, Tunnel
from wgmon_tui.checks.evidence import (
    Evidence,
    FlowCut,
    ForeignBytes,
    FreshPortAnswered,
    IcmpError,
    IdentityAnswered,
    InnerEcho,
    InnerHop,
    KnownKeyAnswered,
    MachineStarved,
    NameUnresolved,
    PassiveKeepalive,
    PathMtu,
    PresharedKeyFound,
    ProtocolEvidence,
    Silence,
    Soak,
    SocketError,
    StampsAhead,
)
from wgmon_tui.checks.expiry import Expires
from wgmon_tui.checks.fetch_evidence import InnerFetch
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.config.keys import PrivateKey
from wgmon_tui.config.models import Server
from wgmon_tui.monitor.carried_evidence import carried_after, still_valid, without_experiments
from wgmon_tui.monitor.fleet_state import FleetState, Round
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.protocols.wireguard.diagnose import diagnose

KEY = PrivateKey(bytes(range(32))).public
SERVER = Server("fra1", Endpoint("192.0.2.7", 51820), KEY, "bastion")
ADDRESS = ip_address("192.0.2.7")

SILENCE = Silence(5.0)
KEEPALIVE = PassiveKeepalive(10.1, 10.75)
NO_KEEPALIVE = PassiveKeepalive(None, 10.75)
NARROW = PathMtu(1420, 1280, 1281)
WIDE = PathMtu(1420, 1420, None)
OF_THE_DATA_PATH: list[Evidence] = [KEEPALIVE, NO_KEEPALIVE, NARROW]
OF_SILENCE: list[Evidence] = [
    KnownKeyAnswered(KEY),
    IdentityAnswered("laptop"),
    PresharedKeyFound("nyc1"),
    FreshPortAnswered(),
    StampsAhead(3600.0),
]
PASSED = Tunnel(3, 2, 0.02, None, passive=False)
LOST = Tunnel(3, 0, None, None, passive=False)

each_of_the_data_path = pytest.mark.parametrize("found", OF_THE_DATA_PATH, ids=repr)
each_of_silence = pytest.mark.parametrize("found", OF_SILENCE, ids=lambda each: type(each).__name__)


def answered(*evidence: Evidence, tunnel: Tunnel | None = None) -> Check:
    return Check("fra1", "here", SERVER.endpoint, ADDRESS, 0.0, Handshake(0.02), evidence, tunnel=tunnel)


def unanswered(*evidence: Evidence) -> Check:
    return Check("fra1", "here", SERVER.endpoint, ADDRESS, 0.0, None, evidence)


# Sizes


def test_the_result_of_the_size_check_outlives_a_failed_check_but_explains_none() -> None:
    for found in (NARROW, PathMtu(1420, 0, None)):
        assert still_valid((found,), unanswered(SILENCE)) == ()
        kept = carried_after((found,), unanswered(SILENCE))
        assert kept == (found,)
        assert still_valid(kept, answered(tunnel=PASSED)) == (found,)


@pytest.mark.parametrize(
    "missed",
    [(NARROW,), (NO_KEEPALIVE,), (Soak(40, 20, 25_000, 12.0), FlowCut(20, 11_264, 5.0, 12))],
    ids=["large packets", "a keepalive", "the rest of a flow"],
)
def test_what_a_starved_check_missed_is_carried_into_no_later_one(missed: tuple[Evidence, ...]) -> None:
    assert set(carried_after((), answered(*missed, tunnel=LOST))) == set(missed)
    starved = answered(*missed, MachineStarved(1.0), tunnel=LOST)
    assert carried_after((), starved, is_doubted=True) == ()
    assert carried_after((WIDE,), starved, is_doubted=True) == (WIDE,)


def test_a_soak_that_the_diagnosis_believes_stays_though_the_check_waited_for_the_processor() -> None:
    cut = (Soak(40, 20, 25_000, 12.0), FlowCut(20, 11_264, 5.0, 12))
    whole = Soak(100, 100, 67_000, 12.0)
    assert carried_after((), answered(*cut, MachineStarved(1.0))) == cut
    assert carried_after(cut, answered(whole, MachineStarved(1.0))) == (whole,)


def test_a_later_size_check_replaces_the_result() -> None:
    wide = PathMtu(1420, 1420, None)
    assert carried_after((NARROW,), answered(wide, tunnel=PASSED)) == (wide,)


def test_a_first_hop_that_answers_disproves_a_missing_keepalive() -> None:
    hop = InnerHop(4, ip_address("10.8.0.1"), 0.02)
    assert still_valid((NO_KEEPALIVE,), answered(hop, tunnel=LOST)) == ()


# Still valid


@each_of_silence
def test_an_explanation_of_silence_is_carried_while_silent(found: Evidence) -> None:
    assert still_valid([found], unanswered(SILENCE)) == (found,)


@each_of_the_data_path
def test_the_result_of_a_deep_check_is_carried_through_quick_checks(found: Evidence) -> None:
    assert still_valid([found], answered(InnerEcho("10.8.0.1", 3, 0, None), tunnel=LOST)) == (found,)
    assert still_valid([found], answered()) == (found,)


def test_an_mtu_is_carried_while_small_packets_pass() -> None:
    assert still_valid([NARROW], answered(tunnel=PASSED)) == (NARROW,)


# Dropped


@each_of_silence
def test_a_handshake_refutes_every_explanation_of_silence(found: Evidence) -> None:
    assert still_valid([found], answered()) == ()


def test_what_an_experiment_found_about_data_holds_while_the_handshake_works_and_data_is_lost() -> None:
    found = ProtocolEvidence("amneziawg", "data-passes", ("", "s4", "0"), None, True, True)
    assert still_valid([found], answered(tunnel=LOST)) == (found,)
    assert still_valid([found], answered(tunnel=PASSED)) == ()
    assert still_valid([found], unanswered(SILENCE)) == ()
    assert carried_after((), answered(found, tunnel=LOST)) == (found,)


@each_of_silence
@pytest.mark.parametrize(
    "said",
    [
        IcmpError(0.01, 4, 3, 3, "192.0.2.7", from_target=True),
        SocketError(0.0, "ENETUNREACH"),
        NameUnresolved("fra1.example.net", "no answer"),
    ],
    ids=lambda each: type(each).__name__,
)
def test_what_explained_silence_does_not_explain_a_refusal(found: Evidence, said: Evidence) -> None:
    assert still_valid([found], unanswered(said)) == ()


@pytest.mark.parametrize("found", [KEEPALIVE, NO_KEEPALIVE], ids=repr)
def test_data_that_comes_back_refutes_what_was_found_in_its_absence(found: Evidence) -> None:
    assert still_valid([found], answered(tunnel=PASSED)) == ()


@each_of_the_data_path
def test_without_a_handshake_no_data_path_evidence_is_carried(found: Evidence) -> None:
    assert still_valid([found], unanswered(SILENCE)) == ()


def test_a_new_result_replaces_the_carried_one() -> None:
    wider = PathMtu(1420, 1420, None)
    assert still_valid([NARROW], answered(wider)) == ()
    assert carried_after([NARROW], answered(wider)) == (wider,)


@given(st.lists(any_evidence, max_size=6))
def test_evidence_of_a_single_check_is_never_carried(evidence: list[Evidence]) -> None:
    kinds = (*map(type, OF_THE_DATA_PATH + OF_SILENCE), InnerFetch, FlowCut, Soak, Expires)

    def is_lasting(each: Evidence) -> bool:
        of_experiment = isinstance(each, ProtocolEvidence) and each.from_experiment
        return isinstance(each, kinds) or of_experiment

    for check in (answered(*evidence), unanswered(*evidence)):
        assert all(map(is_lasting, carried_after((), check)))
        assert all(map(is_lasting, still_valid(evidence, check)))


@given(st.lists(any_evidence, max_size=4), st.lists(any_evidence, max_size=4))
def test_carried_evidence_does_not_grow_with_every_check(
    before: list[Evidence], evidence: list[Evidence]
) -> None:
    for check in (answered(*evidence), unanswered(*evidence)):
        once = carried_after(before, check)
        assert set(carried_after(once, check)) == set(once)


def test_experiments_made_again_begin_without_their_old_findings() -> None:
    carried_evidence = {ADDRESS: (*OF_SILENCE, *OF_THE_DATA_PATH), None: (FreshPortAnswered(),)}
    assert without_experiments(carried_evidence) == {ADDRESS: tuple(OF_THE_DATA_PATH), None: ()}


# In the fleet state


def recorded(fleet_state: FleetState, check: Check) -> tuple[Evidence, ...]:
    server_state = fleet_state.states["fra1"]
    carried_evidence = still_valid(server_state.carried_evidence.get(ADDRESS, ()), check)
    fleet_state.record(
        "fra1", Round((check,), (diagnose(check, server_state.server, (), carried_evidence),)), now=100.0
    )
    return server_state.carried_evidence.get(ADDRESS, ())


def verdict(fleet_state: FleetState) -> Verdict:
    last = fleet_state.states["fra1"].last
    assert last is not None
    return last.diagnosis.verdict


def test_a_proof_holds_until_the_server_answers() -> None:
    fleet_state = FleetState([SERVER])
    recorded(fleet_state, unanswered(SILENCE, KnownKeyAnswered(KEY)))
    recorded(fleet_state, unanswered(SILENCE))
    assert verdict(fleet_state) is Verdict.WRONG_SERVER_KEY
    recorded(fleet_state, answered())
    recorded(fleet_state, unanswered(SILENCE))
    assert verdict(fleet_state) is Verdict.SILENT


def test_bytes_of_another_protocol_keep_a_proof() -> None:
    fleet_state = FleetState([SERVER])
    recorded(fleet_state, unanswered(SILENCE, KnownKeyAnswered(KEY)))
    recorded(fleet_state, unanswered(ForeignBytes(0.01, 4, b"SSH-"), SILENCE))
    assert verdict(fleet_state) is Verdict.WRONG_SERVER_KEY


def test_a_server_that_was_edited_loses_its_carried_evidence() -> None:
    fleet_state = FleetState([SERVER])
    assert recorded(fleet_state, answered(NO_KEEPALIVE)) == (NO_KEEPALIVE,)
    assert verdict(fleet_state) is Verdict.DATA_DEAD
    fleet_state.replace([SERVER])
    assert fleet_state.states["fra1"].carried_evidence == {ADDRESS: (NO_KEEPALIVE,)}
    fleet_state.replace([replace(SERVER, tunnel=False)])  # as the diagnosis suggests
    recorded(fleet_state, answered())
    assert verdict(fleet_state) is Verdict.HEALTHY


# What a soak found

CUT = FlowCut(20, 11_264, 5.0, 12)
SOAKED = Soak(40, 20, 25_000, 12.0)
PASSED_SOAK = Soak(100, 98, 70_000, 31.0)
NO_SOAK = Soak(3, 0, 0, 2.0)


@pytest.mark.parametrize(
    "between", [answered(), answered(CUT), answered(NO_SOAK), unanswered(SILENCE), unanswered()], ids=repr
)
def test_a_cut_that_a_soak_found_stays_until_a_soak_that_something_answers(between: Check) -> None:
    found = carried_after((), answered(CUT, SOAKED))
    assert set(carried_after(found, between)) == {CUT, SOAKED}
    assert set(carried_after(found, answered(PASSED_SOAK))) == {PASSED_SOAK}


def test_a_cut_of_an_earlier_soak_is_no_evidence_beside_a_soak_that_passed() -> None:
    assert still_valid([CUT, SOAKED], answered()) == (CUT, SOAKED)
    assert still_valid([CUT, SOAKED], answered(PASSED_SOAK)) == ()
    assert still_valid([CUT, SOAKED], unanswered(SILENCE)) == ()


def test_a_cut_that_an_ordinary_check_found_is_not_carried() -> None:
    assert carried_after((), answered(CUT)) == ()


def test_a_server_whose_flows_are_cut_stays_dies_after_between_soaks() -> None:
    carried = carried_after((), answered(CUT, SOAKED))
    later = answered(InnerEcho("10.8.0.1", 3, 3, 0.02), tunnel=PASSED)
    assert diagnose(later, SERVER, (), still_valid(carried, later)).verdict is Verdict.DIES_AFTER
    recovered = answered(InnerEcho("10.8.0.1", 3, 3, 0.02), PASSED_SOAK, tunnel=PASSED)
    assert diagnose(recovered, SERVER, (), still_valid(carried, recovered)).verdict is Verdict.HEALTHY
