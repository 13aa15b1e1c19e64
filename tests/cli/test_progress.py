"""The live line of a command, on a pty: when it appears, what removes it, and who does not see it."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import shlex
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from wgmon_tui.cli.progress import Progress, progress_line

_PREPARE = """\
import os, sys, time
from wgmon_tui.cli import progress
from wgmon_tui.cli.standard_streams import StandardStreams
from wgmon_tui.shutdown import shutdown
StandardStreams()
progress.APPEARS_AFTER_S = {appears_after_s}
with shutdown.installed():
    shutdown.begin_command()
    with progress.progress_line("import") as line:
{body}
    print("end")
"""
_CLEAR = b"\r\x1b[J"
_PATIENCE_S = 20.0


class _Program:
    """A program on a pty of its own session, as a shell starts it."""

    def __init__(
        self, body: str, appears_after_s: float = 0.0, shell: str = "exec {program}", **environment: str
    ) -> None:
        lines = "\n".join(f"        {line}" for line in body.splitlines())
        code = _PREPARE.format(body=lines, appears_after_s=appears_after_s)
        self._master, slave = pty.openpty()
        termios.tcsetwinsize(slave, (24, 80))
        self.process = subprocess.Popen(
            ["bash", "-c", shell.format(program=shlex.join([sys.executable, "-c", code]))],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            preexec_fn=_take_terminal,
            env={**os.environ, "TERM": "xterm", "PYTHONIOENCODING": "utf-8", **environment},
        )
        os.close(slave)
        self.written = b""

    def resize(self, columns: int) -> None:
        termios.tcsetwinsize(self._master, (24, columns))

    def type(self, keys: bytes) -> None:
        os.write(self._master, keys)

    def read_until(self, mark: bytes) -> bytes:
        """Read until `mark` stands in what was not returned yet."""
        deadline = time.monotonic() + _PATIENCE_S
        while mark not in self.written:
            assert time.monotonic() < deadline, self.written
            if select.select((self._master,), (), (), 0.2)[0]:
                self.written += os.read(self._master, 65536)
        before, _, self.written = self.written.partition(mark)
        return before + mark

    def close(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self._master)


def _take_terminal() -> None:
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@pytest.fixture
def programs() -> Iterator[list[_Program]]:
    started: list[_Program] = []
    yield started
    for each in started:
        each.close()


def _start(programs: list[_Program], *arguments: object, **options: object) -> _Program:
    programs.append(_Program(*arguments, **options))  # type: ignore[arg-type]
    return programs[-1]


_DRAW = "progress.live_line.draw('reading')\n"
"""Draws at once, as the thread does after a while: so a test need not wait to see that nothing is drawn."""

_WAIT = "line.count(3, 10, 'file', 'read')\nsys.stdin.readline()"


def test_it_shows_how_much_is_done_and_is_removed_at_the_end(programs: list[_Program]) -> None:
    program = _start(programs, _WAIT)
    program.read_until(b"\rimport: 3 of 10 files read, 0 s\x1b[J\r")
    program.type(b"\n")
    assert program.read_until(b"end").endswith(_CLEAR + b"end")


def test_a_short_command_shows_nothing(programs: list[_Program]) -> None:
    program = _start(programs, "line.show('reading')\ntime.sleep(0.3)", appears_after_s=1000.0)
    assert program.read_until(b"end") == b"end"


def test_a_line_that_has_not_changed_is_not_written_again(programs: list[_Program]) -> None:
    program = _start(programs, 2 * _DRAW, appears_after_s=1000.0)
    assert program.read_until(b"end").count(b"reading") == 1


def test_output_removes_it_first_and_it_comes_back(programs: list[_Program]) -> None:
    program = _start(programs, f"line.show('reading')\nsys.stdin.readline()\nprint('row')\n{_WAIT}")
    program.read_until(b"import: reading")
    program.type(b"\n")
    assert program.read_until(b"row\r\n").endswith(_CLEAR + b"row\r\n")
    program.read_until(b"import: 3 of 10")


def test_within_a_line_of_output_it_is_not_drawn(programs: list[_Program]) -> None:
    body = f"print('Sure? ', end='', flush=True)\n{_DRAW}print('yes')"
    program = _start(programs, body, appears_after_s=1000.0)
    assert program.read_until(b"yes").endswith(b"Sure? yes")


def test_it_is_cut_to_the_width_that_the_window_has_now(programs: list[_Program]) -> None:
    program = _start(programs, "sys.stdin.readline()\nline.show(9 * '東京')\nsys.stdin.readline()")
    program.resize(20)
    program.type(b"\n")
    program.read_until(f"\rimport: {2 * '東京'}東\x1b[J\r".encode())


def test_in_the_background_nothing_is_drawn(programs: list[_Program]) -> None:
    program = _start(programs, _DRAW, appears_after_s=1000.0, shell="set -m; {program} & wait")
    assert b"reading" not in program.read_until(b"end")


def test_ctrl_c_removes_it_and_the_process_dies_of_the_signal(programs: list[_Program]) -> None:
    program = _start(programs, _WAIT)
    program.read_until(b"files read")
    program.type(b"\x03")
    program.read_until(_CLEAR)
    assert program.process.wait(_PATIENCE_S) == -signal.SIGINT


def test_ctrl_z_removes_it_and_it_comes_back_with_the_process(programs: list[_Program]) -> None:
    program = _start(programs, _WAIT, shell="set -m; {program}; echo stopped; fg")
    program.read_until(b"files read")
    program.type(b"\x1a")
    assert _CLEAR in program.read_until(b"stopped")
    program.read_until(b"files read")


@pytest.mark.parametrize("term", ["dumb", ""])
def test_a_terminal_without_a_cursor_has_no_live_line(programs: list[_Program], term: str) -> None:
    program = _start(programs, _DRAW, TERM=term)
    assert program.read_until(b"end") == b"end"


def test_a_terminal_that_shows_only_ascii_gets_only_ascii(programs: list[_Program]) -> None:
    program = _start(
        programs, "line.show('東京')\nsys.stdin.readline()", PYTHONIOENCODING="ascii:backslashreplace"
    )
    program.read_until(rb"import: \u6771\u4eac")


def test_without_a_terminal_nothing_is_written(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with progress_line("import") as progress:
        progress.count(3, 10, "file")
        with progress.hidden():
            pass
    assert capfd.readouterr() == ("", "")


def test_control_characters_of_a_name_are_escaped() -> None:
    progress = Progress("add \x1b[31m")
    progress.show("waiting for\x07")
    assert progress.text() == r"add \x1b[31m: waiting for\x07, 0 s"


def test_the_time_left_follows_from_what_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    progress = Progress("import")
    now = 110.0
    progress.count(25, 100, "file")
    assert progress.text() == "import: 25 of 100 files, 10 s, about 30 s left"


def test_the_first_results_of_many_give_no_estimate(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    progress = Progress("probe")
    now = 110.0
    progress.count(20, 10_000, "check", "done")
    assert progress.text() == "probe: 20 of 10000 checks done, 10 s"


def test_parallel_checks_give_no_estimate(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    progress = Progress("probe", is_parallel=True)
    now = 110.0
    progress.count(90, 100, "check", "done")
    assert progress.text() == "probe: 90 of 100 checks done, 10 s"
