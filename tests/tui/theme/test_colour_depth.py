"""Tests of the colour depth: the default theme, and colours that the terminal has."""

from __future__ import annotations

from rich.color import Color, ColorSystem
from rich.style import Style

from wgmon_tui.terminal import ColourDepth
from wgmon_tui.tui.theme.colour_depth import adapt_palette, default_theme
from wgmon_tui.tui.theme.palette import shipped_palettes


def test_few_colours_and_a_slow_link_get_the_terminal_s_own_sixteen() -> None:
    assert default_theme(ColourDepth.TRUE, low_bandwidth=False) == "night"
    assert default_theme(ColourDepth.EIGHT_BIT, low_bandwidth=False) == "night"
    assert default_theme(ColourDepth.SIXTEEN, low_bandwidth=False) == "ansi"
    assert default_theme(ColourDepth.TRUE, low_bandwidth=True) == "ansi"
    assert default_theme(ColourDepth.NONE, low_bandwidth=False) == "mono"


def grey(colour: Color | None) -> bool:
    assert colour is not None
    assert colour.triplet is not None
    return len(set(colour.triplet)) == 1


def test_with_256_colours_a_dark_background_stays_dark_and_grey() -> None:
    night = adapt_palette(shipped_palettes()["night"], ColourDepth.EIGHT_BIT)
    assert night.background == "#121212"
    assert night.panel == "#1c1c1c"
    assert grey(night.cursor.bgcolor)


def test_with_256_colours_every_colour_is_one_of_the_256() -> None:
    """Whether two colours differ by at most the grey step by which Rich rounds."""
    for palette in shipped_palettes().values():
        fewer = adapt_palette(palette, ColourDepth.EIGHT_BIT)
        for style in (fewer.text, fewer.accent, *fewer.severity.values(), *fewer.fields.values()):
            if style.color and style.color.triplet:
                shown = style.color.downgrade(ColorSystem.EIGHT_BIT).get_truecolor()
                assert max(abs(a - b) for a, b in zip(shown, style.color.triplet, strict=True)) <= 10


def test_bold_stays_bold_and_the_terminal_s_own_colours_stay_its_own() -> None:
    night = adapt_palette(shipped_palettes()["night"], ColourDepth.EIGHT_BIT)
    assert all(style.bold for severity, style in night.severity.items() if severity.word == "down")
    ansi = shipped_palettes()["ansi"]
    assert adapt_palette(ansi, ColourDepth.EIGHT_BIT) == ansi
    assert adapt_palette(ansi, ColourDepth.EIGHT_BIT).text == Style.null()
    assert adapt_palette(shipped_palettes()["night"], ColourDepth.TRUE) is shipped_palettes()["night"]
