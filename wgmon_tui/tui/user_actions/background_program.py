"""A program that runs beside the dashboard. A thread reads its output."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from threading import Lock, Thread
from typing import IO

from wgmon_tui.child_processes import end, kill_session, start
from wgmon_tui.tui.user_actions.output_buffer import OutputBuffer

_CHUNK = 1 << 16
_MOST_CHUNKS = 16
_POLL_S = 0.1
_PAUSE_S = 0.01
"""Pause after each chunk: a program that prints without end must not take the whole processor."""

_PATIENCE_S = 2.0
"""How long a program may take to end after an interrupt."""


class BackgroundProgram:
    """Runs until it exits or is ended. The methods may be called from the event loop."""

    def __init__(self, words: Sequence[str]) -> None:
        """Start the program. Raises OSError or ValueError."""
        self._process = start(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self._output = OutputBuffer()
        self._lock = Lock()
        self._is_ending = False
        self.code: int | None = None
        """The return code of `subprocess`; None while it runs."""
        self._reader = Thread(target=self._read, name="output", daemon=True)
        self._reader.start()

    @property
    def version(self) -> tuple[int, int | None]:
        """Changes with the output, and when the program ends."""
        return self._output.version, self.code

    def output(self) -> tuple[list[str], int]:
        """The last lines, and how many came before them."""
        with self._lock:
            return list(self._output.lines), self._output.dropped

    def interrupt(self) -> None:
        """End the program as ctrl+c would; kill it if it goes on."""
        if self.code is None and not self._is_ending:
            self._is_ending = True
            Thread(target=self._end, name="ending", daemon=True).start()

    def kill(self) -> None:
        """Kill the program and what it has started."""
        if self.code is None:
            kill_session(self._process.pid)

    def _end(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGINT)
        deadline = time.monotonic() + _PATIENCE_S
        while self.code is None and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        self.kill()

    def _read(self) -> None:
        process, pipe = self._process, self._process.stdout
        if pipe is None:
            return
        with pipe, selectors.DefaultSelector() as selector:
            selector.register(pipe, selectors.EVENT_READ)
            # A child of the program may hold the pipe open for ever: only the program itself counts.
            is_running = True
            while is_running:
                is_running = process.poll() is None
                if not self._read_available(selector, pipe, _POLL_S if is_running else 0):
                    break
        code = process.wait()
        end(process)
        with self._lock:
            self._output.finish()
        self.code = code

    def _read_available(self, selector: selectors.BaseSelector, pipe: IO[bytes], wait_s: float) -> bool:
        """Read what is in the pipe, but not for ever. Returns whether it is still open."""
        for _ in range(_MOST_CHUNKS):
            if not selector.select(wait_s):
                return True
            chunk = os.read(pipe.fileno(), _CHUNK)
            if not chunk:
                return False
            with self._lock:
                self._output.feed(chunk)
            time.sleep(_PAUSE_S)
        return True
