"""Cost of a key in the filter line at 10,000 rows: `python -m tests.perf.filter_keys`.

Each line is typed key by key. A key is timed from the changed line until the table is painted again: the time
of the thread, which does not count other processes, and the time on the clock. Nothing else happens.
"""

from __future__ import annotations

import asyncio
import time
from importlib.metadata import version
from statistics import median

from tests.perf.fleet_table import SIZES, SyntheticEngine
from wgmon_tui.tui.app import WgmonApp
from wgmon_tui.tui.filter.bar import FilterBar
from wgmon_tui.tui.preload import exempt_from_collection

_ROWS = 10_000
_LINES = ("server-00", "state:down", "rtt>100", "!tag:eu", "server-01|server-02", "/server-0[12]/")
_ROUNDS = 3


async def times(size: tuple[int, int]) -> tuple[list[float], list[float]]:
    """The thread's and the clock's seconds of each key."""
    app = WgmonApp(SyntheticEngine(_ROWS, 0.0, 20), title="benchmark")
    cpu, clock = [], []
    async with app.run_test(size=size) as pilot:
        await pilot.press("/")
        exempt_from_collection()  # as the app does some seconds after its start
        bar = app.screen.query_one(FilterBar)
        for line in _LINES * _ROUNDS:
            for end in range(1, len(line) + 1):
                began, began_cpu = time.monotonic(), time.thread_time()
                bar.set_filter(line[:end])
                await pilot.pause()
                cpu.append(time.thread_time() - began_cpu)
                clock.append(time.monotonic() - began)
    return cpu, clock


def main() -> None:
    """Print median and longest of both, at both sizes."""
    print(f"Textual {version('textual')}; {_ROWS:,} rows; {len(''.join(_LINES)) * _ROUNDS} keys each\n")
    for size in SIZES:
        for what, taken in zip(("of the thread", "on the clock"), asyncio.run(times(size)), strict=True):
            p95 = sorted(taken)[len(taken) * 95 // 100]
            figures = f"median {median(taken) * 1e3:.1f} ms, p95 {p95 * 1e3:.1f} ms"
            print(f"  {size[0]}x{size[1]}, {what}: {figures}, longest {max(taken) * 1e3:.1f} ms", flush=True)


if __name__ == "__main__":
    main()
