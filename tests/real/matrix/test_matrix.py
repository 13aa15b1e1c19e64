"""Tests of the failure matrix on real servers: correct verdicts, and no false cause."""

from __future__ import annotations

import pytest

from tests.real.matrix.rows import ROWS
from tests.real.matrix.runner import CELLS, Cell, Outcome, play
from tests.real.matrix.servers import WIREGUARD_GO
from tests.real.prerequisites import give_up
from wgmon_tui.checks.verdict import Severity
from wgmon_tui.net.naive_port_check import OPEN_OR_FILTERED

SEEDS = range(1, 7)


def _in_its_time(cell: Cell) -> object:
    """Failures that port monitors miss run on wireguard-go every time, all others in thorough runs."""
    quick = cell.row.seed and cell.server == WIREGUARD_GO
    return pytest.param(cell, marks=() if quick else pytest.mark.thorough)


EVERY_CELL = pytest.mark.parametrize("cell", map(_in_its_time, CELLS), ids=map(str, CELLS))
_MISSED = [cell for cell in CELLS if cell.row.seed]
EVERY_CELL_THAT_PORT_MONITORS_MISS = pytest.mark.parametrize(
    "cell", map(_in_its_time, _MISSED), ids=[f"{cell.row.seed}. {cell}" for cell in _MISSED]
)

Played = tuple[dict[Cell, Outcome], dict[str, str]]


@pytest.fixture(scope="module")
def played(request: pytest.FixtureRequest) -> Played:
    """Run all requested cells in parallel: they mostly wait."""
    chosen = [item.callspec.params.get("cell") for item in request.session.items if hasattr(item, "callspec")]
    return play([cell for cell in CELLS if cell in chosen])


@pytest.fixture
def outcome(played: Played, cell: Cell) -> Outcome:
    """The result of the test's cell. In CI a missing server is a failure."""
    outcomes, missing_servers = played
    if cell.server in missing_servers:
        give_up(missing_servers[cell.server])
    return outcomes[cell]


@EVERY_CELL
def test_the_verdict_is_right_and_no_cause_is_false(cell: Cell, outcome: Outcome) -> None:
    assert not outcome.wrong, "\n".join(outcome.wrong)


@EVERY_CELL_THAT_PORT_MONITORS_MISS
def test_a_port_monitor_is_content_where_the_verdict_is_not_green(cell: Cell, outcome: Outcome) -> None:
    broken = [
        each
        for each in (seen.round for seen in outcome.seen)
        if each.diagnosis.verdict.severity is not Severity.UP
    ]
    assert broken
    assert {each.port_monitor for each in broken} == {OPEN_OR_FILTERED}


def test_all_six_failures_that_port_monitors_miss_are_in_the_matrix() -> None:
    assert {row.seed for row in ROWS if row.seed} == set(SEEDS)
