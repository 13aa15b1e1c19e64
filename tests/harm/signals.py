"""Every stop signal at random moments of every command: it ends with its documented code and leaves nothing.

`python -m tests.harm.signals [COUNT [SEED [COMMAND…]]]`: COUNT moments for each command and signal, four
processes at a time. Without COMMAND, it is every command.
"""

from __future__ import annotations

import fcntl
import os
import pty
import random
import signal
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.harm.command_scenarios import (
    KEY,
    SCENARIOS,
    Scenario,
    Site,
    find_remains,
    make_site,
    record_history,
)

STOPS = (
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGALRM,
)
HARMLESS = (signal.SIGPIPE, signal.SIGWINCH, signal.SIGCONT, signal.SIGTSTP)
"""Signals that a command outlives; after SIGTSTP it gets SIGCONT."""

_END_S = 30.0
_STOP_S = 5.0
_LIFE_S = {"dashboard": 3.0, "demo": 3.0, "run": 2.5, "agent": 2.0, "inspect": 2.0, "alert test": 1.8}
"""The moments of a signal are drawn from this time; a shorter life ends before some of them."""

_DEFAULT_LIFE_S = 1.0

_MODES = (
    ("alternate screen", "\x1b[?1049h", "\x1b[?1049l"),
    ("hidden cursor", "\x1b[?25l", "\x1b[?25h"),
    ("mouse", "\x1b[?1003h", "\x1b[?1003l"),
    ("pasting", "\x1b[?2004h", "\x1b[?2004l"),
)
"""What the dashboard turns on, and how it is turned off."""


@dataclass(frozen=True)
class Outcome:
    """How one run ended. `problem` is empty if every promise held."""

    problem: str
    seconds_to_end: float = 0.0
    is_interpreter: bool = False
    """Whether Python itself printed a KeyboardInterrupt: the signal came before the program's first line."""


def life_s(scenario: Scenario) -> float:
    return _LIFE_S.get(scenario.command, _DEFAULT_LIFE_S)


def send(
    scenario: Scenario, numbers: Sequence[int], moment_s: float, site: Site, second_after_s: float = 0.0
) -> Outcome:
    """Run the scenario, send the signals after a time, and check its end."""
    words = tuple(word.format(home=site.home) for word in scenario.words)
    with _Running(site, words, has_terminal=scenario.has_terminal) as running:
        time.sleep(moment_s)
        sent_at = time.monotonic()
        for position, number in enumerate(numbers):
            if position:
                time.sleep(second_after_s)
            running.send(number)
        if not is_stop(scenario, numbers):
            if signal.SIGTSTP in numbers:
                running.wait_until_stopped()
            running.send(signal.SIGCONT)
            if scenario.is_endless:
                time.sleep(0.3)
                running.send(signal.SIGTERM)
        if not running.wait():
            return Outcome(f"still runs {_END_S:.0f} s after the signal")
        taken = time.monotonic() - sent_at
    code, errors = running.code, running.errors
    _end_agent(site)
    if "Traceback" in errors or "Traceback" in running.output:
        if signal.SIGINT in numbers and _is_of_interpreter(errors or running.output):
            return Outcome("", taken, is_interpreter=True)
        return Outcome(f"traceback, code {code}: {errors or running.output[-2000:]}")
    problems = [
        *_code_problems(scenario, numbers, code),
        *find_remains(site, scenario),
        *running.terminal_problems(),
    ]
    if KEY in errors or KEY in running.output:
        problems.append("a key was printed")
    return Outcome("; ".join(problems) + (f" ({errors.strip()})" if problems else ""), taken)


def _is_of_interpreter(errors: str) -> bool:
    """Whether Python was still importing the package itself."""
    own = [line for line in errors.splitlines() if "wgmon_tui/" in line and "wgmon_tui/__" not in line]
    return errors.strip().endswith("KeyboardInterrupt") and not own


def is_stop(scenario: Scenario, numbers: Sequence[int]) -> bool:
    """Whether one of the signals ends the command."""
    return any(each in STOPS and each not in scenario.reload_signals for each in numbers)


def _code_problems(scenario: Scenario, numbers: Sequence[int], code: int) -> list[str]:
    allowed = set(scenario.codes)
    for number in (*numbers, *(() if is_stop(scenario, numbers) else (signal.SIGTERM,))):
        if number in STOPS and number not in scenario.reload_signals:
            allowed |= {-number, scenario.signal_codes.get(number, -number)}
    # Before the program's first line, the interpreter acts on a signal as on any program.
    allowed |= {-number for number in numbers if number in (*scenario.reload_signals, signal.SIGPIPE)}
    if scenario.command == "agent":
        allowed.add(0)  # the other end closed its connection
    return [] if code in allowed else [f"exit code {code}, expected one of {sorted(allowed)}"]


def _end_agent(site: Site) -> None:
    """End the daemon that `agent` started; it would wait for a connection."""
    with suppress(OSError):
        for line in (site.state / "agent.log").read_text().splitlines():
            if "pid " in line:
                with suppress(ProcessLookupError, ValueError):
                    os.kill(int(line.rpartition("pid ")[2]), signal.SIGTERM)


