"""`wgmon-tui run` in a forked child, which has all modules loaded: a start takes milliseconds."""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from wgmon_tui.cli.main import main
from wgmon_tui.daemon.metrics import endpoints  # noqa: F401  loaded once, for all children
from wgmon_tui.vantages.collector import manager  # noqa: F401

PATIENCE_S = 30.0


def _stream(descriptor: int) -> TextIO:
    return open(descriptor, "w", buffering=1, encoding="utf-8", closefd=False)


@dataclass
class ForkedRun:
    """One run. `lines` are the lines of its log so far."""

    pid: int
    log: int
    lines: list[str] = field(default_factory=list)
    _rest: bytes = b""
    _code: int | None = None

    @classmethod
    def start(cls, config: Path, state: Path) -> ForkedRun:
        """Start `wgmon-tui run`."""
        return cls.start_command("--config", str(config), "--state", str(state), "run")

    @classmethod
    def start_command(cls, *words: str) -> ForkedRun:
        """Start any command; its standard output is dropped."""
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.dup2(writing, 2)
            os.dup2(os.open(os.devnull, os.O_RDWR), 1)
            os.close(reading)
            # The streams of the parent know where their files stand; a pipe stands nowhere.
            sys.stdout, sys.stderr = _stream(1), _stream(2)
            code = 70
            try:
                code = main(list(words))
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else 1
            except BaseException as fault:  # noqa: BLE001  what the interpreter would print
                os.write(2, f"Traceback of {fault!r}\n".encode())
            finally:
                os._exit(code)
        os.close(writing)
        return cls(pid, reading)

    def read_until(self, words: str, patience_s: float = PATIENCE_S) -> bool:
        """Read the log up to a line with this text; False if it ends before."""
        seen, end = 0, time.monotonic() + patience_s
        while True:
            if any(words in line for line in self.lines[seen:]):
                return True
            seen = len(self.lines)
            if not self._read(end - time.monotonic()):
                return False

    def kill(self) -> None:
        """Kill it with SIGKILL, whatever it does."""
        if self._code is None:
            os.kill(self.pid, signal.SIGKILL)
            self._wait()

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; return the exit code, or minus the signal that killed it."""
        if self._code is None:
            os.kill(self.pid, number)
        return self.wait()

    def wait(self) -> int:
        """Wait for the end; return the exit code, or minus the signal that killed it."""
        end = time.monotonic() + PATIENCE_S
        while self._read(end - time.monotonic()):
            pass
        if time.monotonic() >= end:
            self.kill()
            raise AssertionError(f"it did not end; its log: {self.lines}")
        return self._wait()

    def _wait(self) -> int:
        if self._code is None:
            self._code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
            os.close(self.log)
        return self._code

    def _read(self, patience_s: float) -> bool:
        """Read some of the log; False at its end."""
        if self._code is not None or not select.select([self.log], [], [], max(0.0, patience_s))[0]:
            return False
        chunk = os.read(self.log, 65_536)
        *whole, self._rest = (self._rest + chunk).split(b"\n")
        self.lines += [line.decode(errors="replace") for line in whole]
        return bool(chunk)
