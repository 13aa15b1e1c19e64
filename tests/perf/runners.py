"""Many runners and one Prometheus: `python -m tests.perf.runners [RUNNERS SERVERS MINUTES]`.

Starts RUNNERS times `wgmon-tui run --shard I/RUNNERS --metrics`, which share SERVERS healthy servers, and
Debian's Prometheus with our rules and an Alertmanager. Everything is on loopback. Prints what a scrape takes,
how many series there are, and the memory and CPU time of Prometheus, first without and then with the runners.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median

from tests.daemon.harness import Program
from tests.real.prometheus import Prometheus, prometheus
from wgmon_tui.config.keys import PrivateKey
from wgmon_tui.config.models import Fleet, Identity, SecretForm, SecretSource, Server
from wgmon_tui.config.servers_toml import render
from wgmon_tui.lab.load_servers import LoadServers, run_load_servers

RUNNERS, SERVERS, MINUTES = 30, 6_000, 3.0
INTERVAL_S = 60.0
SCRAPE_INTERVAL_S = 15
_PATIENCE_S = 300.0
_STARTED_AT_ONCE = 5


def main() -> None:
    """Print the figures."""
    given = [float(word) for word in sys.argv[1:4]]
    runners, size, minutes = (
        (int(given[0]), int(given[1]), given[2]) if given else (RUNNERS, SERVERS, MINUTES)
    )
    identity = PrivateKey.generate()
    with run_load_servers(size, (identity.public,)) as servers, tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        _write_fleet(place / "config", servers, identity)
        targets = place / "targets.json"
        targets.write_text("[]")
        with prometheus(
            place, "127.0.0.1:9", targets, runners=targets, scrape_interval=f"{SCRAPE_INTERVAL_S}s"
        ) as collecting:
            asyncio.run(_measure(collecting, place, targets, runners, minutes))


async def _measure(collecting: Prometheus, place: Path, targets: Path, runners: int, minutes: float) -> None:
    while not (empty := await _resident(collecting)):  # noqa: ASYNC110
        await asyncio.sleep(1.0)
    began = time.monotonic()
    with _started(place, runners) as addresses:
        print(f"{runners} runners started in {time.monotonic() - began:.0f} s", flush=True)
        await asyncio.to_thread(targets.write_text, json.dumps([{"targets": addresses}]))
        end = time.monotonic() + _PATIENCE_S
        while (await collecting.value('sum(up{job="runners"})') or 0) < runners:
            if time.monotonic() > end:
                raise TimeoutError("not every runner is scraped")
            await asyncio.sleep(1.0)
        await asyncio.sleep(INTERVAL_S + SCRAPE_INTERVAL_S)
        cpu = await collecting.value('process_cpu_seconds_total{job="prometheus"}') or 0.0
        await asyncio.sleep(minutes * 60)
        await _print(collecting, runners, empty, cpu, minutes)


async def _print(collecting: Prometheus, runners: int, empty: float, cpu: float, minutes: float) -> None:
    up = await collecting.value('sum(up{job="runners"})') or 0.0
    servers = await collecting.value('sum(wgmon_servers{job="runners"})') or 0.0
    took = [float(each["value"][1]) for each in await collecting.query(
        f'max_over_time(scrape_duration_seconds{{job="runners"}}[{round(minutes * 60)}s])'
    )]  # fmt: skip
    usual = [float(each["value"][1]) for each in await collecting.query(
        f'avg_over_time(scrape_duration_seconds{{job="runners"}}[{round(minutes * 60)}s])'
    )]  # fmt: skip
    samples = await collecting.value('sum(scrape_samples_scraped{job="runners"})') or 0.0
    series = await collecting.value('prometheus_tsdb_head_series{job="prometheus"}') or 0.0
    resident = await _resident(collecting)
    used = (await collecting.value('process_cpu_seconds_total{job="prometheus"}') or 0.0) - cpu
    runner = await collecting.query('process_resident_memory_bytes{job="runners"}')
    rules = await collecting.value('sum(prometheus_rule_group_last_duration_seconds{job="prometheus"})')
    memory = [float(each["value"][1]) for each in runner]
    print(
        f"{up:.0f} of {runners} runners up, {servers:.0f} servers, {samples:.0f} samples a scrape of all, "
        f"{samples / max(servers, 1):.1f} a server\n"
        f"scrape of a runner: {median(usual) * 1e3:.0f} ms, the longest {max(took) * 1e3:.0f} ms\n"
        f"Prometheus: {series:.0f} series, {resident / 1e6:.0f} MB resident ({empty / 1e6:.0f} MB before: "
        f"{(resident - empty) / max(series, 1):.0f} bytes a series), {used / (minutes * 60):.3f} of a core, "
        f"rules in {(rules or 0.0) * 1e3:.0f} ms\n"
        f"runner: {median(memory) / 1e6:.0f} MB resident, the largest {max(memory) / 1e6:.0f} MB",
        flush=True,
    )


async def _resident(collecting: Prometheus) -> float:
    return await collecting.value('process_resident_memory_bytes{job="prometheus"}') or 0.0


@contextmanager
def _started(place: Path, runners: int) -> Iterator[list[str]]:
    """Start the runners, a few at a time; the addresses of their metrics."""
    with ExitStack() as held:
        addresses = []
        for first in range(1, runners + 1, _STARTED_AT_ONCE):
            numbers = range(first, min(first + _STARTED_AT_ONCE, runners + 1))
            programs = [held.enter_context(_runner(place, number, runners)) for number in numbers]
            for program in programs:
                found = re.search(r"http://([0-9.:]+)/", program.line_with("metrics: http://"))
                addresses.append(found[1] if found else "")
        yield addresses


@contextmanager
def _runner(place: Path, number: int, runners: int) -> Iterator[Program]:
    program = Program(
        *("--config", place / "config", "--state", place / f"state-{number}", "run"),
        *("--shard", f"{number}/{runners}", "--metrics", "127.0.0.1:0"),
    )
    try:
        yield program
    finally:
        program.process.kill()
        program.process.communicate()


def _write_fleet(config: Path, servers: LoadServers, identity: PrivateKey) -> None:
    config.mkdir()
    descriptor = os.open(config / "bench.key", os.O_WRONLY | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "w") as key:
        key.write(identity.to_text())
    one = Server(
        "", servers.servers[0][0], identity="bench", interval=INTERVAL_S, timeout=10.0, tunnel=False, slow=9.0
    )
    watched = tuple(
        replace(one, name=f"server-{number:06}", endpoint=endpoint, public_key=public_key)
        for number, (endpoint, public_key) in enumerate(servers.servers)
    )
    source = SecretSource(SecretForm.FILE, "bench.key")
    (config / "servers.toml").write_text(render(Fleet(watched, (Identity("bench", source),))))


if __name__ == "__main__":
    main()
