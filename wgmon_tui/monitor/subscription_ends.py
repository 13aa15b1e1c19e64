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
    """Adds the end of a subscription to the rounds of the first server, by name, that came from it."""

    def __init__(self, fleet_state: FleetState) -> None:
        self._fleet_state = fleet_state
        self.read: Callable[[], Mapping[str, Expires] | None] = dict
        """The ends that are known now, by the tag of the servers of each subscription.

        None until it is known which they are: those of an earlier run stay meanwhile.
        """
        self._seen: tuple[int, Mapping[str, Expires]] = (-1, {})
        self._by_server: dict[str, list[Expires]] = {}

    def add(self, server_state: ServerState, outcome: Round) -> Round:
        """Replace the ends of subscriptions that this server represents."""
        ends, before = self.read(), [each for each in server_state.expiries if each.what == SUBSCRIPTION]
        if not ends and not before:
            return outcome
        own: Sequence[Expires] = before
        if ends is not None:
            self._refresh(ends)
            own = self._by_server.get(server_state.server.name, ())
        first, *others = outcome.checks
        kept = [each for each in first.evidence if not _is_subscription(each)]
        return replace(outcome, checks=(replace(first, evidence=(*kept, *own)), *others))

    def _refresh(self, ends: Mapping[str, Expires]) -> None:
        """Choose the servers again if the ends have changed, or a server has come or gone."""
        version = self._fleet_state.membership_version
        if (version, ends) == self._seen:
            return
        self._seen, self._by_server = (version, ends), {}
        servers = [each.server for each in self._fleet_state.states.values()]
        for tag, expires in ends.items():
            if names := [each.name for each in servers if tag in each.tags]:
                self._by_server.setdefault(min(names), []).append(expires)


def _is_subscription(evidence: object) -> bool:
    return isinstance(evidence, Expires) and evidence.what == SUBSCRIPTION
