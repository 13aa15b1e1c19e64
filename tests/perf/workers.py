"""One process against two workers: `python -m tests.perf.workers [SERVERS SECONDS PASSES]`.

A whole writer, with store and alerts, checks SERVERS servers each second by the handshake alone: more than
it can. Then it checks 400 servers every 2 s with three echoes, which are fewer. It does so by itself and with
two workers, in turns. The responders run in one more process and compete for the cores. So three figures are
printed: checks per second by the wall clock, CPU time per check of each process, and what follows from that
for two cores which the responders do not use: the cores divided by the CPU time of a check, and no process
more than a core. The same instructions take longer while the other core is busy, so CPU times are compared in
units of a scalar multiplication, which is measured meanwhile.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from ipaddress import ip_interface
from pathlib import Path
from statistics import median

from nacl.bindings import crypto_scalarmult

from wgmon_tui.config.keys import PrivateKey
from wgmon_tui.config.models import Fleet, Identity, SecretForm, SecretSource, Server
from wgmon_tui.config.servers_toml import render
from wgmon_tui.daemon.config_watcher import load_config
from wgmon_tui.daemon.writer import Writer
from wgmon_tui.daemon.writer_assembly import build_writer
from wgmon_tui.garbage_collection import collect_rarely
from wgmon_tui.lab.load_servers import INNER_ADDRESS, LoadServers, run_load_servers
from wgmon_tui.monitor.fleet_state import Round, ServerState
from wgmon_tui.monitor.incidents import IncidentEvent

SERVERS, SECONDS, PASSES = 1500, 15.0, 2
_TUNNELLED = 400
"""Servers whose checks send data: less than one process can check, so that nothing is lost by overload."""

CORES = 2
_TICKS = os.sysconf("SC_CLK_TCK")
_WARM_UP_S = 8.0
_UNITS_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class _Load:
    """What a stretch cost: seconds of CPU of the writer, of each worker and of the responders.

    `unit_s` are the seconds of CPU of a scalar multiplication at the same time.
    """

    checks: int
    lost: int
    wall_s: float
    writer_s: float
    workers_s: tuple[float, ...]
    responders_s: float
    unit_s: float

    @property
    def cpu_s(self) -> float:
        """CPU seconds of a check, of all our processes."""
        return (self.writer_s + sum(self.workers_s)) / self.checks

    @property
    def busiest_s(self) -> float:
        """CPU seconds of a check, of the process that reaches its core's limit first."""
        return max(self.writer_s, *self.workers_s, 0.0) / self.checks

    @property
    def possible(self) -> float:
        """Checks in a unit of time on CORES cores of our own."""
        return min(CORES / self.cpu_s, 1 / self.busiest_s) * self.unit_s


def main() -> None:
    """Print the figures."""
    given = [float(word) for word in sys.argv[1:4]]
    size, seconds, passes = (int(given[0]), given[1], int(given[2])) if given else (SERVERS, SECONDS, PASSES)
    identity = PrivateKey.generate()
    with run_load_servers(size, (identity.public,)) as servers:
        responders = _children(os.getpid())
        for tunnel in (False, True):
            loads: dict[int, list[_Load]] = {1: [], 2: []}
            for _ in range(passes):
                for workers, measured in loads.items():
                    checked = replace(servers, servers=servers.servers[: _TUNNELLED if tunnel else size])
                    measured.append(_run(checked, identity, tunnel, workers, seconds, responders))
            _print(tunnel, loads)


def _print(tunnel: bool, loads: dict[int, list[_Load]]) -> None:
    print("three echoes through the tunnel:" if tunnel else "handshake only:")
    for workers, measured in loads.items():
        for load in measured:
            print(f"  {'this process' if workers == 1 else f'{workers} workers'}: {_describe(load)}")
    one, two = loads[1], loads[2]
    wall = [_wall(after) / _wall(before) for before, after in zip(one, two, strict=True)]
    cpu = [after.possible / before.possible for before, after in zip(one, two, strict=True)]
    own = [_busiest_units(before) / _busiest_units(after) for before, after in zip(one, two, strict=True)]
    print(
        f"  two workers against one process: {median(wall):.2f} x by the wall clock, beside the responders; "
        f"{median(cpu):.2f} x by CPU time on {CORES} cores without responders; {median(own):.2f} x with "
        "a core for each process",
        flush=True,
    )


