"""False verdicts of checks of a healthy server beside a third party that forges packets.

`python -m tests.harm.forged_answers [COUNT]` makes COUNT checks for each attack and round trip.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from dataclasses import dataclass, replace

from tests.protocols.wireguard.harness import opened_prober
from tests.protocols.wireguard.hostile_path import ATTACKS, Attack, HostilePath
from tests.protocols.wireguard.inner_servers import INNER_V4, SETUP, TUNNEL_V4, make_tunnel_target
from wgmon_tui.checks.evidence import PathMtu
from wgmon_tui.checks.evidence_selection import first_of_kind
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.lab.server import LabServer
from wgmon_tui.protocols.wireguard.diagnose import diagnose

TIMEOUT_S = 2.0
ROUND_TRIPS = (0.02, 0.2, 0.4, 1.0, 1.9)
"""In seconds; the last is just below the timeout."""

_SIZES = PathMtu(1420, 1420, None)
_AT_ONCE = 5


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one check found: its verdict, and whether the size check was misled."""

    verdict: Verdict
    sizes: PathMtu | None

    @property
    def is_false(self) -> bool:
        """Whether the third party changed the result."""
        return self.verdict is not Verdict.HEALTHY or self.sizes != _SIZES


async def check_beside(attack: Attack, rtt: float, count: int = 1) -> list[Outcome]:
    """Check a healthy server again and again with one prober, beside an attack."""
    outcomes = []
    async with (
        LabServer(SETUP) as lab,
        HostilePath(lab.endpoint, rtt, attack) as path,
        opened_prober() as prober,
    ):
        target = make_tunnel_target(path.endpoint, ping=(INNER_V4,), ours=(TUNNEL_V4,), timeout=TIMEOUT_S)
        target = replace(target, server=replace(target.server, slow=60.0))
        for _ in range(count):
            [check] = await prober.check_all(target, deep=True, explain=True)
            verdict = diagnose(check, target.server).verdict
            outcomes.append(Outcome(verdict, first_of_kind(PathMtu, check.evidence)))
    return outcomes


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
