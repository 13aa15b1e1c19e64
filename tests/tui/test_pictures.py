"""The main screens as pictures, in the usual theme at 80x24; and, more seldom, what only some runs look like.

Update with `--snapshot-update`. `test_screens.py` has every screen in every look and size.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from tests.tui import exchanges
from tests.tui.fleet import NOW, bad_night
from tests.tui.keys import press
from tests.tui.opened import app_over, fleet
from tests.tui.scenes import PICTURED, SCENES, USUAL_SIZE, Stage
from wgmon_tui.history.reading import History
from wgmon_tui.probe.port_monitor import OPEN_OR_FILTERED
from wgmon_tui.probe.records import Check
from wgmon_tui.tui.app import WgmonApp

SnapCompare = Callable[..., bool]


@pytest.mark.thorough
@pytest.mark.parametrize("scene", PICTURED)
def test_a_main_screen(snap_compare: SnapCompare, past: History, tmp_path: Path, scene: str) -> None:
    app = SCENES[scene].app(Stage(tmp_path, past, "night"))
    assert snap_compare(app, terminal_size=USUAL_SIZE, run_before=SCENES[scene].until)


def app(theme: str, *, ascii_only: bool = False) -> WgmonApp:
    return WgmonApp(bad_night(), title="bastion", theme=theme, ascii_only=ascii_only, clock=lambda: NOW)


@pytest.mark.thorough
@pytest.mark.parametrize("theme", ["contrast", "deuteranopia", "tritanopia", "ansi"])
def test_the_fleet_in_another_theme(snap_compare: SnapCompare, theme: str) -> None:
    assert snap_compare(app(theme), terminal_size=(120, 30))


@pytest.mark.thorough
def test_the_fleet_in_ascii(snap_compare: SnapCompare) -> None:
    assert snap_compare(app("night", ascii_only=True), terminal_size=(120, 30))


def forty_checks_and(check: Check) -> WgmonApp:
    """`fra1` after forty checks, the last of them `check`; `lon3` at the same address is silent."""
    engine = fleet()
    for number in range(40):
        rtt = 0.012 + (number * 7 % 11) / 2000
        at = NOW - 400 + 10 * number
        exchanges.saw(engine, exchanges.silent(at=at) if number == 17 else exchanges.healthy(at=at, rtt=rtt))
    exchanges.saw(engine, check)
    exchanges.saw(engine, exchanges.silent("lon3"))
    engine.board.rows["fra1"].port_monitor = OPEN_OR_FILTERED
    return app_over(engine)


def fra1(*keys: str) -> Callable[[Pilot[None]], object]:
    """What to do before the picture: open `fra1` and press these keys."""

    async def open_and_press(pilot: Pilot[None]) -> None:
        assert isinstance(pilot.app, WgmonApp)
        pilot.app.open_server("fra1")
        await pilot.pause()
        await press(pilot, *keys)

    return open_and_press


@pytest.mark.thorough
def test_a_healthy_server(snap_compare: SnapCompare) -> None:
    app = forty_checks_and(exchanges.data_passes())
    assert snap_compare(app, terminal_size=(140, 45), run_before=fra1())


@pytest.mark.thorough
def test_a_server_whose_data_is_dead(snap_compare: SnapCompare) -> None:
    app = forty_checks_and(exchanges.data_dead())
    assert snap_compare(app, terminal_size=(80, 24), run_before=fra1())


@pytest.mark.thorough
def test_a_comparison(snap_compare: SnapCompare) -> None:
    app = forty_checks_and(exchanges.foreign())
    assert snap_compare(app, terminal_size=(140, 45), run_before=fra1("c"))
