"""The short form of `python -m tests.harm.hostile_agent`."""

from __future__ import annotations

import pytest

from tests.harm.hostile_agent import measure
from tests.real.prerequisites import require


@pytest.mark.thorough
async def test_hostile_agents_and_a_hostile_group_member_are_held_to_their_limits() -> None:
    require(root=True)
    figures = await measure(seconds=2.5, quiet_s=0.3)
    assert not list(figures.broken_limits()), list(figures.lines())
    assert figures.packet_bytes["packets"] > 0
    assert figures.member["idle connections held"] > 0
    assert figures.member["notes on unknown incidents refused"] > 0
    assert any(
        line.startswith('wgmon_budget_used{budget="packets",holder="packets"}') for line in figures.budgets
    )
