"""Snapshots: every screen as plain text at 80x24, and three of them in other sizes and looks.

Update with `python -m pytest tests/tui/test_screens.py --snapshot-update`, and read the difference.

One change of a constant should change few snapshots, so each thing is in as few of them as possible:

- Snapshots are text, and not pictures: a change can be read, and a file changes only where the screen does.
- `test_a_screen` has only what a screen shows alone. A dialog is without the screen below it. What screens
  share (totals, the head of a server, tabs, key hints) is in the one snapshot of `test_shared_parts`.
- Colours are in the three snapshots of `test_a_screen_in_every_look` only.
- The clock, the time zone, the packets and the history are fixed; the version is nowhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode
from textual.app import App
from textual.pilot import Pilot

from tests.parameters import default_run
from tests.tui.key_presses import press, read, settle
from tests.tui.scenario_apps import Stage
from tests.tui.screen_scenarios import SCENES, USUAL_SIZE
from tests.tui.screen_text import own_text, shared_text
from tests.tui.text_snapshots import picture_of, sheet
from wgmon_tui.store.history import History
from wgmon_tui.tui.fleet.preview_pane import PreviewPane

T = TypeVar("T")

DEFAULT_SCENES = (
    *("fleet", "fleet-by-tag", "packets", "diagnosis", "incident", "server-form", "first-server"),
    *("settings", "help", "question"),
)
"""The scenes of the default run: each kind of screen. The tests of every screen hold what it says."""

MAIN_SCREENS = ("fleet", "packets", "incident", "server-form")
OTHER_SIZES = ((60, 20), (140, 45))
LOOKS = ("night", "paper", "contrast", "ansi", "mono", "NO_COLOR", "ASCII")
"""Themes, and the modes a terminal can request instead of one."""

WALK = MappingProxyType(
    {
        "fleet": (),
        "packets": ("enter",),
        "diagnosis": ("tab",),
        "history": ("tab",),
        "rtt": ("tab",),
        "incidents": ("escape", "I"),
        "incident": ("enter",),
        "alerts": ("escape", "escape", "A"),
        "help": ("escape", "?"),
    }
)
"""The screens whose shared parts are compared, each with the keys that open it from the previous one."""


class TextFile(SingleFileSnapshotExtension):
    """One file per snapshot."""

    _file_extension = "txt"
    _write_mode = WriteMode.TEXT


_LONGEST_S = 60.0


@pytest.fixture
def text_snapshot(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    return snapshot.use_extension(TextFile)


async def seen(
    scene: str,
    stage: Stage,
    look_at: Callable[[App[None]], T],
    size: tuple[int, int] = USUAL_SIZE,
    *,
    then_in: str = "",
) -> T:
    """The result of `look_at` for a scene. `then_in`, if given, is a theme applied while it is open."""
    stage.directory.mkdir()
    app = SCENES[scene].app(stage)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        await SCENES[scene].until(pilot)
        if then_in:
            app.theme = then_in
            await settle(pilot)
        await settle(pilot)
        await settle_preview(app, pilot)
        return look_at(app)


async def settle_preview(app: App[None], pilot: Pilot[None]) -> None:
    """Let the preview show the line under the cursor, with what is stored of it."""
    for pane in (each for screen in app.screen_stack for each in screen.query(PreviewPane)):
        pane._moved_at = 0.0
        pane._wait_for_rest()
        async with asyncio.timeout(_LONGEST_S):
            while pane._is_waiting:
                await pilot.pause(0.005)
        pane._draw()
    await settle(pilot)


@pytest.fixture
def stage(tmp_path: Path, past: History) -> Stage:
    return Stage(tmp_path / "stage", past, "night")


@pytest.mark.parametrize("scene", default_run(DEFAULT_SCENES, SCENES))
async def test_a_screen(scene: str, stage: Stage, text_snapshot: SnapshotAssertion) -> None:
    text = await seen(scene, stage, own_text)
    assert str(stage.directory) not in text
    assert text_snapshot == text


async def test_shared_parts(stage: Stage, text_snapshot: SnapshotAssertion) -> None:
    stage.directory.mkdir()
    app = SCENES["packets"].app(stage)
    parts = []
    async with app.run_test(size=USUAL_SIZE) as pilot:
        await SCENES["fleet"].until(pilot)
        for screen, keys in WALK.items():
            await press(pilot, *keys)
            await read(app, pilot)
            parts.append(f"=== {screen}\n{shared_text(app)}")
    assert text_snapshot == "\n".join(parts)


@pytest.mark.parametrize(
    "size", default_run([(60, 20)], OTHER_SIZES), ids=lambda size: "x".join(map(str, size))
)
@pytest.mark.parametrize("scene", default_run(("packets",), MAIN_SCREENS))
async def test_a_screen_at_another_size(
    scene: str, size: tuple[int, int], stage: Stage, text_snapshot: SnapshotAssertion
) -> None:
    assert text_snapshot == await seen(scene, stage, own_text, size)


@pytest.mark.parametrize("scene", default_run(("fleet",), MAIN_SCREENS))
async def test_a_screen_in_every_look(
    scene: str,
    past: History,
    tmp_path: Path,
    text_snapshot: SnapshotAssertion,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pictures = {}
    for look in LOOKS:
        with monkeypatch.context() as environment:
            if look == "NO_COLOR":
                environment.setenv("NO_COLOR", "1")
            theme = {"NO_COLOR": None, "ASCII": "night"}.get(look, look)
            dressed = Stage(tmp_path / look, past, theme, ascii_only=look == "ASCII")
            pictures[look] = await seen(scene, dressed, picture_of)
    assert text_snapshot == sheet(pictures)


@pytest.mark.parametrize(
    "scene",
    default_run(
        ("question",),
        # The list of themes says which is on; the palette is Textual's.
        (scene for scene in SCENES if scene not in ("theme", "palette")),
    ),
)
async def test_a_theme_that_is_put_on_meanwhile_reaches_every_word(
    scene: str, past: History, tmp_path: Path
) -> None:
    opened = await seen(scene, Stage(tmp_path / "opened", past, "paper"), picture_of)
    changed = await seen(scene, Stage(tmp_path / "changed", past, "night"), picture_of, then_in="paper")
    assert changed == opened
