"""Tests of the settings screen: values take effect at once, are remembered, and say what decides them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.parameters import default_run
from tests.tui.app_harness import Face
from tests.tui.key_presses import settle
from tests.tui.sample_fleet import NOW, QuietEngine, bad_night, no_time_passes, record, server
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.config.tui_settings import TuiSettings
from wgmon_tui.terminal import detect_terminal
from wgmon_tui.tui.app import WgmonApp
from wgmon_tui.tui.choices import Choices, ChoicesFile, apply_choices
from wgmon_tui.tui.fleet.columns import COLUMNS
from wgmon_tui.tui.fleet.table import FleetTable
from wgmon_tui.tui.look import StartLook
from wgmon_tui.tui.settings.lines import COLUMN, LOW_BANDWIDTH, PREVIEW, THEME, move_column, toggle_column
from wgmon_tui.tui.settings.screen import SettingsScreen
from wgmon_tui.tui.terminal.repaint_throttle import LOW_BANDWIDTH as LOW_BANDWIDTH_LIMITS

NOTHING_SAID = StartLook()


@asynccontextmanager
async def settings_screen(
    path: Path,
    *,
    look: StartLook = NOTHING_SAID,
    size: tuple[int, int] = (100, 30),
    ascii_only: bool = False,
    no_colour: bool = False,
    read_only: bool = False,
    engine: QuietEngine | None = None,
) -> AsyncIterator[Face]:
    """The open settings of an app that starts as the program does."""
    file, engine = ChoicesFile(path), engine or bad_night()
    choices = file.read()
    app = WgmonApp(
        engine,
        title="test",
        theme=look.theme,
        ascii_only=ascii_only,
        clock=lambda: NOW,
        elapsed=no_time_passes,
        settings=apply_choices(look.configured, choices, None, COLUMNS),
        terminal=replace(detect_terminal(), no_colour=True) if no_colour else None,
        choices=choices,
        choices_file=None if read_only else file,
        start_look=look,
        read_only=read_only,
    )
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        it = Face(app, engine, pilot)
        await it.press("O")
        yield it


def line(it: Face, word: str) -> str:
    return next(each for each in it.lines() if each.split()[: len(word.split())] == word.split())


async def go_to(it: Face, key: str) -> None:
    screen = it.app.screen
    assert isinstance(screen, SettingsScreen)
    await it.press("g")
    while screen.scrollable.cursor != key:
        await it.press("j")


async def stored(it: Face, path: Path) -> Mapping[str, object]:
    for worker in it.app.workers:
        if worker.group == "choices":
            await worker.wait()
    content: Mapping[str, object] = await asyncio.to_thread(lambda: json.loads(path.read_text()))
    return content


async def test_a_theme_applies_at_once_and_is_remembered(tmp_path: Path) -> None:
    path = tmp_path / "choices.json"
    async with settings_screen(path) as it:
        assert line(it, THEME).split()[-1] == "default"
        await it.press("right")
        assert it.app.theme == "paper"
        assert "paper" in line(it, THEME)
        assert "chosen here" in line(it, THEME)
        assert await stored(it, path) == {"theme": "paper"}
    async with settings_screen(path) as it:
        assert it.app.theme == "paper"


@pytest.mark.thorough
async def test_the_theme_of_the_picker_is_remembered_too(tmp_path: Path) -> None:
    path = tmp_path / "choices.json"
    async with settings_screen(path) as it:
        await it.press("escape", "t", "j", "enter")
        assert await stored(it, path) == {"theme": "paper"}


@pytest.mark.thorough
async def test_a_theme_that_was_only_tried_is_not_remembered(tmp_path: Path) -> None:
    path = tmp_path / "choices.json"
    async with settings_screen(path) as it:
        await it.press("escape", "t", "j", "escape")
        assert it.app.choices == Choices()
    assert not path.exists()


@pytest.mark.thorough
async def test_a_choice_that_is_forgotten_leaves_it_to_config_toml(tmp_path: Path) -> None:
    path = tmp_path / "choices.json"
    async with settings_screen(path, look=StartLook(TuiSettings(theme="contrast"))) as it:
        assert "config.toml" in line(it, THEME)
        await it.press("right")
        assert "chosen here; config.toml: contrast" in line(it, THEME)
        await it.press("backspace")
        assert it.app.theme == "contrast"
        assert await stored(it, path) == {}


async def test_the_command_line_is_named_where_it_decides(tmp_path: Path) -> None:
    path = tmp_path / "choices.json"
    path.write_text('{"theme": "paper"}')
    look = StartLook(TuiSettings(theme="night"), theme="contrast", low_bandwidth=True)
    async with settings_screen(path, look=look, size=(120, 30)) as it:
        assert it.app.theme == "contrast"
        assert "chosen here; --theme overrides it at the start; config.toml: night" in line(it, THEME)
        assert "--low-bandwidth on the command line" in line(it, LOW_BANDWIDTH)


async def test_low_bandwidth_applies_at_once_and_is_remembered(tmp_path: Path) -> None:
    path = tmp_path / "choices.json"
    async with settings_screen(path) as it:
        await go_to(it, LOW_BANDWIDTH)
        await it.press("space")
        assert it.app.repaint_throttle.limits is LOW_BANDWIDTH_LIMITS
        assert await stored(it, path) == {"low_bandwidth": True}
        await it.press("d")
        assert it.app.repaint_throttle.limits is not LOW_BANDWIDTH_LIMITS
        assert await stored(it, path) == {}


async def test_the_preview_can_be_on_off_or_automatic(tmp_path: Path) -> None:
    async with settings_screen(tmp_path / "choices.json") as it:
        await go_to(it, PREVIEW)
        seen = []
        for _ in range(3):
            await it.press("enter")
            seen.append(it.app.choices.preview)
        assert seen == [True, False, None]


async def test_a_column_is_shown_in_the_table_at_once(tmp_path: Path) -> None:
    path = tmp_path / "choices.json"
    async with settings_screen(path) as it:
        await go_to(it, f"{COLUMN}rtt")
        await it.press("enter")
        sample = it.app.screen.query_one(FleetTable)
        assert "rtt" not in sample.shown_columns
        assert "rtt" not in it.table.shown_columns
        remembered = (await stored(it, path))["columns"]
        await it.press("escape")
        assert it.table.shown_columns == remembered


async def test_beside_a_preview_the_columns_are_those_of_the_narrower_table(tmp_path: Path) -> None:
    async with settings_screen(tmp_path / "choices.json", size=(140, 45)) as it:
        sample, before = it.app.screen.query_one(FleetTable), it.table.shown_columns
        assert sample.shown_columns == before
        assert "[ ] port" in "\n".join(it.lines())
        await go_to(it, PREVIEW)
        await it.press("enter", "enter")  # off: the table has the whole width
        assert "[x] port" in "\n".join(it.lines())
        await it.press("enter")
        await go_to(it, f"{COLUMN}loss")
        await it.press("enter", "escape")
        assert it.table.shown_columns == [each for each in before if each != "loss"]


@pytest.mark.thorough
async def test_the_table_below_stays_current(tmp_path: Path) -> None:
    async with settings_screen(tmp_path / "choices.json", engine=QuietEngine([server("fra1")])) as it:
        screen = it.app.screen
        assert isinstance(screen, SettingsScreen)
        record(it.engine.fleet_state, "fra1", Verdict.PSK_MISMATCH, None)
        screen._follow_sample()
        await settle(it.pilot)
        assert "psk-mismatch" in "\n".join(it.lines())


async def test_a_column_moves_left_and_right(tmp_path: Path) -> None:
    async with settings_screen(tmp_path / "choices.json") as it:
        before = it.table.shown_columns
        await go_to(it, f"{COLUMN}rtt")
        await it.press("<")
        at = before.index("rtt")
        moved = [*before[: at - 1], "rtt", before[at - 1], *before[at + 1 :]]
        assert it.table.shown_columns == moved
        await it.press(">")
        assert it.table.shown_columns == before


@pytest.mark.thorough
async def test_the_name_stays(tmp_path: Path) -> None:
    async with settings_screen(tmp_path / "choices.json") as it:
        await go_to(it, f"{COLUMN}name")
        await it.press("enter")
        assert it.notices() == ["The name is always shown"]
        assert it.app.choices == Choices()


@pytest.mark.thorough
async def test_forgotten_columns_are_those_of_config_toml(tmp_path: Path) -> None:
    look = StartLook(TuiSettings(columns=("name", "rtt")))
    async with settings_screen(tmp_path / "choices.json", look=look) as it:
        await go_to(it, f"{COLUMN}rtt")
        await it.press("enter")
        assert it.table.shown_columns == ["name"]
        assert "chosen here; config.toml: name, rtt" in line(it, "Columns of the")
        await it.press("d")
        assert it.table.shown_columns == ["name", "rtt"]


async def test_it_says_what_decides_at_the_start(tmp_path: Path) -> None:
    async with settings_screen(tmp_path / "choices.json") as it:
        text = " ".join(" ".join(it.lines()).split())
        assert "the command line decides, then what is chosen here, then config.toml." in text
        assert "Remembered in " in text


@pytest.mark.thorough
async def test_without_colours_there_is_no_theme_to_choose(tmp_path: Path) -> None:
    async with settings_screen(tmp_path / "choices.json", no_colour=True) as it:
        assert "NO_COLOR is set" in line(it, THEME)
        await it.press("right")
        assert it.app.choices == Choices()
        assert it.notices() == ["NO_COLOR is set, so there is no theme to choose"]


async def test_a_read_only_dashboard_remembers_nothing(tmp_path: Path) -> None:
    path = tmp_path / "choices.json"
    async with settings_screen(path, read_only=True) as it:
        assert "Kept until the program ends" in "\n".join(it.lines())
        await it.press("right")
        assert it.app.theme == "paper"
    assert not path.exists()


@pytest.mark.thorough
async def test_a_file_that_cannot_be_written_is_one_notice(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where the directory should be")
    async with settings_screen(tmp_path / "state" / "choices.json") as it:
        await it.press("right")
        for worker in it.app.workers:
            if worker.group == "choices":
                await worker.wait()
        await settle(it.pilot)
        assert it.app.theme == "paper"
        file = f"{tmp_path}/state/choices.json: File exists"
        assert it.notices() == ["Not remembered after the program ends:", file]


@pytest.mark.parametrize("content", ["", "{", '{"theme": 3, "columns": "all", "low_bandwidth": "yes"}'])
async def test_a_damaged_file_counts_as_nothing_chosen(tmp_path: Path, content: str) -> None:
    path = tmp_path / "choices.json"
    path.write_text(content)
    async with settings_screen(path) as it:
        assert line(it, THEME).split()[-1] == "default"


@pytest.mark.parametrize("size", default_run(((60, 20),), ((60, 20), (80, 24), (140, 45))))
async def test_everything_fits_in_ascii(tmp_path: Path, size: tuple[int, int]) -> None:
    async with settings_screen(tmp_path / "choices.json", size=size, ascii_only=True) as it:
        assert all(each.isascii() and len(each) == size[0] for each in it.lines())
        assert "esc back" in it.hints()


@pytest.mark.thorough
async def test_it_works_without_servers(tmp_path: Path) -> None:
    async with settings_screen(tmp_path / "choices.json", engine=QuietEngine()) as it:
        assert "No server matches this filter" not in "\n".join(it.lines())
        await go_to(it, f"{COLUMN}rtt")
        await it.press("enter", "escape")
        assert it.at_home


@pytest.mark.thorough
async def test_the_same_key_closes_it(tmp_path: Path) -> None:
    async with settings_screen(tmp_path / "choices.json") as it:
        await it.press("O")
        assert it.at_home


def test_a_column_moves_no_further_than_the_ends() -> None:
    assert move_column(("state", "name"), "state", -1) == ("state", "name")
    assert move_column(("state", "name"), "name", 1) == ("state", "name")


def test_a_new_column_goes_to_the_end() -> None:
    assert toggle_column(("state", "name"), "rtt") == ("state", "name", "rtt")
    assert toggle_column(("state", "name"), "state") == ("name",)
