"""Progress of a command that takes longer than a second: one line for a person at a terminal.

    with progress_line("import") as progress:
        for done, file in enumerate(files):
            progress.count(done, len(files), "file")

The line appears after a second, shows the elapsed time, and is removed at the end. Results may be printed
meanwhile. A question needs `progress.hidden()` around it. Without a terminal all of this does nothing.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType

from wgmon_tui.cli.live_line import live_line
from wgmon_tui.shutdown import shutdown
from wgmon_tui.terminal import detect_terminal
from wgmon_tui.text import format_count, format_elapsed, printable

APPEARS_AFTER_S = 1.0
_INTERVAL_S = 0.1
_ESTIMATES_AFTER_S = 3.0
_ESTIMATES_AFTER_SHARE = 0.03
"""The first results of many parallel checks say nothing about the speed of all."""


class Progress:
    """What a command is doing. All methods are cheap, and any thread may call them."""

    def __init__(self, title: str, *, is_parallel: bool = False) -> None:
        """`is_parallel`: the slowest of many checks ends last, so their rate gives no remaining time."""
        self._title = printable(title)
        self._is_parallel = is_parallel
        self._started = time.monotonic()
        self._what = ""
        self._counted = ""
        self._done = 0
        self._total: int | None = None
        self._hidden = 0
        self._ends_at: float | None = None

    def show(self, what: str) -> None:
        """Show what the command is doing: `waiting for the handshake`. Empty: nothing beside the count."""
        self._what = printable(what)

    def count(self, done: int, total: int | None, noun: str, what: str = "") -> None:
        """Show how much is done, for example `40 of 100 files read`; without a total `40 files read`."""
        self._done, self._total = done, total
        counted = format_count(done, noun) if total is None else f"{done} of {format_count(total, noun)}"
        self._counted = printable(f"{counted} {what}".rstrip())

    def ends_at(self, deadline: float) -> None:
        """Show how long the command goes on at most; `deadline` is on the monotonic clock."""
        self._ends_at = deadline

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Hide the line in this block, for a question or another program."""
        self._hidden += 1
        live_line.clear()
        try:
            yield
        finally:
            self._hidden -= 1

    @property
    def is_hidden(self) -> bool:
        """Whether the line must not be shown now."""
        return self._hidden > 0

    def text(self) -> str:
        """Return the line: `import: 40 of 100 files read, 12 s, about 18 s left`."""
        elapsed = time.monotonic() - self._started
        parts = [*filter(None, (self._counted, self._what)), format_elapsed(elapsed)]
        share = self._done / self._total if self._total else 0.0
        is_steady = not self._is_parallel and elapsed >= _ESTIMATES_AFTER_S
        if is_steady and _ESTIMATES_AFTER_SHARE <= share < 1:
            left = elapsed / share - elapsed
            parts.append(f"about {format_elapsed(max(1.0, left))} left")
        if self._ends_at is not None and (left := self._ends_at - time.monotonic()) > 0:
            parts.append(f"{format_elapsed(left)} left (Ctrl+C stops)")
        return f"{self._title}: {', '.join(parts)}"


_shown: list[Progress] = []
"""The progress lines that are open. The innermost is shown."""


@contextmanager
def progress_line(title: str, *, is_quiet: bool = False, is_parallel: bool = False) -> Iterator[Progress]:
    """Show a live line in this block, once it takes longer than a second. `title` is the command's name."""
    progress = Progress(title, is_parallel=is_parallel)
    terminal = detect_terminal()
    if is_quiet or not (terminal.is_error_output and terminal.has_cursor):
        yield progress
        return
    with ExitStack() as stack:
        if not _shown:
            live_line.open(sys.stderr.fileno())
            stack.callback(live_line.close)
            stack.enter_context(shutdown.undone_if_killed(live_line.clear))
            stack.enter_context(_removed_while_suspended())
        _shown.append(progress)
        stack.callback(_shown.remove, progress)
        stack.enter_context(_drawn_by_thread(progress))
        yield progress


@contextmanager
def _drawn_by_thread(progress: Progress) -> Iterator[None]:
    """Draw the line in a thread: also while the command computes, reads the disk or awaits packets."""
    ended = threading.Event()

    def draw() -> None:
        wait_s = APPEARS_AFTER_S
        while not ended.wait(wait_s):
            wait_s = _INTERVAL_S
            if _shown[-1:] == [progress] and not progress.is_hidden:
                live_line.draw(progress.text())

    thread = threading.Thread(target=draw, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(APPEARS_AFTER_S)


@contextmanager
def _removed_while_suspended() -> Iterator[None]:
    """Remove the line when Ctrl+Z suspends this process: the shell writes there."""
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGTSTP) is not signal.SIG_DFL:
        yield
        return

    def suspend(number: int, _frame: FrameType | None) -> None:
        live_line.clear()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)  # returns when the process continues
        signal.signal(number, suspend)

    signal.signal(signal.SIGTSTP, suspend)
    try:
        yield
    finally:
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
