"""The page of control planes shows the matrix that the thorough test plays on real nodes."""

from __future__ import annotations

from pathlib import Path

from tests.real.nodes.rows import COLUMNS, ROWS

PAGE = Path(__file__).parents[3] / "docs" / "control-planes.md"


def test_the_page_shows_the_verdict_of_each_cell() -> None:
    headings = ["data path", *(each.control for each in COLUMNS)]
    lines = [f"| {' | '.join(headings)} |", f"|{'---|' * len(headings)}"]
    for row in ROWS:
        verdicts = (f"`{column.expects(row.verdict).slug}`" for column in COLUMNS)
        lines.append(f"| {' | '.join((row.data, *verdicts))} |")
    assert "\n".join(lines) in PAGE.read_text()
