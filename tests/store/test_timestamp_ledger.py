from __future__ import annotations

import errno
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wgmon_tui.checks import tai64n
from wgmon_tui.config.keys import PrivateKey, PublicKey
from wgmon_tui.store.identity_lock import identity_digest
from wgmon_tui.store.timestamp_ledger import GROUP_LENGTH, TimestampLedger

IDENTITY = PrivateKey(bytes(range(32))).public
OTHER = PrivateKey(bytes(range(1, 33))).public
YEAR_NS = 365 * 86_400 * 10**9


class Clock:
    """The wall clock, which a test sets."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.now_ns = time.time_ns()
        patch.setattr(time, "time_ns", lambda: self.now_ns)


def only_file(state_dir: Path) -> Path:
    [path] = (state_dir / "stamps").iterdir()
    return path


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
        assert pipe.poll(30)
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


# The copy in the store


@pytest.mark.parametrize("spoil", [lambda path: path.unlink(), lambda path: path.write_bytes(b"torn")])
def test_where_its_file_is_gone_or_spoiled_the_stamps_go_on_from_the_store_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Path], object]
) -> None:
    clock = Clock(monkeypatch)
    with TimestampLedger(tmp_path) as ledger:
        ledger.next(IDENTITY)
        copy = ledger.last()
        clock.now_ns += 60 * 10**9  # the copy is a minute old
        last = ledger.next(IDENTITY)
    spoil(only_file(tmp_path))
    clock.now_ns -= YEAR_NS
    with TimestampLedger(tmp_path, copy) as ledger:
        assert ledger.next(IDENTITY) > last
        assert ledger.ahead_s(IDENTITY) < YEAR_NS / 1e9 + 300


def test_a_copy_behind_the_clock_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    with TimestampLedger(tmp_path) as ledger:
        ledger.next(IDENTITY)
        copy = ledger.last()
    only_file(tmp_path).unlink()
    clock.now_ns += 1
    with TimestampLedger(tmp_path, copy) as ledger:
        assert ledger.next(IDENTITY) == tai64n.encode(clock.now_ns)


def test_an_intact_file_counts_more_than_the_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    with TimestampLedger(tmp_path) as ledger:
        ledger.next(IDENTITY)
        copy = {key: last_ns + YEAR_NS for key, last_ns in ledger.last().items()}
    with TimestampLedger(tmp_path, copy) as ledger:
        clock.now_ns += 1
        assert ledger.next(IDENTITY) == tai64n.encode(clock.now_ns)


def test_without_a_directory_the_copy_is_what_stamps_go_on_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    with TimestampLedger(tmp_path) as ledger:
        last = ledger.next(IDENTITY)
        copy = ledger.last()
    clock.now_ns -= YEAR_NS
    (tmp_path / "a-file").touch()
    with TimestampLedger(tmp_path / "a-file" / "state", copy) as ledger:
        assert ledger.next(IDENTITY) > last


# On disk


def test_the_file_is_for_its_owner_and_its_name_tells_no_key(tmp_path: Path) -> None:
    former = os.umask(0)
    try:
        with TimestampLedger(tmp_path / "state") as ledger:
            ledger.next(IDENTITY)
    finally:
        os.umask(former)
    path = only_file(tmp_path / "state")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert path.stat().st_size == 12
    assert str(IDENTITY)[:8] not in path.name
    assert IDENTITY.raw.hex()[:8] not in path.name


@given(st.binary(max_size=20))
def test_a_spoiled_file_neither_raises_nor_stops_the_stamps(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as directory:
        with TimestampLedger(Path(directory)) as ledger:
            ledger.next(IDENTITY)
        only_file(Path(directory)).write_bytes(content)
        with TimestampLedger(Path(directory)) as ledger:
            stamps = [ledger.next(IDENTITY) for _ in range(3)]
    assert all(before < after for before, after in pairwise(stamps))


@pytest.mark.parametrize("content", [b"", bytes(12), b"\xff" * 12, b"\xff" * 8 + b"\0" * 4, b"torn"])
def test_a_time_beyond_any_clock_is_no_stamp(tmp_path: Path, content: bytes) -> None:
    with TimestampLedger(tmp_path) as ledger:
        ledger.next(IDENTITY)
    only_file(tmp_path).write_bytes(content)
    with TimestampLedger(tmp_path) as ledger:
        ledger.next(IDENTITY)
        assert ledger.ahead_s(IDENTITY) < 1


def test_without_a_directory_stamps_increase_in_memory_with_a_one_line_warning(tmp_path: Path) -> None:
    (tmp_path / "a-file").touch()
    with TimestampLedger(tmp_path / "a-file" / "state") as ledger:
        assert ledger.trouble is not None
        stamps = [ledger.next(IDENTITY) for _ in range(100)]
    assert all(before < after for before, after in pairwise(stamps))
    assert str(tmp_path / "a-file" / "state") in ledger.trouble
    assert "in memory" in ledger.trouble
    assert "\n" not in ledger.trouble


def test_a_file_that_cannot_be_written_is_still_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    with TimestampLedger(tmp_path) as before:
        last = before.next(IDENTITY)
    make_read_only(monkeypatch)
    clock.now_ns -= 60 * 10**9
    with TimestampLedger(tmp_path) as ledger:
        assert ledger.next(IDENTITY) > last
        assert ledger.ahead_s(IDENTITY) == pytest.approx(60.0)
        assert ledger.trouble is not None
        assert "Read-only file system" in ledger.trouble


def make_read_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every file that is opened for writing. Permissions do not bind root, who may run the tests."""
    really_open = os.open

    def open_read_only(path: os.PathLike[str], flags: int, mode: int = 0o777) -> int:
        if flags & os.O_ACCMODE:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        return really_open(path, flags, mode)

    monkeypatch.setattr(os, "open", open_read_only)


