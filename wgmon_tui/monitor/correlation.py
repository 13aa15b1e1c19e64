"""Correlated failures: servers that share an address, a network, an identity or a tag, and are all down.

Each set of servers is reported once. If two groups have the same members, the narrower common cause is named.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from ipaddress import ip_network

from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.config.models import Server
from wgmon_tui.net.addresses import Address
from wgmon_tui.records import dataclass

MIN_SERVERS = 2
"""Minimum number of servers in a group before it is reported."""

_MIN_SERVERS_PER_TAG = 3
"""Minimum for groups by tag. A tag is a label and cannot fail itself, so a coincidence must be less likely.
"""

CORRELATABLE_VERDICTS = frozenset(
    {
        Verdict.SILENT,
        Verdict.SAYS_CONNECTED,
        Verdict.UNREACHABLE,
        Verdict.PORT_CLOSED,
        Verdict.DATA_DEAD,
        Verdict.DNS_FAILURE,
    }
)
"""Verdicts that can have a common cause outside the servers. A wrong key concerns one server only."""


@dataclass(frozen=True, slots=True)
class CorrelationInput:
    """One server as input to the correlation: what it may share with others."""

    server: Server
    address: Address | None


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Servers that are all down and share something; `common_cause` names it."""

    common_cause: str
    names: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """Return the finding as one sentence."""
        return f"{len(self.names)} servers with {self.common_cause} are all down: {', '.join(self.names)}"


def find_correlated_failures(
    failing: Sequence[CorrelationInput], others: Iterable[CorrelationInput]
) -> tuple[FailureGroup, ...]:
    """Return the groups of servers that are all down, narrowest cause first, no set of servers twice.

    `failing` are down with one of the CORRELATABLE_VERDICTS. `others` are read only while a group is left
    that one of them may break: the first of a large fleet breaks most of them.
    """
    groups: dict[tuple[int, Hashable], list[CorrelationInput]] = defaultdict(list)
    for server_input in failing:
        for common_cause in _common_causes(server_input):
            groups[common_cause].append(server_input)
    groups = {
        (kind, shared): members
        for (kind, shared), members in groups.items()
        if len(members) >= (_MIN_SERVERS_PER_TAG if kind == _TAG else MIN_SERVERS)
    }
    is_whole_fleet = True
    for server_input in others if groups else ():
        is_whole_fleet = False
        for common_cause in _common_causes(server_input):
            groups.pop(common_cause, None)
        if not groups:
            return ()
    if is_whole_fleet and len({each.address for each in failing}) > 1:
        # The totals show that all of them are down.
        groups = {cause: members for cause, members in groups.items() if len(members) < len(failing)}
    described = [
        (kind, _describe_cause(kind, members[0], shared), members)
        for (kind, shared), members in groups.items()
    ]
    found: list[FailureGroup] = []
    reported: list[frozenset[str]] = []
    for _, cause_text, members in sorted(described, key=lambda group: group[:2]):
        names = frozenset(member.server.name for member in members)
        if not any(names <= earlier for earlier in reported):
            reported.append(names)
            found.append(FailureGroup(cause_text, tuple(sorted(names))))
    return tuple(found)


_ADDRESS, _NETWORK, _IDENTITY, _TAG = range(4)
_NETWORK_BYTES = {4: 3, 6: 6}


def _common_causes(server_input: CorrelationInput) -> Iterator[tuple[int, Hashable]]:
    """Return what a server may share with others, narrowest first; cheap to build and compare."""
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
