"""The fleet as a picture, at the widths it was designed for. Update with `pytest --snapshot-update`."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.tui.fleet import NOW, QuietEngine, bad_night
from wgmon_tui.tui.app import WgmonApp

SnapCompare = Callable[..., bool]


def app(theme: str, engine: QuietEngine | None = None, *, ascii_only: bool = False) -> WgmonApp:
    return WgmonApp(
        engine or bad_night(), title="bastion", theme=theme, ascii_only=ascii_only, clock=lambda: NOW
    )


@pytest.mark.parametrize("theme", ["night", "paper", "mono"])
@pytest.mark.parametrize("size", [(60, 20), (80, 24), (140, 45)], ids=lambda size: "x".join(map(str, size)))
def test_the_fleet(snap_compare: SnapCompare, theme: str, size: tuple[int, int]) -> None:
    assert snap_compare(app(theme), terminal_size=size)


def test_the_fleet_in_high_contrast(snap_compare: SnapCompare) -> None:
    assert snap_compare(app("contrast"), terminal_size=(120, 30))


def test_the_fleet_in_ascii(snap_compare: SnapCompare) -> None:
    assert snap_compare(app("night", ascii_only=True), terminal_size=(120, 30))


def test_a_filter_being_typed(snap_compare: SnapCompare) -> None:
    assert snap_compare(app("night"), press=["/", *"tag:eu"], terminal_size=(80, 24))


def test_the_empty_fleet(snap_compare: SnapCompare) -> None:
    assert snap_compare(app("night", QuietEngine()), terminal_size=(80, 24))
