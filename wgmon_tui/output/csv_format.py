"""CSV rows (RFC 4180) without cells that a spreadsheet would run as a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence

from wgmon_tui.text import printable

_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
"""First characters of a formula; the full-width ones count in Japanese and Chinese spreadsheets."""


def csv_lines(columns: Sequence[str], objects: Iterable[Mapping[str, object]]) -> Iterator[str]:
    """Yield a line of column names, then one line per object.

    A column is named after its key. A nested object gives columns "key_inner"; a list is one cell.
    """
    yield csv_line(columns)
    for each in objects:
        flat = _flat(each)
        yield csv_line(flat.get(column) for column in columns)


def csv_line(cells: Iterable[object]) -> str:
    """Return one row with its line end. None is an empty cell."""
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
    # Names, notes and summaries come from outside: after an apostrophe, a spreadsheet only shows them.
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text
