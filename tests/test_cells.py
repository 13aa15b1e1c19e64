"""Widths of text on a terminal."""

from __future__ import annotations

import pytest

from wgmon_tui.cells import cell_width, cut_to_cells


@pytest.mark.parametrize(("text", "cells"), [("fra1", 4), ("東京", 4), ("e\u0301", 1), ("● up", 4), ("", 0)])
def test_wide_characters_take_two_cells_and_combining_ones_none(text: str, cells: int) -> None:
    assert cell_width(text) == cells


def test_a_wide_character_that_fits_only_by_half_is_cut_off() -> None:
    assert cut_to_cells("a東京", 4) == "a東"
