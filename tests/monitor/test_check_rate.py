"""The rate of finished checks: of the last seconds, or of the last minute for a small fleet."""

import time

import pytest

from wgmon_tui.monitor.check_rate import CheckRate


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_a_fleet_without_checks_has_no_rate(clock: list[float]) -> None:
    assert CheckRate().per_second == 0


def test_a_busy_fleet_has_the_rate_of_the_last_seconds(clock: list[float]) -> None:
    rate = CheckRate()
    for _ in range(100):
        rate.count(4)
        clock[0] += 1
    assert rate.per_second == pytest.approx(4)


def test_one_check_in_half_a_minute_is_not_zero(clock: list[float]) -> None:
    rate = CheckRate()
    for _ in range(10):
        rate.count(1)
        clock[0] += 30
    clock[0] -= 10
    assert rate.per_second == pytest.approx(2 / 60)


def test_checks_of_more_than_a_minute_ago_do_not_count(clock: list[float]) -> None:
    rate = CheckRate()
    rate.count(5)
    clock[0] += 62
    assert rate.per_second == 0
