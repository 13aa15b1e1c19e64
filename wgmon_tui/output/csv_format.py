"""Rows for spreadsheets: RFC 4180, and nothing in them that a spreadsheet would run as a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence

from wgmon_tui.text import printable

_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
"""How a formula begins; the wide ones where the spreadsheet speaks Japanese or Chinese."""


def csv_lines(columns: Sequence[str], objects: Iterable[Mapping[str, object]]) -> Iterator[str]:
    """A line of column names, then one for each object.

    A column is a key, or for an object inside it that key, "_" and the inner one; a list is one cell.
    """
    yield csv_line(columns)
    for each in objects:
        flat = _flat(each)
        yield csv_line(flat.get(column) for column in columns)


def csv_line(cells: Iterable[object]) -> str:
    """One row with its line end. None is an empty cell."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow([_cell(value) for value in cells])
    return line.getvalue()


def _flat(each: Mapping[str, object]) -> dict[str, object]:
    flat = dict(each)
    for key, value in each.items():
        if isinstance(value, dict):
            flat |= {f"{key}_{inner}": inside for inner, inside in value.items()}
        elif isinstance(value, list):
            flat[key] = " | ".join(" ".join(map(str, part.values())) for part in value)
    return flat


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return str(value)
    text = value if value.isprintable() else printable(value)
    # Names, notes and summaries are other people's text: an apostrophe makes a spreadsheet show them only.
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text
