"""Tests of themes in use: picker, custom themes, few colours, slow links."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from textual.events import CursorPosition

from tests.tui.app_harness import Face, face
from tests.tui.key_presses import settle
from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.config.tui_settings import TuiSettings
from wgmon_tui.tui.terminal.counting_driver import SLOW_LINK_S
from wgmon_tui.tui.terminal.repaint_throttle import DEFAULT_LIMITS, LOW_BANDWIDTH
from wgmon_tui.tui.theme.palette import SHIPPED_THEMES

NIGHT = (Path(__file__).parents[3] / "themes" / "night.toml").read_text()


def theme_file(config: Path, name: str, text: str) -> Path:
    (config / "themes").mkdir(exist_ok=True)
    file = config / "themes" / f"{name}.toml"
    file.write_text(text)
    return file


def painted(it: Face) -> str:
    """The background colour of the first server."""
    style = it.table.render_line(5)._segments[0].style
    assert style is not None
    assert style.bgcolor is not None
    return style.bgcolor.name


async def test_what_the_cursor_is_on_is_tried_on_at_once() -> None:
    async with face() as it:
        await it.press("t")
        for name in SHIPPED_THEMES[1:3]:
            await it.press("j")
            assert it.app.palette.name == name
            assert painted(it) == it.app.palette.background
        await it.press("enter")
        assert it.at_home
        assert it.app.theme == SHIPPED_THEMES[2]
        assert it.notices() == [f"Theme: {SHIPPED_THEMES[2]}"]


@pytest.mark.thorough
async def test_esc_takes_it_off_again() -> None:
    async with face(theme="paper") as it:
        await it.press("t", "j", "j", "k", "escape")
        assert it.at_home
        assert it.app.palette.name == "paper"


async def test_the_chooser_stands_beside_what_it_changes() -> None:
    async with face() as it:
        first = it.lines()[2][:40]
        await it.press("t")
        assert it.lines()[2][:40] == first
        assert any(line.split()[-1:] == ["tritanopia"] for line in it.lines())


async def test_a_theme_of_ones_own_is_offered_by_its_name(tmp_path: Path) -> None:
    theme_file(tmp_path, "ink", NIGHT)
    async with face(config_dir=tmp_path, theme="ink") as it:
        assert it.app.palette.name == "ink"
        assert "Theme: ink" in [command.title for command in it.app.get_system_commands(it.fleet)]


async def test_the_theme_of_config_toml_is_put_on_unless_the_command_line_names_one() -> None:
    paper = TuiSettings(theme="paper")
    async with face(settings=paper) as it:
        assert it.app.theme == "paper"
    async with face(settings=paper, theme="contrast") as it:
        assert it.app.theme == "contrast"


async def test_an_unknown_theme_in_config_toml_is_refused_with_the_names_there_are(tmp_path: Path) -> None:
    theme_file(tmp_path, "ink", NIGHT)
    line = 'config.toml: unknown theme "inc"; expected one of .*mono, ink'
    with pytest.raises(ConfigurationError, match=line):
        async with face(config_dir=tmp_path, settings=TuiSettings(theme="inc")):
            pass


async def test_a_spoiled_theme_that_is_asked_for_is_refused_with_its_file_and_key(tmp_path: Path) -> None:
    file = theme_file(tmp_path, "ink", NIGHT.replace("[fields]", "[feelds]"))
    with pytest.raises(ConfigurationError, match=f'{file}: unknown key "feelds"'):
        async with face(config_dir=tmp_path, theme="ink"):
            pass


async def test_a_spoiled_theme_of_a_shipped_name_leaves_the_shipped_one_and_is_told(tmp_path: Path) -> None:
    theme_file(tmp_path, "night", NIGHT.replace("[fields]", "[feelds]"))
    async with face(config_dir=tmp_path, theme="night") as it:
        assert painted(it) == "#0f131a"
        assert 'unknown key "feelds"' in it.notices()[0]


async def test_a_theme_that_is_written_while_it_is_worn_changes_the_screen(tmp_path: Path) -> None:
    file = theme_file(tmp_path, "ink", NIGHT)
    async with face(config_dir=tmp_path, theme="ink") as it:
        file.write_text(NIGHT.replace('background = "#0f131a"', 'background = "#220000"'))
        os.utime(file, ns=(1, 1))
        it.app.reload_themes()
        await settle(it.pilot)
        await settle(it.pilot)
        assert painted(it) == "#220000"
        assert not it.notices()


async def test_a_theme_that_is_spoiled_while_it_is_worn_stays_on_and_gets_one_line(tmp_path: Path) -> None:
    file = theme_file(tmp_path, "ink", NIGHT)
    async with face(config_dir=tmp_path, theme="ink") as it:
        file.write_text("dark = 3\n")
        it.app.reload_themes()
        await settle(it.pilot)
        assert it.app.palette.name == "ink"
        [notice] = it.notices()
        assert notice == f"{file}: dark: expected true or false"
        it.app.dismiss_notice()
        it.app.reload_themes()
        assert not it.notices(), "an error is told once"


async def test_a_spoiled_theme_that_nobody_wears_is_told_at_the_start(tmp_path: Path) -> None:
    theme_file(tmp_path, "ink", NIGHT.replace("[fields]", "[feelds]"))
    async with face(config_dir=tmp_path) as it:
        assert 'unknown key "feelds"' in it.notices()[0]


async def test_the_columns_of_config_toml_are_shown_in_their_order() -> None:
    async with face(size=(80, 24), settings=TuiSettings(columns=("name", "state", "since"))) as it:
        assert it.lines()[1].split() == ["name", "state", "▾", "since"]


async def test_low_bandwidth_paints_less_often_in_sixteen_colours() -> None:
    async with face(settings=TuiSettings(low_bandwidth=True)) as it:
        assert it.app.repaint_throttle.limits == LOW_BANDWIDTH
        assert it.app.theme == "ansi"
        await it.press("L")
        assert it.app.repaint_throttle.limits == DEFAULT_LIMITS
        await it.press("L")
        assert it.app.repaint_throttle.limits == LOW_BANDWIDTH


async def answered_after(it: Face, seconds: float) -> None:
    it.app._query_sent_at = 1000.0
    answer = CursorPosition(0, 0)
    answer.time = 1000.0 + seconds
    it.app.post_message(answer)
    await settle(it.pilot)
    await settle(it.pilot)


async def test_a_slow_link_is_told_in_one_line_with_the_key_that_helps() -> None:
    async with face() as it:
        await answered_after(it, 1.2)
        assert it.notices() == ["Slow link: a repaint took 1.20 s. Press L to repaint less often."]


async def test_a_quick_link_is_not_talked_about() -> None:
    async with face() as it:
        await answered_after(it, SLOW_LINK_S / 2)
        assert not it.notices()


@pytest.mark.thorough
async def test_in_ascii_the_command_palette_and_the_chooser_are_too() -> None:
    async with face(ascii_only=True, size=(100, 30)) as it:
        for key in ("ctrl+p", "t"):
            await it.press(key)
            await settle(it.pilot)
            assert not it.at_home
            for line in it.lines():
                assert line.isascii(), line
            await it.press("escape")
