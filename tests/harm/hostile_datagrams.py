"""A flood of hostile datagrams at the socket of the checks, from the server's own address.

`python -m tests.harm.hostile_datagrams [COUNT]` sends COUNT datagrams, a million by default. Checks of a
healthy server run meanwhile. It prints false verdicts, errors, processor time for each datagram, and memory.
"""

from __future__ import annotations

import asyncio
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from tests.harm.datagram_sender import (
    Make,
    forged,
    icmp_errors,
    initiations,
    is_sending,
    mutated,
    random_bytes,
    replayed,
    sending,
    truncated,
)
from tests.protocols.wireguard.forged_packets import IcmpForger
from tests.protocols.wireguard.harness import IDENTITY, opened_prober
from tests.protocols.wireguard.inner_servers import INNER_V4, SETUP, TUNNEL_V4, make_tunnel_target
from tests.protocols.wireguard.relayed_path import RelayedPath, delay_all
from wgmon_tui.checks.check import Direction
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.lab.server import LabServer
from wgmon_tui.protocols.wireguard.diagnose import diagnose
from wgmon_tui.protocols.wireguard.prober import Prober
from wgmon_tui.protocols.wireguard.targets import Target

RATE = 20_000
"""Datagrams in a second. More than this machine reads are dropped by its kernel."""

_QUIET_S = 5.0
_ALLOWED_GROWTH_MB = 16


@dataclass(slots=True)
class Run:
    """What the checks of one flood found."""

    verdicts: Counter[Verdict] = field(default_factory=Counter)
    slowest: float = 0.0
    seconds: float = 0.0
    cpu: float = 0.0
    dropped: int = 0


class Watch:
    """Checks of a healthy server, one after the other, with one prober."""

    def __init__(self, prober: Prober, path: RelayedPath, target: Target) -> None:
        self.prober, self.path, self.target = prober, path, target
        self.errors: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: self.errors.append(context))

    @property
    def port(self) -> int:
        """The prober's port."""
        return self.prober.port_for(TUNNEL_V4.ip) or 0

    async def run(self, goes_on: Callable[[], bool]) -> Run:
        """Check without a pause while `goes_on`."""
        run, began, used = Run(), time.monotonic(), time.process_time()
        socket = self.prober._demultiplexer.socket_for(TUNNEL_V4.ip)
        if socket is None:
            raise AssertionError("this machine has no IPv4")
        before = socket.overflows
        while goes_on():
            started = time.monotonic()
            [check] = await self.prober.check_all(self.target, explain=True)
            run.verdicts[diagnose(check, self.target.server).verdict] += 1
            run.slowest = max(run.slowest, time.monotonic() - started)
        run.seconds, run.cpu = time.monotonic() - began, time.process_time() - used
        run.dropped = socket.overflows - before
        return run

    async def run_beside(self, make: Make, count: int, rate: float) -> Run:
        """Check while datagrams come, with the server's address as their source."""
        with sending(self.path._front, ("127.0.0.1", self.port), make, count, rate):
            return await self.run(is_sending)

    async def run_beside_icmp(self, count: int, rate: float) -> Run:
        """Check while ICMP errors come that quote no packet."""
        server = (self.path.endpoint.host, self.path.endpoint.port)
        with IcmpForger() as forger:
            make = icmp_errors(forger, ("127.0.0.1", self.port), server)
            with sending(forger.socket, ("127.0.0.1", 0), make, count, rate):
                return await self.run(is_sending)


def _memory_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _print(name: str, count: int, run: Run, quiet: Run) -> None:
    """Print the line of a flood."""
    checks = run.verdicts.total()
    false = checks - run.verdicts[Verdict.HEALTHY]
    share = run.cpu / run.seconds - quiet.cpu / quiet.seconds
    each_us = share * run.seconds / max(1, count - run.dropped) * 1e6
    others = {
        verdict.slug: times for verdict, times in run.verdicts.items() if verdict is not Verdict.HEALTHY
    }
    print(
        f"{name:12} {count:9} datagrams at {count / run.seconds:7.0f}/s, "
        f"{run.dropped} dropped by the kernel: "
        f"{false} of {checks} verdicts false {others or ''}, slowest check {run.slowest:.2f} s, "
        f"{each_us:.1f} µs of processor time each",
        flush=True,
    )


@dataclass(slots=True)
class Figures:
    """What all floods together did: false verdicts, those that blame the server, errors, and memory."""

    false: int = 0
    blaming: set[Verdict] = field(default_factory=set)
    errors: int = 0
    growth_mb: float = 0.0

    def add(self, run: Run) -> None:
        """Count the verdicts of a run."""
        self.false += run.verdicts.total() - run.verdicts[Verdict.HEALTHY]
        self.blaming |= set(run.verdicts) - {Verdict.HEALTHY, Verdict.LOCAL_FAULT}


async def measure(count: int, rate: float = RATE, quiet_s: float = _QUIET_S) -> Figures:
    """Run every flood, and print a line for each.

    Above what this machine reads, a check may end without a result. That flood counts only for verdicts that
    blame the server.
    """
    async with (
        LabServer(SETUP) as lab,
        RelayedPath(lab.endpoint, delay_all(0.01), delay_all(0.01)) as path,
        opened_prober() as prober,
    ):
        target = make_tunnel_target(path.endpoint, ping=(INNER_V4,), ours=(TUNNEL_V4,), timeout=2.0)
        target = replace(target, server=replace(target.server, slow=60.0))
        watch = Watch(prober, path, target)
        [known] = await prober.check_all(target)
        sent = [each.data for each in known.exchange if each.direction is Direction.SENT]
        packets = [each.data for each in known.exchange]
        ends = time.monotonic() + quiet_s
        quiet = await watch.run(lambda: time.monotonic() < ends)
        print(f"quiet: {quiet.verdicts.total() / quiet.seconds:.0f} checks/s")
        floods: dict[str, Make] = {
            "random": random_bytes,
            "mutated": mutated(packets),
            "truncated": truncated(packets),
            "replayed": replayed(packets),
            "forged": forged(IDENTITY.public, sent[0]),
            "initiations": initiations(IDENTITY.public),
        }
        before_mb, figures = _memory_mb(), Figures()
        share = count // len(floods)
        for name, make in floods.items():
            run = await watch.run_beside(make, share, rate)
            _print(name, share, run, quiet)
            figures.add(run)
        run = await watch.run_beside_icmp(share, rate)
        _print("ICMP errors", share, run, quiet)
        figures.add(run)
        figures.growth_mb = _memory_mb() - before_mb
        run = await watch.run_beside(random_bytes, count // 5, 0)
        _print("full speed", count // 5, run, quiet)
        figures.blaming |= set(run.verdicts) - {Verdict.HEALTHY, Verdict.LOCAL_FAULT}
        figures.errors = len(watch.errors)
    print(f"errors: {figures.errors}; memory grew by {figures.growth_mb:.1f} MB")
    return figures


def main() -> int:
    """Print the figures; 1 if a promise does not hold."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    found = asyncio.run(measure(count))
    held = not found.false and not found.blaming and not found.errors
    return int(not held or found.growth_mb > _ALLOWED_GROWTH_MB)


if __name__ == "__main__":
    sys.exit(main())