def _busiest_units(load: _Load) -> float:
    return load.busiest_s / load.unit_s


def _describe(load: _Load) -> str:
    """One stretch in a line. The CPU time of each worker is divided by all checks."""
    shares = (load.writer_s, *load.workers_s, load.responders_s)
    cpu = " + ".join(f"{share / load.checks * 1e6:.0f}" for share in shares[:-1])
    cores = " + ".join(f"{share / load.wall_s:.2f}" for share in shares)
    return (
        f"{_wall(load):.0f} checks/s, {load.lost} lost; µs of CPU a check: {load.cpu_s * 1e6:.0f} = {cpu}, "
        f"responders {load.responders_s / load.checks * 1e6:.0f}; {load.cpu_s / load.unit_s:.1f} scalar "
        f"multiplications of {load.unit_s * 1e6:.0f} µs; cores in use: {cores}"
    )


def _wall(load: _Load) -> float:
    return load.checks / load.wall_s


def _run(
    servers: LoadServers,
    identity: PrivateKey,
    tunnel: bool,
    workers: int,
    seconds: float,
    responders: list[int],
) -> _Load:
    with tempfile.TemporaryDirectory() as directory:
        _write_fleet(Path(directory) / "config", servers, identity, tunnel)
        return asyncio.run(_measure(Path(directory), workers, seconds, responders))


async def _measure(place: Path, workers: int, seconds: float, responders: list[int]) -> _Load:
    writer = build_writer(place / "state", load_config(place / "config"), None, workers=workers)
    done = lost = 0

    def count(_: ServerState, outcome: Round | None, __: tuple[IncidentEvent, ...]) -> None:
        nonlocal done, lost
        if outcome:
            done += 1
            lost += outcome.check.handshake is None

    running = asyncio.create_task(writer.run())
    await asyncio.sleep(_WARM_UP_S + len(writer.fleet_state.states) / 500)
    collect_rarely()
    gc.collect()
    gc.freeze()
    writer.engine.listen(count)
    began, before = time.monotonic(), _cpu_times(writer, responders)
    unit_s = await _measure_unit(seconds)
    wall_s, after = time.monotonic() - began, _cpu_times(writer, responders)
    result = _Load(
        done,
        lost,
        wall_s,
        after[0] - before[0],
        tuple(one - other for one, other in zip(after[1], before[1], strict=True)),
        after[2] - before[2],
        unit_s,
    )
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return result


async def _measure_unit(seconds: float) -> float:
    """Wait for some seconds; return the CPU time of a scalar multiplication meanwhile."""
    end, point, units = time.monotonic() + seconds, bytes([9, *bytes(31)]), []
    while time.monotonic() < end:
        began = time.thread_time()
        for _ in range(_UNITS_AT_ONCE):
            crypto_scalarmult(point, point)
        units.append((time.thread_time() - began) / _UNITS_AT_ONCE)
        await asyncio.sleep(0.1)
    return median(units)


def _cpu_times(writer: Writer, responders: list[int]) -> tuple[float, tuple[float, ...], float]:
    """CPU seconds so far: of this process, of each worker, of the responders."""
    workers = tuple(_cpu_time(worker.pid) for worker in writer.workers)
    return time.process_time(), workers, sum(map(_cpu_time, responders))


def _cpu_time(pid: int) -> float:
    """User and system time of a process (proc(5))."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / _TICKS


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _write_fleet(config: Path, servers: LoadServers, identity: PrivateKey, tunnel: bool) -> None:
    config.mkdir()
    key = config / "bench.key"
    key.touch(0o600)
    key.write_text(identity.to_text())
    one = Server("", servers.servers[0][0], identity="bench", tunnel_every=86_400.0)
    pace = 2.0 if tunnel else 1.0
    one = replace(
        one, interval=pace, timeout=pace, tunnel=tunnel, tunnel_ping=(INNER_ADDRESS,), tunnel_soak=0.0
    )
    watched = tuple(
        replace(one, name=f"server-{number:05}", endpoint=endpoint, public_key=public_key)
        for number, (endpoint, public_key) in enumerate(servers.servers)
    )
    source = SecretSource(SecretForm.FILE, key.name)
    own = (ip_interface("10.0.0.2/32"),)
    (config / "servers.toml").write_text(render(Fleet(watched, (Identity("bench", source, own),))))


if __name__ == "__main__":
    main()
