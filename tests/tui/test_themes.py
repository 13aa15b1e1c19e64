from __future__ import annotations

import re
from pathlib import Path

import pytest

from wgmon_tui.fleet.records import ConfigurationError
from wgmon_tui.tui.themes import (
    FIELD_NAMES,
    SHIPPED_THEMES,
    palette_named,
    read_palette,
    shipped_palettes,
)
from wgmon_tui.wireguard.messages import FIELDS

NIGHT = (Path(__file__).parents[2] / "themes" / "night.toml").read_text()


def luminance(colour: str) -> float:
    """WCAG 2 relative luminance."""
    channels = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_every_field_of_the_protocol_has_a_colour() -> None:
    names = {field.name for fields in FIELDS.values() for field in fields} | {"packet", "unknown"}
    assert names == set(FIELD_NAMES)


@pytest.mark.parametrize("name", ["night", "paper", "contrast"])
def test_text_can_be_read_on_its_background(name: str) -> None:
    palette = shipped_palettes()[name]
    styles = (palette.text, palette.muted, palette.accent, palette.lost)
    for style in (*styles, *palette.severity.values(), *palette.fields.values()):
        assert style.color is not None
        assert contrast(style.color.name, palette.background) >= 4.5, style


def test_mono_has_no_colour_at_all() -> None:
    mono = shipped_palettes()["mono"]
    styles = (mono.base, mono.header, mono.accent, mono.cursor, mono.sparkline, mono.lost)
    for style in (*styles, *mono.severity.values(), *mono.fields.values()):
        assert style.color is None
        assert style.bgcolor is None


def test_a_theme_of_ones_own_is_a_file(tmp_path: Path) -> None:
    file = tmp_path / "ink.toml"
    file.write_text(NIGHT)
    assert palette_named(str(file)).name == "ink"


def test_an_unknown_theme_names_those_there_are() -> None:
    with pytest.raises(ConfigurationError, match=", ".join(SHIPPED_THEMES)):
        palette_named("solarised")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (("dark = true", 'dark = "yes"'), "dark: expected true or false"),
        (('text = "#d3dae6"', 'text = "grey"'), "text: expected a style"),
        (('up = "#45c9a5"', 'up = "blink #45c9a5"'), "severity.up: expected a style"),
        (('mac1 = "#5ad4e6"\n', ""), "fields.mac1: expected a style"),
        (("[severity]", "shadow = 3\n[severity]"), "'shadow': unknown key"),
        (("[fields]", "[feelds]"), "'feelds': unknown key"),
        (('background = "#0f131a"', 'background = "on #0f131a"'), "background: expected a colour"),
        (("dark = true", "dark ="), "not TOML"),
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


def test_a_theme_file_that_is_not_there_gets_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read: No such file"):
        palette_named(str(tmp_path / "absent.toml"))
