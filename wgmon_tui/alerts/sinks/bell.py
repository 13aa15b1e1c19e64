"""The bell of the terminal in which we run, and with `desktop` a notification by it (OSC 9).

Both go to the terminal itself in one write, which the kernel does not mix with what a screen of ours writes.
A terminal that knows no OSC 9 says nothing of it; tmux and screen keep it to themselves.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import cast

from wgmon_tui.alerts.models import Announcement, GiveUpError, RetryError
from wgmon_tui.alerts.rendering import title
from wgmon_tui.config.alerting import Bell, Sink

TERMINAL = "/dev/tty"
"""Whatever terminal controls this process."""

_BELL = b"\a"


def send(sink: Sink, announcement: Announcement, secrets: Mapping[str, str]) -> None:
    """Raises RetryError, and GiveUpError where there is no terminal."""
    ringing = _BELL
    if cast("Bell", sink.options).desktop:
        # In front of the text stands the mark of its state: a number there would be read as another command.
        ringing += b"\x1b]9;" + title(announcement).encode() + b"\x1b\\"
    try:
        terminal = os.open(TERMINAL, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError:
        raise GiveUpError("there is no terminal here to ring: this runs without a screen") from None
    try:
        os.write(terminal, ringing)
    except BlockingIOError:
        raise RetryError("the terminal takes nothing now: ctrl+q lets it go on") from None
    except OSError:
        raise GiveUpError("the terminal is gone") from None
    finally:
        os.close(terminal)
