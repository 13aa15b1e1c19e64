"""Which columns the fleet table shows, and their places: pure, from the width and the chosen columns."""

from __future__ import annotations

from collections.abc import Sequence

from wgmon_tui.config.setting_problems import SettingProblem, raise_problems
from wgmon_tui.records import dataclass
from wgmon_tui.text import quoted
from wgmon_tui.tui.fleet.columns import COLUMNS, Column

LEFT_MARGIN = 1
RIGHT_MARGIN = 2
"""Blank cells at the edges. A scrollbar takes one of the right ones."""

GAP = 2
"""Blank cells between columns."""

_WIDE = ("state", "name", "verdict", "port", "rtt", "checks")

LAYOUTS: tuple[tuple[int, tuple[str, ...]], ...] = (
    (154, (*_WIDE, "loss", "p50", "p95", "uptime", "since", "endpoint")),
    (128, (*_WIDE, "loss", "p50", "p95", "uptime", "since")),
    (118, (*_WIDE, "loss", "p95", "uptime", "since")),
    (96, ("state", "name", "verdict", "rtt", "checks", "loss", "uptime", "since")),
    (72, ("state", "name", "verdict", "rtt", "checks")),
    (56, ("state", "name", "verdict", "rtt")),
    (0, ("state", "name", "rtt")),
)
"""Default columns by the terminal width from which they apply."""

_WITH_CHECKS = 72
"""The smallest of those widths that shows the last checks."""

_GROWTH = (
    ("name", 16),
    ("checks", 16),
    ("name", 20),
    ("endpoint", 24),
    ("checks", 24),
    ("name", 40),
    ("endpoint", 50),
)
"""How spare width is used: columns in order, each up to a width; the rest goes to the last checks."""


@dataclass(frozen=True, slots=True)
class PlacedColumn:
    """A column with its position: `start` and `width` in cells."""

    column: Column
    start: int
    width: int


def validate_columns(names: Sequence[str]) -> tuple[str, ...]:
    """Validate the columns of config.toml; none for the default ones. Raises ConfigurationError."""
    raise_problems(column_problems(names))
    return tuple(names)


def column_problems(names: Sequence[str]) -> list[SettingProblem]:
    """All problems of `[columns]` in config.toml."""
    found = []
    for number, name in enumerate(names):
        if name in names[:number]:
            found.append(f"{quoted(name)} is listed twice")
        elif name not in COLUMNS:
            found.append(f"unknown column {quoted(name)}; expected one of {', '.join(COLUMNS)}")
    if names and "name" not in names:
        found.append('the column "name" is required')
    return [SettingProblem(("columns", "fleet"), f"columns: key fleet: {each}") for each in found]


def _fitting(chosen: Sequence[str], width: int) -> tuple[str, ...]:
    """The chosen columns that fit, in order; the name always."""
    available = width - LEFT_MARGIN - RIGHT_MARGIN - COLUMNS["name"].width
    fitting = {"name"}
    for key in chosen:
        if key != "name" and (available := available - GAP - COLUMNS[key].width) < 0:
            break
        fitting.add(key)
    return tuple(key for key in chosen if key in fitting)


def _default_columns(width: int, vantages: int) -> tuple[str, ...]:
    """The default columns for this width, with `seen` if the last checks still fit next to it."""
    available = width - max(COLUMNS["seen"].width, vantages) - GAP
    if vantages and available >= _WITH_CHECKS:
        keys = next(keys for least, keys in LAYOUTS if available >= least)
        at = keys.index("verdict") + 1
        return (*keys[:at], "seen", *keys[at:])
    return next(keys for least, keys in LAYOUTS if width >= least)


def lay_out(
    width: int, longest_name: int, longest_endpoint: int, chosen: Sequence[str] = (), vantages: int = 0
) -> tuple[PlacedColumn, ...]:
    """Lay out the columns for a table of `width` cells. Names and endpoints get no more than they need.

    `longest_name` and `longest_endpoint` are in cells. `chosen` columns are used as far as they fit.
    `vantages` is the number of vantages including this machine, or 0 if there are no others.
    """
    keys = _fitting(chosen, width) if chosen else _default_columns(width, vantages)
    widths = {key: COLUMNS[key].width for key in keys}
    if "seen" in widths:
        widths["seen"] = max(widths["seen"], vantages)
    spare = width - LEFT_MARGIN - RIGHT_MARGIN - GAP * (len(keys) - 1) - sum(widths.values())
    needed = {"name": longest_name, "endpoint": longest_endpoint}
    for key, wanted in _GROWTH:
        if key in widths:
            more = min(min(wanted, needed.get(key, wanted)) - widths[key], spare)
            widths[key] += max(0, more)
            spare -= max(0, more)
    if "checks" in widths:
        widths["checks"] += max(0, spare)
    elif spare < 0:
        widths["name"] = max(1, widths["name"] + spare)
    placed, start = [], LEFT_MARGIN
    for key in keys:
        placed.append(PlacedColumn(COLUMNS[key], start, widths[key]))
        start += widths[key] + GAP
    return tuple(placed)
