"""Contrast of every role of every theme, on each background that it stands on (WCAG 2.2, 1.4.3)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from rich.color import Color
from rich.style import Style

from wgmon_tui.tui.theme.palette import Palette, shipped_palettes

LEAST = 4.5


@dataclass(frozen=True, slots=True)
class Place:
    """A role on a background."""

    role: str
    on: str
    foreground: Color
    background: Color

    def __str__(self) -> str:
        return f"{self.role} on {self.on}: {contrast(self.foreground, self.background):.2f}"


def luminance(colour: Color) -> float:
    def linear(channel: int) -> float:
        share = channel / 255
        return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4

    red, green, blue = colour.get_truecolor()
    return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)


def contrast(one: Color, other: Color) -> float:
    brighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def roles(palette: Palette) -> Iterator[tuple[str, Style]]:
    for name in ("text", "muted", "accent", "sparkline", "lost"):
        yield name, getattr(palette, name)
    for severity, style in palette.severity.items():
        yield severity.word, style
    yield from palette.fields.items()


def places(palette: Palette) -> Iterator[Place]:
    for role, style in roles(palette):
        shown = {
            "the background": palette.base + style,
            "the panel": palette.header + style,
            "the cursor's row": palette.base + style + palette.cursor,
        }
        for on, each in shown.items():
            if each.color and each.bgcolor:
                yield Place(role, on, each.color, each.bgcolor)


RGB = [palette for palette in shipped_palettes().values() if palette.background]


@pytest.mark.parametrize("palette", RGB, ids=lambda palette: palette.name)
def test_every_role_can_be_read(palette: Palette) -> None:
    weak = [str(each) for each in places(palette) if contrast(each.foreground, each.background) < LEAST]
    assert weak == []


def test_black_on_white_has_the_greatest_contrast() -> None:
    assert contrast(Color.parse("#000000"), Color.parse("#ffffff")) == pytest.approx(21.0)
