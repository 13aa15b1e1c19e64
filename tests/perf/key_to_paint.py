"""Latency from a key to its paint: `python -m tests.perf.key_to_paint [KEYS]`.

The fleet has 10,000 rows and 1,000 results a second, as in `fleet_table`; the DataTable is measured too. The
cursor moves down and up, one key at a time. A key is timed from its write to the terminal until the target
line is read back in the cursor's colour. The time between two keys is random, so that they hit any point
between the paints, which come every half second. In the variant "stale rows", nine of ten rows are stale.
Beside the time stands the CPU that the process used meanwhile: on a busy host the time is mostly the host's.
"""

from __future__ import annotations

import random
import re
import sys
import time
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from itertools import chain, cycle
from statistics import quantiles

from tests.perf.fleet_table import DATA_TABLE, SIZES, STALE_ROWS, WGMON_TUI
from tests.perf.terminal import Moment, Size, Terminal, cpu_seconds

KEYS = 200

_ROWS, _SHARE = 10_000, 0.1
_DOWN, _UP = b"\x1b[B", b"\x1b[A"
_THERE_AND_BACK = 10
_FIRST_LINE = {WGMON_TUI: 3, STALE_ROWS: 3, DATA_TABLE: 2}
_CURSOR = {WGMON_TUI: b"48;2;36;51;75", STALE_ROWS: b"48;2;36;51;75", DATA_TABLE: b"48;2;1;120;212"}
"""The first line of the cursor, from 1, and its colour, which nothing else uses."""

_SETTLING_S = 8.0
_PATIENCE_S = 30.0
_BETWEEN_S = (0.05, 0.4)


def times(variant: str, keys: int, size: Size) -> list[Moment]:
    """The latency of each key, and the CPU that it took."""
    load = [str(_ROWS), str(_SHARE), "100000", "0"]
    command = [sys.executable, "-m", "tests.perf.fleet_table", *load, "--inside", variant]
    dice = random.Random(0)
    taken = []
    with Terminal(command, size=size) as terminal:
        _read_for(terminal, _SETTLING_S)
        for number, (key, line) in enumerate(_walk(variant)):
            if number == keys:
                break
            _read_for(terminal, dice.uniform(*_BETWEEN_S))
            pressed, used = time.monotonic(), cpu_seconds(terminal.pid)
            terminal.type(key)
            painted = _wait_for_paint(terminal, line, _CURSOR[variant])
            taken.append(Moment(painted - pressed, cpu_seconds(terminal.pid) - used))
    return taken


def _walk(variant: str) -> Iterator[tuple[bytes, int]]:
    """Keys, and the target line of each."""
    first = _FIRST_LINE[variant]
    down = [(_DOWN, first + step) for step in range(1, _THERE_AND_BACK + 1)]
    up = [(_UP, first + step) for step in reversed(range(_THERE_AND_BACK))]
    return cycle(chain(down, up))


def _read_for(terminal: Terminal, seconds: float) -> None:
    until = time.monotonic() + seconds
    try:
        while terminal.read(until):
            pass
    except TimeoutError:
        return
    raise SystemExit("ended before it was measured")


def _wait_for_paint(terminal: Terminal, line: int, colour: bytes) -> float:
    """When the line was first read in the cursor's colour."""
    place = re.compile(rb"\x1b\[(\d+);\d+H|" + re.escape(colour))
    deadline, written = time.monotonic() + _PATIENCE_S, b""
    while arrival := terminal.read(deadline):
        written += arrival.data
        at = 0
        for found in place.finditer(written):
            if found[1]:
                at = int(found[1])
            elif at == line:
                return arrival.at
    raise SystemExit("ended before it was measured")


def main() -> None:
    """Print the percentiles of both variants at both sizes."""
    keys = int(sys.argv[1]) if len(sys.argv) > 1 else KEYS
    print(f"A pty, truecolor; Textual {version('textual')}; {_ROWS:,} rows, {_ROWS * _SHARE:,.0f} results a")
    print(f"second; {keys} keys each\n")
    print(f"  {'':<20}{'p50':>11}{'p99':>11}{'longest':>11}{'CPU p50':>11}{'CPU p99':>11}")
    for size in SIZES:
        for variant in (WGMON_TUI, STALE_ROWS, DATA_TABLE):
            clock, cpu = zip(*times(variant, keys, size), strict=True)
            shown = (*_percentiles(clock), max(clock), *_percentiles(cpu))
            words = "".join(f"{each * 1e3:>8.1f} ms" for each in shown)
            print(f"  {f'{variant} {size[0]}x{size[1]}':<20}{words}", flush=True)


def _percentiles(seconds: Sequence[float]) -> tuple[float, float]:
    """The median and the 99th percentile."""
    percentiles = quantiles(seconds, n=100, method="inclusive")
    return percentiles[49], percentiles[98]


if __name__ == "__main__":
    main()
