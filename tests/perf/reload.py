"""Reload of a large servers.toml: `python -m tests.perf.reload [SERVERS]`.

Changes the note of one server in the file, as an editor does, and waits until the `FleetState` of a running
writer shows it. Also prints the time that the standard library needs to parse the same TOML, and how long the
writer's event loop was blocked. All servers are paused: another benchmark measures checks.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

from tests.daemon.harness import until
from wgmon_tui.config.keys import PrivateKey
from wgmon_tui.config.models import Fleet, Identity, SecretForm, SecretSource, Server
from wgmon_tui.config.servers_toml import render
from wgmon_tui.daemon.config_watcher import load_config
from wgmon_tui.daemon.writer_assembly import build_writer
from wgmon_tui.monitor.fleet_state import ServerState
from wgmon_tui.net.addresses import Endpoint

SERVERS = 10_000
EDITS = 7
_LOOK_S = 0.005


def main() -> None:
    """Print the figures for a number of servers."""
    size = int(sys.argv[1]) if len(sys.argv) > 1 else SERVERS
    with tempfile.TemporaryDirectory() as config, tempfile.TemporaryDirectory() as state:
        text = _write_fleet(Path(config), size)
        parsed = [_cpu(lambda: tomllib.loads(text)) for _ in range(3)]
        first = _cpu(lambda: load_config(Path(config)))
        again = [_cpu(lambda: load_config(Path(config))) for _ in range(EDITS)]
        print(f"{size:,} servers, {len(text) / 1e6:.1f} MB; CPU time:")
        _print("tomllib.loads of the text", median(parsed), median(parsed))
        _print("all of it read at the start", first, median(parsed))
        _print("all of it read again", median(again), median(parsed))
        asyncio.run(_edit(Path(config), Path(state), text))


def _print(what: str, seconds: float, floor: float) -> None:
    print(f"  {what:<30}{seconds * 1e3:>8.0f} ms{seconds / floor:>8.2f} × tomllib")


async def _edit(config: Path, state: Path, text: str) -> None:
    """Edit while a writer runs, and print how long it took until the edits were in force."""
    writer = build_writer(state, load_config(config), None, config_dir=config)
    running = asyncio.create_task(writer.run())
    held_up: list[float] = []
    watching = asyncio.create_task(_note_lag(held_up))
    server_state = writer.fleet_state.states[_name(0)]
    await asyncio.sleep(2.0)  # the rest of the start, mainly the first rows of the history
    held_up.clear()
    took = []
    for number in range(EDITS):
        note = f"edit {number}"
        (config / "servers.toml").write_text(text.replace('"as it was"', f'"{note}"'))
        took.append(await until(partial(_says, server_state, note)))
        await asyncio.sleep(1.0)
    for task in (watching, running):
        task.cancel()
    await asyncio.gather(watching, running, return_exceptions=True)
    print(
        f"  in force {median(took):.2f} s after the edit (at most {max(took):.2f} s): up to 0.35 s of it "
        "until the file\n  is seen to have changed and to stay so\n"
        f"  the event loop was blocked for {max(held_up) * 1e3:.0f} ms at most"
    )


def _says(server_state: ServerState, note: str) -> bool:
    return server_state.server.note == note


async def _note_lag(held_up: list[float]) -> None:
    while True:
        asleep = time.monotonic()
        await asyncio.sleep(_LOOK_S)
        held_up.append(time.monotonic() - asleep - _LOOK_S)


def _cpu(work: Callable[[], object]) -> float:
    """CPU seconds of a piece of work."""
    began = time.process_time()
    work()
    return time.process_time() - began


def _write_fleet(config: Path, size: int) -> str:
    key = config / "bench.key"
    key.touch(0o600)
    key.write_text(PrivateKey.generate().to_text())
    identity = Identity("bench", SecretSource(SecretForm.FILE, key.name))
    servers = tuple(
        Server(
            _name(number),
            Endpoint(f"{_name(number)}.example.net", 51820),
            PrivateKey.generate().public,
            identity.name,
            tags=("eu", f"rack-{number % 100}"),
            paused=True,
            note="" if number else "as it was",
        )
        for number in range(size)
    )
    text = render(Fleet(servers, (identity,), {"paused": True}))
    (config / "servers.toml").write_text(text)
    return text


def _name(number: int) -> str:
    return f"server-{number:05}"


if __name__ == "__main__":
    main()
