"""The failure matrix of IKEv2: correct verdicts, and a real client that got what they say."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.parameters import default_run
from tests.real.ikev2.matrix import Matrix
from tests.real.ikev2.matrix_rows import QUICK, ROWS
from tests.real.ikev2.row import Row
from tests.real.namespaces import routed_path
from tests.real.prerequisites import require


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Matrix]:
    """On a path that no other test uses: below an MTU of 1280, the kernel takes IPv6 from an interface."""
    require("ip", "swanctl", "nft", root=True)
    with routed_path() as path:
        yield Matrix(path, tmp_path_factory.mktemp("matrix"))


@pytest.mark.parametrize("row", default_run(QUICK, ROWS, lambda row: row.mode), ids=str)  # type: ignore[attr-defined]
def test_the_verdict_is_right_and_agrees_with_a_real_client(matrix: Matrix, row: Row) -> None:
    assert not list(matrix.play(row).complaints)


def test_each_mode_has_one_row() -> None:
    modes = [each.mode for each in ROWS]
    assert len(modes) == len(set(modes))
