"""The screens as pictures, at the sizes they were designed for. Update with `pytest --snapshot-update`."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from textual.pilot import Pilot

from tests.tui import exchanges
from tests.tui.fleet import NOW, QuietEngine, bad_night
from tests.tui.keys import press
from tests.tui.opened import app_over, fleet
from wgmon_tui.probe.port_monitor import OPEN_OR_FILTERED
from wgmon_tui.probe.records import Check
from wgmon_tui.tui.app import WgmonApp

SnapCompare = Callable[..., bool]


def app(theme: str, engine: QuietEngine | None = None, *, ascii_only: bool = False) -> WgmonApp:
    return WgmonApp(
        engine or bad_night(), title="bastion", theme=theme, ascii_only=ascii_only, clock=lambda: NOW
    )


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (140, 45)], ids=lambda size: "x".join(map(str, size)))
def test_the_fleet(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    assert snap_compare(app("night"), terminal_size=size)


@pytest.mark.parametrize("theme", ["paper", "mono"])
def test_the_fleet_in_another_theme(snap_compare: SnapCompare, theme: str) -> None:
    assert snap_compare(app(theme), terminal_size=(140, 30))


def test_the_fleet_in_high_contrast(snap_compare: SnapCompare) -> None:
    assert snap_compare(app("contrast"), terminal_size=(120, 30))


def test_the_fleet_in_ascii(snap_compare: SnapCompare) -> None:
    assert snap_compare(app("night", ascii_only=True), terminal_size=(120, 30))


def test_a_filter_being_typed(snap_compare: SnapCompare) -> None:
    assert snap_compare(app("night"), press=["/", *"tag:eu"], terminal_size=(80, 24))


def test_the_empty_fleet(snap_compare: SnapCompare) -> None:
    assert snap_compare(app("night", QuietEngine()), terminal_size=(80, 24))


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


def test_a_healthy_server(snap_compare: SnapCompare) -> None:
    app = forty_checks_and(exchanges.data_passes())
    assert snap_compare(app, terminal_size=(140, 45), run_before=fra1())


@pytest.mark.parametrize("size", [(80, 24), (140, 45)], ids=["80x24", "140x45"])
def test_a_psk_mismatch(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    app = forty_checks_and(exchanges.psk_mismatch())
    assert snap_compare(app, terminal_size=size, run_before=fra1())


def test_a_server_whose_data_is_dead(snap_compare: SnapCompare) -> None:
    app = forty_checks_and(exchanges.data_dead())
    assert snap_compare(app, terminal_size=(80, 24), run_before=fra1())


def test_a_diagnosis(snap_compare: SnapCompare) -> None:
    app = forty_checks_and(exchanges.psk_mismatch())
    assert snap_compare(app, terminal_size=(120, 40), run_before=fra1("tab"))


def test_a_comparison(snap_compare: SnapCompare) -> None:
    app = forty_checks_and(exchanges.foreign())
    assert snap_compare(app, terminal_size=(140, 45), run_before=fra1("c"))
