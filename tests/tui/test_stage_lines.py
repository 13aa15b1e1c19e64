"""Tests of the stages of a check on a screen."""

from __future__ import annotations

import pytest

from tests.tui import sample_exchanges
from wgmon_tui.checks.verdict import Severity
from wgmon_tui.tui.stage_lines import stage_lines, stage_note_lines
from wgmon_tui.tui.theme.glyphs import ASCII, UNICODE
from wgmon_tui.tui.theme.palette import load_palette
from wgmon_tui.tui.theme.text_style import TextStyle

NIGHT = load_palette("night")
MISMATCH = sample_exchanges.round_of(sample_exchanges.psk_mismatch())
SILENT = sample_exchanges.round_of(sample_exchanges.silent())
DEAD = sample_exchanges.round_of(sample_exchanges.data_dead())


def test_the_line_wraps_between_stages_only() -> None:
    lines = [each.plain for each in stage_lines(DEAD.check, DEAD.diagnosis, TextStyle(NIGHT, UNICODE, 60))]

    assert lines == [
        "stages resolve ✓ 2.1 ms → reach ✓ → handshake ✓ 12.4 ms",
        "       → authenticate ✓ → tunnel ✖",
    ]


@pytest.mark.parametrize("width", [20, 40, 60, 80, 200])
def test_no_line_is_wider_than_the_screen_where_one_stage_fits(width: int) -> None:
    lines = stage_lines(DEAD.check, DEAD.diagnosis, TextStyle(NIGHT, ASCII, width))

    assert all(line.plain.isascii() for line in lines)
    assert all(line.cell_len <= max(width, 30) for line in lines)


def test_a_failed_stage_has_the_colour_of_the_verdict_and_a_glyph_of_its_own() -> None:
    [*_, last] = stage_lines(MISMATCH.check, MISMATCH.diagnosis, TextStyle(NIGHT, UNICODE, 80))

    assert last.plain.endswith("authenticate ✖")
    assert last.spans[-1].style == NIGHT.severity[Severity.DOWN]


def test_a_note_says_why_a_stage_is_not_known() -> None:
    notes = stage_note_lines(SILENT.check, SILENT.diagnosis, TextStyle(NIGHT, UNICODE, 80))

    assert [each.plain for each in notes] == ["       reach not known: nothing answered"]