def test_a_full_disk_does_not_end_the_stamps(tmp_path: Path) -> None:
    with TimestampLedger(tmp_path) as ledger:
        ledger.next(IDENTITY)
    path = only_file(tmp_path)
    path.unlink()
    path.symlink_to("/dev/full")
    with TimestampLedger(tmp_path) as ledger:
        stamps = [ledger.next(IDENTITY) for _ in range(100)]
        assert ledger.trouble is not None
        assert "No space left" in ledger.trouble
    assert all(before < after for before, after in pairwise(stamps))


def test_a_ledger_without_trouble_has_no_warning(tmp_path: Path) -> None:
    with TimestampLedger(tmp_path) as ledger:
        ledger.next(IDENTITY)
    assert ledger.trouble is None


# Far ahead


def stamp_file(state_dir: Path, at_ns: int, identity: PublicKey = IDENTITY) -> Path:
    path = state_dir / "stamps" / identity_digest(identity).hex()
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(tai64n.encode(at_ns))
    return path


def test_a_clock_years_ahead_of_the_last_stamp_holds_the_next_one(tmp_path: Path) -> None:
    stamp_file(tmp_path, time.time_ns() - 5 * YEAR_NS)
    with TimestampLedger(tmp_path) as ledger:
        assert not ledger.may_stamp(IDENTITY)
        assert ledger.held is not None
        assert "1825 d later" in ledger.held
        assert "poison" in ledger.held
        assert "\n" not in ledger.held


@pytest.mark.parametrize("days", [0, 1, 29])
def test_a_clock_of_a_machine_that_was_off_for_a_while_holds_nothing(tmp_path: Path, days: int) -> None:
    stamp_file(tmp_path, time.time_ns() - days * 86_400 * 10**9)
    with TimestampLedger(tmp_path) as ledger:
        assert ledger.may_stamp(IDENTITY)
        assert ledger.held is None


