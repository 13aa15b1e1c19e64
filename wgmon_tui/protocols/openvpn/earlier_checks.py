"""What the last check of all stages found at each address.

The checks between two of those run the reset only. Their verdict must not forget what the last one found.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from wgmon_tui.checks.check import Check, Tunnel
from wgmon_tui.checks.evidence import Evidence, ProtocolEvidence
from wgmon_tui.checks.expiry import Expires
from wgmon_tui.checks.stage import REACH, RESET, RESOLVE, Stage, StageOutcome, as_earlier
from wgmon_tui.checks.starvation import find_starvation
from wgmon_tui.config.models import Server
from wgmon_tui.net.addresses import Address
from wgmon_tui.protocols.openvpn import observations
from wgmon_tui.protocols.openvpn.observations import find, observe, read_number, values_of

_KEPT_INTERVALS = 3.0
"""After so many intervals without a check of all stages, the last one tells nothing any more."""

_OF_EACH_CHECK = frozenset(
    (
        observations.ANSWERED,
        observations.REJECTED,
        observations.TCP,
        observations.NO_PASSWORD,
        observations.NO_ANSWER,
        observations.NOT_DEDICATED,
        observations.IN_USE,
        observations.FULL_CHECK,
        observations.VARIATION,
    )
)
_LONGEST_COUNTS = 12


@dataclass(frozen=True, slots=True)
class FullCheck:
    """The result of all stages behind the reset. `ended_at` is Unix time in seconds.

    `agreed` is what both sides had to agree on: after a change of the profile, the result is worth nothing.
    """

    ended_at: float
    evidence: tuple[Evidence, ...]
    stages: tuple[Stage, ...]
    tunnel: Tunnel | None = None
    agreed: tuple[object, ...] | None = None

    @property
    def has_passed(self) -> bool:
        """Whether nothing failed, and no echo was lost."""
        is_whole = self.tunnel is None or self.tunnel.received == self.tunnel.sent
        return is_whole and all(each.outcome is not StageOutcome.FAILED for each in self.stages)


class EarlierChecks:
    """The last result by server and address."""

    def __init__(self) -> None:
        self._by_place: dict[tuple[str, Address], FullCheck] = {}

    def remember(self, server: Server, address: Address, found: FullCheck) -> None:
        """Keep a result."""
        self._by_place[server.name, address] = found

    def find(self, server: Server, address: Address, agreed: tuple[object, ...]) -> FullCheck | None:
        """The last result, if it is still worth something."""
        found = self._by_place.get((server.name, address))
        if found is None or found.agreed not in (None, agreed):
            return None
        is_old = time.time() - found.ended_at > _KEPT_INTERVALS * server.tunnel_every
        return None if is_old else found

    def restore(self, server: Server, checks: Sequence[Check]) -> None:
        """Take over what an earlier run found."""
        for check in checks:
            marked = find(observations.FULL_CHECK, check.evidence)
            behind = tuple(each for each in check.stages if each.name not in (RESOLVE, REACH, RESET))
            if check.address is None or (not any(each.seconds is not None for each in behind) and not marked):
                continue
            try:
                ended_at = float(marked.values[0]) if marked and marked.values else check.started_at
            except ValueError:
                continue
            full = FullCheck(ended_at, lasting(check.evidence), behind, find_tunnel(check, check.evidence))
            if full.has_passed or marked or not find_starvation(check.evidence):
                self._by_place[server.name, check.address] = full


def lasting(evidence: Sequence[Evidence]) -> tuple[Evidence, ...]:
    """The evidence that still holds at the next checks: all but that of the packets of this one."""
    return tuple(
        each
        for each in evidence
        if isinstance(each, Expires)
        or (isinstance(each, ProtocolEvidence) and each.kind not in _OF_EACH_CHECK)
    )


def find_tunnel(check: Check, evidence: Sequence[Evidence]) -> Tunnel | None:
    """The echoes of this check, or of the last one of all stages; None if there were none."""
    marked = find(observations.FULL_CHECK, evidence)
    if check.tunnel is not None or marked is None:
        return check.tunnel
    _, sent, received, rtt = values_of(marked, 4)
    if not (sent.isdecimal() and received.isdecimal() and len(sent) + len(received) < _LONGEST_COUNTS):
        return None
    return Tunnel(int(sent), int(received), read_number(rtt), None, passive=not int(sent))


def with_earlier(check: Check, earlier: FullCheck) -> Check:
    """A check of the reset alone, with what the last check of all stages found.

    The echoes of that one stay evidence: as a tunnel of this check, they would count twice as loss.
    """
    tunnel = earlier.tunnel
    counts = (str(tunnel.sent), str(tunnel.received), str(tunnel.rtt or "")) if tunnel else ()
    marked = observe(observations.FULL_CHECK, f"{earlier.ended_at:.0f}", *counts)
    return replace(
        check,
        evidence=(*check.evidence, *earlier.evidence, marked),
        stages=(*check.stages, *as_earlier(earlier.stages)),
    )
