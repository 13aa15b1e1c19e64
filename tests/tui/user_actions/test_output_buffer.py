"""The lines of a program's output: bounded, and without escape sequences."""

from __future__ import annotations

from wgmon_tui.tui.user_actions.output_buffer import LONGEST_LINE, MOST_LINES, OutputBuffer


def lines(*chunks: bytes) -> list[str]:
    buffer = OutputBuffer()
    for chunk in chunks:
        buffer.feed(chunk)
    buffer.finish()
    return list(buffer.lines)


def test_a_line_may_arrive_in_parts_and_lack_its_end() -> None:
    assert lines(b"one\ntw", b"o\r\nthree") == ["one", "two", "three"]


def test_a_character_may_arrive_in_parts() -> None:
    assert lines("zürich".encode()[:2], "zürich".encode()[2:]) == ["zürich"]
    assert lines(b"\xff\n") == ["\ufffd"]


def test_colours_titles_and_cursor_movements_are_removed() -> None:
    assert lines(b"\x1b[1;31mred\x1b[0m \x1b]0;title\x07x\x1b[2J\x1b(By\n") == ["red xy"]


def test_a_progress_line_shows_its_last_state() -> None:
    assert lines(b"10%\r50%\r100%\n") == ["100%"]


def test_tabs_keep_columns() -> None:
    assert lines(b"a\tb\n") == ["a       b"]


def test_only_the_last_lines_are_kept() -> None:
    buffer = OutputBuffer()
    buffer.feed(b"x\n" * (MOST_LINES + 7))
    assert len(buffer.lines) == MOST_LINES
    assert buffer.dropped == 7


def test_an_endless_line_is_broken() -> None:
    buffer = OutputBuffer()
    for _ in range(10):
        buffer.feed(b"x" * LONGEST_LINE)
    assert {len(line) for line in buffer.lines} == {LONGEST_LINE}
