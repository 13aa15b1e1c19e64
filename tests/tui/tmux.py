"""A real terminal for tests: a private tmux server that runs a shell."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

_PATIENCE_S = 60.0
_LOOK_EVERY_S = 0.05
_STARTS = 3
_ENDED_EARLY = "server exited unexpectedly"
_NO_PART_OF_IT = ("NO_COLOR", "TMUX", "COLORTERM", "COLUMNS", "LINES")
_CLEAN = "alternate=0 cursor=1 mouse=0 keypad=0"
_STATE = (
    "alternate=#{alternate_on} cursor=#{cursor_flag} mouse=#{mouse_any_flag} keypad=#{keypad_cursor_flag}"
)


class Tmux:
    """One terminal. `directory` holds its socket and other files."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._command = ["tmux", "-S", str(directory / "tmux"), "-f", "/dev/null"]

    @property
    def lines(self) -> list[str]:
        """The screen content."""
        return self._ask("capture-pane", "-p").splitlines()

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def coloured(self) -> str:
        """The screen content, with colour sequences."""
        return self._ask("capture-pane", "-e", "-p")

    def run(self, *command: str) -> None:
        """Type a command that becomes process `pid`, then one that prints its exit code."""
        keep_pid = f"echo $$ > {shlex.quote(str(self._directory / 'pid'))}; exec {shlex.join(command)}"
        self.type(f"sh -c {shlex.quote(keep_pid)}; echo left with $?", "Enter")

    @property
    def pid(self) -> int:
        return int((self._directory / "pid").read_text())

    def type(self, *keys: str) -> None:
        """Press keys, named as in tmux."""
        self._ask("send-keys", *keys)

    def resize(self, columns: int, lines: int) -> None:
        self._ask("resize-window", "-x", str(columns), "-y", str(lines))

    def wait_for(self, *texts: str) -> str:
        """Poll the screen until it has all of these texts, then return it. tmux offers no event for this."""
        deadline = time.monotonic() + _PATIENCE_S
        while any(text not in (shown := self.text) for text in texts):
            assert time.monotonic() < deadline, f"{texts} did not come:\n{shown}"
            time.sleep(_LOOK_EVERY_S)
        return shown

    def wait_without(self, text: str) -> None:
        """Poll the screen until it has this text no longer."""
        deadline = time.monotonic() + _PATIENCE_S
        while text in (shown := self.text):
            assert time.monotonic() < deadline, f"{text} did not go:\n{shown}"
            time.sleep(_LOOK_EVERY_S)

    def assert_clean(self) -> None:
        """Assert that the program restored the terminal: its modes and the line discipline."""
        assert self._ask("display-message", "-p", _STATE).strip() == _CLEAN
        self.type("clear; stty -a", "Enter")
        discipline = self.wait_for("icanon").split()
        for setting in ("icanon", "echo", "isig", "ixon", "icrnl"):
            assert setting in discipline, setting

    def _ask(self, *words: str) -> str:
        return subprocess.run([*self._command, *words], check=True, capture_output=True, text=True).stdout


@contextmanager
def tmux(
    directory: Path, size: tuple[int, int] = (80, 24), environment: Mapping[str, str] | None = None
) -> Iterator[Tmux]:
    """A terminal of `size`. Its shell has `environment` in addition to that of this process."""
    terminal = Tmux(directory)
    inherited = {key: value for key, value in os.environ.items() if key not in _NO_PART_OF_IT}
    start = ["new-session", "-d", "-x", str(size[0]), "-y", str(size[1]), "env", "PS1=% "]
    start += [f"{key}={value}" for key, value in (environment or {}).items()]
    _start_server([*terminal._command, *start, "sh"], inherited)
    try:
        terminal.wait_for("%")
        yield terminal
    finally:
        subprocess.run([*terminal._command, "kill-server"], check=False)


def _start_server(command: Sequence[str], environment: Mapping[str, str]) -> None:
    """Start a tmux server. On a busy machine it may end before its own client reaches it: try again."""
    for attempt in range(1, _STARTS + 1):
        started = subprocess.run(command, check=False, env=environment, capture_output=True, text=True)
        if started.returncode == 0:
            return
        assert _ENDED_EARLY in started.stderr, started.stderr
        assert attempt < _STARTS, started.stderr


def program(*arguments: str) -> Sequence[str]:
    """The command of wgmon-tui, or of a test module that runs its TUI."""
    return (sys.executable, "-m", *arguments)
