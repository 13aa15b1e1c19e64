"""OSC 52 control sequences: they write to the clipboard of the local terminal, also over SSH."""

from __future__ import annotations

import base64
import os

TMUX_OPTION = "set -g set-clipboard on"
"""The tmux setting with which tmux passes a plain OSC 52 sequence on."""


LARGEST_COPY = 74_994
"""The most bytes that every terminal with a clipboard accepts: in base64 they fit into 100,000 bytes."""


def under_tmux() -> bool:
    """Whether this program runs inside tmux."""
    return bool(os.environ.get("TMUX"))


def osc52(text: str) -> str:
    """The control sequence that copies `text` to the clipboard."""
    return f"\x1b]52;c;{base64.b64encode(text.encode()).decode()}\a"


def through_tmux(sequence: str) -> str:
    """Wrap a sequence, so that tmux with `allow-passthrough on` passes it to the terminal unchanged."""
    doubled = sequence.replace("\x1b", "\x1b\x1b")
    return f"\x1bPtmux;{doubled}\x1b\\"
