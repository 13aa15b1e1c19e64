"""Clock guard: doubts of the wall clock, and what ends them."""

from __future__ import annotations

from wgmon_tui.monitor.freshness import ClockReading
from wgmon_tui.store.clock_guard import FAR_AHEAD_S, ClockGuard

NOW = 1_800_000_000.0
DAY = 86_400.0
YEAR = 365 * DAY


class Clocks:
    """Both clocks, which a test moves."""

    def __init__(self, wall: float = NOW) -> None:
        self.wall, self.elapsed = wall, 1_000.0

    def __call__(self) -> ClockReading:
        return ClockReading(self.wall, self.elapsed)

    def pass_time(self, seconds: float) -> None:
        self.wall += seconds
        self.elapsed += seconds


def test_a_clock_that_only_advances_is_not_doubted() -> None:
    clocks = Clocks()
    guard = ClockGuard(clocks)
    for _ in range(10):
        clocks.pass_time(3 * DAY)
        assert guard.may_delete
    assert guard.ahead_s == 0


def test_a_jump_forward_is_doubted_and_timestamps_do_not_follow_it() -> None:
    clocks = Clocks()
    guard = ClockGuard(clocks)
    clocks.wall += 2 * YEAR
    clocks.pass_time(60)
    assert not guard.may_delete
    assert guard.ahead_s == 2 * YEAR
    doubt = guard.doubt
    assert doubt is not None
    assert "jumped forward by 730 d" in doubt.line
    assert "poison identities" in doubt.line


def test_a_clock_set_right_again_is_doubted_until_it_was_steady_for_a_day() -> None:
    clocks = Clocks()
    guard = ClockGuard(clocks)
    clocks.wall += 2 * YEAR
    assert not guard.may_delete
    clocks.wall -= 2 * YEAR
    assert guard.ahead_s == 0
    clocks.pass_time(DAY - 1)
    before = guard.may_delete
    clocks.pass_time(1)
    assert (before, guard.may_delete) == (False, True)


def test_a_clock_far_ahead_is_believed_only_when_it_is_confirmed() -> None:
    clocks = Clocks()
    guard = ClockGuard(clocks)
    clocks.wall += FAR_AHEAD_S + 1
    assert guard.doubt
    clocks.pass_time(30 * DAY)
    before = guard.may_delete
    guard.confirm()
    assert (before, guard.may_delete, guard.ahead_s) == (False, True, 0)


def test_a_small_correction_is_no_jump() -> None:
    clocks = Clocks()
    guard = ClockGuard(clocks)
    clocks.wall += 30
    assert guard.may_delete
    assert guard.ahead_s == 0


def test_setting_a_clock_that_stood_before_the_release_is_followed_at_once() -> None:
    clocks = Clocks(wall=100.0)
    guard = ClockGuard(clocks)
    clocks.wall = NOW
    assert guard.doubt
    assert guard.ahead_s == 0
    clocks.pass_time(DAY)
    assert guard.may_delete


def test_a_start_long_after_the_newest_record_is_doubted() -> None:
    clocks = Clocks()
    guard = ClockGuard(clocks)
    guard.compare(NOW - 8 * DAY)
    doubt = guard.doubt
    assert doubt is not None
    assert "8 d 00 h later than the history" in doubt.line
    clocks.pass_time(DAY)
    assert guard.may_delete


def test_a_weekend_without_this_program_is_not_doubted() -> None:
    guard = ClockGuard(Clocks())
    guard.compare(NOW - 3 * DAY)
    assert guard.may_delete


def test_a_day_of_steady_time_counts_across_restarts() -> None:
    clocks = Clocks()
    first = ClockGuard(clocks)
    first.compare(NOW - 8 * DAY)
    clocks.pass_time(DAY / 2)
    since = first.doubted_since
    second = ClockGuard(clocks)
    second.compare(NOW - 8 * DAY, since)
    clocks.pass_time(DAY / 2)
    assert second.may_delete


def test_years_after_the_newest_record_only_a_confirmation_ends_the_doubt() -> None:
    clocks = Clocks()
    guard = ClockGuard(clocks)
    guard.compare(NOW - 2 * YEAR)
    clocks.pass_time(10 * DAY)
    assert not guard.may_delete
    guard.confirm()
    assert guard.may_delete


def test_records_in_the_future_raise_no_doubt() -> None:
    guard = ClockGuard(Clocks())
    guard.compare(NOW + YEAR)
    assert guard.may_delete


def test_what_lasts_until_a_time_does_not_end_by_a_clock_that_is_far_ahead() -> None:
    clocks = Clocks()
    running, started = ClockGuard(clocks), ClockGuard(clocks)
    started.compare(NOW - 2 * YEAR)
    clocks.wall += YEAR
    clocks.pass_time(60)
    assert running.believed_time() == NOW + 60
    assert started.believed_time() == NOW - 2 * YEAR + 60
    running.confirm()
    assert running.believed_time() == NOW + YEAR + 60


def test_what_lasts_until_a_time_ends_by_a_clock_that_was_set_back() -> None:
    clocks = Clocks()
    guard = ClockGuard(clocks)
    clocks.wall -= YEAR
    assert guard.believed_time() == NOW - YEAR


def test_a_guard_of_another_process_continues_with_the_same_belief() -> None:
    clocks = Clocks()
    guard = ClockGuard(clocks)
    clocks.wall += 2 * YEAR
    clocks.pass_time(60)
    other = ClockGuard(clocks, belief=guard.belief)
    clocks.pass_time(60)
    assert other.ahead_s == guard.ahead_s == 2 * YEAR
    assert other.doubt == guard.doubt
    assert ClockGuard(clocks).ahead_s == 0
