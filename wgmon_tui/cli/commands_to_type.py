"""Commands of wgmon-tui that an output tells the user to type: with the directories that were given."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterator
from pathlib import Path

from wgmon_tui.config.paths import default_config_dir, default_state_dir
from wgmon_tui.text import printable

NOBODY_CHECKS = "No wgmon-tui is running, so nobody checks from now on."


def command_to_type(arguments: argparse.Namespace, *words: str) -> str:
    """Return `wgmon-tui` with these words, and --config and --state where they were given."""
    return command_in(arguments.config, arguments.state, *words)


def command_in(config: Path | None, state: Path | None, *words: str) -> str:
    """Return `wgmon-tui` with these words, quoted for a shell, and its directories unless default."""
    given = [
        part
        for option, directory, default in (
            ("--config", config, default_config_dir()),
            ("--state", state, default_state_dir()),
        )
        if directory not in (None, default)
        for part in (option, str(directory))
    ]
    return printable(shlex.join(("wgmon-tui", *given, *words)))


def start_lines(arguments: argparse.Namespace) -> Iterator[tuple[str, str]]:
    """Yield what to type so that somebody checks, each with its explanation."""
    yield "To check from now on, with the dashboard, type:", command_to_type(arguments)
    yield "Or without a screen:", command_to_type(arguments, "run")


def is_writer_running(state: Path) -> bool:
    """Return whether a wgmon-tui checks the servers of this state directory; asked over its socket."""
    from wgmon_tui.control.client import AccessDeniedError, ControlConnection, NoWriterError, WriterBusyError
    from wgmon_tui.shutdown import shutdown

    async def ask() -> bool:
        try:
            connection = await ControlConnection.connect(state)
        except NoWriterError:
            return False
        except (AccessDeniedError, WriterBusyError):
            return True
        await connection.close()
        return True

    return shutdown.run(ask())
