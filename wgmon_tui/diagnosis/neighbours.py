"""Who fails together: servers that share an address, a network, an identity or a tag, and are all down.

Said once: where two groups have the same members, the narrower bond is the one that is named.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_network

from wgmon_tui.fleet.records import Address, Server

FEWEST = 2


@dataclass(frozen=True, slots=True)
class Standing:
    """What this judgement needs to know of a server."""

    server: Server
    address: Address | None
    down: bool


@dataclass(frozen=True, slots=True)
class Together:
    """Servers that are all down and share something; `bond` says what, in words."""

    bond: str
    names: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """One sentence for people."""
        return f"{len(self.names)} servers with {self.bond} are all down: {', '.join(self.names)}"


def failing_together(standings: Iterable[Standing]) -> tuple[Together, ...]:
    """Groups of servers that are all down, narrowest bond first, no set of servers twice."""
    everyone = tuple(standings)
    groups: dict[tuple[int, str], list[Standing]] = defaultdict(list)
    for standing in everyone:
        for ranked_bond in _bonds(standing):
            groups[ranked_bond].append(standing)
    found: list[Together] = []
    said: list[frozenset[str]] = []
    for (_, bond), members in sorted(groups.items(), key=lambda group: group[0]):
        names = frozenset(member.server.name for member in members)
        whole_fleet = len(names) == len(everyone) and len({each.address for each in everyone}) > 1
        if len(names) < FEWEST or whole_fleet or not all(member.down for member in members):
            continue
        if not any(names <= earlier for earlier in said):
            said.append(names)
            found.append(Together(bond, tuple(sorted(names))))
    return tuple(found)


def _bonds(standing: Standing) -> Iterable[tuple[int, str]]:
    """What a server has in common with others, narrowest first."""
    address = standing.address
    if address:
        yield 0, f"the address {address}"
        network = ip_network((address, 24 if address.version == 4 else 48), strict=False)
        yield 1, f"the network {network}"
    yield 2, f'the identity "{standing.server.identity}"'
    for tag in standing.server.tags:
        yield 3, f'the tag "{tag}"'
