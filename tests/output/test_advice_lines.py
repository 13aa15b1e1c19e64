"""Advice as lines: the command stands alone."""

from wgmon_tui.output.advice_lines import AdviceLine, advice_lines, format_next_step
from wgmon_tui.output.styled_text import TextFormat


def test_a_command_stands_alone_between_its_place_and_what_to_look_for() -> None:
    assert advice_lines("on the server: wg show wg0 listen-port — must print 51999", "wg-eu") == (
        AdviceLine("on the server:"),
        AdviceLine("wg show wg-eu listen-port", is_typed=True),
        AdviceLine("must print 51999"),
    )


def test_advice_that_nobody_can_type_is_one_line_of_prose() -> None:
    assert advice_lines("restart the tunnel") == (AdviceLine("restart the tunnel"),)


def test_a_next_step_names_whom_it_is_for_above_the_command() -> None:
    shown = format_next_step("wgmon-tui trace fra1", TextFormat(ascii_only=True), indent=2, whose="fra1")
    assert shown == "  -> fra1: here:\n    wgmon-tui trace fra1"
