"""Every failure of OpenVPN on a real server: the right verdict, stage and cause, and a real client agrees."""

from __future__ import annotations

import pytest

from tests.real.openvpn.matrix import play
from tests.real.openvpn.rows import ROWS
from tests.real.openvpn.scenes import VpnRow
from tests.real.prerequisites import require


@pytest.fixture(autouse=True)
def _needed() -> None:
    require("openvpn", "ip", "nft", root=True)


@pytest.mark.parametrize(
    "row",
    [pytest.param(each, marks=() if each.is_quick else pytest.mark.thorough) for each in ROWS],
    ids=str,
)
def test_a_failure_of_openvpn_has_its_verdict(row: VpnRow) -> None:
    assert play(row).wrong == []
