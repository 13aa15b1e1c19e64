"""Sink that runs an operator's program: JSON on its stdin, exit code 0 means accepted."""

from __future__ import annotations

from collections.abc import Mapping

from wgmon_tui.alerts.http_client import json_body
from wgmon_tui.alerts.models import Announcement, RetryError
from wgmon_tui.alerts.rendering import as_json
from wgmon_tui.child_processes import run
from wgmon_tui.config.alerting import Command, Sink, options_of
from wgmon_tui.text import format_limit, quoted, system_reason


def send(sink: Sink, announcement: Announcement, secrets: Mapping[str, str]) -> None:
    """Run the program. Its output is discarded: it may contain a secret. Raises RetryError.

    What it leaves in the background may run on for as long again as the program itself.
    """
    words = options_of(sink, Command).command
    program = quoted(words[0])
    body = json_body(as_json(announcement)) + b"\n"
    try:
        completed = run(words, timeout_s=sink.timeout, stdin=body, background_s=sink.timeout)
    except FileNotFoundError:
        raise RetryError(f"no program {program} found; install it, or set its full path") from None
    except TimeoutError:
        raise RetryError(f"{program} did not end within {format_limit(sink.timeout)}") from None
    except (OSError, ValueError) as error:
        reason = system_reason(error, "not a command")
        raise RetryError(f"cannot start {program}: {reason}") from None
    if completed.code != 0:
        raise RetryError(f"{program} ended with {completed.ending}; to see why, run it by hand")
