"""Sink that runs an operator's program: JSON on its stdin, exit code 0 means accepted."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from typing import cast

from wgmon_tui.alerts.http_client import json_body
from wgmon_tui.alerts.models import Announcement, RetryError
from wgmon_tui.alerts.rendering import as_json
from wgmon_tui.child_processes import start, terminate_on_exit
from wgmon_tui.config.alerting import Command, Sink
from wgmon_tui.text import format_limit, quoted


def send(sink: Sink, announcement: Announcement, secrets: Mapping[str, str]) -> None:
    """Run the program. Its output is discarded: it may contain a secret. Raises RetryError."""
    words = cast("Command", sink.options).command
    program = quoted(words[0])
    try:
        running = start(words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    except FileNotFoundError:
        raise RetryError(f"no program {program} found; install it, or set its full path") from None
    except (OSError, ValueError) as error:
        reason = (isinstance(error, OSError) and error.strerror) or "not a command"
        raise RetryError(f"cannot start {program}: {reason}") from None
    with running, terminate_on_exit(running):
        try:
            running.communicate(json_body(as_json(announcement)) + b"\n", sink.timeout)
        except subprocess.TimeoutExpired:
            raise RetryError(f"{program} did not end within {format_limit(sink.timeout)}") from None
    if running.returncode != 0:
        raise RetryError(f"{program} ended with {_ending(running.returncode)}; to see why, run it by hand")


def _ending(returncode: int) -> str:
    return f"signal {-returncode}" if returncode < 0 else f"exit code {returncode}"
