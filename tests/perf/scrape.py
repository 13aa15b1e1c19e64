"""Cost of a scrape: `python -m tests.perf.scrape [SERVERS INTERVAL_S SCRAPES]`.

A writer checks SERVERS healthy servers every INTERVAL_S seconds. A child process scrapes it over HTTP as
Prometheus does, once as plain text and once with gzip. Prints the size and time of a scrape, the writer's CPU
time, how long its event loop is blocked, and how late checks begin, compared with the same time without a
scrape.
"""

from __future__ import annotations

import asyncio
import gc
import http.client
import json
import resource
import sys
import tempfile
import time
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.daemon.harness import until
from wgmon_tui.config.keys import PrivateKey
from wgmon_tui.config.models import Fleet, Identity, SecretForm, SecretSource, Server
from wgmon_tui.config.servers_toml import render
from wgmon_tui.daemon.config_watcher import load_config
from wgmon_tui.daemon.metrics.endpoints import MetricsServer
from wgmon_tui.daemon.metrics.listen import ListenAddress, listen, parse_listen_address
from wgmon_tui.daemon.writer import Writer
from wgmon_tui.daemon.writer_assembly import build_writer
from wgmon_tui.lab.load_servers import LoadServers, run_load_servers
from wgmon_tui.output.prometheus_counters import FleetCounters
from wgmon_tui.output.prometheus_text import render_metrics

SERVERS, INTERVAL_S, SCRAPES = 10_000, 60.0, 6
EVERY_S = 5.0
_LOOK_S = 0.002
_PERCENTILE = 0.99


def main() -> None:
    """Print the figures; with `client` as the first argument, run the scraping process."""
    if sys.argv[1:2] == ["client"]:
        print(json.dumps(_scrape(sys.argv[2], sys.argv[3], int(sys.argv[4]))))
        return
    given = [float(word) for word in sys.argv[1:4]]
    size, interval, scrapes = (
        (int(given[0]), given[1], int(given[2])) if given else (SERVERS, INTERVAL_S, SCRAPES)
    )
    identity = PrivateKey.generate()
    with run_load_servers(size, (identity.public,)) as servers, tempfile.TemporaryDirectory() as directory:
        config, state = Path(directory) / "config", Path(directory) / "state"
        _write_fleet(config, servers, identity, interval)
        asyncio.run(_measure(config, state, interval, scrapes))


@dataclass(slots=True)
class _Stretch:
    """Run the writer for some seconds; its CPU time in seconds, and the delays of its event loop."""

    cpu: float
    late: list[float]


async def _measure(config: Path, state: Path, interval: float, scrapes: int) -> None:
    writer = build_writer(state, load_config(config), None)
    listening = listen(parse_listen_address("127.0.0.1:0"))
    metrics = MetricsServer(writer, listening.socket, print)
    tasks = [asyncio.create_task(part) for part in (writer.run(), metrics.run())]
    states = writer.fleet_state.states
    await until(lambda: all(server_state.last for server_state in states.values()), seconds=300.0)
    await asyncio.sleep(interval)  # after the first round, which is faster than the others
    gc.collect()
    gc.freeze()
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds = scrapes * EVERY_S
    alone = await _stretch(asyncio.sleep(seconds))
    print(
        f"{len(states):,} servers every {interval:g} s, {writer.checks_per_second:.0f} checks/s; no scrape:"
    )
    _print_stretch(alone, alone, 0, writer)
    for coding in ("identity", "gzip"):
        told: list[dict[str, float]] = []
        scraped = await _stretch(_run_client(listening.listen_address, coding, scrapes, told))
        took, size = [each["seconds"] for each in told], told[-1]["bytes"]
        print(
            f"{coding}: {size / 1e6:.1f} MB, {size / len(states):.0f} bytes a server; "
            f"scrape {median(took) * 1e3:.0f} ms (at most {max(took) * 1e3:.0f} ms)"
        )
        _print_stretch(scraped, alone, scrapes, writer)
    rendering = [_cpu_to_render(writer) for _ in range(5)]
    print(f"  of that, to write the lines of all servers: CPU {median(rendering) * 1e3:.0f} ms")
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - resident) / 1024
    print(f"  resident memory grew by {grown:.0f} MB at its peak")
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _cpu_to_render(writer: Writer) -> float:
    """CPU seconds."""
    tallies, began = FleetCounters(), time.process_time()
    for _ in render_metrics(writer.fleet_state.states.values(), tallies):
        pass
    return time.process_time() - began


def _print_stretch(stretch: _Stretch, alone: _Stretch, scrapes: int, writer: Writer) -> None:
    cost = f"CPU {(stretch.cpu - alone.cpu) / scrapes * 1e3:.0f} ms a scrape, " if scrapes else ""
    lag = (writer.engine.schedule.lag_percentile(_PERCENTILE) or 0.0) * 1e3
    late = sorted(stretch.late)
    print(
        f"  {cost}loop blocked p99 {late[int(_PERCENTILE * len(late))] * 1e3:.1f} ms, "
        f"at most {late[-1] * 1e3:.1f} ms; scheduler lag p99 {lag:.1f} ms",
        flush=True,
    )


async def _stretch(work: Awaitable[None]) -> _Stretch:
    stretch = _Stretch(time.process_time(), [])
    looking = asyncio.create_task(_look(stretch.late))
    await work
    looking.cancel()
    stretch.cpu = time.process_time() - stretch.cpu
    return stretch


async def _look(late: list[float]) -> None:
    while True:
        asleep = time.monotonic()
        await asyncio.sleep(_LOOK_S)
        late.append(time.monotonic() - asleep - _LOOK_S)


async def _run_client(
    listen_address: ListenAddress, coding: str, scrapes: int, told: list[dict[str, float]]
) -> None:
    words: Sequence[str] = ("-m", "tests.perf.scrape", "client", str(listen_address), coding, str(scrapes))
    client = await asyncio.create_subprocess_exec(sys.executable, *words, stdout=asyncio.subprocess.PIPE)
    out, _ = await client.communicate()
    told += json.loads(out)


def _scrape(listen_address: str, coding: str, scrapes: int) -> list[dict[str, float]]:
    """Scrape repeatedly over one connection."""
    connection = http.client.HTTPConnection(listen_address, timeout=60)
    told = []
    for _ in range(scrapes):
        time.sleep(EVERY_S)
        began = time.monotonic()
        connection.request("GET", "/metrics", headers={"Accept-Encoding": coding})
        response = connection.getresponse()
        size = len(response.read())
        told.append({"seconds": time.monotonic() - began, "bytes": float(size)})
    return told


def _write_fleet(config: Path, servers: LoadServers, identity: PrivateKey, interval: float) -> None:
    config.mkdir()
    key = config / "bench.key"
    key.touch(0o600)
    key.write_text(identity.to_text())
    watched = tuple(
        Server(
            f"server-{number:05}",
            endpoint,
            public_key,
            "bench",
            tags=("eu", f"rack-{number % 100}"),
            interval=interval,
            tunnel=False,
            tunnel_every=86_400.0,
        )
        for number, (endpoint, public_key) in enumerate(servers.servers)
    )
    fleet = Fleet(watched, (Identity("bench", SecretSource(SecretForm.FILE, key.name)),))
    (config / "servers.toml").write_text(render(fleet))


if __name__ == "__main__":
    main()
