from __future__ import annotations

import json

from wgmon_tui.cli.doctor_output import format_item
from wgmon_tui.doctor.models import ExaminedItem, ItemStatus, exit_code, json_line, ok_item
from wgmon_tui.output.styled_text import TextFormat

FINE = ok_item("clock", "is right")
LOOK = ExaminedItem("size", ItemStatus.LOOK, "79x24", "make it larger")
FIX = ExaminedItem("secrets", ItemStatus.FIX, "others can read a.key; type: chmod 600 a.key")


def test_an_item_is_one_line_with_glyph_word_fact_and_what_to_do() -> None:
    assert format_item(FINE, TextFormat()) == "● fine  clock             is right"
    assert format_item(LOOK, TextFormat()) == "▲ look  size              79x24; make it larger"
    assert (
        format_item(FIX, TextFormat())
        == "✖ fix   secrets           others can read a.key; type: chmod 600 a.key"
    )


def test_the_line_can_be_ascii() -> None:
    assert [format_item(item, TextFormat(ascii_only=True))[:6] for item in (FINE, LOOK, FIX)] == [
        "o fine",
        "^ look",
        "X fix ",
    ]


def test_what_came_from_outside_cannot_move_the_cursor() -> None:
    assert format_item(ok_item("terminal", "TERM=\x1b[2Jx\n"), TextFormat()).endswith("TERM=\\x1b[2Jx\\n")


def test_json_is_one_object_a_line_and_null_where_there_is_nothing_to_do() -> None:
    assert json.loads(json_line(LOOK)) == {
        "item": "size",
        "condition": "look",
        "fact": "79x24",
        "advice": "make it larger",
    }
    assert json.loads(json_line(FINE))["advice"] is None


def test_the_exit_code_is_the_worst_items() -> None:
    assert [exit_code(items) for items in ([], [FINE], [FINE, LOOK], [LOOK, FIX, FINE])] == [0, 0, 1, 2]


def test_on_a_terminal_a_finding_is_wrapped_below_itself() -> None:
    item = ExaminedItem("clock", ItemStatus.LOOK, "steps of 3 s were seen in the last minute", "stop them")
    assert format_item(item, TextFormat(60)).split("\n") == [
        "▲ look  clock             steps of 3 s were seen in the last",
        "        minute; stop them",
    ]


def test_an_error_about_the_setting_type_is_not_taken_for_a_command() -> None:
    fact = 'config.toml: line 6: sink "x": key type: expected one of webhook, got "pager"'
    item = ExaminedItem("config.toml", ItemStatus.FIX, fact)
    assert "".join(format_item(item, TextFormat(200)).split("\n")) == f"✖ fix   config.toml       {fact}"


def test_on_a_terminal_a_command_stands_whole_on_its_own_line() -> None:
    item = ExaminedItem("secrets", ItemStatus.FIX, "others can read a.key", "type: chmod 600 a.key")
    assert format_item(item, TextFormat(70)).split("\n") == [
        "✖ fix   secrets           others can read a.key; type:",
        "    chmod 600 a.key",
    ]
    assert format_item(FIX, TextFormat(12)).split("\n")[-1] == "    chmod 600 a.key"
