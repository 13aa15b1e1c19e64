"""A scrollbar of whole cells. Textual's ends in eighths of a block, which ASCII and some fonts lack."""

from __future__ import annotations

from typing import ClassVar

from textual.scrollbar import ScrollBarRender


class WholeCellScrollbar(ScrollBarRender):
    """The renderer of every scrollbar of the app."""

    VERTICAL_BARS: ClassVar[list[str]] = [" "]
    HORIZONTAL_BARS: ClassVar[list[str]] = [" "]
