"""The short form of openvpn_datagrams."""

from __future__ import annotations

from tests.harm.openvpn_datagrams import run


def test_a_few_thousand_hostile_datagrams_raise_nothing_and_log_in_nowhere() -> None:
    found = run(8_000)
    assert found.raised == {}
    assert found.fooled == 0
    assert found.broken == 0
    assert found.completed > 0
