"""What pure drawing is tested with."""

from __future__ import annotations

from wgmon_tui.tui.glyphs import glyphs_for
from wgmon_tui.tui.text_style import Ink
from wgmon_tui.tui.themes import load_palette


def text_style(width: int = 100, *, ascii_only: bool = False, theme: str = "night") -> Ink:
    return Ink(load_palette(theme), glyphs_for(ascii_only), width)
