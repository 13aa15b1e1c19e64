"""Engine under load: `python -m tests.perf.engine_load [SERVERS INTERVAL_S SECONDS [OPTION…]]`.

Checks SERVERS servers every INTERVAL_S seconds. Prints this process's share of a core, false losses (every
server is healthy, so wgmon-tui causes each loss), how late checks started, and the memory used. The servers
run in a separate process on the other core. With `tunnel`, every check also sends three echoes through the
session over half a second; without, it ends with the handshake and its keepalive. With `recorder`, every
round is written to a store, by a thread of this process.

Two options are for the memory of a process that has run for long. With `full-windows`, each server has as
many round-trip times from the start as after 120 checks, and its counters are beyond the small numbers that
Python shares. With `own-addresses`, each has an address of its own instead of a port (Linux only).
"""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import sys
import tempfile
import time
from ipaddress import ip_interface
from pathlib import Path
from random import Random

from wgmon_tui.config.keys import PrivateKey, PublicKey
from wgmon_tui.config.models import Server
from wgmon_tui.lab.load_servers import INNER_ADDRESS, LoadServers, run_load_servers
from wgmon_tui.monitor.engine import Engine
from wgmon_tui.monitor.fleet_state import FleetState, Round, ServerState
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.protocols.wireguard.prober import Prober
from wgmon_tui.protocols.wireguard.targets import Target
from wgmon_tui.store.timestamp_ledger import TimestampLedger
from wgmon_tui.store.write.recorder import Recorder

TIMEOUT_S = 1.0
_WARM_UP_ROUNDS = 3
"""The second one runs a deep check and the port check."""

_EARLIER_CHECKS = 300
"""Numbers up to 256 are one object for all servers."""
_LOADS = (
    (2_000, 1.0, 60.0, False),
    (10_000, 5.0, 60.0, False),
    (1_000, 2.0, 30.0, False),
    (1_000, 2.0, 30.0, True),
)
_OURS = (ip_interface("10.0.0.2/32"),)


def main() -> None:
    """Run the loads named on the command line, or the two of BENCHMARKS.md."""
    given = [float(word) for word in sys.argv[1:4]]
    loads = [(int(given[0]), given[1], given[2], "tunnel" in sys.argv)] if given else list(_LOADS)
    identity = PrivateKey.generate()
    for size, interval, seconds, tunnel in loads:
        with (
            run_load_servers(size, (identity.public,), own_addresses="own-addresses" in sys.argv) as servers,
            tempfile.TemporaryDirectory() as state,
            TimestampLedger(Path(state)) as timestamps,
        ):
            recorder = Recorder(Path(state), ledger=timestamps) if "recorder" in sys.argv else None
            asyncio.run(_measure(servers, identity, timestamps, interval, seconds, tunnel, recorder))


async def _measure(
    servers: LoadServers,
    identity: PrivateKey,
    timestamps: TimestampLedger,
    interval: float,
    seconds: float,
    tunnel: bool,
    recorder: Recorder | None,
) -> None:
    engine = Engine(Prober(timestamps=timestamps.next))
    watched = [
        _watched(number, endpoint, key, interval, tunnel)
        for number, (endpoint, key) in enumerate(servers.servers)
    ]
    targets = {server.name: Target(server, identity, tunnel_addresses=_OURS) for server in watched}
    engine.watch(watched, targets, {})
    if "full-windows" in sys.argv:
        _fill_windows(engine.fleet_state)
    if recorder:
        recorder.start()
        recorder.watch(engine.fleet_state.states.values())
        engine.listen(recorder)
    done = lost = 0

    def count(_: ServerState, outcome: Round | None, __: object) -> None:
        nonlocal done, lost
        if outcome is None:
            return
        done += 1
        lost += outcome.check.handshake is None

    gc.collect()
    gc.freeze()
    warmed_up = _listen_for_rounds(engine)
    running = asyncio.create_task(engine.run())
    await warmed_up.wait()
    engine.listen(count)
    cpu, wall = time.process_time(), time.monotonic()
    await asyncio.sleep(seconds)
    cpu, wall = time.process_time() - cpu, time.monotonic() - wall
    lag50, lag99 = engine.schedule.lag_percentile(0.5), engine.schedule.lag_percentile(0.99)
    resident_mb = _resident_mb()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    if recorder:
        recorder.stop()
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{'with tunnel' if tunnel else 'handshake only':14} {len(watched):6} servers every {interval:g} s "
        f"for {wall:.0f} s: {done / wall:.0f} checks/s, "
        f"CPU {cpu / wall:.0%} of a core ({cpu / done * 1e6:.0f} µs a check), false losses {lost}, "
        f"scheduler lag p50 {(lag50 or 0) * 1000:.1f} ms p99 {(lag99 or 0) * 1000:.1f} ms, "
        f"resident {resident_mb:.1f} MB (peak {peak_mb:.0f} MB)",
        flush=True,
    )


def _watched(number: int, endpoint: Endpoint, key: PublicKey, interval: float, tunnel: bool) -> Server:
    return Server(
        f"server-{number:05}",
        endpoint,
        key,
        "bench",
        interval=interval,
        timeout=TIMEOUT_S,
        tunnel=tunnel,
        tunnel_ping=(INNER_ADDRESS,),
        tunnel_every=3600.0,
    )


def _listen_for_rounds(engine: Engine) -> asyncio.Event:
    """Return an event that comes after the first rounds of every server, however busy the host is."""
    left = dict.fromkeys(engine.fleet_state.states, _WARM_UP_ROUNDS)
    warmed_up = asyncio.Event()

    def count(server_state: ServerState, outcome: Round | None, _: object) -> None:
        name = server_state.server.name
        if outcome is None or name not in left:
            return
        left[name] -= 1
        if not left[name]:
            del left[name]
        if not left:
            left.clear()  # of the memory too
            warmed_up.set()

    engine.listen(count)
    return warmed_up


def _fill_windows(fleet_state: FleetState) -> None:
    """Add earlier checks to every server, one by one as in real life: so its window grows the same way."""
    random = Random(1)
    for name, server_state in fleet_state.states.items():
        for _ in range(_EARLIER_CHECKS):
            server_state.samples.add(random.uniform(0.01, 0.2))
            fleet_state.touch(name)


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    main()
