"""Evidence about a silent server from earlier checks, from its neighbours and from other vantages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.context_evidence import (
    InnerAddressAnswered,
    LeavesBy,
    NeighboursFailed,
    OtherVantagesAnswered,
    WorkedUntil,
)
from wgmon_tui.checks.evidence import (
    Evidence,
)
from wgmon_tui.checks.protocol import ProtocolTarget
from wgmon_tui.checks.verdict import Severity
from wgmon_tui.config.tunnel_targets import inner_addresses
from wgmon_tui.monitor.correlation import CORRELATABLE_VERDICTS
from wgmon_tui.monitor.fleet_state import FleetState
from wgmon_tui.monitor.models import Round
from wgmon_tui.monitor.server_state import LastAnswer, ServerState
from wgmon_tui.net.addresses import Address

_MAX_NEIGHBOURS = 100
"""More servers at one address prove nothing more, and each round of each of them asks."""

_ANSWERED = (Severity.UP, Severity.DEGRADED)


class FleetEvidence:
    """What the fleet shows about one of its servers. Give it every round that ends."""

    def __init__(self, fleet_state: FleetState) -> None:
        self._fleet_state = fleet_state
        self._names: dict[Address, tuple[str, ...]] = {}
        """The servers that were checked at each address in their last round. Most addresses have one server,
        for which a set takes 170 bytes more than a tuple.
        """
        self._addresses: dict[str, tuple[Address, ...]] = {}

    def record(self, server_state: ServerState, target: ProtocolTarget | None, outcome: Round) -> None:
        """Record where a server was checked, and that it answered with these keys."""
        name = server_state.server.name
        addresses = tuple(each.address for each in outcome.checks if each.address)
        before = self._addresses.get(name, ())
        if addresses != before:
            self._move(name, before, addresses)
        answered = [each.started_at for each in outcome.checks if each.handshake]
        if target and answered:
            self._fleet_state.record_answer(name, LastAnswer(max(answered), target))

    def forget(self, name: str) -> None:
        """Forget a server that is not checked any more."""
        self._move(name, self._addresses.get(name, ()), ())

    def about(
        self, server_state: ServerState, target: ProtocolTarget | None, checks: Sequence[Check]
    ) -> Mapping[Address | None, tuple[Evidence, ...]]:
        """Return the evidence about each address that did not answer, or whose data is lost."""
        found: dict[Address | None, tuple[Evidence, ...]] = {}
        for each in checks:
            if each.handshake is None:
                found[each.address] = tuple(self._about_address(server_state, target, each.address))
            elif has_lost_data(each):
                found[each.address] = tuple(self._about_inner_addresses(server_state))
        return found

    def _about_address(
        self, server_state: ServerState, target: ProtocolTarget | None, address: Address | None
    ) -> Iterator[Evidence]:
        answer = server_state.last_answer
        if answer and target and answer.target.agreed_values == target.agreed_values:
            yield WorkedUntil(answer.at)
        if address and answer:
            neighbours = self._neighbours(server_state.server.name, address)
            failed = sum(_have_failed_together(each, server_state) for each in neighbours)
            answered = sum(_has_answered_since(each, server_state) for each in neighbours)
            if failed or answered:
                yield NeighboursFailed(address, failed, failed + answered)
        yield from self._about_inner_addresses(server_state)
        others = [
            each.vantage
            for each in server_state.vantage_states.values()
            if each.current and each.severity in _ANSWERED and each.last.measured_check.handshake
        ]
        if others:
            yield OtherVantagesAnswered(tuple(sorted(others)))

    def _about_inner_addresses(self, server_state: ServerState) -> Iterator[Evidence]:
        """Yield what answers inside the tunnel of a server although the server itself does not."""
        for address in dict.fromkeys(inner_addresses(server_state.server)):
            for neighbour in self._neighbours(server_state.server.name, address):
                if _has_answered_since(neighbour, server_state):
                    yield InnerAddressAnswered(address, neighbour.server.name, _interface_of(neighbour))
                    break

    def _neighbours(self, name: str, address: Address) -> list[ServerState]:
        names = (each for each in self._names.get(address, ()) if each != name)
        states = (self._fleet_state.states.get(each) for each in islice(names, _MAX_NEIGHBOURS))
        return [each for each in states if each and not each.paused]

    def _move(self, name: str, before: tuple[Address, ...], after: tuple[Address, ...]) -> None:
        for address in set(before) - set(after):
            left = tuple(each for each in self._names.pop(address) if each != name)
            if left:
                self._names[address] = left
        for address in set(after) - set(before):
            self._names[address] = (*self._names.get(address, ()), name)
        if after:
            self._addresses[name] = after
        else:
            self._addresses.pop(name, None)


def _has_answered_since(neighbour: ServerState, server_state: ServerState) -> bool:
    """Return whether a neighbour has answered since this server's last check failed."""
    failed = server_state.last.check if server_state.last else None
    if failed is None or neighbour.last_answer is None or (failed.handshake and not has_lost_data(failed)):
        return False
    return neighbour.last_answer.at > failed.started_at + server_state.server.timeout


def has_lost_data(check: Check) -> bool:
    """Return whether a handshake succeeded, and nothing came back through its tunnel."""
    return check.handshake is not None and check.tunnel is not None and not check.tunnel.received


def _interface_of(neighbour: ServerState) -> str:
    """Return the interface by which the packets of a server's last check left this machine; "" if unknown."""
    checks = neighbour.last.checks if neighbour.last else ()
    found = (each for check in checks for each in check.evidence if isinstance(each, LeavesBy))
    return next((each.interface for each in found), "")


def _have_failed_together(neighbour: ServerState, server_state: ServerState) -> bool:
    """Return whether a neighbour is down and answered last when this server did."""
    if neighbour.last is None or neighbour.last_answer is None or server_state.last_answer is None:
        return False
    one, other = neighbour.server, server_state.server
    tolerance = max(one.interval, other.interval) + max(one.timeout, other.timeout)
    return (
        neighbour.last.diagnosis.verdict in CORRELATABLE_VERDICTS
        and neighbour.last.check.handshake is None
        and abs(neighbour.last_answer.at - server_state.last_answer.at) <= tolerance
    )
