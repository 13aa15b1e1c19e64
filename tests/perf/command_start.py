"""What the start of a command costs: `python -m tests.perf.command_start [RUNS]`.

The time of `--help` of each command, and of `probe --quick` of one healthy server on loopback, beside that of
Python itself. The commands take turns, so that a busy machine affects all alike. Quote the least processor
time: other programs disturb it least.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from tests.perf.start import ten_servers
from wgmon_tui.cli.parser import commands_of, make_parser

RUNS = 20
_PYTHON = "python -c pass"
_QUICK = "probe --quick"


def main() -> None:
    """Run each in turn, and print the medians."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    with TemporaryDirectory() as config, TemporaryDirectory() as state, ten_servers(Path(config)):
        probe = ("--config", config, "--state", state, *_QUICK.split(), "server-0")
        commands = {_PYTHON: ("-c", "pass"), _QUICK: ("-m", "wgmon_tui", *probe)}
        commands |= {"--help": ("-m", "wgmon_tui", "--help")}
        commands |= {
            f"{name} --help": ("-m", "wgmon_tui", *name.split(), "--help")
            for name, _ in commands_of(make_parser())
        }
        took: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for number in range(runs + 1):  # the first one writes the bytecode
            for name, words in commands.items():
                if number:
                    took[name].append(_time(words))
                else:
                    _time(words)
    _print(took, runs)


def _print(took: dict[str, list[tuple[float, float]]], runs: int) -> None:
    print(f"Medians of {runs} runs\n")
    columns = ("time", "more", "processor", "least", "more")
    print(f"  {'':<20}" + "".join(each.rjust(12) for each in columns) + " than Python")
    base, _, base_least = _figures(took[_PYTHON])
    for name, times in took.items():
        elapsed, processor, least = _figures(times)
        print(
            f"  {name:<20}{elapsed * 1e3:>9.0f} ms{(elapsed - base) * 1e3:>9.0f} ms"
            f"{processor * 1e3:>9.0f} ms{least * 1e3:>9.0f} ms{(least - base_least) * 1e3:>9.0f} ms"
        )


def _time(words: tuple[str, ...]) -> tuple[float, float]:
    """Return elapsed and processor seconds of one process."""
    before, started = os.times(), time.perf_counter()
    subprocess.run([sys.executable, *words], stdout=subprocess.DEVNULL, check=True)
    elapsed, after = time.perf_counter() - started, os.times()
    processor = after.children_user + after.children_system - before.children_user - before.children_system
    return elapsed, processor


def _figures(times: list[tuple[float, float]]) -> tuple[float, float, float]:
    """Median of the elapsed time, median of the processor time, and its least."""
    elapsed, processor = zip(*times, strict=True)
    return median(elapsed), median(processor), min(processor)


if __name__ == "__main__":
    main()
