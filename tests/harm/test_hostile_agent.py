"""The short form of `python -m tests.harm.hostile_agent`."""

from __future__ import annotations

import pytest

from tests.harm.hostile_agent import measure
from tests.real.prerequisites import require


@pytest.mark.parametrize(
    ("seconds", "quiet_s"), [(1.0, 0.2), pytest.param(2.5, 0.3, marks=pytest.mark.thorough)]
)
async def test_hostile_agents_and_a_hostile_group_member_are_held_to_their_limits(
    seconds: float, quiet_s: float
) -> None:
    require(root=True)
    figures = await measure(seconds, quiet_s)
    assert not list(figures.broken_limits()), list(figures.lines())
    assert figures.packet_bytes["packets"] > 0
    assert figures.member["idle connections held"] > 0
    assert figures.member["notes on unknown incidents refused"] > 0
    assert any(
        line.startswith('wgmon_budget_used{budget="packets",holder="packets"}') for line in figures.budgets
    )
