"""Cost of a dashboard and a viewer: `python -m tests.perf.viewing [SERVERS DAYS [WATCHED SECONDS]]`.

First, the time until the dashboard shows the first row of a fleet, and all rows, with DAYS days of history
and without: the difference is the cost of opening the history. Beside each time stands the CPU time of the
process, which does not count others. The same follows for a viewer beside a writer. Then the share of a core
that a viewer uses while a separate writer checks WATCHED healthy servers once a second.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from tests.perf.stored_history import fill
from tests.perf.terminal import COLUMNS, LINES, Moment, Terminal, cpu_seconds
from wgmon_tui.config.config_toml import DAY
from wgmon_tui.config.keys import PrivateKey, PublicKey
from wgmon_tui.config.models import Fleet, Identity, SecretForm, SecretSource, Server
from wgmon_tui.config.secrets.private_files import create_private
from wgmon_tui.config.servers_toml import render
from wgmon_tui.lab.load_servers import run_load_servers
from wgmon_tui.net.addresses import Endpoint

SERVERS, DAYS = 10_000, 30.0
WATCHED, SECONDS = 1_000, 30.0

_SETTLE_S = 12.0
_PATIENCE_S = 60.0
_FIRST_ROW = b"server-0"
_READING = b"The servers appear in a moment"
_QUIT = b"\x11"
_OPENINGS = 4
_CLOSED_ENDPOINT = Endpoint("127.0.0.1", 9)


def main() -> None:
    """Measure the opening, then the viewing."""
    usual: list[float] = [SERVERS, DAYS, WATCHED, SECONDS]
    given = [float(word) for word in sys.argv[1:]]
    servers, days, watched, seconds = given + usual[len(given) :]
    print(f"A pty of {COLUMNS}x{LINES}", flush=True)
    _measure_opening(int(servers), days)
    _measure_viewing(int(watched), seconds)


def _measure_opening(servers: int, days: float) -> None:
    for span, what in ((0.0, "no history"), (days, f"{days:g} days of history")):
        with tempfile.TemporaryDirectory() as place:
            config, state = _places(Path(place))
            # Paused, so that this measures the opening and not ten thousand first checks.
            _write(
                config,
                PrivateKey.generate(),
                [_server(n, _CLOSED_ENDPOINT, _KEY, paused=True) for n in range(servers)],
            )
            if span:
                fill(state, servers, span * DAY)
                size = sum(each.stat().st_size for each in state.iterdir() if each.is_file())
                what += f" ({size / 1e6:.0f} MB)"
            command = [sys.executable, "-m", "wgmon_tui", *_arguments(config, state)]
            bytecode = {"PYTHONPYCACHEPREFIX": f"{place}/bytecode"}
            _print_opening(f"{servers:,} servers, {what}", command, bytecode, servers)
            if span:
                continue
            writer = subprocess.Popen([*command, "run"], stderr=subprocess.DEVNULL)
            try:
                time.sleep(_SETTLE_S)
                _print_opening(f"a viewer of {servers:,} servers", command, bytecode, servers)
            finally:
                writer.terminate()
                writer.wait(_PATIENCE_S)


def _print_opening(what: str, command: list[str], environment: Mapping[str, str], servers: int) -> None:
    """Start the dashboard four times, and print the figures of the last three."""
    marks = (_READING, _FIRST_ROW, f"{servers} paused".encode())
    runs = [_openings(command, environment, marks) for _ in range(_OPENINGS)][1:]
    parts = zip(("first screen", "first row", "all rows"), zip(*runs, strict=True), strict=True)
    figures = (
        f"{part} after {min(each.clock for each in found):.2f} to {max(each.clock for each in found):.2f} s"
        f" (CPU {median(each.cpu for each in found):.2f} s)"
        for part, found in parts
    )
    print(f"  {what}: {', '.join(figures)}", flush=True)


def _openings(command: list[str], environment: Mapping[str, str], marks: Sequence[bytes]) -> list[Moment]:
    """When each of the `marks`, in their order, was on the terminal."""
    with Terminal(command, environment) as terminal:
        deadline = terminal.started + _PATIENCE_S
        found = [
            Moment(arrival.at - terminal.started, cpu_seconds(terminal.pid))
            for arrival in terminal.read_until(marks, deadline)
        ]
        terminal.type(_QUIT)
        terminal.drain(deadline)
    return found


def _measure_viewing(watched: int, seconds: float) -> None:
    identity = PrivateKey.generate()
    with (
        run_load_servers(watched, (identity.public,)) as servers_there,
        tempfile.TemporaryDirectory() as place,
    ):
        config, state = _places(Path(place))
        _write(config, identity, [_server(n, *each) for n, each in enumerate(servers_there.servers)])
        command = [sys.executable, "-m", "wgmon_tui", *_arguments(config, state)]
        writer = subprocess.Popen([*command, "run"], stderr=subprocess.DEVNULL)
        try:
            time.sleep(_SETTLE_S)  # first rounds, deep checks, and the store's first minute
            with Terminal(command) as terminal:
                _read_for(terminal, _SETTLE_S / 2)
                before = cpu_seconds(writer.pid), cpu_seconds(terminal.pid)
                began, written = time.monotonic(), _read_for(terminal, seconds)
                wall = time.monotonic() - began
                viewer_s, writer_s = (
                    cpu_seconds(terminal.pid) - before[1],
                    cpu_seconds(writer.pid) - before[0],
                )
        finally:
            writer.terminate()
            writer.wait(_PATIENCE_S)
        print(
            f"  a viewer of {watched:,} servers, each checked once a second: {viewer_s / wall:.1%} of a core,"
            f" {written / wall / 1e3:.1f} KB/s; its writer {writer_s / wall:.0%}",
            flush=True,
        )


_KEY = PrivateKey.generate().public


def _server(number: int, endpoint: Endpoint, key: PublicKey, *, paused: bool = False) -> Server:
    return Server(
        f"server-{number:05}", endpoint, key, "bench", interval=1.0, timeout=1.0, tunnel=False, paused=paused
    )


def _places(place: Path) -> tuple[Path, Path]:
    config, state = place / "config", place / "state"
    config.mkdir(mode=0o700)
    state.mkdir(mode=0o700)
    return config, state


def _write(config: Path, identity: PrivateKey, servers: list[Server]) -> None:
    create_private(config / "bench.key", identity.to_text())
    source = SecretSource(SecretForm.FILE, "bench.key")
    text = render(Fleet(tuple(servers), (Identity("bench", source),)))
    create_private(config / "servers.toml", text)


def _arguments(config: Path, state: Path) -> list[str]:
    return ["--config", str(config), "--state", str(state)]


def _read_for(terminal: Terminal, seconds: float) -> int:
    """Read the output for some seconds; return the number of bytes."""
    deadline, count = time.monotonic() + seconds, 0
    while time.monotonic() < deadline:
        try:
            arrival = terminal.read(deadline)
        except TimeoutError:
            break
        if arrival is None:
            raise SystemExit("the viewer ended by itself")
        count += len(arrival.data)
    return count


if __name__ == "__main__":
    main()
