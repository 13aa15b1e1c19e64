"""What the checks of a protocol with sessions cost: time of its stages, whole checks, memory of servers."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from time import perf_counter, process_time, thread_time_ns
from typing import Any

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.protocol import ProtocolProber

SESSIONS, CHECKS, SERVERS = 200, 400, 1000
_AT_ONCE = 32
_READY = "ready"


@dataclass(slots=True)
class Stopwatch:
    """CPU time of the client alone, in nanoseconds, by stage."""

    stages: Sequence[str]
    _spent: dict[str, list[int]] = field(init=False)

    def __post_init__(self) -> None:
        self._spent = {each: [] for each in self.stages}

    def begin_session(self) -> None:
        """Begin a measurement of every stage."""
        for times in self._spent.values():
            times.append(0)

    def run(self, stage: str, work: Callable[[], Any]) -> Any:
        """Add the time of some work to the last measurement of a stage."""
        began = thread_time_ns()
        result = work()
        self._spent[stage][-1] += thread_time_ns() - began
        return result

    def medians_us(self) -> Mapping[str, float]:
        """The median of each stage, in microseconds."""
        return {each: median(times) / 1000 for each, times in self._spent.items()}


@dataclass(frozen=True, slots=True)
class Load:
    """So many checks of one target."""

    name: str
    target: Any
    deep: bool
    count: int


async def print_check_costs(prober: ProtocolProber, loads: Sequence[Load]) -> None:
    """Print checks per second and CPU time of a check of each kind."""
    for load in loads:
        began, used = perf_counter(), process_time()
        checks = await _check_all(prober, [load.target] * load.count, deep=load.deep)
        took, spent = perf_counter() - began, process_time() - used
        passed = sum(
            each.handshake is not None and (not load.deep or each.tunnel is not None) for each in checks
        )
        print(
            f"{load.name:30} {passed} of {load.count} passed, {load.count / took:6.0f} checks/s, "
            f"{spent / load.count * 1e6:6.0f} µs CPU each"
        )


def print_memory(
    make_targets: Callable[[], Sequence[Any]], make_prober: Callable[[], ProtocolProber]
) -> None:
    """Print what the targets of many servers take, and a check of each that is kept."""
    gc.collect()
    before = _resident_mb()
    targets = make_targets()
    gc.collect()
    joined = _resident_mb() - before
    kept = asyncio.run(_check_all(make_prober(), targets))
    gc.collect()
    print(
        f"{len(kept)} servers: {joined:.1f} MB for the targets, {_resident_mb() - before:.1f} MB with a "
        f"prober and a check of each that is kept ({before:.0f} MB before)"
    )


async def _check_all(prober: ProtocolProber, targets: Sequence[Any], *, deep: bool = False) -> list[Check]:
    slots = asyncio.Semaphore(_AT_ONCE)

    async def one(target: Any) -> Check:
        async with slots:
            (check,) = await prober.check_all(target, deep=deep)
            return check

    return list(await asyncio.gather(*map(one, targets)))


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@contextmanager
def served(module: str) -> Iterator[str]:
    """Run `python -m MODULE --serve DIRECTORY`, and give what it wrote with `announce` once it is ready."""
    with tempfile.TemporaryDirectory() as directory:
        server = subprocess.Popen([sys.executable, "-m", module, "--serve", directory])
        try:
            file = Path(directory) / _READY
            while not file.exists():
                assert server.poll() is None, "the server ended"
            yield file.read_text()
        finally:
            server.terminate()
            server.wait()


def announce(directory: Path, text: str) -> None:
    """Say that a served server is ready, and how to reach it."""
    begun = directory / f"{_READY}.new"
    begun.write_text(text)
    begun.rename(directory / _READY)
