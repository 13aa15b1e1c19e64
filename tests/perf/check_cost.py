"""Cost of a whole check beside its floor: `python -m tests.perf.check_cost [SECONDS [handshake | tunnel]]`.

The engine checks healthy servers of another process, and the recorder writes every round to a store. The
floor is what no handshake with libsodium can avoid: one `scalarmult_base` and three `scalarmult`. Blocks of
the floor run every tenth of a second between the checks, so that a busy host slows both alike. The CPU time
is that of the whole process; "loop" leaves out the recorder's thread.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import tempfile
import time
from dataclasses import dataclass, field
from ipaddress import ip_interface
from itertools import product
from pathlib import Path
from statistics import median

from nacl.bindings import crypto_scalarmult, crypto_scalarmult_base

from wgmon_tui.config.keys import PrivateKey
from wgmon_tui.config.models import Server
from wgmon_tui.garbage_collection import collect_rarely
from wgmon_tui.lab.load_servers import INNER_ADDRESS, LoadServers, run_load_servers
from wgmon_tui.monitor.engine import Engine
from wgmon_tui.monitor.fleet_prober import FleetProber
from wgmon_tui.monitor.fleet_state import Round, ServerState
from wgmon_tui.protocols.wireguard.targets import Target
from wgmon_tui.store.timestamp_ledger import TimestampLedger
from wgmon_tui.store.write.recorder import Recorder

SERVERS = 1000
INTERVALS_S = (2.0, 0.4)
"""Between two checks of a server: a core with time to spare, and more checks than a core can make."""

SECONDS = 30.0
_FLOOR_EVERY_S = 0.1
_FLOOR_BLOCK = 8  # handshakes: about two milliseconds
_PAIR_S = 1.0  # checks and floor of each second make one ratio
_WARM_UP_S = 6.0 + SERVERS / 500
_OWN_ADDRESS = ip_interface("10.0.0.2/32")


@dataclass(slots=True)
class Costs:
    """CPU microseconds, one value per pair of neighbouring blocks."""

    floor: list[float] = field(default_factory=list)
    check: list[float] = field(default_factory=list)
    loop: list[float] = field(default_factory=list)
    checks: int = 0
    lost: int = 0

    def add(self, floor: float, check: float, loop: float) -> None:
        """Add a pair."""
        self.floor.append(floor)
        self.check.append(check)
        self.loop.append(loop)

    def ratio(self, costs: list[float]) -> float:
        """Return the median ratio of neighbouring blocks."""
        return median(cost / floor for cost, floor in zip(costs, self.floor, strict=True))


def main() -> None:
    """Measure checks without and with the tunnel stage, and print both beside their floor."""
    words = sys.argv[1:]
    seconds = float(words[0]) if words else SECONDS
    kinds = {"handshake": [False], "tunnel": [True]}.get(words[-1] if words else "", [False, True])
    identity = PrivateKey.generate()
    with run_load_servers(SERVERS, (identity.public,)) as servers:
        print(f"{SERVERS} servers, load average {os.getloadavg()[0]:.1f}")
        print(f"{'':28}{'checks/s':>10}{'floor':>9}{'check':>10}{'check/floor':>13}{'loop/floor':>12}  lost")
        for tunnel, interval in product(kinds, INTERVALS_S):
            with tempfile.TemporaryDirectory() as state:
                costs = asyncio.run(
                    _measure(servers, identity, Path(state), seconds, interval, tunnel=tunnel)
                )
            name = f"{'three echoes' if tunnel else 'handshake only'}, every {interval:g} s"
            print(
                f"{name:28}{costs.checks / seconds:10.0f}{median(costs.floor):6.0f} µs"
                f"{median(costs.check):7.0f} µs{costs.ratio(costs.check):13.2f}"
                f"{costs.ratio(costs.loop):12.2f}  {costs.lost} of {costs.checks}",
                flush=True,
            )


async def _measure(
    servers: LoadServers, identity: PrivateKey, state: Path, seconds: float, interval: float, *, tunnel: bool
) -> Costs:
    with TimestampLedger(state) as ledger:
        recorder = Recorder(state, ledger=ledger)
        engine = Engine(FleetProber(ledger.services()))
        watched = _servers(servers, interval, tunnel=tunnel)
        engine.watch(
            watched,
            {each.name: Target(each, identity, tunnel_addresses=(_OWN_ADDRESS,)) for each in watched},
            {},
        )
        recorder.start()
        recorder.watch(engine.fleet_state.states.values())
        engine.listen(recorder)
        running = asyncio.create_task(engine.run())
        try:
            await asyncio.sleep(_WARM_UP_S)
            gc.collect()
            gc.freeze()
            collect_rarely()
            return await _compare(engine, identity, seconds)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            recorder.stop()


def _servers(servers: LoadServers, interval: float, *, tunnel: bool) -> list[Server]:
    return [
        Server(
            f"server-{number:05}",
            endpoint,
            key,
            "bench",
            interval=interval,
            timeout=1.0,
            tunnel=tunnel,
            tunnel_ping=(INNER_ADDRESS,),
            tunnel_every=3600.0,
            tunnel_soak=0.0,
        )
        for number, (endpoint, key) in enumerate(servers.servers)
    ]


async def _compare(engine: Engine, identity: PrivateKey, seconds: float) -> Costs:
    """Alternate between the engine and its floor."""
    costs = Costs()

    def count(_: ServerState, outcome: Round | None, __: object) -> None:
        if outcome:
            costs.checks += 1
            costs.lost += outcome.check.handshake is None

    engine.listen(count)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pair_ends, before = time.monotonic() + _PAIR_S, costs.checks
        process, loop, floor, blocks = time.process_time_ns(), time.thread_time_ns(), 0, 0
        while time.monotonic() < pair_ends:
            await asyncio.sleep(_FLOOR_EVERY_S)
            floor += _spend_floor(identity)
            blocks += 1
        done = costs.checks - before
        check, in_loop = time.process_time_ns() - process - floor, time.thread_time_ns() - loop - floor
        if done:
            costs.add(floor / blocks / _FLOOR_BLOCK / 1e3, check / done / 1e3, in_loop / done / 1e3)
    return costs


def _spend_floor(identity: PrivateKey) -> int:
    """CPU nanoseconds of the scalar multiplications of some handshakes."""
    private, public, began = identity.raw, identity.public.raw, time.thread_time_ns()
    for _ in range(_FLOOR_BLOCK):
        crypto_scalarmult_base(private)
        crypto_scalarmult(private, public)
        crypto_scalarmult(private, public)
        crypto_scalarmult(private, public)
    return time.thread_time_ns() - began


if __name__ == "__main__":
    main()
