"""Widths of text on a terminal, in cells: a wide character takes two, a combining one none.

Pure functions of the lowest layer. Textual has its own; commands that print and exit do not load it.
"""

from __future__ import annotations

import unicodedata

_WIDE = ("W", "F")
_COMBINING = ("Mn", "Me", "Cf")


def cell_width(text: str) -> int:
    """Return how many cells printable text takes."""
    return len(text) if text.isascii() else sum(map(_width, text))


def cut_to_cells(text: str, cells: int) -> str:
    """Return the beginning of printable text that fits into so many cells."""
    if text.isascii():
        return text[:cells]
    used = 0
    for position, character in enumerate(text):
        used += _width(character)
        if used > cells:
            return text[:position]
    return text


def _width(character: str) -> int:
    if character.isascii():
        return 1
    if unicodedata.category(character) in _COMBINING:
        return 0
    return 2 if unicodedata.east_asian_width(character) in _WIDE else 1
