"""Cost of the fleet table: `python -m tests.perf.fleet_table [ROWS SHARE SECONDS LOST] [--size 80x24]`.

The real app runs in a terminal of 80x24 and of 140x45. Its engine probes nothing and writes generated rounds:
of ROWS rows, a SHARE (0.1 is 10 %) gets a new result each second, in ten batches a second. One result in LOST
is a loss: that server fails and recovers with its next result, so that rows change state and order (0: none
is lost). For comparison, the same rounds run without a user interface, and with a DataTable. The DataTable
has the same columns, takes the changes from the same `FleetState` at the same rate, and calls update_cell for
each changed cell. It does not sort; the app does.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from ipaddress import IPv4Address
from itertools import cycle, islice
from pathlib import Path
from statistics import quantiles
from typing import ClassVar

from rich.text import Text
from textual.app import App, ComposeResult
from textual.widgets import DataTable

from tests.perf.terminal import Size, Terminal
from wgmon_tui.checks.check import Check, Handshake
from wgmon_tui.checks.evidence import Silence
from wgmon_tui.checks.verdict import Diagnosis, Verdict
from wgmon_tui.config.keys import PublicKey
from wgmon_tui.config.models import Server
from wgmon_tui.monitor.engine import Engine
from wgmon_tui.monitor.fleet_state import FleetState, Round
from wgmon_tui.monitor.freshness import LastCheck, read_elapsed
from wgmon_tui.monitor.rtt_window import CAPACITY
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.tui.app import WgmonApp
from wgmon_tui.tui.fleet.column_layout import lay_out
from wgmon_tui.tui.fleet.columns import CellContext, Part
from wgmon_tui.tui.fleet.screen import REFRESH_SECONDS
from wgmon_tui.tui.theme.glyphs import glyphs_for
from wgmon_tui.tui.theme.palette import DEFAULT_THEME, load_palette

LOAD_ALONE, WGMON_TUI, DATA_TABLE = VARIANTS = ("load alone", "wgmon-tui", "DataTable")
STALE_ROWS = "stale rows"
"""wgmon-tui where nobody checks nine rows of ten: they are stale, and their shown ages keep changing."""

_FRESH_SHARE = 0.1
_STALE_AGES_S = (160.0, 3600.0)
BATCHES_PER_SECOND = 10

SIZES: tuple[Size, ...] = ((80, 24), (140, 45))
_LOADS = ((100, 0.1, 20.0, 0), (1_000, 0.1, 20.0, 0), (10_000, 0.1, 20.0, 0), (10_000, 0.1, 20.0, 200))
_SETTLING_S = 8.0
_LAG_SLEEP_S = 0.01
_PATIENCE_S = 120.0
_AHEAD_S = 3600.0
"""The generated checks began in the future, so that they are as fresh as real ones while this runs."""

_DIFFERENT_ROUNDS = 997  # a prime, so that over time every row gets every round


@dataclass(frozen=True, slots=True)
class Figures:
    """The measurements of one run. `began` and `ended` are `time.monotonic`; lags are in seconds."""

    began: float
    ended: float
    cpu: float
    recorded: int
    lag50: float
    lag99: float


class SyntheticEngine(Engine):
    """Engine that never probes: writes generated rounds to the `FleetState`, row by row."""

    def __init__(self, states: int, share: float, lost_of: int, *, stale: bool = False) -> None:
        self.recorded = 0
        self._per_second = states * share
        self._rounds = _rounds(lost_of)
        names = [f"server-{number:05}" for number in range(states)]
        self.fleet_state = FleetState(_server(name) for name in names)
        for server_state in self.fleet_state.states.values():
            for made in islice(self._rounds, CAPACITY - 1):
                server_state.samples.add(made.check.handshake.rtt if made.check.handshake else None)
            self.fleet_state.record(server_state.server.name, next(self._rounds), time.time())
        random.Random(0).shuffle(names)
        if stale:
            names = self._age(names)
        self._names = cycle(names)

    def _age(self, names: list[str]) -> list[str]:
        """Make the last checks of all but some rows old. Returns the names of those."""
        dice, fresh = random.Random(0), int(len(names) * _FRESH_SHARE)
        for name in names[fresh:]:
            age = dice.uniform(*_STALE_AGES_S)
            self.fleet_state.states[name].last_check = LastCheck(
                time.time() - age, read_elapsed() - age, made_here=True
            )
        return names[:fresh]

    async def run(self) -> None:
        """Write until cancelled. A blocked event loop delays this, as it would delay real checks."""
        loop = asyncio.get_running_loop()
        due, owed = loop.time(), 0.0
        while True:
            owed += self._per_second / BATCHES_PER_SECOND
            now = time.time()
            for name in islice(self._names, int(owed)):
                self.fleet_state.record(name, next(self._rounds), now)
            self.recorded += int(owed)
            owed -= int(owed)
            due += 1 / BATCHES_PER_SECOND
            await asyncio.sleep(max(0.0, due - loop.time()))

    @property
    def checks_per_second(self) -> float:
        return self._per_second


def _server(name: str) -> Server:
    endpoint = Endpoint(f"{name}.example.net", 51820)
    return Server(name, endpoint, PublicKey(bytes(32)), "bench", fail_after=1, recover_after=1)


def _rounds(lost_of: int) -> Iterator[Round]:
    dice = random.Random(0)
    made = []
    for number in range(_DIFFERENT_ROUNDS):
        lost = lost_of > 0 and number % lost_of == lost_of - 1
        check = Check(
            server="",
            vantage="here",
            endpoint=Endpoint("server.example.net", 51820),
            address=IPv4Address("192.0.2.1"),
            started_at=time.time() + _AHEAD_S,
            handshake=None if lost else Handshake(dice.lognormvariate(-3.5, 0.6)),
            evidence=(Silence(5.0),) if lost else (),
        )
        verdict = Verdict.SILENT if lost else Verdict.HEALTHY
        made.append(Round((check,), (Diagnosis(verdict, verdict.meaning),)))
    return cycle(made)


class DataTableApp(App[None]):
    """The fleet in a plain DataTable, with an update of each changed cell."""

    ENABLE_COMMAND_PALETTE: ClassVar = False

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self.animation_level = "none"
        self._engine = engine
        self._drawing = CellContext(load_palette(DEFAULT_THEME), glyphs_for(False), time.time())
        names = engine.fleet_state.states
        self._layout = lay_out(shutil.get_terminal_size().columns, max(map(len, names)), 0)
        self._shown: dict[tuple[str, str], list[Part]] = {}

    def compose(self) -> ComposeResult:
        yield DataTable(cursor_type="row")

    def on_mount(self) -> None:
        table = self.query_one(DataTable)
        for placed in self._layout:
            table.add_column(placed.column.title, key=placed.column.key, width=placed.width)
        for name in self._engine.fleet_state.states:
            table.add_row(*(cell for _, cell in self._changed_cells(name)), key=name)
        self.run_worker(self._engine.run())
        self.set_interval(REFRESH_SECONDS, self._follow)

    def _follow(self) -> None:
        table = self.query_one(DataTable)
        for name in self._engine.fleet_state.apply_changes():
            for key, cell in self._changed_cells(name):
                table.update_cell(name, key, cell)

    def _changed_cells(self, name: str) -> Iterator[tuple[str, Text]]:
        """The cells of a row whose text has changed since the last update."""
        server_state = self._engine.fleet_state.states[name]
        for placed in self._layout:
            key = placed.column.key
            parts = placed.column.cell(server_state, placed.width, self._drawing)
            if self._shown.get((name, key)) != parts:
                self._shown[name, key] = parts
                yield key, Text.assemble(*parts)


async def run_inside(variant: str, states: int, share: float, seconds: float, lost_of: int) -> Figures:
    """Run the app named `variant` in this process's terminal, and measure it from its event loop."""
    engine = SyntheticEngine(states, share, lost_of, stale=variant == STALE_ROWS)
    if variant == LOAD_ALONE:
        running = asyncio.create_task(engine.run())
        figures = await _measure(engine, seconds)
        running.cancel()
        return figures
    app = WgmonApp(engine, title="benchmark") if variant != DATA_TABLE else DataTableApp(engine)
    showing = asyncio.create_task(app.run_async())
    figures = await _measure(engine, seconds)
    if showing.done():
        raise SystemExit(f"{variant} ended before it was measured")
    app.exit()
    await showing
    return figures


