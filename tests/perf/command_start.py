"""What the start of a command costs: the time of `--help` of each command, beside that of Python itself.

The commands take turns, so that a busy machine affects all alike. Quote the ratio, and the processor time.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from statistics import median

from wgmon_tui.cli.parser import commands_of, make_parser

RUNS = 20
_PYTHON = "python -c pass"


def main() -> None:
    """Run each in turn, and print the medians."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    commands = {_PYTHON: ("-c", "pass"), "--help": ("-m", "wgmon_tui", "--help")}
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
    print(f"Medians of {runs} runs\n")
    print(f"  {'':<20}{'time':>10}{'processor':>12}{'more than Python':>19}{'ratio':>8}")
    base, _ = _medians(took[_PYTHON])
    for name, times in took.items():
        elapsed, processor = _medians(times)
        print(
            f"  {name:<20}{elapsed * 1e3:>7.0f} ms{processor * 1e3:>9.0f} ms"
            f"{(elapsed - base) * 1e3:>16.0f} ms{elapsed / base:>8.1f}"
        )


def _time(words: tuple[str, ...]) -> tuple[float, float]:
    """Return elapsed and processor seconds of one process."""
    before, started = os.times(), time.perf_counter()
    subprocess.run([sys.executable, *words], stdout=subprocess.DEVNULL, check=True)
    elapsed, after = time.perf_counter() - started, os.times()
    processor = after.children_user + after.children_system - before.children_user - before.children_system
    return elapsed, processor


def _medians(times: list[tuple[float, float]]) -> tuple[float, float]:
    elapsed, processor = zip(*times, strict=True)
    return median(elapsed), median(processor)


if __name__ == "__main__":
    main()
