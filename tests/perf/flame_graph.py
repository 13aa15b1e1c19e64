"""Draws the samples of py-spy as a flame graph: `python -m tests.perf.flame_graph SAMPLES.raw OUT.svg TITLE`.

The input is what `py-spy record --format raw` writes: stacks with a count each. The picture is static and
small: no scripts, no paths of a machine, and no frames that are too narrow to see. Each box has a tooltip.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

_WIDTH, _ROW, _TOP = 1200, 17, 44
_LETTER = 6.1  # pixels of a letter in the font below
_NARROWEST = 2.0
_HIDDEN = ("<module>", "_run_module_as_main", "_run_code", "Runner.run", "main ")
_ROOT = "BaseEventLoop._run_once"
_NOT_CHECKS = ("_spend_floor", "Condition.wait", "EpollSelector.select")
"""The floor itself, and waiting, which py-spy counts too."""

_COLOURS = {"wgmon_tui/protocols": "#f2a65a", "wgmon_tui/monitor": "#8ab6d6", "wgmon_tui/store": "#b7c98b"}
_OTHER_COLOUR, _PYTHON_COLOUR = "#e6cf8b", "#d0d0d0"
_LEGEND = "orange: protocols, blue: monitor, green: store, yellow: the rest of wgmon-tui, grey: Python"
_SVG = "http://www.w3.org/2000/svg"


@dataclass(slots=True)
class Frame:
    """A function below its callers, with the number of samples in it."""

    name: str
    samples: int = 0
    called: dict[str, Frame] = field(default_factory=dict)


def read_samples(text: str) -> Frame:
    """Join the stacks of the event loop and of the recorder's thread."""
    root = Frame("all")
    for line in text.splitlines():
        stack, _, count = line.rpartition(" ")
        names = [_name(each) for each in stack.split(";")]
        names = [each for each in names if not each.startswith(_HIDDEN)]
        start = next(
            (at for at, each in enumerate(names) if each.startswith((_ROOT, "Recorder._run "))), None
        )
        if start is None or any(each.startswith(_NOT_CHECKS) for each in names):
            continue
        frame = root
        root.samples += int(count)
        for name in names[start:]:
            frame = frame.called.setdefault(name, Frame(name))
            frame.samples += int(count)
    return root


def draw(root: Frame, title: str) -> str:
    """Return the flame graph as SVG, with the callers above."""
    boxes = list(_boxes(root, 0.0, _WIDTH / root.samples, 0))
    height = _TOP + (1 + max(depth for *_, depth in boxes)) * _ROW + 8
    lines = [
        f'<svg xmlns="{_SVG}" viewBox="0 0 {_WIDTH} {height}" font-family="monospace" font-size="10">',
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="8" y="20" font-size="14">{escape(title)}</text>',
        f'<text x="8" y="36" fill="#555">{_LEGEND}</text>',
    ]
    for frame, x, width, depth in boxes:
        share = frame.samples / root.samples
        name = frame.name.partition(" (")[0]
        shown = name if len(name) * _LETTER < width - 4 else name[: max(0, int((width - 4) / _LETTER))]
        y = _TOP + depth * _ROW
        lines.append(
            f"<g><title>{escape(frame.name)}: {share:.1%}</title>"
            f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{_ROW - 1}" '
            f'fill="{_colour(frame.name)}" stroke="#fff" stroke-width=".5"/>'
            + (f'<text x="{x + 2:.1f}" y="{y + 12}">{escape(shown)}</text>' if len(shown) > 2 else "")
            + "</g>"
        )
    return "\n".join((*lines, "</svg>", ""))


def _boxes(frame: Frame, x: float, scale: float, depth: int) -> Iterator[tuple[Frame, float, float, int]]:
    for called in sorted(frame.called.values(), key=lambda each: each.name):
        width = called.samples * scale
        if width >= _NARROWEST:
            yield called, x, width, depth
            yield from _boxes(called, x, scale, depth + 1)
        x += width


def _name(frame: str) -> str:
    """Return a frame without its line, and its path from the package on."""
    name, _, place = re.sub(r":\d+\)$", ")", frame.strip()).partition(" (")
    for package in ("wgmon_tui/", "tests/", "asyncio/"):
        if package in place:
            return f"{name} ({package}{place.rpartition(package)[2]}"
    return f"{name} ({place.rpartition('/')[2]}"


def _colour(name: str) -> str:
    if "wgmon_tui/" not in name:
        return _PYTHON_COLOUR
    return next((colour for folder, colour in _COLOURS.items() if folder in name), _OTHER_COLOUR)


if __name__ == "__main__":
    samples, target, heading = sys.argv[1:4]
    Path(target).write_text(draw(read_samples(Path(samples).read_text()), heading))
