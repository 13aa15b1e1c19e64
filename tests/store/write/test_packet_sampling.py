from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from tests.store.engine_updates import answered, lost
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.monitor.fleet_state import Round
from wgmon_tui.store.write.packet_sampling import GOOD_EVERY_S, PacketSampler


class SampledServer:
    """One server, checked every ten seconds; what was kept, as text."""

    def __init__(self, per_incident: int = 20, sampler: PacketSampler | None = None) -> None:
        self.sampler = sampler or PacketSampler(per_incident, Random(0))
        self.at = 0.0
        self.kept: list[tuple[str, float]] = []

    def up(self, times: int = 1, incident: str | None = None) -> SampledServer:
        for _ in range(times):
            self.record(answered("fra1", self.at), incident)
        return self

    def down(self, times: int = 1, incident: str | None = None) -> SampledServer:
        for _ in range(times):
            self.record(lost("fra1", self.at), incident)
        return self

    def record(self, outcome: Round, incident: str | None = None) -> None:
        for kept in self.sampler.select("fra1", outcome, incident):
            self.kept.append((kept.kind, kept.round.check.started_at))
        self.at += 10.0


def test_a_change_of_verdict_is_kept_in_both_directions_with_the_last_good_round_before_it() -> None:
    server = SampledServer().up(3).down(2).up(2)
    assert server.kept == [("good", 0.0), ("good", 20.0), ("change", 30.0), ("change", 50.0)]


def test_the_first_round_that_is_well_is_kept_as_the_last_good_one() -> None:
    assert SampledServer().up().kept == [("good", 0.0)]


def test_the_first_round_that_is_not_well_is_a_change() -> None:
    assert SampledServer().down(3).kept == [("change", 0.0)]


def test_while_all_is_well_the_last_good_round_is_written_every_ten_minutes() -> None:
    server = SampledServer().up(121)
    assert server.kept == [("good", 0.0), ("good", 600.0), ("good", 1200.0)]


def test_after_a_start_the_fleet_is_not_written_all_at_once() -> None:
    sampler, due = PacketSampler(20, Random(1)), []
    for number in range(100):
        name = f"server-{number}"
        sampler.resume(name, Verdict.HEALTHY, None, 0)
        at = 0.0
        while not sampler.select(name, answered(name, at), None):
            at += 10.0
        due.append(at)
    assert max(due) <= GOOD_EVERY_S
    assert sum(at < GOOD_EVERY_S / 2 for at in due) in range(30, 70)


def test_a_clock_that_is_set_back_holds_no_good_round_up() -> None:
    server = SampledServer()
    server.at = 100_000.0
    server.up(2)
    server.at = 0.0
    server.up(2)
    assert server.kept == [("good", 100_000.0), ("good", 0.0)]


def test_of_an_incident_the_first_failures_are_kept_and_then_one_at_every_doubling() -> None:
    server = SampledServer(per_incident=8).up().down()
    begin = server.at
    server.down(300, "incident")
    failures = [round((at - begin) / 10) + 1 for kind, at in server.kept if kind == "failure"]
    assert failures == [1, 2, 3, 4, 8, 16, 32, 64]


def test_each_incident_has_its_own_failures() -> None:
    server = SampledServer(per_incident=2).down().down(5, "one").up().down().down(5, "two")
    assert [kind for kind, _ in server.kept].count("failure") == 4


def test_a_lost_packet_that_opens_no_incident_is_a_change_and_no_failure() -> None:
    assert "failure" not in [kind for kind, _ in SampledServer().up().down().up().down().up().kept]


def test_an_unknown_outcome_is_no_failure_of_an_incident() -> None:
    server = SampledServer().up().down(3, "incident")
    before = len(server.kept)
    for _ in range(5):
        server.record(lost("fra1", server.at, Verdict.LOCAL_FAULT), "incident")
    assert [kind for kind, _ in server.kept[before:]] == ["change"]


def test_after_a_restart_the_verdict_that_goes_on_is_no_change() -> None:
    sampler = PacketSampler(20, Random(0))
    sampler.resume("fra1", Verdict.SILENT, "incident", 0)
    assert SampledServer(sampler=sampler).down(1, "incident").kept == [("failure", 0.0)]


def test_of_a_verdict_that_changes_with_every_round_of_an_incident_some_changes_are_kept() -> None:
    server = SampledServer(per_incident=8).up().down()
    before = len(server.kept)
    for number in range(1000):
        verdict = Verdict.SILENT if number % 2 else Verdict.PORT_CLOSED
        server.record(lost("fra1", server.at, verdict), "incident")
    assert [kind for kind, _ in server.kept[before:]].count("change") == 8


def test_without_an_incident_some_changes_of_a_day_are_kept() -> None:
    server = SampledServer(per_incident=8)
    for _ in range(2):
        day = server.at
        for _ in range(1000):
            server.up().down()
        server.at = day + 86400.0
    assert [kind for kind, _ in server.kept].count("change") == 2 * 8


@given(most=st.integers(0, 12), restart=st.integers(0, 300))
def test_no_incident_keeps_more_failures_than_it_may_even_after_a_restart(most: int, restart: int) -> None:
    server = SampledServer(per_incident=most).down()
    server.down(restart, "incident")
    before = [kind for kind, _ in server.kept].count("failure")
    server.sampler.resume("fra1", Verdict.SILENT, "incident", before)
    server.down(300, "incident")
    assert [kind for kind, _ in server.kept].count("failure") <= most


def test_a_new_store_is_given_the_last_good_round_again() -> None:
    server = SampledServer().up()
    server.sampler.start_new_store()
    assert server.down().kept == [("good", 0.0), ("good", 0.0), ("change", 10.0)]
