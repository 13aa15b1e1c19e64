"""What pure drawing is tested with."""

from __future__ import annotations

from wgmon_tui.tui.glyphs import glyphs_for
from wgmon_tui.tui.text_style import Ink
from wgmon_tui.tui.themes import palette_named


def ink(width: int = 100, *, ascii_only: bool = False, theme: str = "night") -> Ink:
    return Ink(palette_named(theme), glyphs_for(ascii_only), width)
