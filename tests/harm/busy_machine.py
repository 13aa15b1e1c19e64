"""The default tests on a busy machine: `python -m tests.harm.busy_machine [COUNT [PATH…]]`.

COUNT runs of all, or of the tests in these paths, alternately beside two programs that only compute, and with
the tests' processes stopped at random moments, as a hypervisor stops a machine. No test may depend on a quiet
machine, so none may fail.
"""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp
from threading import Event, Thread

RUNS = 6

_BUSY_PROGRAMS = 2
_BETWEEN_STOPS_S = (0.05, 0.6)
_STOPPED_S = (0.05, 0.15, 0.3, 0.6)
_STOPPED_SHARE = 0.5

_SUITE = (sys.executable, "-m", "pytest", "-n", "4", "--dist", "worksteal", "--tb=short")
_FAILED = re.compile(r"^(?:FAILED|ERROR) (\S.*?)(?: - .*)?$", re.MULTILINE)


@contextmanager
def beside_busy_programs(_: subprocess.Popen[str]) -> Iterator[None]:
    """Run programs that compute all the time."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(_BUSY_PROGRAMS)]
    try:
        yield
    finally:
        for each in busy:
            each.kill()
            each.wait()


@contextmanager
def with_stops(run: subprocess.Popen[str]) -> Iterator[None]:
    """Stop the processes of the run at random moments. The programs that tests start are left alone."""
    over = Event()
    stopping = Thread(target=_stop_again_and_again, args=(run.pid, over))
    stopping.start()
    try:
        yield
    finally:
        over.set()
        stopping.join()


def _stop_again_and_again(parent: int, over: Event) -> None:
    dice = random.Random(0)
    while not over.wait(dice.uniform(*_BETWEEN_STOPS_S)):
        stopped = [each for each in _children(parent) if dice.random() < _STOPPED_SHARE]
        for each in stopped:
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGSTOP)
        time.sleep(dice.choice(_STOPPED_S))
        for each in stopped:
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGCONT)


def _children(parent: int) -> list[int]:
    with suppress(OSError):
        return [int(each) for each in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]
    return []


WAYS: tuple[tuple[str, Callable[[subprocess.Popen[str]], AbstractContextManager[None]]], ...] = (
    (f"beside {_BUSY_PROGRAMS} busy programs", beside_busy_programs),
    ("with stops", with_stops),
)


def main() -> int:
    """Print the failures of each run. Returns 1 if there are any."""
    count, paths = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS, sys.argv[2:]
    failed_runs = 0
    for number in range(count):
        name, disturbed = WAYS[number % len(WAYS)]
        began = time.monotonic()
        run = subprocess.Popen((*_SUITE, *paths), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        with run, disturbed(run):
            output, _ = run.communicate()
        failures = _FAILED.findall(output)
        failed_runs += run.returncode != 0
        print(
            f"run {number + 1}, {name}: {time.monotonic() - began:.0f} s, {len(failures)} failures",
            flush=True,
        )
        for line in failures:
            print(f"  {line}", flush=True)
        if run.returncode:
            kept = Path(mkdtemp(prefix="busy-machine-"), "output.txt")
            kept.write_text(output)
            print(f"  the whole output: {kept}", flush=True)
    print(f"{count} runs, {failed_runs} of them with failures")
    return int(failed_runs > 0)


if __name__ == "__main__":
    sys.exit(main())
