"""The cost of a control plane and of its watched nodes: `python -m tests.perf.control_plane [NODES…]`.

A responder in another process reports the nodes of a headscale. A writer asks it every second or every four,
far more often than in practice. The nodes are checked once a day, so that only reports are measured: other
benchmarks measure checks. Once a rule selects no node, once it selects all.
"""

from __future__ import annotations

import asyncio
import gc
import json
import multiprocessing
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import quantiles

from tests.control_planes.answers import HEADSCALE_NODE_0_29
from tests.control_planes.check_harness import WHOLE
from tests.control_planes.responder import Answer, responding
from tests.daemon.harness import until
from wgmon_tui.daemon.config_watcher import load_config
from wgmon_tui.daemon.writer import Writer
from wgmon_tui.daemon.writer_assembly import build_writer
from wgmon_tui.garbage_collection import collect_rarely

SIZES = (1_000, 10_000)
_FAST = 1_000
"""The number of nodes that are read within a second."""

REPORTS = 20
_LOOK_S = 0.002
_ONE = "one"
_PATIENCE_S = 400.0
_NODES = "/api/v1/node"
_FLEET = """
[[control_plane]]
name = "office"
type = "headscale"
url = "{url}"
token = "hskey"
interval = "{interval}s"
timeout = "{timeout}s"
slow = "60s"
fail_after = 1
{rule}
"""
_RULE = 'watch_names = ["*"]\nnode_interval = "1d"\nnode_port = 9'


@dataclass(frozen=True, slots=True)
class Cost:
    """Of a report in the mean: requests, bytes, CPU seconds. `floor_s` is the CPU time of json.loads alone.

    `blocked` are the CPU seconds of this process, with its threads, between two turns of the event loop: the
    99th percentile and the most. The time of other processes on the machine is not in them.
    """

    requests: float
    size: int
    cpu_s: float
    floor_s: float
    blocked: tuple[float, float]
    resident: int


def main() -> None:
    """Print the figures for each number of nodes, each in a separate process: RSS is its peak."""
    if sys.argv[1:2] == [_ONE]:
        _print_one(int(sys.argv[2]), sys.argv[3] == "all")
        return
    print(
        f"  {'nodes':>7}  {'rule':<6}{'requests':>9}{'answer':>10}{'floor':>10}{'CPU a report':>14}"
        f"{'CPU between two turns of the loop':>35}{'RSS':>9}",
        flush=True,
    )
    for size in tuple(map(int, sys.argv[1:])) or SIZES:
        for rule in ("none", "all"):
            command = [sys.executable, "-m", "tests.perf.control_plane", _ONE, str(size), rule]
            subprocess.run(command, check=True, timeout=_PATIENCE_S)


def _print_one(size: int, has_rule: bool) -> None:
    cost = _measure(size, _RULE if has_rule else "")
    p99, most = cost.blocked
    print(
        f"  {size:>7,}  {'all' if has_rule else 'none':<6}{cost.requests:>9.1f}{cost.size / 1e6:>7.2f} MB"
        f"{cost.floor_s * 1e3:>7.1f} ms{cost.cpu_s * 1e3:>11.1f} ms{p99 * 1e3:>18.1f} / {most * 1e3:>5.1f} ms"
        f"{cost.resident / 1e6:>6.0f} MB",
        flush=True,
    )


def _measure(size: int, rule: str) -> Cost:
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    floor_s = _measure_floor(size)
    serving = multiprocessing.get_context("spawn").Process(target=_serve, args=(size, theirs))
    serving.start()
    try:
        url, bytes_of_answer = ours.recv()
        with tempfile.TemporaryDirectory() as config, tempfile.TemporaryDirectory() as state:
            file = Path(config) / "servers.toml"
            file.touch(0o600)
            interval = 1 if size <= _FAST else 4
            file.write_text(_FLEET.format(url=url, interval=interval, timeout=interval, rule=rule))
            return asyncio.run(
                _watch(Path(config), Path(state), size if rule else 0, ours, bytes_of_answer, floor_s)
            )
    finally:
        ours.send("end")
        serving.join()


def _measure_floor(size: int) -> float:
    """The CPU seconds in which the answer is parsed: no program can know its nodes without that."""
    body = _answer(size)
    began = time.process_time()
    for _ in range(REPORTS):
        json.loads(body)
    return (time.process_time() - began) / REPORTS


def _answer(size: int) -> bytes:
    nodes = [
        {
            **HEADSCALE_NODE_0_29,
            "id": str(number),
            "name": f"node{number:05}",
            "givenName": f"node{number:05}",
            "ipAddresses": [f"127.{1 + number // 65536}.{number // 256 % 256}.{number % 256}"],
            "online": True,
        }
        for number in range(size)
    ]
    return json.dumps({"nodes": nodes}).encode()


def _serve(size: int, pipe: Connection) -> None:
    body = _answer(size)

    async def serve() -> None:
        async with responding({**WHOLE, _NODES: Answer(body)}) as responder:
            pipe.send((responder.url, len(body)))
            while True:
                asked = await asyncio.to_thread(pipe.recv)
                if asked == "end":
                    return
                pipe.send(len(responder.heard))

    asyncio.run(serve())


async def _watch(
    config: Path, state: Path, nodes: int, responder: Connection, size: int, floor_s: float
) -> Cost:
    collect_rarely()
    writer = build_writer(state, load_config(config), None, config_dir=config)
    running = asyncio.create_task(writer.run())
    await until(lambda: _report_at(writer) and len(writer.fleet_state.states) == nodes + 1)
    await until(lambda: nodes == 0 or all(each.last for each in writer.fleet_state.states.values()))
    gc.collect()
    lags: list[float] = []
    watching = asyncio.create_task(_note_lag(lags))
    begun_at, cpu, heard = _report_at(writer), time.process_time(), _ask(responder)
    came = 0
    while came < REPORTS:
        await until(partial(_has_newer, writer, _report_at(writer)))
        came += 1
    assert begun_at != _report_at(writer)
    spent, asked = time.process_time() - cpu, _ask(responder) - heard
    for task in (watching, running):
        task.cancel()
    await asyncio.gather(watching, running, return_exceptions=True)
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return Cost(asked / came, size, spent / came, floor_s, (quantiles(lags, n=100)[98], max(lags)), resident)


def _report_at(writer: Writer) -> float | None:
    reported = writer.fleet_state.states["office"].node_report
    return reported.at if reported else None


def _has_newer(writer: Writer, before: float | None) -> bool:
    return _report_at(writer) != before


def _ask(responder: Connection) -> int:
    responder.send("how many")
    return int(responder.recv())


async def _note_lag(lags: list[float]) -> None:
    while True:
        began = time.process_time()
        await asyncio.sleep(_LOOK_S)
        lags.append(time.process_time() - began)


if __name__ == "__main__":
    main()
