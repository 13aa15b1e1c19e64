"""Cost of vantages over SSH: `python -m tests.perf.vantages [SERVERS SECONDS]`.

First the latency: an agent checks 50 servers on loopback, each every second. Its verdicts reach a writer's
`FleetState` through Debian's sshd on loopback, and then without it. Prints the time from the end of a check
to the `FleetState`. It needs root for a separate namespace, and is skipped without.

Then the load: a writer with engine and history checks SERVERS servers every 10 seconds, and five vantages do
the same and report. Prints this process's share of a core without and with them. Processes that speak the
protocol replace the agents, whose cost would be on other machines.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import quantiles

from tests.real.namespaces import entered, namespace
from tests.real.sshd import Sshd
from tests.vantages.harness import agent_command, ending_agent, hello_line
from tests.vantages.sample_rounds import healthy
from wgmon_tui.config.config_toml import Config
from wgmon_tui.config.keys import PrivateKey
from wgmon_tui.config.models import Fleet, Identity, SecretForm, SecretSource, Server
from wgmon_tui.config.servers_file import update
from wgmon_tui.config.vantages import Vantage
from wgmon_tui.daemon.config_watcher import load_from_fleet
from wgmon_tui.daemon.writer import Writer
from wgmon_tui.daemon.writer_assembly import build_writer
from wgmon_tui.lab.load_servers import LoadServers, run_load_servers
from wgmon_tui.monitor.fleet_state import ServerState
from wgmon_tui.monitor.quorum import VantageReport
from wgmon_tui.vantages.messages import AgentStatus
from wgmon_tui.vantages.protocol import encode_message, encode_report, encode_report_body, without_packets

SERVERS, SECONDS, INTERVAL_S = 1_000, 30.0, 10.0
VANTAGES = 5
_WATCHED, _LATENCY_SECONDS = 50, 10.0
_TICK_S = 0.01
_WARM_UP_S = 3.0


def main() -> None:
    """Measure both, or run as one of the processes that replace agents."""
    if sys.argv[1:2] == ["replay"]:
        _replay(int(sys.argv[2]), float(sys.argv[3]))
        return
    size = int(sys.argv[1]) if len(sys.argv) > 1 else SERVERS
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else SECONDS
    if os.geteuid() == 0 and shutil.which("sshd") and shutil.which("ip"):
        _latency(min(seconds, _LATENCY_SECONDS))
    else:
        print("latency: left out, it wants root, sshd and ip")
    identity = PrivateKey.generate()
    with run_load_servers(size, (identity.public,)) as servers:
        without = asyncio.run(_load(servers, identity, 0, seconds))
        with_all = asyncio.run(_load(servers, identity, VANTAGES, seconds))
    rate = VANTAGES * size / INTERVAL_S
    print(
        f"load: {size} servers every {INTERVAL_S:g} s, CPU {without[0]:.1%} of a core alone, "
        f"{with_all[0]:.1%} with {VANTAGES} vantages ({rate:.0f} reports/s, "
        f"{(with_all[0] - without[0]) / rate * 1e6:.0f} µs a report, {with_all[1]} taken)",
        flush=True,
    )


# Latency


def _latency(seconds: float) -> None:
    with tempfile.TemporaryDirectory() as directory, namespace("p") as name, entered(name):
        place = Path(directory)
        theirs, ours = PrivateKey.generate(), PrivateKey.generate()
        state = place / "agent-state"
        _write_identity(place / "agent", theirs)
        command = agent_command(place / "agent", state)
        with run_load_servers(_WATCHED, (theirs.public, ours.public)) as servers, ending_agent(state):
            sshd = Sshd(name, "127.0.0.1", place / "sshd", command)
            try:
                for what, words in (("over SSH", sshd.client()), ("without SSH", command)):
                    took = asyncio.run(_measure_latency(place / what, servers, ours, words, seconds))
                    cuts = quantiles(took, n=100)
                    print(
                        f"latency: {what:12} {len(took)} verdicts, check's end to board p50 "
                        f"{cuts[49] * 1e3:.1f} ms p99 {cuts[98] * 1e3:.1f} ms",
                        flush=True,
                    )
            finally:
                sshd.stop()


async def _measure_latency(
    state: Path, servers: LoadServers, identity: PrivateKey, command: Sequence[str], seconds: float
) -> list[float]:
    watched = _watched(servers, 1.0)
    writer = _writer(state, watched, identity, (Vantage("a", tuple(command)),))
    took: list[float] = []

    def hear(_: ServerState, __: str, report: VantageReport | None) -> None:
        # The occasional port check takes a second, and then the end of the check is unknown.
        if report and report.round.port_monitor is None and (handshake := report.round.check.handshake):
            took.append(time.time() - report.round.check.started_at - handshake.rtt)

    running = asyncio.create_task(writer.run())
    try:
        await asyncio.sleep(_WARM_UP_S + 1.0)
        writer.engine.vantage_reports.listen(hear)
        await asyncio.sleep(seconds)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    return took


def _write_identity(config: Path, key: PrivateKey) -> None:
    config.mkdir()
    file = config / "bench.key"
    file.touch(0o600)
    file.write_text(key.to_text())
    update(config, lambda _: Fleet((), (Identity("bench", SecretSource(SecretForm.FILE, "bench.key")),)))


# Load


async def _load(
    servers: LoadServers, identity: PrivateKey, vantages: int, seconds: float
) -> tuple[float, int]:
    """This process's share of a core, and the number of reports it received."""
    replay = (
        sys.executable,
        "-m",
        "tests.perf.vantages",
        "replay",
        str(len(servers.servers)),
        str(INTERVAL_S),
    )
    places = tuple(Vantage(f"v{number}", replay) for number in range(vantages))
    taken = 0

    def hear(_: ServerState, __: str, report: VantageReport | None) -> None:
        nonlocal taken
        taken += report is not None

    with tempfile.TemporaryDirectory() as state:
        writer = _writer(Path(state), _watched(servers, INTERVAL_S), identity, places)
        running = asyncio.create_task(writer.run())
        try:
            await asyncio.sleep(_WARM_UP_S + len(servers.servers) / 500)
            writer.engine.vantage_reports.listen(hear)
            gc.collect()
            gc.freeze()
            cpu, wall = time.process_time(), time.monotonic()
            await asyncio.sleep(seconds)
            cpu, wall = time.process_time() - cpu, time.monotonic() - wall
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    return cpu / wall, taken


