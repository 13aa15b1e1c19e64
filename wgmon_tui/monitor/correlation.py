"""Who fails together: servers that share an address, a network, an identity or a tag, and are all down.

Said once: where two groups have the same members, the narrower bond is the one that is named.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from ipaddress import ip_network

from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.config.models import Server
from wgmon_tui.net.addresses import Address

MIN_SERVERS = 2
"""So many servers must share something and be down, before that is worth a word."""

_MIN_SERVERS_PER_TAG = 3
"""A tag is somebody's word for them, not a thing that can fail: chance must be less likely."""

CORRELATABLE_VERDICTS = frozenset(
    {Verdict.SILENT, Verdict.UNREACHABLE, Verdict.PORT_CLOSED, Verdict.DATA_DEAD, Verdict.DNS_FAILURE}
)
"""The verdicts that a common cause outside the servers can have. A wrong key is wrong for itself alone."""


@dataclass(frozen=True, slots=True)
class CorrelationInput:
    """What this judgement needs to know of a server; `down` with a verdict that is OF_A_PLACE."""

    server: Server
    address: Address | None
    down: bool


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Servers that are all down and share something; `common_cause` says what, in words."""

    common_cause: str
    names: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """One sentence for people."""
        return f"{len(self.names)} servers with {self.common_cause} are all down: {', '.join(self.names)}"


def find_correlated_failures(inputs: Iterable[CorrelationInput]) -> tuple[FailureGroup, ...]:
    """Groups of servers that are all down, narrowest bond first, no set of servers twice."""
    everyone = tuple(inputs)
    groups: dict[tuple[int, Hashable], list[CorrelationInput]] = defaultdict(list)
    for server_input in everyone:
        for common_cause in _common_causes(server_input):
            groups[common_cause].append(server_input)
    scattered = len({each.address for each in everyone}) > 1
    failing = [
        (kind, _describe_cause(kind, members[0], shared), members)
        for (kind, shared), members in groups.items()
        if len(members) >= (_MIN_SERVERS_PER_TAG if kind == _TAG else MIN_SERVERS)
        and all(member.down for member in members)
        and not (scattered and len(members) == len(everyone))  # then it is the fleet, which the totals say
    ]
    found: list[FailureGroup] = []
    reported: list[frozenset[str]] = []
    for _, cause_text, members in sorted(failing, key=lambda group: group[:2]):
        names = frozenset(member.server.name for member in members)
        if not any(names <= earlier for earlier in reported):
            reported.append(names)
            found.append(FailureGroup(cause_text, tuple(sorted(names))))
    return tuple(found)


_ADDRESS, _NETWORK, _IDENTITY, _TAG = range(4)
_NETWORK_BYTES = {4: 3, 6: 6}


def _common_causes(server_input: CorrelationInput) -> Iterator[tuple[int, Hashable]]:
    """What a server has in common with others, narrowest first; cheap to make and compare."""
    address = server_input.address
    if address:
        yield _ADDRESS, address.packed
        yield _NETWORK, address.packed[: _NETWORK_BYTES[address.version]]
    yield _IDENTITY, server_input.server.identity
    for tag in dict.fromkeys(server_input.server.tags):
        yield _TAG, tag


def _describe_cause(kind: int, member: CorrelationInput, shared: Hashable) -> str:
    address = member.address
    if kind == _NETWORK and address:
        length = _NETWORK_BYTES[address.version] * 8
        return f"the network {ip_network((address.packed, length), strict=False)}"
    if kind == _ADDRESS:
        return f"the address {address}"
    return f'the identity "{shared}"' if kind == _IDENTITY else f'the tag "{shared}"'
