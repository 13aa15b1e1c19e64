"""Sink that rings the bell of this terminal, and with `desktop` shows a notification by OSC 9.

Both go to the terminal in one write, which the kernel does not mix with the output of the dashboard. A
terminal without OSC 9 ignores the notification; tmux and screen do not pass it on.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from wgmon_tui.alerts.models import Announcement, GiveUpError, RetryError
from wgmon_tui.alerts.rendering import title
from wgmon_tui.config.alerting import Bell, Sink, options_of

TERMINAL = "/dev/tty"
"""The controlling terminal of this process."""

_BELL = b"\a"


def send(sink: Sink, announcement: Announcement, secrets: Mapping[str, str]) -> None:
    """Ring the bell. Raises RetryError, and GiveUpError without a terminal."""
    ringing = _BELL
    if options_of(sink, Bell).desktop:
        # The text starts with a state glyph: a number there would select another OSC 9 command.
        ringing += b"\x1b]9;" + title(announcement).encode() + b"\x1b\\"
    try:
        terminal = os.open(TERMINAL, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError:
        raise GiveUpError("no terminal to ring: wgmon-tui runs without a screen") from None
    try:
        os.write(terminal, ringing)
    except BlockingIOError:
        raise RetryError("terminal output is paused; to resume it, press ctrl+q") from None
    except OSError:
        raise GiveUpError("the terminal was closed") from None
    finally:
        os.close(terminal)
