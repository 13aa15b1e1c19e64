"""Entry point of the program: one command, and the exit code of everything that can happen.

Imports little, so that signals are handled from the first milliseconds on.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from wgmon_tui import __version__
from wgmon_tui.exit_codes import (
    ExitCode,
    OutputError,
    exit_code_of_error,
    exit_code_of_signal,
    is_disk_error,
)
from wgmon_tui.shutdown import StoppedBySignalError, shutdown

if TYPE_CHECKING:
    import argparse

COMPLETE = "__complete"
"""The command that lists words for the completion of a shell. No list of commands shows it."""


_SHARDED = ("dashboard", "run", "export")
"""The commands that a shard limits to some servers. Others would use all of them in silence."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. A stop signal ends the process."""
    with shutdown.installed():
        try:
            code = _run_with_streams() if argv is None else _run_command(argv)
        except StoppedBySignalError:
            shutdown.end()
        if shutdown.stop_signal is not None:
            shutdown.end()
        return code


def _run_with_streams() -> int:
    """Run the command of this process, and write its output to the end."""
    from wgmon_tui.cli.standard_streams import ReaderGoneError, StandardStreams, output_problem

    streams = StandardStreams()
    failure: OutputError | None = None
    try:
        code = _run_command(None)
    except SystemExit as end:  # argparse: --help, or bad usage
        code = end.code if isinstance(end.code, int) else ExitCode.USAGE
    except OutputError as error:
        code, failure = ExitCode.OUTPUT_FAILED, error
    except StoppedBySignalError:
        streams.flush()
        raise
    failure = streams.flush() or failure
    if failure is None:
        return code
    if isinstance(failure, ReaderGoneError):
        return ExitCode.READER_GONE
    print(f"wgmon-tui: {output_problem(failure)}", file=sys.stderr)
    return ExitCode.OUTPUT_FAILED


def _run_command(argv: Sequence[str] | None) -> int:
    """Parse and run. Raises SystemExit for bad usage, and OutputError."""
    words = sys.argv[1:] if argv is None else argv
    if words[:1] == [COMPLETE]:
        from wgmon_tui.cli.complete import complete

        return complete(words[1:])
    from wgmon_tui.deferred_modules import modules_deferred
    from wgmon_tui.faults import FaultReporter

    reporter = FaultReporter(__version__)
    try:
        with reporter.hooks():
            with modules_deferred():
                from wgmon_tui.cli.parser import parse_arguments
                from wgmon_tui.terminal import adapt_output, detect_terminal

                terminal = detect_terminal()
                adapt_output(terminal)
                arguments = parse_arguments(argv)  # --help ends here, and loads nothing more
            from wgmon_tui.config.secrets.process_protection import protect_secrets

            arguments.terminal = terminal
            arguments.ascii = arguments.ascii or terminal.ascii_only
            reporter.set_command(arguments.command, arguments.state)
            arguments.reporter = reporter
            shutdown.begin_command(**getattr(arguments, "stop_options", {}))
            protect_secrets(getattr(arguments, "config", None))
            return _run(arguments)
    except OutputError:
        raise
    except KeyboardInterrupt:  # in another program, which handles signals itself
        return exit_code_of_signal(signal.SIGINT)
    except Exception as fault:  # noqa: BLE001  that is what a report is for
        if isinstance(fault, OSError) and is_disk_error(fault):
            raise OutputError(fault.errno, fault.strerror, fault.filename or "a file") from None
        reporter.report(fault)
        return ExitCode.INTERNAL_FAULT


def _run(arguments: argparse.Namespace) -> int:
    from wgmon_tui.config.models import ConfigurationError

    command: Callable[[argparse.Namespace], int] = arguments.run
    try:
        if arguments.read_only and arguments.command != "dashboard":
            raise ConfigurationError(f"--read-only is for the dashboard, not for `{arguments.command}`")
        if arguments.shard is not None and arguments.command not in _SHARDED:
            raise ConfigurationError(
                "--shard is for the dashboard, `run` and `export`, "
                f"not for `{arguments.command}`, which uses all servers"
            )
        return command(arguments)
    except ConfigurationError as error:
        from wgmon_tui.cli.output_format import wrap_line

        width = arguments.terminal.width if arguments.terminal.is_error_output else None
        for line in error.lines:
            print(wrap_line(f"wgmon-tui: {line}", width), file=sys.stderr)
        return exit_code_of_error(error)


if __name__ == "__main__":
    sys.exit(main())
