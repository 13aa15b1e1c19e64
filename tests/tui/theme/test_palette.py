from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path

import pytest

from tests.tui.colour_blindness import (
    DEUTERANOPIA,
    NORMAL,
    PROTANOPIA,
    TRITANOPIA,
    Matrix,
    contrast,
    difference,
)
from wgmon_tui.checks.verdict import Severity
from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.protocols.wireguard.wire import FIELDS
from wgmon_tui.tui.theme.palette import (
    FIELD_NAMES,
    SHIPPED_THEMES,
    load_palette,
    read_palette,
    shipped_palettes,
)

NIGHT = (Path(__file__).parents[3] / "themes" / "night.toml").read_text()


def test_every_field_of_the_protocol_has_a_colour() -> None:
    names = {field.name for fields in FIELDS.values() for field in fields} | {"packet", "unknown"}
    assert names == set(FIELD_NAMES)


COLOURED = ("night", "paper", "contrast", "deuteranopia", "tritanopia")


@pytest.mark.parametrize("name", COLOURED)
def test_text_can_be_read_on_its_background(name: str) -> None:
    palette = shipped_palettes()[name]
    styles = (palette.text, palette.muted, palette.accent, palette.lost)
    for style in (*styles, *palette.severity.values(), *palette.fields.values()):
        assert style.color is not None
        assert contrast(style.color.name, palette.background) >= 4.5, style


@pytest.mark.parametrize("name", COLOURED)
def test_the_row_under_the_cursor_can_be_read(name: str) -> None:
    palette = shipped_palettes()[name]
    for style in (palette.text, *palette.severity.values()):
        text_style = style + palette.cursor
        assert text_style.color is not None
        assert text_style.bgcolor is not None
        assert contrast(text_style.color.name, text_style.bgcolor.name) >= 3.0, style


APART = 25.0
"""CIE 1976 difference of colours that are distinguished at a glance, anywhere on the screen."""


@pytest.mark.parametrize(
    ("name", "eyes"),
    [
        ("deuteranopia", DEUTERANOPIA),
        ("deuteranopia", PROTANOPIA),
        ("tritanopia", TRITANOPIA),
        *((name, NORMAL) for name in COLOURED),
    ],
)
def test_severities_keep_apart_for_the_eyes_that_a_theme_is_for(name: str, eyes: Matrix) -> None:
    severities = shipped_palettes()[name].severity.items()
    for (one, style), (other, beside) in combinations(severities, 2):
        assert style.color is not None
        assert beside.color is not None
        assert difference(style.color.name, beside.color.name, eyes) >= APART, (one, other)


@pytest.mark.parametrize("eyes", [DEUTERANOPIA, PROTANOPIA], ids=["deuteranopia", "protanopia"])
@pytest.mark.parametrize("name", COLOURED)
def test_how_bad_it_is_can_be_told_in_every_theme_by_those_who_do_not_tell_red_from_green(
    name: str, eyes: Matrix
) -> None:
    worst_off = (Severity.UP, Severity.DEGRADED, Severity.DOWN)
    for one, other in combinations([shipped_palettes()[name].severity[each] for each in worst_off], 2):
        assert one.color is not None
        assert other.color is not None
        assert difference(one.color.name, other.color.name, eyes) >= 20.0, (one, other)


@pytest.mark.parametrize("name", SHIPPED_THEMES)
def test_nothing_under_the_cursor_is_dim(name: str) -> None:
    palette = shipped_palettes()[name]
    assert not (palette.muted + palette.cursor).dim


def test_the_ansi_theme_takes_every_colour_from_the_terminal() -> None:
    ansi = shipped_palettes()["ansi"]
    styles = (ansi.base, ansi.header, ansi.accent, ansi.cursor, ansi.sparkline, ansi.lost)
    for style in (*styles, *ansi.severity.values(), *ansi.fields.values()):
        for colour in (style.color, style.bgcolor):
            assert colour is None or colour.triplet is None
    assert ansi.textual_theme().error == "ansi_red"
    assert ansi.textual_theme().ansi


def test_mono_has_no_colour_at_all() -> None:
    mono = shipped_palettes()["mono"]
    styles = (mono.base, mono.header, mono.accent, mono.cursor, mono.sparkline, mono.lost)
    for style in (*styles, *mono.severity.values(), *mono.fields.values()):
        assert style.color is None
        assert style.bgcolor is None


def test_a_theme_of_ones_own_is_a_file(tmp_path: Path) -> None:
    file = tmp_path / "ink.toml"
    file.write_text(NIGHT)
    assert load_palette(str(file)).name == "ink"


def test_an_unknown_theme_names_those_there_are() -> None:
    with pytest.raises(ConfigurationError, match=", ".join(SHIPPED_THEMES)):
        load_palette("solarised")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (("dark = true", 'dark = "yes"'), "dark: expected true or false"),
        (('text = "#d3dae6"', 'text = "grey"'), "text: expected a style"),
        (('up = "#45c9a5"', 'up = "blink #45c9a5"'), "severity.up: expected a style"),
        (('mac1 = "#5ad4e6"\n', ""), "fields.mac1: expected a style"),
        (("[severity]", "shadow = 3\n[severity]"), 'unknown key "shadow"'),
        (("[fields]", "[feelds]"), 'unknown key "feelds"'),
        (('background = "#0f131a"', 'background = "on #0f131a"'), "background: expected a colour"),
        (("dark = true", "dark ="), "Invalid value"),
        (("dark = true", f"dark = {'[' * 5000}"), "not readable as TOML"),
    ],
)
def test_a_bad_theme_file_gets_one_line_with_file_and_key(
    tmp_path: Path, change: tuple[str, str], complaint: str
) -> None:
    file = tmp_path / "bad.toml"
    assert change[0] in NIGHT
    file.write_text(NIGHT.replace(*change))
    with pytest.raises(ConfigurationError, match=re.escape(complaint)) as caught:
        read_palette(file)
    assert str(caught.value).startswith(f"{file}: ")
    assert "\n" not in str(caught.value)


def test_a_theme_file_with_a_name_that_cannot_be_typed_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "my ink.toml"
    file.write_text(NIGHT)
    with pytest.raises(ConfigurationError, match="use only letters, digits, - and _"):
        read_palette(file)


def test_a_theme_file_that_is_not_there_gets_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read: No such file"):
        load_palette(str(tmp_path / "absent.toml"))


def test_a_theme_in_the_home_of_an_account_that_does_not_exist_is_refused_in_one_line() -> None:
    with pytest.raises(ConfigurationError, match="~nobody-of-this-name"):
        load_palette("~nobody-of-this-name/mine.toml")
