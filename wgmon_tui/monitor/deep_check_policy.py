"""Policy for deep checks and experiments: slow checks have an interval separate from normal checks."""

from __future__ import annotations

import time
from math import inf

from wgmon_tui.checks.evidence import PassiveKeepalive
from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.monitor.check_round import CheckDepth
from wgmon_tui.monitor.fleet_state import ServerState

MAX_CONCURRENT_EXPERIMENTS = 50
"""Maximum number of servers under experiment at the same time. If thousands are silent, the others wait."""


class DeepCheckPolicy:
    """Remembers when each server last had a deep check and experiments."""

    def __init__(self) -> None:
        self._deep_at: dict[str, float] = {}
        self._explained_at: dict[str, float] = {}
        self._explaining: set[str] = set()

    def choose_depth(self, server_state: ServerState) -> CheckDepth:
        """Choose the depth of the next check of a server.

        The first check is quick, so that a start shows results soon. Experiments wait until a server has
        failed once. Deep checks run at `tunnel_every`, or every time while the data path is broken. A stuck
        flow is examined every time: it is the only sign of a server that may be gone meanwhile.
        """
        server, now = server_state.server, time.monotonic()
        if server_state.last is None:
            return CheckDepth()
        due = now - self._deep_at.get(server.name, -inf) >= server.tunnel_every
        deep = due or (
            server_state.last.diagnosis.verdict is Verdict.DATA_DEAD and _deep_check_would_help(server_state)
        )
        rested = now - self._explained_at.get(server.name, -inf) >= server.explain_every
        stuck = server_state.last.diagnosis.verdict is Verdict.STUCK_FLOW
        failed = server_state.last.diagnosis.verdict.severity is Severity.DOWN
        busy = len(self._explaining) >= MAX_CONCURRENT_EXPERIMENTS
        explain = server.explain and (stuck or (rested and failed and not busy))
        if deep:
            self._deep_at[server.name] = now
        if explain:
            self._explained_at[server.name] = now
            self._explaining.add(server.name)
        return CheckDepth(deep, explain)

    def record_requested(self, name: str, depth: CheckDepth) -> None:
        """Record a round whose depth was requested, so that a scheduled one does not repeat it soon."""
        now = time.monotonic()
        if depth.deep:
            self._deep_at[name] = now
        if depth.explain:
            self._explained_at[name] = now

    def finish_explaining(self, name: str) -> None:
        """Mark the experiments on a server as finished."""
        self._explaining.discard(name)

    def request_deep_check(self, name: str) -> None:
        """Request a deep check with the next round, because the last deep result may be out of date."""
        self._deep_at.pop(name, None)

    def forget(self, name: str) -> None:
        """Forget a server that is no longer checked."""
        self._deep_at.pop(name, None)
        self._explained_at.pop(name, None)


def _deep_check_would_help(server_state: ServerState) -> bool:
    """Return whether only a deep check can explain a dead data path, or show that it works again."""
    server = server_state.server
    asks = server.tunnel_ping or server.tunnel_dns or server.tunnel_tcp
    known = any(
        isinstance(each, PassiveKeepalive)
        for stands in server_state.carried_evidence.values()
        for each in stands
    )
    return not (asks and known)
