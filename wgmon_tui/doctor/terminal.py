"""The terminal: what the screens will look like here, and whether `y` reaches the clipboard."""

from __future__ import annotations

from collections.abc import Mapping

from wgmon_tui.doctor.items import Condition, Item, fine

_SMALLEST = (80, 24)


def encoding(name: str) -> Item:
    """Whether what we write can hold the glyphs. `name` is the encoding of the output."""
    if name.lower().replace("-", "").replace("_", "") in ("utf8", "utf16", "utf32"):
        return fine("encoding", name)
    fact = f"{name or 'unknown'}: the glyphs become ASCII"
    return Item("encoding", Condition.LOOK, fact, "type: export LC_ALL=C.UTF-8")


def terminal(environment: Mapping[str, str], size: tuple[int, int] | None) -> list[Item]:
    """Colours and size. `size` is columns and lines, None where the output is no terminal."""
    if size is None:
        return [fine("terminal", "the output is none: wgmon-tui prints a table")]
    return [_colours(environment), _size(size)]


def _colours(environment: Mapping[str, str]) -> Item:
    term, colorterm = environment.get("TERM", ""), environment.get("COLORTERM", "")
    if not term or term in ("dumb", "unknown"):
        fact = f"TERM is {term or 'not set'}: no colours and no cursor"
        return Item("terminal", Condition.LOOK, fact, "type: export TERM=xterm-256color")
    said = f"TERM={term}" + (f" COLORTERM={colorterm}" if colorterm else "")
    # An empty one is none by its standard; Textual takes it for set.
    if "NO_COLOR" in environment:
        return fine("terminal", f"{said}, NO_COLOR: no colours")
    return fine("terminal", f"{said}: {colours(term, colorterm)} colours")


def colours(term: str, colorterm: str) -> str:
    """How many colours a terminal is taken to have, as Textual guesses it."""
    if colorterm.strip().lower() in ("truecolor", "24bit"):
        return "16 million"
    return "256" if term.endswith(("-256color", "kitty")) else "16"


def _size(size: tuple[int, int]) -> Item:
    columns, lines = size
    if columns < _SMALLEST[0] or lines < _SMALLEST[1]:
        fact = f"{columns}x{lines}: columns will be missing"
        return Item("size", Condition.LOOK, fact, f"make it {_SMALLEST[0]}x{_SMALLEST[1]} or larger")
    return fine("size", f"{columns}x{lines}")


def clipboard(set_clipboard: str | None, passthrough: str | None) -> list[Item]:
    """Whether this tmux lets a copy through to the terminal; no item where tmux does not say.

    Both are the values of tmux's options; either of them suffices.
    """
    if set_clipboard is None:
        return []
    if set_clipboard == "on" or passthrough in ("on", "all"):
        return [fine("clipboard", "tmux lets OSC 52 through")]
    fact = f"tmux keeps copies to itself (set-clipboard {set_clipboard})"
    return [Item("clipboard", Condition.LOOK, fact, "type: tmux set -g set-clipboard on")]
