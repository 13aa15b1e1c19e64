"""Internal faults of the program: one line, a report file, and never a traceback on the terminal."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from wgmon_tui.exit_codes import ExitCode
from wgmon_tui.shutdown import shutdown


def _print_on_stderr(line: str) -> None:
    print(f"wgmon-tui: {line}", file=sys.stderr, flush=True)


class FaultReporter:
    """Reports faults of this process, wherever they happen. `tell` shows the line of a report."""

    def __init__(self, version: str, tell: Callable[[str], None] = _print_on_stderr) -> None:
        self._tell = tell
        self._version = self._program = version
        self._state_dir: Path | None = None

    def set_command(self, command: str, state_dir: Path) -> None:
        """Keep what a report says about the command. Its arguments may name hosts and people."""
        self._program = f"{self._version}, {command}"
        self._state_dir = state_dir

    @contextmanager
    def hooks(self) -> Iterator[None]:
        """Report faults in threads and finalizers, which nobody catches."""
        earlier = threading.excepthook, sys.unraisablehook
        threading.excepthook, sys.unraisablehook = self._on_thread_fault, self._on_unraisable_fault
        shutdown.report_fault = self.report
        try:
            yield
        finally:
            threading.excepthook, sys.unraisablehook = earlier

    def report(self, fault: BaseException) -> None:
        """Write a report, and show its line."""
        self._tell(self.write(fault))

    def write(self, fault: BaseException) -> str:
        """Write a report. Returns its line."""
        from wgmon_tui.fault_report import fault_line, write_fault_report

        return fault_line(fault, write_fault_report(fault, self._program, self._state_dir))

    def _on_thread_fault(self, args: threading.ExceptHookArgs) -> None:
        if args.exc_value is None or isinstance(args.exc_value, SystemExit):
            return
        if shutdown.is_running:
            shutdown.fail(args.exc_value)
            return
        self.report(args.exc_value)
        shutdown.undo_all()
        os._exit(ExitCode.INTERNAL_FAULT)

    def _on_unraisable_fault(self, unraisable: sys.UnraisableHookArgs) -> None:
        """A finalizer that fails harms nothing: a report is enough."""
        if unraisable.exc_value is not None and not sys.is_finalizing():
            self.write(unraisable.exc_value)