class _Running:
    """A command as a child process, with pipes or with a terminal of its own."""

    def __init__(self, site: Site, words: Sequence[str], *, has_terminal: bool) -> None:
        self._readers: list[threading.Thread] = []
        self._chunks: dict[str, list[bytes]] = {"out": [], "err": []}
        self._master = -1
        command = site.command(*words)
        if has_terminal:
            self._master, terminal = pty.openpty()
            fcntl.ioctl(terminal, termios.TIOCSWINSZ, b"\x18\x00\x50\x00\x00\x00\x00\x00")
            self._modes = termios.tcgetattr(terminal)
            self.process = subprocess.Popen(
                command, stdin=terminal, stdout=terminal, stderr=terminal, env=site.environment,
                preexec_fn=_start_terminal_session,
            )  # fmt: skip
            self._terminal = terminal
            self._read("out", self._master)
        else:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                env=site.environment, preexec_fn=_default_signals,
            )  # fmt: skip
            assert self.process.stdout
            assert self.process.stderr
            self._read("out", self.process.stdout.fileno())
            self._read("err", self.process.stderr.fileno())

    def __enter__(self) -> _Running:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self._final_modes = termios.tcgetattr(self._terminal) if self._master >= 0 else None
        if self._master >= 0:
            os.close(self._terminal)
        for reader in self._readers:
            reader.join(5.0)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream:
                with suppress(OSError):
                    stream.close()
        if self._master >= 0:
            os.close(self._master)

    @property
    def code(self) -> int:
        return self.process.returncode

    @property
    def errors(self) -> str:
        return b"".join(self._chunks["err"]).decode(errors="replace")

    @property
    def output(self) -> str:
        return b"".join(self._chunks["out"]).decode(errors="replace")

    def send(self, number: int) -> None:
        with suppress(ProcessLookupError):
            self.process.send_signal(number)

    def wait(self) -> bool:
        """Wait for the end; False if it does not come."""
        try:
            self.process.wait(_END_S)
        except subprocess.TimeoutExpired:
            return False
        return True

    def wait_until_stopped(self) -> None:
        """Wait for a stop, as a shell does before `fg`. There is none if the command has ended."""
        deadline = time.monotonic() + _STOP_S
        with suppress(OSError):
            while time.monotonic() < deadline and self.process.poll() is None:
                status = Path(f"/proc/{self.process.pid}/stat").read_bytes().rpartition(b")")[2].split()
                if status[0] == b"T":
                    return
                time.sleep(0.01)

    def terminal_problems(self) -> list[str]:
        """What the program has not restored of its terminal."""
        if self._master < 0:
            return []
        found = []
        # Flags of the line discipline; the kernel itself may set others.
        if self._final_modes is not None and self._final_modes[3] != self._modes[3]:
            found.append("the line discipline is not restored")
        text = self.output
        for what, on, off in _MODES:
            if text.rfind(on) > text.rfind(off):
                found.append(f"{what} left on")
        return found

    def _read(self, name: str, descriptor: int) -> None:
        def read() -> None:
            with suppress(OSError):
                while chunk := os.read(descriptor, 65536):
                    self._chunks[name].append(chunk)

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        self._readers.append(reader)


def _default_signals() -> None:
    """A shell starts background jobs with some signals ignored; a child would inherit that."""
    for number in (*STOPS, *HARMLESS):
        signal.signal(number, signal.SIG_DFL)


def _start_terminal_session() -> None:
    _default_signals()
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@dataclass(frozen=True)
class Trial:
    """Signals for one run of a scenario: the first after `moment_s`, a second `second_after_s` later."""

    scenario: Scenario
    numbers: tuple[signal.Signals, ...]
    moment_s: float
    second_after_s: float

    def run(self, history: Path) -> Outcome:
        with TemporaryDirectory(prefix="wgmon-signals-") as home:
            site = make_site(Path(home) / "site", self.scenario, history)
            return send(self.scenario, self.numbers, self.moment_s, site, self.second_after_s)

    def __str__(self) -> str:
        names = " ".join(number.name for number in self.numbers)
        return f"{self.scenario.name}, {names} after {self.moment_s:.3f} s"


def draw_trials(scenario: Scenario, count: int) -> Iterator[Trial]:
    """`count` trials for each signal, a quarter of those that stop with a second one."""
    for number in (*STOPS, *HARMLESS):
        for _ in range(count):
            is_double = number in STOPS and random.random() < 0.25
            numbers = (number, number) if is_double else (number,)
            yield Trial(scenario, numbers, random.uniform(0.0, life_s(scenario)), random.uniform(0.0, 1.5))


def main(argv: Sequence[str]) -> int:
    """Print the figures; the exit code shows whether every promise holds."""
    count = int(argv[0]) if argv else 50
    seed = int(argv[1]) if len(argv) > 1 else int(time.time())
    random.seed(seed)
    scenarios = [each for each in SCENARIOS if not argv[2:] or each.command in argv[2:]]
    signals = len(STOPS) + len(HARMLESS)
    print(f"seed {seed}; {count} moments for each of {len(scenarios)} commands and {signals} signals")
    failed = interpreter = total = 0
    with TemporaryDirectory(prefix="wgmon-signals-") as directory, ThreadPoolExecutor(4) as pool:
        history = record_history(Path(directory) / "history")
        for scenario in scenarios:
            trials = [(trial, pool.submit(trial.run, history)) for trial in draw_trials(scenario, count)]
            slowest = 0.0
            for trial, job in trials:
                outcome = job.result()
                total += 1
                interpreter += outcome.is_interpreter
                if is_stop(scenario, trial.numbers):
                    slowest = max(slowest, outcome.seconds_to_end)
                if outcome.problem:
                    failed += 1
                    print(f"  {trial}: {outcome.problem}", flush=True)
            figures = f"{len(trials)} signals, the slowest end after a stop signal took {slowest:.1f} s"
            print(f"{scenario.name}: {figures}", flush=True)
    print(f"{total} runs, {failed} broken promises")
    print(f"{interpreter} times Ctrl+C came before the program's first line: Python printed its traceback")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
