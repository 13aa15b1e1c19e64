"""OSC 52: how a program at the far end of SSH writes the clipboard of the terminal at the near end."""

from __future__ import annotations

import base64
import os

TMUX_OPTION = "set -g set-clipboard on"
"""What tmux needs in its configuration before it takes a bare sequence from a program and passes it on."""


LARGEST_COPY = 74_994
"""Bytes that every terminal with a clipboard takes: base64 makes of them what fits into 100,000."""


def under_tmux() -> bool:
    """Whether a tmux stands between this program and the terminal."""
    return bool(os.environ.get("TMUX"))


def osc52(text: str) -> str:
    """The control sequence that puts `text` on the clipboard."""
    return f"\x1b]52;c;{base64.b64encode(text.encode()).decode()}\a"


def through_tmux(sequence: str) -> str:
    """The sequence wrapped, so that a tmux with `allow-passthrough on` hands it to the terminal untouched."""
    doubled = sequence.replace("\x1b", "\x1b\x1b")
    return f"\x1bPtmux;{doubled}\x1b\\"