async def _measure(engine: SyntheticEngine, seconds: float) -> Figures:
    await asyncio.sleep(_SETTLING_S)
    before, cpu, began = engine.recorded, time.process_time(), time.monotonic()
    lags = []
    while (asleep := time.monotonic()) < began + seconds:
        await asyncio.sleep(_LAG_SLEEP_S)
        lags.append(time.monotonic() - asleep - _LAG_SLEEP_S)
    ended, cpu = time.monotonic(), time.process_time() - cpu
    percentiles = quantiles(lags, n=100)
    return Figures(began, ended, cpu, engine.recorded - before, percentiles[49], percentiles[98])


def run_in_terminal(
    variant: str, states: int, share: float, seconds: float, lost_of: int, size: Size
) -> tuple[Figures, int]:
    """The figures of a child in a new terminal, and the bytes that it wrote while it measured."""
    with tempfile.TemporaryDirectory() as directory:
        report = Path(directory, "figures.json")
        load = [str(states), str(share), str(seconds), str(lost_of)]
        command = [sys.executable, "-m", "tests.perf.fleet_table", *load]
        with Terminal([*command, "--inside", variant, "--report", str(report)], size=size) as terminal:
            arrivals = terminal.drain(terminal.started + _SETTLING_S + seconds + _PATIENCE_S)
        if not report.exists():
            raise SystemExit(b"".join(arrival.data for arrival in arrivals[-20:]).decode(errors="replace"))
        figures = Figures(**json.loads(report.read_text()))
    written = sum(len(each.data) for each in arrivals if figures.began <= each.at < figures.ended)
    return figures, written


