"""Checks of the terminal: encoding, streams, colours, size, and whether `y` reaches the clipboard."""

from __future__ import annotations

from wgmon_tui.doctor.models import ExaminedItem, ItemStatus, ok_item
from wgmon_tui.terminal import ASSUMED_SIZE, Terminal

_MIN_SIZE = (80, 24)


def check_terminal(terminal: Terminal) -> list[ExaminedItem]:
    """Check what the dashboard finds when it starts in this terminal."""
    if not terminal.is_output:
        no_terminal = ok_item("terminal", "the output is not a terminal: wgmon-tui prints a table")
        return [_check_encoding(terminal), no_terminal]
    return [
        _check_encoding(terminal),
        _check_streams(terminal),
        _check_colours(terminal),
        _check_size(terminal.size),
    ]


def _check_encoding(terminal: Terminal) -> ExaminedItem:
    if not terminal.ascii_only:
        return ok_item("encoding", terminal.encoding)
    fact = f"{terminal.ascii_reason}: symbols are shown as ASCII"
    if not terminal.is_unicode:
        return ExaminedItem("encoding", ItemStatus.LOOK, fact, "type: export LC_ALL=C.UTF-8")
    if terminal.tmux_client and not terminal.tmux_client.is_utf8:
        return ExaminedItem("encoding", ItemStatus.LOOK, fact, "detach, then type: tmux -u attach")
    return ok_item("encoding", fact)  # a terminal of few glyphs is as it is


def _check_streams(terminal: Terminal) -> ExaminedItem:
    if not terminal.is_input:
        fact = f"{terminal.obstacle}: wgmon-tui prints a table"
        return ExaminedItem("streams", ItemStatus.LOOK, fact, "do not redirect standard input")
    if not terminal.is_error_output:
        return ok_item(
            "streams", "standard error is not a terminal: messages go there, the dashboard comes here"
        )
    return ok_item("streams", "input, output and error are a terminal")


def _check_colours(terminal: Terminal) -> ExaminedItem:
    if not terminal.has_cursor:
        fact = f"TERM is {terminal.term or 'not set'}: no colours and no cursor, wgmon-tui prints a table"
        return ExaminedItem("terminal", ItemStatus.LOOK, fact, "type: export TERM=xterm-256color")
    where = f" in {terminal.multiplexer.value}" if terminal.multiplexer else ""
    if terminal.no_colour:
        return ok_item("terminal", f"TERM={terminal.term}{where}, NO_COLOR: no colours")
    return ok_item("terminal", f"TERM={terminal.term}{where}: {terminal.colours.value} colours")


def _check_size(size: tuple[int, int] | None) -> ExaminedItem:
    if size is None:
        fact = f"the terminal does not tell its size: {_as_text(ASSUMED_SIZE)} is assumed"
        return ExaminedItem("size", ItemStatus.LOOK, fact, "type: stty cols 80 rows 24")
    if size[0] < _MIN_SIZE[0] or size[1] < _MIN_SIZE[1]:
        fact = f"{_as_text(size)}: some columns will be hidden"
        return ExaminedItem("size", ItemStatus.LOOK, fact, f"make it {_as_text(_MIN_SIZE)} or larger")
    return ok_item("size", _as_text(size))


def _as_text(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def check_clipboard(set_clipboard: str | None, passthrough: str | None) -> list[ExaminedItem]:
    """Check that tmux passes a copy on to the terminal; no item if tmux gives no answer.

    Both arguments are values of tmux options. One of them is enough.
    """
    if set_clipboard is None:
        return []
    if set_clipboard == "on" or passthrough in ("on", "all"):
        return [ok_item("clipboard", "tmux passes OSC 52 on")]
    fact = f"tmux does not pass copies on (set-clipboard {set_clipboard})"
    return [ExaminedItem("clipboard", ItemStatus.LOOK, fact, "type: tmux set -g set-clipboard on")]