def test_another_identity_of_this_machine_is_evidence_for_the_clock(tmp_path: Path) -> None:
    stamp_file(tmp_path, time.time_ns() - YEAR_NS // 2)
    stamp_file(tmp_path, time.time_ns() - 10**9, OTHER)
    with TimestampLedger(tmp_path) as ledger:
        assert ledger.may_stamp(IDENTITY)


def test_a_first_stamp_needs_no_evidence_until_ten_years_after_the_release(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    with TimestampLedger(tmp_path) as ledger:
        assert ledger.may_stamp(IDENTITY)
    clock.now_ns += 20 * YEAR_NS
    with TimestampLedger(tmp_path / "other") as ledger:
        assert not ledger.may_stamp(IDENTITY)


def test_a_stamp_from_a_clock_that_was_not_set_yet_is_no_evidence(tmp_path: Path) -> None:
    stamp_file(tmp_path, 5 * 10**9)
    with TimestampLedger(tmp_path) as ledger:
        assert ledger.may_stamp(IDENTITY)


def test_a_last_stamp_that_only_a_damaged_file_can_hold_is_not_continued(tmp_path: Path) -> None:
    stamp_file(tmp_path, time.time_ns() + 10 * YEAR_NS)
    with TimestampLedger(tmp_path) as ledger:
        assert not ledger.may_stamp(IDENTITY)
        assert ledger.held is not None
        assert "the last timestamp of an identity is far ahead" in ledger.held


def test_a_last_stamp_that_the_store_has_too_is_continued(tmp_path: Path) -> None:
    at_ns = time.time_ns() + 10 * YEAR_NS
    stamp_file(tmp_path, at_ns)
    with TimestampLedger(tmp_path, known={identity_digest(IDENTITY): at_ns}) as ledger:
        assert ledger.may_stamp(IDENTITY)


def test_stamps_do_not_follow_a_clock_that_jumps_while_they_are_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    with TimestampLedger(tmp_path) as ledger:
        before = tai64n.decode(ledger.next(IDENTITY))
        clock.now_ns += 2 * YEAR_NS
        assert ledger.may_stamp(IDENTITY)
        assert 0 < tai64n.decode(ledger.next(IDENTITY)) - before < 60 * 10**9
        assert ledger.clock_warning is not None
        clock.now_ns -= 2 * YEAR_NS
        clock.now_ns += 10**9
        assert abs(tai64n.decode(ledger.next(IDENTITY)) - clock.now_ns) < 2 * 10**9


def test_the_operator_trusts_the_clock_in_another_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stamp_file(tmp_path, time.time_ns() - YEAR_NS)
    monkeypatch.setattr("wgmon_tui.store.timestamp_ledger._LOOK_AGAIN_S", 3600.0)
    with TimestampLedger(tmp_path) as running, TimestampLedger(tmp_path) as command:
        assert not running.may_stamp(IDENTITY)
        command.trust_clock()
        assert running.may_stamp(IDENTITY)
        assert running.held is None


def test_a_jump_that_the_operator_trusts_is_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    with TimestampLedger(tmp_path) as ledger:
        ledger.next(IDENTITY)
        clock.now_ns += YEAR_NS
        assert ledger.may_stamp(IDENTITY)
        ledger.trust_clock()
        assert ledger.may_stamp(IDENTITY)
        assert ledger.next(IDENTITY) == tai64n.encode(clock.now_ns)


# Something else in the place of a file


@pytest.mark.parametrize("make", [Path.touch, os.mkfifo, lambda path: path.symlink_to("nowhere")])
def test_what_is_no_directory_of_stamps_is_set_aside(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "stamps")
    with TimestampLedger(tmp_path) as ledger:
        assert ledger.next(IDENTITY)
        assert ledger.trouble is None
        assert ledger.notice is not None
        assert "stamps.damaged-" in ledger.notice
    assert len(list(tmp_path.glob("stamps.damaged-*"))) <= 1


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_what_is_no_file_of_a_stamp_is_set_aside(tmp_path: Path, make: Callable[[Path], None]) -> None:
    path = stamp_file(tmp_path, 0)
    path.unlink()
    make(path)
    with TimestampLedger(tmp_path) as ledger:
        assert ledger.may_stamp(IDENTITY)
        ledger.next(IDENTITY)
        assert ledger.trouble is None
        assert ledger.notice is not None
    assert path.stat().st_size == 12


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
