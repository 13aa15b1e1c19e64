"""Text of a server's own view."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rich.text import Text

from tests.tui import sample_exchanges, sample_server_views
from tests.tui.sample_fleet import NOW
from wgmon_tui.checks.comparison import ComparisonResult, Finding
from wgmon_tui.checks.verdict import Severity
from wgmon_tui.tui.server.server_view_text import ServerViewAnswer, answer_heading, answer_lines
from wgmon_tui.tui.theme.glyphs import ASCII, UNICODE
from wgmon_tui.tui.theme.palette import load_palette
from wgmon_tui.tui.theme.text_style import TextStyle

NIGHT = load_palette("night")
SERVER = replace(sample_exchanges.server("fra1"), inspect=("ssh", "fra1", "wg show wg0 dump"))


def text_style(width: int = 77, ascii_only: bool = False) -> TextStyle:
    return TextStyle(NIGHT, ASCII if ascii_only else UNICODE, width)


def said(findings: tuple[Finding, ...], text_style: TextStyle = text_style()) -> Text:  # noqa: B008  # frozen
    return answer_lines(SERVER, ServerViewAnswer(NOW, findings), text_style)


def test_what_agrees_takes_a_line_each() -> None:
    lines = said(sample_server_views.AGREEING).plain.splitlines()
    assert lines[0] == "● ok           server key  it runs with the key in servers.toml"
    assert len(lines) == len(sample_server_views.AGREEING)


def test_a_key_in_a_command_has_a_line_of_its_own_where_it_would_be_cut() -> None:
    key = str(SERVER.public_key)
    finding = Finding(
        ComparisonResult.DIFFERS, "our peer", "it is not there", f"type: wg set wg0 peer {key} remove"
    )
    text = said((finding,), text_style(57)).plain
    assert key in text
    assert all(len(each) <= 57 for each in text.splitlines())


def test_what_differs_says_what_the_server_has_what_we_expect_and_what_to_type() -> None:
    text = " ".join(said(sample_server_views.DIFFERING).plain.split())
    assert "✖ differs listen port it listens on 51999; servers.toml has fra1.example.net:51820" in text
    assert "next on the server: wg set wg0 listen-port 51820" in text


@pytest.mark.parametrize(
    ("findings", "mark", "severity"),
    [
        (sample_server_views.AGREEING, "● ok", Severity.UP),
        (sample_server_views.DIFFERING, "✖ differs", Severity.DOWN),
        (sample_server_views.UNREAD, "? cannot tell", Severity.UNKNOWN),
    ],
    ids=["ok", "differs", "cannot tell"],
)
def test_glyph_and_word_have_the_colour_of_their_severity(
    findings: tuple[Finding, ...], mark: str, severity: Severity
) -> None:
    text = said(findings)
    at = text.plain.index(mark)
    colours = {span.style for span in text.spans if span.start <= at and span.end >= at + len(mark)}
    assert NIGHT.severity[severity] in colours


def test_the_heading_says_when_it_was_asked_and_how_long_ago_that_is() -> None:
    heading = answer_heading(ServerViewAnswer(NOW, sample_server_views.AGREEING), NOW + 300, text_style())
    assert heading.plain == "The server's own view, asked at 19:30:00, 5 min ago"


def test_while_it_is_asked_the_command_and_the_limit_stand_there() -> None:
    text = answer_lines(SERVER, ServerViewAnswer(NOW), text_style())
    assert text.plain == "running: ssh fra1 'wg show wg0 dump' … (at most 15 s)"


def test_two_commands_have_twice_the_time() -> None:
    both = replace(SERVER, inspect_config=("cat", "wg0.conf"))
    text = " ".join(answer_lines(both, ServerViewAnswer(NOW), text_style()).plain.split())
    assert text == "running: ssh fra1 'wg show wg0 dump', then cat wg0.conf … (at most 30 s)"


def test_without_a_command_only_this_machine_is_asked() -> None:
    text = answer_lines(sample_exchanges.server("fra1"), ServerViewAnswer(NOW), text_style()).plain
    assert text == "reading the WireGuard interfaces of this machine …"


@pytest.mark.parametrize("width", [57, 77, 137])
@pytest.mark.parametrize(
    "findings", [sample_server_views.AGREEING, sample_server_views.DIFFERING, sample_server_views.UNREAD]
)
def test_no_line_is_wider_than_the_page(findings: tuple[Finding, ...], width: int) -> None:
    assert max(map(len, said(findings, text_style(width)).plain.splitlines())) <= width


def test_ascii_only_means_ascii_only() -> None:
    plain = text_style(ascii_only=True)
    for answer in (
        ServerViewAnswer(NOW),
        ServerViewAnswer(NOW, sample_server_views.DIFFERING),
        ServerViewAnswer(NOW, sample_server_views.AGREEING),
    ):
        assert answer_heading(answer, NOW, plain).plain.isascii()
        assert answer_lines(SERVER, answer, plain).plain.isascii()


def test_control_characters_in_what_was_found_do_not_reach_the_terminal() -> None:
    evil = "\x1b]0;owned\x07"
    text = said((Finding(ComparisonResult.DIFFERS, "our peer", f"has {evil}", f"type {evil}"),)).plain
    assert "\x1b" not in text
    assert "\x07" not in text
