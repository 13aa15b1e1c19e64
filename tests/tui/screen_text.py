"""Plain text of a screen: its specific part, and the part shared with other screens."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from types import MappingProxyType

from textual.app import App
from textual.geometry import Region
from textual.screen import ModalScreen

SHARED_PARTS = MappingProxyType(
    {
        "TotalsLine": "totals",
        "#head": "server head",
        "ContentTabs": "tabs",
        "StatusLine": "status line",
        "KeyHints": "key hints",
    }
)
"""Selectors of the widgets that many screens share, with their placeholder in a snapshot."""


def own_text(app: App[None]) -> str:
    """The specific part of a screen: a dialog without the screen below it, shared parts by name only."""
    lines = terminal_lines(app)
    shared = {region.y: (region, words) for region, words in _shared_parts(app)}
    area = _own_area(app, [region for region, _ in shared.values()])
    text: list[str] = []
    row = min([area.y, *shared])
    while row < area.bottom or row in shared:
        if row in shared:
            region, words = shared.pop(row)
            text.append(f"[{words}]")
            row = region.bottom
        else:
            text.append(lines[row][area.x : area.right].rstrip())
            row += 1
    return "\n".join((*text, *(f"[{words}]" for _, words in shared.values()), ""))


def shared_text(app: App[None]) -> str:
    """The shared parts, which `own_text` replaces by names."""
    lines = terminal_lines(app)
    parts = sorted(_shared_parts(app))
    return "".join(
        f"[{words}]\n" + "".join(f"{line.rstrip()}\n" for line in lines[region.y : region.bottom])
        for region, words in parts
    )


def terminal_lines(app: App[None]) -> list[str]:
    """The terminal content as lines."""
    strips = app.screen._compositor.render_strips()
    return ["".join(segment.text for segment in strip) for strip in strips]


def _own_area(app: App[None], shared: Collection[Region]) -> Region:
    if not isinstance(app.screen, ModalScreen):
        return app.screen.region
    seen = app.screen._compositor.visible_widgets
    dialog = [
        region.intersection(clip)
        for widget, (region, clip) in seen.items()
        if widget is not app.screen and region not in shared and not widget.has_class("-textual-system")
    ]
    return Region.from_union(dialog)


def _shared_parts(app: App[None]) -> Iterable[tuple[Region, str]]:
    for selector, words in SHARED_PARTS.items():
        for widget in app.screen.query(selector):
            if widget.region:
                yield widget.region, words
