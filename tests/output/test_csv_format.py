from __future__ import annotations

import csv
import io
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wgmon_tui.output.csv_format import csv_line, csv_lines
from wgmon_tui.text import printable

cells = st.none() | st.booleans() | st.integers() | st.floats(0, 1e9) | st.text()


def read(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


@given(st.lists(st.lists(cells, min_size=3, max_size=3), min_size=1, max_size=5))
def test_rows_come_back_as_they_were_written_whatever_a_stranger_says(rows: list[list[object]]) -> None:
    text = "".join(csv_line(row) for row in rows)
    assert text.count("\r\n") == len(rows)
    assert text.replace("\r\n", "").isprintable()
    for row, found in zip(rows, read(text), strict=True):
        for value, cell in zip(row, found, strict=True):
            if isinstance(value, str):
                assert cell.removeprefix("'") == printable(value).removeprefix("'")
            elif value is None:
                assert cell == ""
            else:
                assert cell == str(value).lower()


@given(st.text(st.sampled_from("=+-@＝ \t\r\n'\"," + string.ascii_letters)))
def test_no_text_begins_a_formula(text: str) -> None:
    [[cell]] = read(csv_line([text])) if csv_line([text]).strip() else [[""]]
    assert not cell.lstrip().startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠"))


@pytest.mark.parametrize(
    ("text", "shown"),
    [("=1+1", "'=1+1"), (" @SUM(A1)", "' @SUM(A1)"), ("fra-1", "fra-1"), ("2001:db8::7", "2001:db8::7")],
)
def test_only_what_would_run_gets_an_apostrophe(text: str, shown: str) -> None:
    assert read(csv_line([text, ""])) == [[shown, ""]]


def test_columns_reach_into_objects_and_a_list_is_one_cell() -> None:
    object_ = {
        "server": "fra1",
        "tunnel": {"sent": 3, "rtt_ms": 1.5},
        "notes": [{"who": "ada", "text": "looked"}, {"who": "bob", "text": "mended"}],
    }
    columns = ["server", "tunnel_sent", "tunnel_rtt_ms", "notes", "absent"]
    assert read("".join(csv_lines(columns, [object_]))) == [
        columns,
        ["fra1", "3", "1.5", "ada looked | bob mended", ""],
    ]
