"""Tests of the uplink guard: the uplink is to blame if all servers fall silent, never for one or two."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.monitor.sample_rounds import rounds
from tests.monitor.test_engine import Desk, at_work, watched
from tests.protocols.wireguard.harness import ScriptedServer, closed_port, healthy, silence
from wgmon_tui.checks.verdict import Severity
from wgmon_tui.config.models import Server
from wgmon_tui.monitor import uplink_doubts
from wgmon_tui.monitor.uplink_guard import MIN_SILENT_SERVERS, MIN_SILENT_SHARE, MIN_WITNESSES, UplinkGuard

pytestmark = pytest.mark.repeated_if_starved(0.05)
"""Half the shortest timeout of these checks."""

NAMES = [f"server-{number}" for number in range(10)]


def guard_over(names: Iterable[str]) -> UplinkGuard:
    guard = UplinkGuard()
    for name in names:
        guard.record_check(name, 0.0)
    return guard


def fall(guard: UplinkGuard, names: Iterable[str]) -> None:
    for name in names:
        guard.record_check(name, None)


# Who is to blame


def test_if_all_healthy_servers_fall_silent_the_uplink_is_to_blame() -> None:
    guard = guard_over(NAMES)
    fall(guard, NAMES)
    assert guard.is_suspicious
    assert guard.silent_servers == set(NAMES)


@pytest.mark.parametrize("few", range(MIN_SILENT_SERVERS))
def test_too_few_silent_servers_prove_nothing_about_the_uplink(few: int) -> None:
    guard = guard_over(NAMES[:few])
    fall(guard, NAMES[:few])
    assert not guard.is_suspicious


def test_it_takes_most_of_them() -> None:
    guard = guard_over(NAMES)
    fall(guard, NAMES[:7])
    assert not guard.is_suspicious
    fall(guard, NAMES[7:8])
    assert guard.is_suspicious


def test_servers_that_were_never_well_are_no_witnesses() -> None:
    guard = guard_over(NAMES[:2])
    fall(guard, NAMES)
    assert not guard.is_suspicious
    assert guard.silent_servers == set(NAMES[:2])


def test_one_that_fell_before_is_no_witness_once_another_has_answered() -> None:
    guard = guard_over(NAMES)
    fall(guard, NAMES[:5])
    guard.record_check(NAMES[5], 0.0)
    assert guard.silent_servers == frozenset()
    fall(guard, NAMES[:5])
    assert guard.silent_servers == frozenset()


def test_one_answer_clears_the_uplink() -> None:
    guard = guard_over(NAMES)
    fall(guard, NAMES)
    guard.record_check(NAMES[3], 0.0)
    assert not guard.is_suspicious


def test_servers_that_are_no_longer_watched_do_not_count() -> None:
    guard = guard_over(NAMES)
    fall(guard, NAMES[:MIN_SILENT_SERVERS])
    for name in NAMES[MIN_SILENT_SERVERS:]:
        guard.forget(name)
    assert guard.is_suspicious
    guard.forget(NAMES[0])
    assert not guard.is_suspicious


# What is in doubt


def test_a_failure_while_no_server_answers_is_in_doubt() -> None:
    guard = guard_over(NAMES)
    guard.record_check(NAMES[1], 100.0)
    assert guard.is_in_doubt(NAMES[0], asked_at=98.0, timeout=5.0)
    assert not guard.is_in_doubt(NAMES[0], asked_at=97.0, timeout=5.0)


def test_those_that_fell_before_put_the_next_one_in_doubt_too() -> None:
    guard = guard_over(NAMES[:3])
    fall(guard, NAMES[1:3])
    assert guard.is_in_doubt(NAMES[0], asked_at=98.0, timeout=5.0)


@pytest.mark.parametrize("few", range(1 + MIN_WITNESSES))
def test_without_enough_others_there_is_no_doubt(few: int) -> None:
    guard = guard_over(NAMES[:few])
    assert not guard.is_in_doubt(NAMES[0], asked_at=98.0, timeout=5.0)


def test_a_clock_that_was_set_back_ends_no_doubt_for_long() -> None:
    guard = guard_over(NAMES)
    guard.record_check(NAMES[1], 86_400.0)
    guard.record_check(NAMES[1], 100.0)
    assert guard.is_in_doubt(NAMES[0], asked_at=98.0, timeout=5.0)


def test_silent_servers_are_taken_in_portions_and_each_once() -> None:
    guard = guard_over(NAMES)
    fall(guard, NAMES)
    guard.forget(NAMES[3])
    portions = [
        guard.take_unblamed(4),
        guard.take_unblamed(4),
        guard.take_unblamed(4),
        guard.take_unblamed(4),
    ]
    assert [len(portion) for portion in portions] == [4, 4, 1, 0]
    assert {name for portion in portions for name in portion} == guard.silent_servers


def test_no_server_is_taken_once_one_has_answered() -> None:
    guard = guard_over(NAMES)
    fall(guard, NAMES)
    guard.record_check(NAMES[0], 1.0)
    assert guard.take_unblamed(len(NAMES)) == []


def test_witnesses_are_the_others_that_are_well_who_answered_last_first() -> None:
    guard = guard_over(NAMES[:5])
    guard.record_check(NAMES[1], 1.0)
    guard.record_check(NAMES[3], None)
    assert list(guard.witnesses(NAMES[0])) == [NAMES[1], NAMES[4], NAMES[2]]


def test_a_server_that_was_healthy_at_the_last_stop_counts_from_the_start() -> None:
    guard = UplinkGuard()
    for name in NAMES:
        guard.mark_well(name)
    assert guard.is_in_doubt(NAMES[0], asked_at=98.0, timeout=5.0)
    fall(guard, NAMES)
    assert guard.is_suspicious


def test_an_answer_from_before_the_outage_does_not_end_it() -> None:
    guard = guard_over(NAMES[:4])
    for name in NAMES[:3]:
        guard.record_check(name, None, asked_at=100.0)
    guard.record_check(NAMES[3], 99.0, asked_at=104.0)
    assert guard.silent_servers == set(NAMES[:3])
    guard.record_check(NAMES[3], None, asked_at=110.0)
    assert guard.is_suspicious


def test_a_clock_that_was_set_back_does_not_make_an_outage_last() -> None:
    guard = guard_over(NAMES[:4])
    for name in NAMES[:3]:
        guard.record_check(name, None, asked_at=86_400.0)
        guard.record_check(name, None, asked_at=100.0)
    guard.record_check(NAMES[3], 101.0)
    assert guard.silent_servers == frozenset()


class Guarded(RuleBasedStateMachine):
    """Any sequence of checks, compared with the plain history of answers."""

    def __init__(self) -> None:
        super().__init__()
        self.guard = UplinkGuard()
        self.answers: list[tuple[str, bool]] = []

    @rule(name=st.sampled_from(NAMES), answered=st.booleans())
    def check(self, name: str, answered: bool) -> None:
        self.guard.record_check(name, 0.0 if answered else None)
        self.answers.append((name, answered))

    @rule(names=st.sets(st.sampled_from(NAMES)))
    def all_fall(self, names: set[str]) -> None:
        for name in sorted(names):
            self.check(name, False)

    @rule(names=st.sets(st.sampled_from(NAMES), min_size=3))
    def all_answer(self, names: set[str]) -> None:
        for name in sorted(names):
            self.check(name, True)

    @rule(name=st.sampled_from(NAMES))
    def forget(self, name: str) -> None:
        self.guard.forget(name)
        self.answers = [each for each in self.answers if each[0] != name]

    def since_anybody_answered(self) -> list[str]:
        last = max((at for at, (_, answered) in enumerate(self.answers) if answered), default=-1)
        return [name for name, _ in self.answers[last + 1 :]]

    @invariant()
    def whoever_fell_had_answered_and_nobody_has_since(self) -> None:
        silent_now = self.since_anybody_answered()
        once_well = {name for name, answered in self.answers if answered}
        assert self.guard.silent_servers <= set(silent_now) & once_well

    @invariant()
    def suspicion_needs_so_many_and_such_a_share(self) -> None:
        if self.guard.is_suspicious:
            latest = dict(self.answers)
            still_well = [name for name, answered in latest.items() if answered]
            silent_servers = len(self.guard.silent_servers)
            assert silent_servers >= MIN_SILENT_SERVERS
            assert silent_servers >= MIN_SILENT_SHARE * (silent_servers + len(still_well))


TestGuarded = Guarded.TestCase
TestGuarded.settings = settings(stateful_step_count=25)


@given(st.lists(st.sampled_from(NAMES), min_size=1))
def test_one_silent_server_never_blames_the_uplink(others: list[str]) -> None:
    guard = guard_over(NAMES)
    for other in others:
        guard.record_check("alone", 0.0)
        guard.record_check("alone", None)
        guard.record_check("alone", None)
        assert not guard.is_suspicious
        guard.record_check(other, 0.0)


# In the engine


def fleet(server: ScriptedServer, names: Iterable[str]) -> list[Server]:
    return [replace(watched(server, name, interval=3600.0), timeout=0.1) for name in names]


def words(desk: Desk) -> set[str]:
    return {server_state.status_word for server_state in desk.engine.fleet_state.states.values()}


async def test_when_all_fall_silent_each_is_diagnosed_again_the_earlier_ones_too() -> None:
    names = NAMES[:4]
    async with ScriptedServer(healthy) as server, at_work(Desk().watch(*fleet(server, names))) as desk:
        await rounds(desk, names)
        server.script = silence
        await rounds(desk, names[:3])
        assert [desk.server_state(name).status_word for name in names] == ["silent"] * 3 + ["healthy"]
        await rounds(desk, names[3:])
        assert words(desk) == {"local-fault"}
        assert {server_state.severity for server_state in desk.engine.fleet_state.states.values()} == {
            Severity.UNKNOWN
        }
        last = desk.server_state(names[0]).last
        assert last is not None
        assert last.diagnosis.summary.startswith("All 4 servers stopped answering at once")
        await rounds(desk, names)  # and they stay so, while it lasts
        assert words(desk) == {"local-fault"}


@pytest.mark.thorough  # thousands of servers
async def test_of_very_many_all_are_diagnosed_again_while_the_rounds_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(uplink_doubts, "UPLINK_VERDICTS_AT_ONCE", 2)
    async with ScriptedServer(healthy) as server, at_work(Desk().watch(*fleet(server, NAMES))) as desk:
        await rounds(desk, NAMES)
        server.script = silence
        await rounds(desk, NAMES)
        await rounds(desk, NAMES[-5:])
        assert words(desk) == {"local-fault"}


async def test_those_already_blamed_are_left_alone_while_it_lasts() -> None:
    names = NAMES[:4]
    async with ScriptedServer(healthy) as server, at_work(Desk().watch(*fleet(server, names))) as desk:
        await rounds(desk, names)
        server.script = silence
        await rounds(desk, names)
        before = [desk.server_state(name).version for name in names[1:]]
        await rounds(desk, names[:1])
        assert [desk.server_state(name).version for name in names[1:]] == before


async def test_when_one_answers_again_the_others_are_on_their_own() -> None:
    names = NAMES[:4]
    async with (
        ScriptedServer(healthy) as server,
        ScriptedServer(healthy) as other,
        at_work(Desk().watch(*fleet(server, names), *fleet(other, ["other"]))) as desk,
    ):
        await rounds(desk, (*names, "other"))
        server.script = other.script = silence
        await rounds(desk, (*names, "other"))
        assert words(desk) == {"local-fault"}
        other.script = healthy
        await rounds(desk, ("other", *names))
        assert [desk.server_state(name).status_word for name in (*names, "other")] == ["silent"] * 4 + [
            "healthy"
        ]


@pytest.mark.thorough
async def test_a_refusal_by_the_server_itself_proves_that_the_uplink_works() -> None:
    names = NAMES[:3]
    async with ScriptedServer(healthy) as server, at_work(Desk().watch(*fleet(server, names))) as desk:
        await rounds(desk, names)
        with closed_port() as closed:
            desk.watch(*(replace(each, endpoint=closed, timeout=1.0) for each in fleet(server, names)))
            await rounds(desk, names)
        assert words(desk) == {"port-closed"}


async def test_names_that_stop_resolving_with_the_rest_blame_the_uplink_too() -> None:
    names = NAMES[:3]
    async with ScriptedServer(healthy) as server, at_work(Desk().watch(*fleet(server, names))) as desk:
        await rounds(desk, names)
        gone = replace(server.endpoint, host="nonexistent.invalid")
        desk.watch(*(replace(each, endpoint=gone) for each in fleet(server, names)))
        await rounds(desk, names)
        assert words(desk) == {"local-fault"}