def _writer(
    state: Path, servers: Sequence[Server], identity: PrivateKey, vantages: tuple[Vantage, ...]
) -> Writer:
    ours = Identity("bench", SecretSource(SecretForm.INLINE, identity.to_text()))
    loaded = load_from_fleet(Fleet(tuple(servers), (ours,)))
    return build_writer(state, replace(loaded, config=Config(vantages=vantages)), None)


def _watched(servers: LoadServers, interval: float) -> list[Server]:
    return [
        Server(f"s{number:05}", endpoint, key, "bench", interval=interval, timeout=1.0, tunnel=False)
        for number, (endpoint, key) in enumerate(servers.servers)
    ]


def _replay(size: int, interval: float) -> None:
    """Report healthy rounds of the servers at an interval, until the connection ends."""
    sys.stdin.buffer.readline()
    out = sys.stdout.buffer
    out.write(hello_line(os.urandom(8).hex()))
    bodies = [_body(f"s{number:05}") for number in range(size)]
    began, sent = time.monotonic(), 0
    status_at = began
    try:
        while True:
            now = time.monotonic()
            while sent < (now - began) * size / interval:
                head, tail = bodies[sent % size]
                sent += 1
                out.write(encode_report(sent, head + repr(time.time()).encode() + tail))
            if now >= status_at:
                status_at = now + 2.0
                out.write(encode_message(AgentStatus(size / interval, 0, 0, clock=time.time())))
            out.flush()
            time.sleep(_TICK_S)
    except OSError:
        return


def _body(name: str) -> tuple[bytes, bytes]:
    """The bytes of a report before and after the start time of the check."""
    outcome = without_packets(healthy(at=0.25))
    head, _, tail = encode_report_body(name, outcome).partition(json.dumps(0.25).encode())
    return head, tail


if __name__ == "__main__":
    main()
