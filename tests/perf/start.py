"""Start time: `python -m tests.perf.start [RUNS]`.

The dashboard on ten servers of a servers.toml, and `wgmon-tui demo`, start in a terminal. Measured is the
time from the creation of the process to the first painted row and to the first verdict, compared with the
smallest Textual app. The ten are one server of the lab, in this process. The children report two moments: the
interpreter runs, and `textual.app` is imported; the rest is wgmon-tui. All bytecode is compiled, as after an
installation: the warm-up compiles it into a separate cache.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from threading import Thread

from tests.daemon.harness import CLIENT, quick_server, write_config
from tests.perf.terminal import COLUMNS, LINES, Terminal
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.config.keys import PrivateKey
from wgmon_tui.lab.demo_fleet import DEMO_SERVERS
from wgmon_tui.lab.models import LabPeer, LabSetup
from wgmon_tui.lab.server import LabServer

RUNS = 9

_QUIT = b"\x11"
_PATIENCE_S = 30.0
_RUNNING, _IMPORTED, _PAINTED = b"interpreter runs", b"textual.app imported", b"painted"
_BEFORE = f"""
print({_RUNNING.decode()!r}, flush=True)
import textual.app
print({_IMPORTED.decode()!r}, flush=True)
"""
_DEMO = f"""{_BEFORE}
from wgmon_tui.cli.main import main
main(["demo"])
"""
_FLEET = f"""{_BEFORE}
import os
from wgmon_tui.cli.main import main
main(["--config", os.environ["FLEET"], "--state", os.environ["STATE"]])
"""
_SMALLEST = f"""{_BEFORE}
from textual.widgets import Static
class Smallest(textual.app.App):
    def compose(self):
        yield Static({_PAINTED.decode()!r})
Smallest().run()
"""
_VERDICT = Verdict.HEALTHY.slug.encode()
_STARTS: dict[str, tuple[str, tuple[bytes, ...]]] = {
    "wgmon-tui": (_FLEET, (b"server-0", _VERDICT)),
    "wgmon-tui demo": (_DEMO, (DEMO_SERVERS[0].name.encode(), _VERDICT)),
    "smallest Textual app": (_SMALLEST, (_PAINTED,)),
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


def times_until_marks(program: str, marks: Sequence[bytes], environment: Mapping[str, str]) -> list[float]:
    """The seconds from the creation of the process until each of the `marks` was read, in their order."""
    with Terminal([sys.executable, "-c", program], environment) as terminal:
        deadline = terminal.started + _PATIENCE_S
        sights = [arrival.at - terminal.started for arrival in terminal.read_until(marks, deadline)]
        terminal.type(_QUIT)
        terminal.drain(deadline)
    return sights


def main() -> None:
    """Start each in turn, and print the medians."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    print(
        f"A pty of {COLUMNS}x{LINES}; Textual {version('textual')}; medians of {runs} runs after one warm-up"
    )
    seen: dict[str, list[list[float]]] = {name: [] for name in _STARTS}
    with TemporaryDirectory() as bytecode, TemporaryDirectory() as config, ten_servers(Path(config)):
        for number in range(runs + 1):
            for name, (program, marks) in _STARTS.items():
                with TemporaryDirectory() as state:
                    environment = {"PYTHONPYCACHEPREFIX": bytecode, "FLEET": config, "STATE": state}
                    sights = times_until_marks(program, (_RUNNING, _IMPORTED, *marks), environment)
                if number:
                    seen[name].append(sights)
    print(
        f"\n  {'':<22}{'interpreter':>12}{'textual.app':>13}{'painted':>10}{'verdict':>10}"
        "   after the import (min to max)"
    )
    for name, rows in seen.items():
        running, imported, painted_at, *verdict = (median(column) * 1e3 for column in zip(*rows, strict=True))
        told = f"{verdict[0]:>7.0f} ms" if verdict else " " * 10
        after = [(row[2] - row[1]) * 1e3 for row in rows]
        print(
            f"  {name:<22}{running:>9.0f} ms{imported:>10.0f} ms{painted_at:>7.0f} ms{told}"
            f"   {median(after):.0f} ms ({min(after):.0f} to {max(after):.0f})"
        )
    print("  Times are from the making of the process.")


if __name__ == "__main__":
    main()
