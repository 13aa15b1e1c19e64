"""Each state of the data path against each report of a control plane, beside a real ping."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.real.nodes.matrix import play, running_mesh
from tests.real.nodes.rows import ROWS, Mesh, Row
from tests.real.prerequisites import require

pytestmark = pytest.mark.thorough  # interfaces in separate namespaces


@pytest.fixture(scope="module")
def mesh() -> Iterator[Mesh]:
    require("ping", "ip", "nft", "wireguard-go", "wg", root=True)
    with running_mesh() as made:
        yield made


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.data)
def test_both_reports_give_the_verdict_that_agrees_with_a_ping(mesh: Mesh, row: Row) -> None:
    cells = play(mesh, row)
    assert [f"{cell.column.control}: {line}" for cell in cells for line in cell.wrong] == []
