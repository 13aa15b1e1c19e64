"""The forms as pictures. Update with `pytest --snapshot-update`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from textual.pilot import Pilot

from tests.fleet.fleets import BASTION, server
from tests.tui.editing import CONF, Editing, app_over, written
from wgmon_tui.fleet.records import Fleet, SecretForm, SecretSource
from wgmon_tui.tui.app import WgmonApp
from wgmon_tui.tui.forms.form import FormScreen
from wgmon_tui.tui.screens.import_conf import ImportScreen

SnapCompare = Callable[..., bool]

KEYED = replace(
    server("fra1"),
    preshared_key=SecretSource(SecretForm.FILE, "fra1.psk"),
    tags=("eu", "edge"),
    note="rack 4",
    timeout=3.0,
)


def it_of(pilot: Pilot[None]) -> Editing:
    assert isinstance(pilot.app, WgmonApp)
    assert pilot.app.config_dir is not None
    return Editing(pilot.app, pilot, pilot.app.config_dir)


@pytest.mark.parametrize("size", [(80, 24), (140, 45)], ids=["80x24", "140x45"])
def test_a_form_with_a_mistake(snap_compare: SnapCompare, tmp_path: Path, size: tuple[int, int]) -> None:
    async def mistake(pilot: Pilot[None]) -> None:
        it = it_of(pilot)
        await it.press("e")
        await it.opened(FormScreen)
        await it.form.open_more(size[1] > 24)
        await it.write("endpoint", "fra1.example.net")
        await it.press("tab", "tab", "tab", "space", "tab")
        await it.paste("A" * 20)

    config_dir = written(tmp_path / "config", Fleet((KEYED,), (BASTION,)))
    assert snap_compare(app_over(config_dir), terminal_size=size, run_before=mistake)


def test_an_import(snap_compare: SnapCompare, tmp_path: Path) -> None:
    async def preview(pilot: Pilot[None]) -> None:
        it = it_of(pilot)
        await it.paste(CONF)
        await it.opened(ImportScreen)
        await it.until(lambda: "keygen NAME" in it.text())

    assert snap_compare(app_over(tmp_path / "config"), terminal_size=(80, 24), run_before=preview)


@pytest.mark.parametrize("size", [(60, 20), (80, 24)], ids=["60x20", "80x24"])
def test_the_first_run(snap_compare: SnapCompare, tmp_path: Path, size: tuple[int, int]) -> None:
    assert snap_compare(app_over(tmp_path / "config"), terminal_size=size)
