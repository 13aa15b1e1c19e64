"""What a provider says of a subscription, and when that is a warning."""

from __future__ import annotations

import pytest

from wgmon_tui.subscriptions.quota import Quota, parse_quota

NOW = 1_800_000_000.0
DAY = 86_400.0


def test_the_header_of_providers_is_read() -> None:
    found = parse_quota("upload=455727941; download=6174315083; total=1073741824000; expire=1671815872")
    assert found == Quota(1_671_815_872.0, 6_630_043_024, 1_073_741_824_000)


@pytest.mark.parametrize(
    "header", ["", "expire", "expire=", "expire=soon; total=", "expire=\u0663", "=;=;" * 900]
)
def test_what_cannot_be_read_is_nothing(header: str) -> None:
    assert parse_quota(header) is None


def test_an_end_of_zero_and_a_limit_of_zero_are_none() -> None:
    assert parse_quota("upload=1; total=0; expire=0") == Quota(None, 1, None)
    assert parse_quota("expire=999999999999999999") == Quota()


@pytest.mark.parametrize(
    ("quota", "words"),
    [
        (Quota(NOW + 31 * DAY, 1, 100), ""),
        (Quota(None, 100, None), ""),
        (Quota(NOW + 6.5 * DAY), "in 6 d 12 h"),
        (Quota(NOW - DAY), "ended "),
        (Quota(None, 95 << 30, 100 << 30), "95 GiB of 100 GiB are used"),
        (Quota(NOW + DAY, 1 << 30, 1 << 30), ", 1 GiB of 1 GiB are used"),
    ],
)
def test_a_warning_comes_within_thirty_days_or_at_nine_tenths(quota: Quota, words: str) -> None:
    warning = quota.warning(NOW)
    assert words in warning
    assert bool(warning) is bool(words)
