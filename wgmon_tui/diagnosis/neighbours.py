"""Who fails together: servers that share an address, a network, an identity or a tag, and are all down.

Said once: where two groups have the same members, the narrower bond is the one that is named.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from ipaddress import ip_network

from wgmon_tui.diagnosis.verdict import Verdict
from wgmon_tui.fleet.records import Address, Server

FEWEST = 2
"""So many servers must share something and be down, before that is worth a word."""

_FEWEST_OF_A_TAG = 3
"""A tag is somebody's word for them, not a thing that can fail: chance must be less likely."""

OF_A_PLACE = frozenset(
    {Verdict.SILENT, Verdict.UNREACHABLE, Verdict.PORT_CLOSED, Verdict.DATA_DEAD, Verdict.DNS_FAILURE}
)
"""The verdicts that a common cause outside the servers can have. A wrong key is wrong for itself alone."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What this judgement needs to know of a server; `down` with a verdict that is OF_A_PLACE."""

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
    groups: dict[tuple[int, Hashable], list[Standing]] = defaultdict(list)
    for standing in everyone:
        for bond in _bonds(standing):
            groups[bond].append(standing)
    scattered = len({each.address for each in everyone}) > 1
    failing = [
        (kind, _in_words(kind, members[0], shared), members)
        for (kind, shared), members in groups.items()
        if len(members) >= (_FEWEST_OF_A_TAG if kind == _TAG else FEWEST)
        and all(member.down for member in members)
        and not (scattered and len(members) == len(everyone))  # then it is the fleet, which the totals say
    ]
    found: list[Together] = []
    said: list[frozenset[str]] = []
    for _, bond_in_words, members in sorted(failing, key=lambda group: group[:2]):
        names = frozenset(member.server.name for member in members)
        if not any(names <= earlier for earlier in said):
            said.append(names)
            found.append(Together(bond_in_words, tuple(sorted(names))))
    return tuple(found)


_ADDRESS, _NETWORK, _IDENTITY, _TAG = range(4)
_NETWORK_BYTES = {4: 3, 6: 6}


def _bonds(standing: Standing) -> Iterator[tuple[int, Hashable]]:
    """What a server has in common with others, narrowest first; cheap to make and compare."""
    address = standing.address
    if address:
        yield _ADDRESS, address.packed
        yield _NETWORK, address.packed[: _NETWORK_BYTES[address.version]]
    yield _IDENTITY, standing.server.identity
    for tag in dict.fromkeys(standing.server.tags):
        yield _TAG, tag


def _in_words(kind: int, member: Standing, shared: Hashable) -> str:
    address = member.address
    if kind == _NETWORK and address:
        length = _NETWORK_BYTES[address.version] * 8
        return f"the network {ip_network((address.packed, length), strict=False)}"
    if kind == _ADDRESS:
        return f"the address {address}"
    return f'the identity "{shared}"' if kind == _IDENTITY else f'the tag "{shared}"'
