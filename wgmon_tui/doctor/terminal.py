"""Checks of the terminal: encoding, colours, size, and whether `y` reaches the clipboard."""

from __future__ import annotations

from collections.abc import Mapping

from wgmon_tui.doctor.models import ExaminedItem, ItemStatus, ok_item

_MIN_SIZE = (80, 24)


def encoding(name: str) -> ExaminedItem:
    """Check that the encoding can show the glyphs. `name` is the encoding of the output."""
    if name.lower().replace("-", "").replace("_", "") in ("utf8", "utf16", "utf32"):
        return ok_item("encoding", name)
    fact = f"{name or 'unknown'}: symbols are shown as ASCII"
    return ExaminedItem("encoding", ItemStatus.LOOK, fact, "type: export LC_ALL=C.UTF-8")


def terminal(environment: Mapping[str, str], size: tuple[int, int] | None) -> list[ExaminedItem]:
    """Check colours and size. `size` is columns and lines; None if the output is not a terminal."""
    if size is None:
        return [ok_item("terminal", "the output is not a terminal: wgmon-tui prints a table")]
    return [_check_colours(environment), _check_size(size)]


def _check_colours(environment: Mapping[str, str]) -> ExaminedItem:
    term, colorterm = environment.get("TERM", ""), environment.get("COLORTERM", "")
    if not term or term in ("dumb", "unknown"):
        fact = f"TERM is {term or 'not set'}: no colours and no cursor"
        return ExaminedItem("terminal", ItemStatus.LOOK, fact, "type: export TERM=xterm-256color")
    environment_text = f"TERM={term}" + (f" COLORTERM={colorterm}" if colorterm else "")
    # By its standard, an empty NO_COLOR is unset; Textual treats it as set.
    if "NO_COLOR" in environment:
        return ok_item("terminal", f"{environment_text}, NO_COLOR: no colours")
    return ok_item("terminal", f"{environment_text}: {count_colours(term, colorterm)} colours")


def count_colours(term: str, colorterm: str) -> str:
    """The number of colours of a terminal, guessed as Textual does."""
    if colorterm.strip().lower() in ("truecolor", "24bit"):
        return "16 million"
    return "256" if term.endswith(("-256color", "kitty")) else "16"


def _check_size(size: tuple[int, int]) -> ExaminedItem:
    columns, lines = size
    if columns < _MIN_SIZE[0] or lines < _MIN_SIZE[1]:
        fact = f"{columns}x{lines}: some columns will be hidden"
        return ExaminedItem("size", ItemStatus.LOOK, fact, f"make it {_MIN_SIZE[0]}x{_MIN_SIZE[1]} or larger")
    return ok_item("size", f"{columns}x{lines}")


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
