"""Text styles for tests of pure drawing functions."""

from __future__ import annotations

from wgmon_tui.tui.theme.glyphs import glyphs_for
from wgmon_tui.tui.theme.palette import load_palette
from wgmon_tui.tui.theme.text_style import TextStyle


def text_style(width: int = 100, *, ascii_only: bool = False, theme: str = "night") -> TextStyle:
    return TextStyle(load_palette(theme), glyphs_for(ascii_only), width)
