"""What size checks and soaks cost per server and hour: `python -m tests.perf.soak_cost`.

The server is an embedded one in a process of its own, so that CPU time is the prober's alone. Bytes are those
of both directions, with the headers of IPv4 and UDP.
"""

from __future__ import annotations

import asyncio
import itertools
import multiprocessing
import sys
import time
from ipaddress import ip_address, ip_interface, ip_network
from multiprocessing.connection import Connection

from tests.perf.handshake_cost import machine
from wgmon_tui.checks import tai64n
from wgmon_tui.checks.check import Check
from wgmon_tui.checks.evidence import Soak
from wgmon_tui.checks.evidence_selection import first_of_kind
from wgmon_tui.config.keys import PrivateKey
from wgmon_tui.config.models import Server
from wgmon_tui.lab.models import LabPeer, LabSetup
from wgmon_tui.lab.server import LabServer
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.protocols.wireguard.prober import Prober
from wgmon_tui.protocols.wireguard.soak import ECHOES
from wgmon_tui.protocols.wireguard.targets import Target

CHECKS = 30
HOUR_S = 3600.0
_HEADERS = 28
_INNER = ip_address("10.8.0.1")
_CLIENT, _SERVER = PrivateKey.generate(), PrivateKey.generate()


def serve(ready: Connection) -> None:
    """Run the server until this process is ended."""

    async def run() -> None:
        setup = LabSetup(_SERVER, (LabPeer(_CLIENT.public, (ip_network("10.8.0.2/32"),)),), (_INNER,))
        async with LabServer(setup) as server:
            ready.send(server.endpoint.port)
            await asyncio.Event().wait()

    asyncio.run(run())


async def cost(
    prober: Prober, target: Target, checks: int, *, deep: bool = False, soak: bool = False
) -> tuple[float, int, Check]:
    """CPU seconds and logged bytes of a check on average, and the last check."""
    address = ip_address(target.server.endpoint.host)
    size, started = 0, time.process_time()
    for _ in range(checks):
        check = await prober.check(target, address, deep=deep, soak=soak)
        size += sum(len(packet.data) + _HEADERS for packet in check.exchange)
    return (time.process_time() - started) / checks, size // checks, check


def show(what: str, per_hour: float, cpu_s: float, size: float) -> None:
    """Print one line of the table."""
    print(
        f"| {what} | {per_hour:.0f} | {cpu_s * 1000:.1f} ms | {size / 1000:.1f} KB "
        f"| {cpu_s * per_hour * 1000:.0f} ms | {size * per_hour / 1000:.0f} KB |"
    )


async def measure(port: int) -> None:
    """Measure and print."""
    server = Server(
        "fra1",
        Endpoint("127.0.0.1", port),
        _SERVER.public,
        "bastion",
        tunnel_ping=(_INNER,),
        tunnel_over=0.01,
    )
    target = Target(server, _CLIENT, tunnel_addresses=(ip_interface("10.8.0.2/32"),))
    stamps = itertools.count(time.time_ns())
    prober = Prober(timestamps=lambda _: tai64n.encode(next(stamps)))
    await prober.open()
    try:
        quick_cpu_s, quick_size, _ = await cost(prober, target, CHECKS)
        deep_cpu_s, deep_size, _ = await cost(prober, target, CHECKS, deep=True)
        soak_cpu_s, _, check = await cost(prober, target, 1, soak=True)
    finally:
        await prober.close()
    soak = first_of_kind(Soak, check.evidence)
    if soak is None or soak.received < ECHOES:
        sys.exit(f"the soak lost echoes: {soak}")
    print("| | per hour | CPU each | bytes each | CPU per hour | bytes per hour |")
    print("|---|---:|---:|---:|---:|---:|")
    show("ordinary check", HOUR_S / server.interval, quick_cpu_s, quick_size)
    sizes_cpu_s, sizes = max(0.0, deep_cpu_s - quick_cpu_s), max(0, deep_size - quick_size)
    show("size check", HOUR_S / server.tunnel_every, sizes_cpu_s, sizes)
    size = soak.size + soak.received * soak.size / soak.sent + 2 * soak.sent * _HEADERS
    show("soak", HOUR_S / server.tunnel_soak, soak_cpu_s - quick_cpu_s, size)


def main() -> int:
    """Start the server, and measure."""
    print(machine() + "\n")
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=serve, args=(theirs,), daemon=True)
    process.start()
    try:
        asyncio.run(measure(ours.recv()))
    finally:
        process.terminate()
        process.join()
    return 0


if __name__ == "__main__":
    sys.exit(main())
