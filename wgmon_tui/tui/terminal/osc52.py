"""OSC 52 control sequences: they write to the clipboard of the local terminal, also over SSH."""

from __future__ import annotations

import base64

from wgmon_tui.terminal import Multiplexer

TMUX_OPTION = "set -g set-clipboard on"
"""The tmux setting with which tmux passes a plain OSC 52 sequence on."""


_SCREEN_CHUNK = 256
"""GNU screen cuts strings that are longer than a few hundred characters."""

LARGEST_COPY = 74_994
"""The most bytes that every terminal with a clipboard accepts: in base64 they fit into 100,000 bytes."""


def osc52(text: str) -> str:
    """The control sequence that copies `text` to the clipboard."""
    return f"\x1b]52;c;{base64.b64encode(text.encode()).decode()}\a"


def through(multiplexer: Multiplexer, sequence: str) -> str:
    """Wrap a sequence, so that a multiplexer may pass it to the terminal unchanged."""
    return through_tmux(sequence) if multiplexer is Multiplexer.TMUX else through_screen(sequence)


def through_tmux(sequence: str) -> str:
    """Wrap a sequence, so that tmux with `allow-passthrough on` passes it to the terminal unchanged."""
    doubled = sequence.replace("\x1b", "\x1b\x1b")
    return f"\x1bPtmux;{doubled}\x1b\\"


def through_screen(sequence: str) -> str:
    """Wrap a sequence for GNU screen, which joins the parts again."""
    parts = (sequence[start : start + _SCREEN_CHUNK] for start in range(0, len(sequence), _SCREEN_CHUNK))
    return "".join(f"\x1bP{part}\x1b\\" for part in parts)
