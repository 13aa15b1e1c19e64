"""When a server is looked at more closely: what takes long has its own rhythm."""

from __future__ import annotations

import time
from math import inf

from wgmon_tui.checks.evidence import PassiveKeepalive
from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.monitor.check_round import CheckDepth
from wgmon_tui.monitor.fleet_state import ServerState

MAX_CONCURRENT_EXPERIMENTS = 50
"""So many silent servers are experimented on at a time; where thousands are silent, the others wait."""


class DeepCheckPolicy:
    """Remembers when each server was last looked at closely."""

    def __init__(self) -> None:
        self._deep_at: dict[str, float] = {}
        self._explained_at: dict[str, float] = {}
        self._explaining: set[str] = set()

    def choose_depth(self, server_state: ServerState) -> CheckDepth:
        """How closely to look this time.

        The first look is a quick one, so that a start shows something soon; experiments wait until a server
        has failed once, and what takes long has its own rhythm, unless the data path is what is broken. A
        stuck flow is looked at again every time: it alone speaks for a server that may be gone meanwhile.
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

    def finish_explaining(self, name: str) -> None:
        """The look is over."""
        self._explaining.discard(name)

    def request_deep_check(self, name: str) -> None:
        """What a deep look found is forgotten, and may not be true any more."""
        self._deep_at.pop(name, None)

    def forget(self, name: str) -> None:
        """Nobody looks at this server any more."""
        self._deep_at.pop(name, None)
        self._explained_at.pop(name, None)


def _deep_check_would_help(server_state: ServerState) -> bool:
    """Whether only a deep look tells more of a dead data path: whose fault it is, or that it is over."""
    server = server_state.server
    asks = server.tunnel_ping or server.tunnel_dns or server.tunnel_tcp
    known = any(
        isinstance(each, PassiveKeepalive)
        for stands in server_state.carried_evidence.values()
        for each in stands
    )
    return not (asks and known)
