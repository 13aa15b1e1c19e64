"""False verdicts of checks of a healthy server beside a third party that forges packets.

`python -m tests.harm.forged_answers [COUNT]` makes COUNT checks for each attack and round trip.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from tests.protocols.wireguard.harness import opened_prober
from tests.protocols.wireguard.hostile_path import ATTACKS, Attack, HostilePath
from tests.protocols.wireguard.inner_servers import INNER_V4, SETUP, TUNNEL_V4, make_tunnel_target
from wgmon_tui.checks.evidence import PathMtu
from wgmon_tui.checks.evidence_selection import first_of_kind
from wgmon_tui.checks.loop_lag import LoopLag
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.lab.server import LabServer
from wgmon_tui.protocols.wireguard.diagnose import diagnose

TIMEOUT_S = 3.0
ROUND_TRIPS = (0.02, 0.2, 0.4, 1.0, 2.7)
"""In seconds; the last is as near to the timeout as a busy machine allows."""

_SIZES = PathMtu(1420, 1420, None)
_AT_ONCE = 5
_REPETITIONS = 5
_WAITS_IN_A_CHECK = 4
"""Prober, path there, server, path back."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one check found, whether the size check was misled, and how often the check was repeated."""

    verdict: Verdict
    sizes: PathMtu | None
    repetitions: int = 0

    @property
    def is_false(self) -> bool:
        """Whether the third party changed the result."""
        return self.verdict is not Verdict.HEALTHY or self.sizes != _SIZES


async def check_beside(attack: Attack, rtt: float, count: int = 1) -> list[Outcome]:
    """Check a healthy server again and again with one prober, beside an attack."""
    async with (
        LabServer(SETUP) as lab,
        HostilePath(lab.endpoint, rtt, attack) as path,
        opened_prober() as prober,
    ):
        target = make_tunnel_target(path.endpoint, ping=(INNER_V4,), ours=(TUNNEL_V4,), timeout=TIMEOUT_S)
        target = replace(target, server=replace(target.server, slow=60.0))

        async def check() -> Outcome:
            [made] = await prober.check_all(target, deep=True, explain=True)
            verdict = diagnose(made, target.server).verdict
            return Outcome(verdict, first_of_kind(PathMtu, made.evidence))

        return [await _repeat_if_late(check, TIMEOUT_S - rtt) for _ in range(count)]


async def _repeat_if_late(check: Callable[[], Awaitable[Outcome]], margin_s: float) -> Outcome:
    """Repeat a false check if this process waited that long for the processor that the answer was too late.

    Path and server wait with it: a few such waits add up, and the round trip is longer than the timeout then.
    """
    for repetitions in range(_REPETITIONS):
        lag, began = LoopLag(), time.monotonic()
        with lag.running():
            outcome = replace(await check(), repetitions=repetitions)
            is_late = lag.worst_since(began) >= margin_s / _WAITS_IN_A_CHECK
        if not (outcome.is_false and is_late):
            return outcome
    return replace(await check(), repetitions=_REPETITIONS)


async def _measure(count: int) -> int:
    turns = asyncio.Semaphore(_AT_ONCE)

    async def take_turn(attack: Attack, rtt: float) -> list[Outcome]:
        async with turns:
            return await check_beside(attack, rtt, count)

    cells = [(attack, rtt) for rtt in ROUND_TRIPS for attack in ATTACKS]
    found = dict(zip(cells, await asyncio.gather(*(take_turn(*cell) for cell in cells)), strict=True))
    print(f"false results of {count} checks each; the timeout is {TIMEOUT_S:g} s")
    print("attack".ljust(16), *(f"{rtt * 1000:.0f} ms".rjust(9) for rtt in ROUND_TRIPS))
    for attack in ATTACKS:
        false = [sum(each.is_false for each in found[attack, rtt]) for rtt in ROUND_TRIPS]
        print(attack.__name__.replace("_", " ").ljust(16), *(str(each).rjust(9) for each in false))
    repetitions = sum(each.repetitions for outcomes in found.values() for each in outcomes)
    print(f"repeated because this process waited for the processor: {repetitions}")
    wrong = Counter(
        f"{each.verdict.slug}, {each.sizes}"
        for outcomes in found.values()
        for each in outcomes
        if each.is_false
    )
    for text, times in wrong.most_common():
        print(f"{times} times: {text}")
    return sum(wrong.values())


def main() -> int:
    """Print the table; 1 if any verdict is false."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    return int(asyncio.run(_measure(count)) > 0)


if __name__ == "__main__":
    sys.exit(main())
