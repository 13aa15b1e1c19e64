"""The screens as pictures, at the sizes they were designed for. Update with `pytest --snapshot-update`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from textual.pilot import Pilot

from tests.tui import exchanges, views
from tests.tui.fleet import NOW, QuietEngine, bad_night
from tests.tui.keys import press, read
from tests.tui.opened import app_over, fleet
from tests.tui.pasts import MINUTE, incident
from wgmon_tui.diagnosis.verdict import Verdict
from wgmon_tui.history.reading import History
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


async def settled(pilot: Pilot[None]) -> None:
    """Come back when whoever was asked has answered."""
    for worker in [each for each in pilot.app.workers if each.group == "inspect"]:
        await worker.wait()
    await pilot.pause()


def fra1(*keys: str) -> Callable[[Pilot[None]], object]:
    """What to do before the picture: open `fra1` and press these keys."""

    async def open_and_press(pilot: Pilot[None]) -> None:
        assert isinstance(pilot.app, WgmonApp)
        pilot.app.open_server("fra1")
        await pilot.pause()
        await press(pilot, *keys)
        await settled(pilot)

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


@pytest.mark.parametrize("size", [(80, 24), (140, 45)], ids=["80x24", "140x45"])
def test_a_server_s_own_view(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    engine = QuietEngine([replace(exchanges.server("fra1"), inspect=("ssh", "fra1", "sudo", "wg"))])
    exchanges.saw(engine, exchanges.psk_mismatch())
    app = app_over(engine, ask_server=lambda _: views.DIFFERING)
    assert snap_compare(app, terminal_size=size, run_before=fra1("i"))


def test_a_comparison(snap_compare: SnapCompare) -> None:
    app = forty_checks_and(exchanges.foreign())
    assert snap_compare(app, terminal_size=(140, 45), run_before=fra1("c"))


def after_a_week(past: History) -> WgmonApp:
    """`fra1` after a bad week, with an incident that is open."""
    engine = fleet()
    exchanges.saw(engine, exchanges.psk_mismatch())
    engine.board.rows["fra1"].incident = incident(opened=12 * MINUTE, verdict=Verdict.PSK_MISMATCH)
    return app_over(engine, history=past)


def and_read(*keys: str) -> Callable[[Pilot[None]], object]:
    """What to do before the picture: press these keys, and wait until what they ask for is read."""

    async def press_and_read(pilot: Pilot[None]) -> None:
        for key in keys:
            await press(pilot, key)
            await read(pilot.app, pilot)

    return press_and_read


@pytest.mark.parametrize("size", [(80, 24), (140, 45)], ids=["80x24", "140x45"])
def test_a_history(snap_compare: SnapCompare, past: History, size: tuple[int, int]) -> None:
    app = after_a_week(past)
    assert snap_compare(app, terminal_size=size, run_before=and_read("enter", "tab", "tab", "j"))


def test_a_plot_of_round_trip_times(snap_compare: SnapCompare, past: History) -> None:
    app = after_a_week(past)
    assert snap_compare(app, terminal_size=(100, 30), run_before=and_read("enter", "shift+tab", "-", "-"))


def test_the_incidents(snap_compare: SnapCompare, past: History) -> None:
    assert snap_compare(after_a_week(past), terminal_size=(120, 24), run_before=and_read("I", "G"))


@pytest.mark.parametrize("size", [(60, 20), (140, 45)], ids=["60x20", "140x45"])
def test_the_fleet_by_tag_with_marks(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    assert snap_compare(app("night"), press=["z", "j", "space", "space"], terminal_size=size)


def test_a_verdict_explained(snap_compare: SnapCompare) -> None:
    assert snap_compare(app("night"), press=["x"], terminal_size=(80, 24))


def test_a_server_about_to_be_muted(snap_compare: SnapCompare) -> None:
    assert snap_compare(app("night"), press=["m", "tab"], terminal_size=(80, 24))
