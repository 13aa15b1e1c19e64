"""Advice on a screen: the command alone on its line, and the place without a colon after it."""

from __future__ import annotations

import pytest

from wgmon_tui.tui.advice_text import compact_advice
from wgmon_tui.tui.theme.glyphs import UNICODE
from wgmon_tui.tui.theme.palette import load_palette
from wgmon_tui.tui.theme.text_style import TextStyle

STYLE = TextStyle(load_palette("night"), UNICODE, 78)


@pytest.mark.parametrize(
    ("advice", "lines"),
    [
        ("on the node: nft list ruleset", ["next   nft list ruleset", "       on the node"]),
        (
            "on the server: wg show wg0 peers — must list KEY",
            ["next   wg show wg0 peers", "       on the server: must list KEY"],
        ),
        ("ip route", ["next   ip route"]),
        ("compare the passwords", ["next   compare the passwords"]),
    ],
)
def test_the_command_stands_first_and_its_place_below(advice: str, lines: list[str]) -> None:
    assert [each.plain.rstrip() for each in compact_advice(advice, STYLE, "next")] == lines
