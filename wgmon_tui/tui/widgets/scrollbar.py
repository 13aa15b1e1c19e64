"""A scrollbar of whole cells: the usual one ends in eighths of a block, which ASCII and some fonts lack."""

from __future__ import annotations

from typing import ClassVar

from textual.scrollbar import ScrollBarRender


class WholeCellScrollbar(ScrollBarRender):
    """Give it to a widget as `vertical_scrollbar.renderer`."""

    VERTICAL_BARS: ClassVar[list[str]] = [" "]
