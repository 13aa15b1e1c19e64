"""Colour depth of the terminal, and palettes adapted to it.

Rich's own conversion weighs the hue of a dark colour more than its darkness. With 256 colours a blue-black
cursor becomes teal; with 16 the panel becomes the background.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from types import MappingProxyType

from rich.color import Color
from rich.style import Style

from wgmon_tui.terminal import ColourDepth
from wgmon_tui.tui.theme.palette import COLOURLESS_THEME, DEFAULT_THEME, SIXTEEN_COLOUR_THEME, Palette

_STEPS = (0, 95, 135, 175, 215, 255)
_GREYS = tuple(8 + 10 * step for step in range(24))

Triple = tuple[int, int, int]


def default_theme(depth: ColourDepth, *, low_bandwidth: bool) -> str:
    """The theme if none is configured. Sixteen colours need a third of the bytes."""
    if depth is ColourDepth.NONE:
        return COLOURLESS_THEME
    return SIXTEEN_COLOUR_THEME if depth is ColourDepth.SIXTEEN or low_bandwidth else DEFAULT_THEME


def adapt_palette(palette: Palette, depth: ColourDepth) -> Palette:
    """Adapt a palette to a terminal with 256 colours. For other depths it stays unchanged."""
    if depth is not ColourDepth.EIGHT_BIT:
        return palette
    return replace(
        palette,
        background=_nearest_hex(palette.background),
        panel=_nearest_hex(palette.panel),
        text=_nearest_style(palette.text),
        muted=_nearest_style(palette.muted),
        accent=_nearest_style(palette.accent),
        cursor=_nearest_style(palette.cursor),
        sparkline=_nearest_style(palette.sparkline),
        lost=_nearest_style(palette.lost),
        severity=MappingProxyType(
            {each: _nearest_style(text_style) for each, text_style in palette.severity.items()}
        ),
        fields=MappingProxyType(
            {name: _nearest_style(text_style) for name, text_style in palette.fields.items()}
        ),
    )


def _nearest_style(style: Style) -> Style:
    return style + Style(color=_nearest_colour(style.color), bgcolor=_nearest_colour(style.bgcolor))


def _nearest_colour(colour: Color | None) -> Color | None:
    if colour is None or colour.triplet is None:
        return colour
    return Color.from_rgb(*_nearest(tuple(colour.triplet)))


def _nearest_hex(colour: str) -> str:
    if not colour:
        return colour
    red, green, blue = _nearest((int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)))
    return f"#{red:02x}{green:02x}{blue:02x}"


@cache
def _nearest(wanted: Triple) -> Triple:
    """The closest colour of the 256-colour cube and greys, which are the same in every terminal."""
    red, green, blue = (min(_STEPS, key=lambda step: abs(step - part)) for part in wanted)
    grey = min(_GREYS, key=lambda level: abs(level - sum(wanted) / 3))
    return min((red, green, blue), (grey, grey, grey), key=lambda triple: _squared_distance(triple, wanted))


def _squared_distance(one: Triple, other: Triple) -> int:
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=True))
