"""The short form of ikev2_datagrams."""

from __future__ import annotations

from tests.harm.ikev2_datagrams import run


def test_a_few_thousand_hostile_datagrams_raise_nothing_and_prove_no_server() -> None:
    found = run(6_000)
    assert found.raised == {}
    assert found.fooled == 0
    assert found.broken == 0
    assert found.endless == 0
    assert found.completed > 0
