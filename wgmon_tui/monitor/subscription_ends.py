"""When subscriptions end, as evidence of one server of each: a subscription is no server itself.

So a subscription is one line in the list of expiry dates, and one alert, like a certificate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from wgmon_tui.checks.expiry import Expires
from wgmon_tui.monitor.expiries import SUBSCRIPTION
from wgmon_tui.monitor.fleet_state import FleetState
from wgmon_tui.monitor.models import Round
from wgmon_tui.monitor.server_state import ServerState


class SubscriptionEnds:
    """Adds the end of a subscription to the rounds of the first server, by name, that came from it.

    A paused server has no rounds, so the next one takes over.
    """

    def __init__(self, fleet_state: FleetState) -> None:
        self._fleet_state = fleet_state
        self.read: Callable[[], Mapping[str, Expires] | None] = dict
        """The ends that are known now, by the tag of the servers of each subscription.

        None until it is known which they are: those of an earlier run stay meanwhile.
        """
        self._seen: tuple[int, Mapping[str, Expires]] = (-1, {})
        self._servers: dict[str, list[str]] = {}
        """The servers of each subscription, by its tag and by name."""

    def add(self, server_state: ServerState, outcome: Round) -> Round:
        """Replace the ends of subscriptions that this server represents."""
        ends, before = self.read(), [each for each in server_state.expiries if each.what == SUBSCRIPTION]
        if not ends and not before:
            return outcome
        own: Sequence[Expires] = before
        if ends is not None:
            self._refresh(ends)
            own = [end for tag, end in ends.items() if self._find_stand_in(tag) == server_state.server.name]
        first, *others = outcome.checks
        kept = [each for each in first.evidence if not _is_subscription(each)]
        return replace(outcome, checks=(replace(first, evidence=(*kept, *own)), *others))

    def _refresh(self, ends: Mapping[str, Expires]) -> None:
        """Find the servers again if the ends have changed, or a server has come or gone."""
        version = self._fleet_state.membership_version
        if (version, ends) == self._seen:
            return
        servers = [each.server for each in self._fleet_state.states.values()]
        self._servers = {tag: sorted(each.name for each in servers if tag in each.tags) for tag in ends}
        self._seen = version, ends

    def _find_stand_in(self, tag: str) -> str | None:
        """The first server of a subscription that is checked: a paused one says nothing."""
        states = self._fleet_state.states
        return next((name for name in self._servers[tag] if not states[name].paused), None)


def _is_subscription(evidence: object) -> bool:
    return isinstance(evidence, Expires) and evidence.what == SUBSCRIPTION
