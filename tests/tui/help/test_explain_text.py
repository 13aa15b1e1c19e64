"""Tests of the explanations of a server."""

from __future__ import annotations

from tests.tui import sample_exchanges
from wgmon_tui.checks.stage import STAGE_NAMES
from wgmon_tui.checks.stage_help import STAGE_HELP
from wgmon_tui.tui.help.explain_text import failed_stage_lines
from wgmon_tui.tui.theme.glyphs import UNICODE
from wgmon_tui.tui.theme.palette import load_palette
from wgmon_tui.tui.theme.text_style import TextStyle

STYLE = TextStyle(load_palette("night"), UNICODE, 80)


def test_the_stage_that_failed_is_explained() -> None:
    diagnosis = sample_exchanges.round_of(sample_exchanges.psk_mismatch()).diagnosis

    first, *_ = failed_stage_lines(diagnosis, STYLE)

    assert first.plain.startswith("stage    authenticate failed.")


def test_a_healthy_server_has_no_failed_stage() -> None:
    diagnosis = sample_exchanges.round_of(sample_exchanges.healthy()).diagnosis

    assert failed_stage_lines(diagnosis, STYLE) == []


def test_every_stage_has_an_explanation() -> None:
    assert tuple(STAGE_HELP) == STAGE_NAMES