def compare(states: int, share: float, seconds: float, lost_of: int, size: Size) -> None:
    """Print the figures of the three variants under one load, and the ratios."""
    changes = states * share
    lost = f", one in {lost_of} lost" if lost_of else ""
    print(
        f"\n{size[0]}x{size[1]}: {states} rows, {changes:g} of them changed each second{lost}, {seconds:g} s"
    )
    print(f"  {'':<12}{'CPU':>7}{'lag p50':>10}{'lag p99':>10}{'written':>13}{'of the load':>13}")
    cpu, output = {}, {}
    for variant in VARIANTS:
        figures, written = run_in_terminal(variant, states, share, seconds, lost_of, size)
        wall = figures.ended - figures.began
        cpu[variant], output[variant] = figures.cpu / wall, written / wall
        done = figures.recorded / wall / changes if changes else 1.0
        print(
            f"  {variant:<12}{cpu[variant]:>7.1%}{figures.lag50 * 1e3:>7.1f} ms{figures.lag99 * 1e3:>7.1f} ms"
            f"{output[variant] / 1e3:>8.1f} KB/s{done:>13.0%}",
            flush=True,
        )
    ours, theirs = cpu[WGMON_TUI] - cpu[LOAD_ALONE], cpu[DATA_TABLE] - cpu[LOAD_ALONE]
    print(f"  Less the load: wgmon-tui {ours:.1%}, DataTable {theirs:.1%} of a core.", end=" ")
    print(
        f"DataTable / wgmon-tui: CPU {theirs / ours:.1f}, bytes {output[DATA_TABLE] / output[WGMON_TUI]:.1f}"
    )


def main() -> None:
    """Run the load named on the command line, or those of BENCHMARKS.md."""
    parser = argparse.ArgumentParser(prog="python -m tests.perf.fleet_table", description=main.__doc__)
    parser.add_argument("load", nargs="*", type=float, metavar="ROWS SHARE SECONDS LOST")
    parser.add_argument("--size", type=_size, action="append", metavar="80x24", help="of this size alone")
    parser.add_argument(
        "--inside", choices=(*VARIANTS, STALE_ROWS), help="run this variant in this terminal, and measure it"
    )
    parser.add_argument("--report", type=Path, help="where to write what --inside measured")
    arguments = parser.parse_args()
    if len(arguments.load) not in (0, 4):
        parser.error("expected ROWS SHARE SECONDS LOST, such as 10000 0.1 20 0")
    loads = list(_LOADS)
    if arguments.load:
        states, share, seconds, lost_of = arguments.load
        loads = [(int(states), share, seconds, int(lost_of))]
    if arguments.inside:
        figures = asyncio.run(run_inside(arguments.inside, *loads[0]))
        arguments.report.write_text(json.dumps(asdict(figures)))
        return
    print(f"A pty, truecolor; Textual {version('textual')}. CPU is the child's process time by wall time;")
    print(
        "lag is by how much a sleep of 10 ms in its loop overshot. A variant that blocks the loop takes less"
    )
    print("than the whole load.")
    for size in arguments.size or SIZES:
        for load in loads:
            compare(*load, size)


def _size(text: str) -> Size:
    columns, _, lines = text.partition("x")
    return int(columns), int(lines)


if __name__ == "__main__":
    main()
