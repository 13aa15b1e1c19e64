"""Tests of rate limits."""

from __future__ import annotations

import asyncio

import pytest

from wgmon_tui.rate_limits import Pacer, RateLimitedError, TokenBucket


def test_a_bucket_fills_again_and_never_beyond_its_rim() -> None:
    now = 0.0
    bucket = TokenBucket(2.0, 3.0, lambda: now)
    for _ in range(3):
        bucket.take()
    with pytest.raises(RateLimitedError) as refused:
        bucket.take()
    assert refused.value.wait == 0.5
    now = 0.5
    bucket.take()
    now = 1000.0
    for _ in range(3):
        bucket.take()
    with pytest.raises(RateLimitedError):
        bucket.take()


def test_what_was_taken_of_a_bucket_is_counted_until_it_is_refilled() -> None:
    now = 0.0
    bucket = TokenBucket(2.0, 3.0, lambda: now)
    assert [bucket.try_to_take() for _ in range(4)] == [True, True, True, False]
    assert bucket.taken == 3
    now = 0.5
    assert bucket.taken == 2
    now = 1000.0
    assert bucket.taken == 0


async def test_who_asks_for_too_much_waits_as_long_as_it_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    pacer = Pacer(1.0)
    for _ in range(10):
        await pacer.take(0.5)
    assert waits == pytest.approx([0.5 * number for number in range(1, 9)], abs=0.1)
