"""Timestamp ledger: stamps always increase, whatever the clock does, also between processes."""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from itertools import pairwise
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.store.ledger_harness import IDENTITY, OTHER, YEAR_NS, Clock
from wgmon_tui.checks import tai64n
from wgmon_tui.config.keys import PublicKey
from wgmon_tui.store.identity_lock import identity_digest
from wgmon_tui.store.timestamp_ledger import GROUP_LENGTH, TimestampLedger

# Always later


@given(st.lists(st.integers(-YEAR_NS, YEAR_NS) | st.integers(-2, 2), min_size=1, max_size=30), st.data())
def test_stamps_increase_however_the_clock_is_set_and_whenever_the_program_restarts(
    steps_ns: list[int], data: st.DataObject
) -> None:
    restarts = data.draw(st.sets(st.integers(0, len(steps_ns))))
    with tempfile.TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        clock = Clock(patch)
        ledger = TimestampLedger(Path(directory))
        stamps = [ledger.next(IDENTITY)]
        for number, step_ns in enumerate(steps_ns):
            clock.now_ns += step_ns
            if number in restarts:
                ledger.__exit__(None, None, None)
                ledger = TimestampLedger(Path(directory))
            stamps.append(ledger.next(IDENTITY))
        ledger.__exit__(None, None, None)
    assert all(before < after for before, after in pairwise(stamps))
    assert ledger.trouble is None


def test_a_stamp_is_the_time_where_the_clock_has_moved_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    with TimestampLedger(tmp_path) as ledger:
        for _ in range(3):
            clock.now_ns += 1_000
            assert ledger.next(IDENTITY) == tai64n.encode(clock.now_ns)


def test_where_the_clock_was_set_back_a_stamp_follows_the_last_by_a_nanosecond(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    with TimestampLedger(tmp_path) as ledger:
        last = tai64n.decode(ledger.next(IDENTITY))
        clock.now_ns -= 3600 * 10**9
        assert tai64n.decode(ledger.next(IDENTITY)) == last + 1
        assert ledger.ahead_s(IDENTITY) == pytest.approx(3600)


def test_a_clock_that_is_right_is_not_behind(tmp_path: Path) -> None:
    with TimestampLedger(tmp_path) as ledger:
        assert ledger.ahead_s(IDENTITY) == 0
        ledger.next(IDENTITY)
        assert ledger.ahead_s(IDENTITY) < 0.001


def test_identities_do_not_share_their_stamps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    with TimestampLedger(tmp_path) as ledger:
        ledger.next(IDENTITY)
        clock.now_ns -= YEAR_NS
        assert ledger.next(OTHER) == tai64n.encode(clock.now_ns)


# Between processes


def take(state_dir: Path, identity: bytes, count: int, pipe: Connection) -> None:
    with TimestampLedger(state_dir) as ledger:
        pipe.send(None)
        pipe.recv()
        pipe.send([ledger.next(PublicKey(identity)) for _ in range(count)])


def test_two_processes_that_share_an_identity_never_repeat_a_stamp_or_go_back(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    pipes, processes = [], []
    for _ in range(2):
        ours, theirs = spawn.Pipe()
        process = spawn.Process(target=take, args=(tmp_path, IDENTITY.raw, 3000, theirs))
        process.start()
        theirs.close()
        pipes.append(ours)
        processes.append(process)
    for pipe in pipes:
        pipe.recv()
    for pipe in pipes:  # both are ready: start at the same time
        pipe.send(None)
    taken = [pipe.recv() for pipe in pipes]
    for process, pipe in zip(processes, pipes, strict=True):
        process.join()
        pipe.close()
    for stamps in taken:
        assert all(before < after for before, after in pairwise(stamps))
    assert len({*taken[0], *taken[1]}) == 6000
    with TimestampLedger(tmp_path) as ledger:
        assert ledger.next(IDENTITY) > max(*taken[0], *taken[1])


def test_two_ledgers_that_take_turns_see_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Clock(monkeypatch)  # the clock is frozen: only the file can make timestamps increase
    with TimestampLedger(tmp_path) as one, TimestampLedger(tmp_path) as two:
        stamps = [ledger.next(IDENTITY) for _ in range(50) for ledger in (one, two)]
    assert all(before < after for before, after in pairwise(stamps))


# Processes of one group


def test_what_a_group_stamps_is_not_elsewhere_and_what_others_stamp_is(tmp_path: Path) -> None:
    group = bytes(range(GROUP_LENGTH))
    with (
        TimestampLedger(tmp_path, group=group) as one,
        TimestampLedger(tmp_path, group=group) as two,
        TimestampLedger(tmp_path) as stranger,
    ):
        stamps = [each.next(IDENTITY) for each in (one, two, one, two)]
        assert one.stamped_elsewhere(IDENTITY) is None
        stamps.append(stranger.next(IDENTITY))
        stamps.append(one.next(IDENTITY))
        assert one.stamped_elsewhere(IDENTITY) == pytest.approx(time.time(), abs=60)
        assert stranger.next(IDENTITY) > stamps[-1]
        assert stranger.stamped_elsewhere(IDENTITY) is not None
    assert stamps == sorted(set(stamps))


def test_a_new_process_of_a_group_takes_an_earlier_stamp_for_that_of_an_earlier_run(tmp_path: Path) -> None:
    group = bytes(range(GROUP_LENGTH))
    with TimestampLedger(tmp_path, group=group) as ended:
        ended.next(IDENTITY)
    with TimestampLedger(tmp_path, group=group) as ledger:
        ledger.next(IDENTITY)
        assert ledger.stamped_elsewhere(IDENTITY) is not None


def test_the_copy_of_a_group_has_what_each_of_its_processes_used(tmp_path: Path) -> None:
    group = bytes(range(GROUP_LENGTH))
    with TimestampLedger(tmp_path, group=group) as writer, TimestampLedger(tmp_path, group=group) as worker:
        stamp = worker.next(IDENTITY)
        assert writer.last() == {identity_digest(IDENTITY): tai64n.decode(stamp)}
