"""Start time: `python -m tests.perf.start [RUNS]`.

The dashboard on ten servers of a servers.toml, and `wgmon-tui demo`, start in a terminal. Measured is the
time from the creation of the process to the first painted row and to the first verdict, compared with the
smallest Textual app. Beside it stands the CPU time of the process until then, which does not count others.
The ten are one server of the lab, in this process. All bytecode is compiled, as after an installation: the
warm-up compiles it into a separate cache.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from threading import Thread

from tests.daemon.harness import CLIENT, quick_server, write_config
from tests.perf.terminal import COLUMNS, LINES, Moment, Terminal, cpu_seconds
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.config.keys import PrivateKey
from wgmon_tui.lab.demo_fleet import DEMO_SERVERS
from wgmon_tui.lab.models import LabPeer, LabSetup
from wgmon_tui.lab.server import LabServer

RUNS = 9

_QUIT = b"\x11"
_PATIENCE_S = 30.0
_PAINTED = b"painted"
_SMALLEST = f"""
from textual.app import App
from textual.widgets import Static
class Smallest(App):
    def compose(self):
        yield Static({_PAINTED.decode()!r})
Smallest().run()
"""
_VERDICT = Verdict.HEALTHY.slug.encode()
_PROGRAM = ("-m", "wgmon_tui")
_STARTS: dict[str, tuple[tuple[str, ...], tuple[bytes, ...]]] = {
    "wgmon-tui": (_PROGRAM, (b"server-0", _VERDICT)),
    "wgmon-tui demo": ((*_PROGRAM, "demo"), (DEMO_SERVERS[0].name.encode(), _VERDICT)),
    "smallest Textual app": (("-c", _SMALLEST), (_PAINTED,)),
}
"""The command to run, and the texts that show that it is painted and that a check has ended."""


@contextmanager
def ten_servers(config: Path) -> Iterator[None]:
    """A servers.toml with ten servers, and the lab server that answers for them."""
    lab = LabServer(LabSetup(PrivateKey.generate(), (LabPeer(CLIENT.public),)))
    loop = asyncio.new_event_loop()
    answering = Thread(target=loop.run_forever)
    answering.start()
    try:
        asyncio.run_coroutine_threadsafe(lab.start(), loop).result()
        write_config(
            config, *(quick_server(f"server-{each}", lab.endpoint, key=lab.public_key) for each in range(10))
        )
        yield
        asyncio.run_coroutine_threadsafe(lab.stop(), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        answering.join()
        loop.close()


def times_until_marks(
    command: Sequence[str], marks: Sequence[bytes], environment: Mapping[str, str]
) -> list[Moment]:
    """When each of the `marks` was read, in their order."""
    with Terminal([sys.executable, *command], environment) as terminal:
        deadline = terminal.started + _PATIENCE_S
        sights = [
            Moment(arrival.at - terminal.started, cpu_seconds(terminal.pid))
            for arrival in terminal.read_until(marks, deadline)
        ]
        terminal.type(_QUIT)
        terminal.drain(deadline)
    return sights


def main() -> None:
    """Start each in turn, and print the medians."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    print(
        f"A pty of {COLUMNS}x{LINES}; Textual {version('textual')}; medians of {runs} runs after one warm-up"
    )
    seen: dict[str, list[list[Moment]]] = {name: [] for name in _STARTS}
    with TemporaryDirectory() as bytecode, TemporaryDirectory() as config, ten_servers(Path(config)):
        for number in range(runs + 1):
            for name, (command, marks) in _STARTS.items():
                with TemporaryDirectory() as state:
                    options = ("--config", config, "--state", state) if command == _PROGRAM else ()
                    environment = {"PYTHONPYCACHEPREFIX": bytecode}
                    sights = times_until_marks((*command, *options), marks, environment)
                if number:
                    seen[name].append(sights)
    floor = _median(row[0] for row in seen["smallest Textual app"])
    print(f"\n  {'':<22}{'painted':>10}{'ratio':>7}{'CPU':>10}{'ratio':>7}{'least CPU':>12}{'verdict':>11}")
    for name, rows in seen.items():
        painted = _median(row[0] for row in rows)
        least = min(row[0].cpu for row in rows)
        verdict = f"{median(row[1].clock for row in rows) * 1e3:>8.0f} ms" if len(rows[0]) > 1 else ""
        print(
            f"  {name:<22}{painted.clock * 1e3:>7.0f} ms{painted.clock / floor.clock:>7.2f}"
            f"{painted.cpu * 1e3:>7.0f} ms{painted.cpu / floor.cpu:>7.2f}{least * 1e3:>9.0f} ms{verdict}"
        )
    print("  Times are from the creation of the process.")


def _median(moments: Iterable[Moment]) -> Moment:
    clock, cpu = zip(*moments, strict=True)
    return Moment(median(clock), median(cpu))


if __name__ == "__main__":
    main()
