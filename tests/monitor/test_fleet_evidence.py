"""Tests of what earlier checks, neighbours and other vantages show about a silent server."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

from tests.monitor.sample_vantages import START, VANTAGES, watched
from wgmon_tui.checks.check import Check, Handshake
from wgmon_tui.checks.context_evidence import (
    InnerAddressAnswered,
    NeighboursFailed,
    OtherVantagesAnswered,
    WorkedUntil,
)
from wgmon_tui.checks.evidence import (
    Silence,
)
from wgmon_tui.checks.verdict import Diagnosis, Verdict
from wgmon_tui.config.keys import PresharedKey, PrivateKey
from wgmon_tui.monitor.fleet_evidence import FleetEvidence
from wgmon_tui.monitor.fleet_state import FleetState, Round
from wgmon_tui.monitor.quorum import VantageReport
from wgmon_tui.protocols.wireguard.targets import Target

ADDRESS, ELSEWHERE = ip_address("192.0.2.7"), ip_address("198.51.100.9")
NAMES = ("fra1", "fra2", "fra3")
TARGETS = {name: Target(watched(name), PrivateKey(bytes(range(32)))) for name in NAMES}


class Fleet:
    """Three servers, whose rounds the test records one by one."""

    def __init__(self) -> None:
        self.state = FleetState([target.server for target in TARGETS.values()])
        self.evidence = FleetEvidence(self.state)

    def answer(self, name: str, at: float, *, address: object = ADDRESS) -> None:
        self._record(name, at, Handshake(0.02), Verdict.HEALTHY, address)

    def fail(self, name: str, at: float, verdict: Verdict = Verdict.SILENT) -> None:
        self._record(name, at, None, verdict, ADDRESS)

    def _record(
        self, name: str, at: float, handshake: Handshake | None, verdict: Verdict, address: object
    ) -> None:
        check = replace(check_at(at), server=name, handshake=handshake, address=address)  # type: ignore[arg-type]
        outcome = Round((check,), (Diagnosis(verdict, verdict.meaning),))
        self.evidence.record(self.state.states[name], TARGETS[name], outcome)
        self.state.record(name, outcome, at)

    def about(self, name: str, at: float, target: Target | None = None) -> tuple[object, ...]:
        return self.evidence.about(self.state.states[name], target or TARGETS[name], [check_at(at)])[ADDRESS]


def check_at(at: float) -> Check:
    server = TARGETS["fra1"].server
    return Check("fra1", "local", server.endpoint, ADDRESS, at, None, (Silence(5.0),))


def test_a_server_that_never_answered_has_no_history() -> None:
    assert Fleet().about("fra1", START) == ()


def test_the_last_answer_is_when_the_keys_last_worked() -> None:
    fleet = Fleet()
    fleet.answer("fra1", START)
    fleet.answer("fra1", START + 10)
    fleet.fail("fra1", START + 20)
    assert fleet.about("fra1", START + 30) == (WorkedUntil(START + 10),)


def test_an_answer_to_other_keys_is_no_history() -> None:
    fleet = Fleet()
    fleet.answer("fra1", START)
    other_identity = Target(TARGETS["fra1"].server, PrivateKey(bytes(32)))
    other_secret = replace(TARGETS["fra1"], preshared_key=PresharedKey(bytes(range(32))))
    assert fleet.about("fra1", START + 10, other_identity) == ()
    assert fleet.about("fra1", START + 10, other_secret) == ()


def test_neighbours_that_failed_in_the_same_interval_are_counted() -> None:
    fleet = Fleet()
    for name in NAMES:
        fleet.answer(name, START)
    fleet.fail("fra2", START + 10)
    fleet.fail("fra3", START + 11)
    assert NeighboursFailed(ADDRESS, 2, 2) in fleet.about("fra1", START + 12)


def test_a_neighbour_that_has_answered_since_shows_that_the_machine_is_up() -> None:
    fleet = Fleet()
    for name in NAMES:
        fleet.answer(name, START)
    fleet.fail("fra1", START + 10)
    fleet.fail("fra2", START + 11)
    assert NeighboursFailed(ADDRESS, 1, 1) in fleet.about("fra1", START + 20)
    fleet.answer("fra3", START + 16)
    assert NeighboursFailed(ADDRESS, 1, 2) in fleet.about("fra1", START + 20)


def test_a_neighbour_that_was_down_long_before_did_not_fail_together() -> None:
    fleet = Fleet()
    for name in NAMES:
        fleet.answer(name, START)
    fleet.fail("fra2", START + 10)
    fleet.answer("fra1", START + 1000)
    assert fleet.about("fra1", START + 1010) == (WorkedUntil(START + 1000),)


def test_a_neighbour_with_a_fault_of_its_own_did_not_fail_together() -> None:
    fleet = Fleet()
    for name in NAMES:
        fleet.answer(name, START)
    fleet.fail("fra2", START + 10, Verdict.PSK_MISMATCH)
    assert fleet.about("fra1", START + 12) == (WorkedUntil(START),)


def test_a_server_that_moved_away_is_no_neighbour() -> None:
    fleet = Fleet()
    fleet.answer("fra1", START)
    fleet.answer("fra2", START)
    fleet.answer("fra2", START + 5, address=ELSEWHERE)
    fleet.evidence.forget("fra3")
    assert fleet.about("fra1", START + 12) == (WorkedUntil(START),)


def test_vantages_with_an_answer_are_named() -> None:
    fleet = Fleet()
    fleet.state.set_vantages(VANTAGES, 1, START)
    good = replace(check_at(START), handshake=Handshake(0.02), vantage="fra", evidence=())
    answered = Round((good,), (Diagnosis(Verdict.HEALTHY, "Answers."),))
    silent = Round((check_at(START),), (Diagnosis(Verdict.SILENT, "Silent."),))
    fleet.state.record_report(VantageReport("fra", "one", 1, "fra1", answered), START + 1)
    fleet.state.record_report(VantageReport("nyc", "one", 1, "fra1", silent), START + 1)
    assert fleet.about("fra1", START + 2) == (OtherVantagesAnswered(("fra",)),)


def test_the_keys_of_the_last_answer_never_show() -> None:
    fleet = Fleet()
    fleet.answer("fra1", START)
    assert "target" not in repr(fleet.state.states["fra1"].last_answer)


def test_an_address_inside_the_tunnel_that_answers_another_servers_checks_is_named() -> None:
    inner = ip_address("10.8.0.1")
    fleet = Fleet()
    silent = replace(fleet.state.states["fra1"].server, tunnel_ping=(inner,))
    fleet.state.states["fra1"].server = silent
    fleet.fail("fra1", START)
    fleet.answer("fra2", START - 10, address=inner)
    assert InnerAddressAnswered(inner, "fra2") not in fleet.about("fra1", START + 1)
    fleet.answer("fra2", START + 10, address=inner)
    assert InnerAddressAnswered(inner, "fra2") in fleet.about("fra1", START + 12)
