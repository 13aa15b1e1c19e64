"""Policy for deep checks, soaks and experiments: slow checks have intervals separate from normal checks."""

from __future__ import annotations

import time
from math import inf
from random import Random

from wgmon_tui.checks.evidence import FlowCut, PassiveKeepalive, Soak
from wgmon_tui.checks.fetch_evidence import InnerFetch
from wgmon_tui.checks.registry import UnknownProtocolError, find_protocol
from wgmon_tui.checks.stage import AUTHENTICATE, HANDSHAKE, REACH, RESET, RESOLVE, SA_INIT
from wgmon_tui.checks.starvation import find_starvation
from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.config.models import Server
from wgmon_tui.config.protocol_settings import lets_soak
from wgmon_tui.monitor.check_round import CheckDepth
from wgmon_tui.monitor.damping import is_unsettled
from wgmon_tui.monitor.fleet_state import Round, ServerState

MAX_CONCURRENT_EXPERIMENTS = 50
"""Maximum number of servers under experiment at the same time. If thousands are silent, the others wait."""

MAX_CONCURRENT_SOAKS = 100
"""Enough for 10,000 servers per hour: each soak takes half a minute."""

SOAK_SPACING_S = 0.25
"""Least time between the starts of two soaks: each sends its first echoes fast."""

FIRST_SOAK_WITHIN_S = 600.0
"""The first soaks after a start are spread over this time, or over `tunnel_soak` if that is shorter."""

SOAK_AFTER_RECOVERY_S = 60.0
"""A recovered server has its soak within this time: many may recover at once, and some fail again at once."""

SOAK_AGAIN_S = 600.0
"""The time between two soaks of a server whose flows are cut: only a soak shows that they work again."""

FAILED_DEEP_AGAIN_S = 10.0
"""The time between two deep checks of a server that fails behind its first answer: they alone see its end."""

_SOAK_JITTER = 0.1
_BEFORE_THE_LOGIN = frozenset((RESOLVE, REACH, RESET, SA_INIT, HANDSHAKE))
"""A check that fails here has not come to what only deep checks test."""


class DeepCheckPolicy:
    """Remembers when each server last had a deep check, a soak and experiments."""

    def __init__(self, random: Random | None = None) -> None:
        self._random = random or Random()  # noqa: S311 - spreads soaks, no keys
        self._soak_due: dict[str, float] = {}
        self._soaking: set[str] = set()
        self._next_soak_start = -inf
        self._deep_at: dict[str, float] = {}
        self._explained_at: dict[str, float] = {}
        self._explaining: set[str] = set()

    def choose_depth(self, server_state: ServerState) -> CheckDepth:
        """Choose the depth of the next check of a server.

        Experiments wait until a server has failed once. Deep checks run at `tunnel_every`, or every time
        while the data path is broken or a fetch fails. They also confirm what quick checks only repeat. A
        stuck flow is examined every time: it is the only sign of a server that may be gone meanwhile.
        """
        server, now = server_state.server, time.monotonic()
        if server_state.last is None:
            return self._choose_first_depth(server, now)
        due = now - self._deep_at.get(server.name, -inf) >= server.tunnel_every
        last = server_state.last
        is_dead = last.diagnosis.verdict is Verdict.DATA_DEAD or (
            last.check.handshake is not None and has_lost_all(last)
        )
        deep = due or _needs_fetch(server_state) or (is_dead and _deep_check_would_help(server_state))
        deep = deep or self._must_repeat_deep_check(server_state, last, now)
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
        return CheckDepth(deep, explain, self._may_soak(server_state, now))

    def _choose_first_depth(self, server: Server, now: float) -> CheckDepth:
        """Choose a quick check, so that a start shows results soon; where URLs prove a server, a deep one."""
        if not server.tunnel or not server.tunnel_http:
            return CheckDepth()
        self._deep_at[server.name] = now
        return CheckDepth(deep=True)

    def _must_repeat_deep_check(self, server_state: ServerState, last: Round, now: float) -> bool:
        """Decide whether the last deep result needs another deep check, because quick ones only repeat it.

        A change that is not settled is confirmed by the next check. A failure is tested again every few
        seconds. Refused credentials wait for `tunnel_every`: a server may lock the account.
        """
        server, diagnosis = server_state.server, last.diagnosis
        is_of_sizes = (
            diagnosis.verdict is Verdict.MTU_BLACKHOLE
        )  # only deep checks test them, of any protocol
        if not is_of_sizes and not _repeats_deep_results(server):
            return False
        if diagnosis.failed_stage in _BEFORE_THE_LOGIN:
            return False
        if is_unsettled(server_state.damping):
            return True
        is_refused = diagnosis.verdict is Verdict.AUTH_FAILED and diagnosis.failed_stage == AUTHENTICATE
        rested = now - self._deep_at.get(server.name, -inf) >= FAILED_DEEP_AGAIN_S
        return diagnosis.verdict.severity is Severity.DOWN and not is_refused and rested

    def _may_soak(self, server_state: ServerState, now: float) -> bool:
        """Decide whether a soak is due, and reserve one of the soaks that may run at the same time.

        A server that is down has nothing to soak: it must first recover, which short checks show sooner.
        """
        server = server_state.server
        if not server.tunnel_soak or not lets_soak(server):
            return False
        if server.name not in self._soak_due:
            urgent = server_state.verdict is Verdict.DIES_AFTER or _has_cut(server_state.last)
            spread_s = 0.0 if urgent else min(server.tunnel_soak, FIRST_SOAK_WITHIN_S)
            self._soak_due[server.name] = now + spread_s * self._random.random()
        is_down = server_state.damping.severity is Severity.DOWN and not _has_cut(server_state.last)
        answers = server_state.last is not None and server_state.last.check.handshake and not is_down
        free = len(self._soaking) < MAX_CONCURRENT_SOAKS and now >= self._next_soak_start
        if not answers or not free or now < self._soak_due[server.name]:
            return False
        self._soaking.add(server.name)
        self._next_soak_start = now + SOAK_SPACING_S
        return True

    def record_round(self, server: Server, outcome: Round) -> None:
        """Set when the next soak is due. A cut that was found without a soak asks for one at once.

        A login that failed while this process waited for the processor proves nothing: it is repeated soon.
        """
        found = [each for check in outcome.checks for each in check.evidence]
        if not found:
            return
        now = time.monotonic()
        if _has_starved_behind_the_first_answer(outcome):
            self._deep_at[server.name] = now - server.tunnel_every + FAILED_DEEP_AGAIN_S
        if any(isinstance(each, Soak) for each in found):
            jitter = 1.0 + _SOAK_JITTER * self._random.uniform(-1.0, 1.0)
            cut = any(isinstance(each, FlowCut) for each in found)
            interval = min(server.tunnel_soak, SOAK_AGAIN_S) if cut else server.tunnel_soak
            self._soak_due[server.name] = now + interval * jitter
        elif any(isinstance(each, FlowCut) for each in found):
            self.request_soak(server.name)

    def request_soak(self, name: str, within_s: float = 0.0) -> None:
        """Request a soak with the next round, or with one of the next `within_s` seconds."""
        self._soak_due[name] = time.monotonic() + within_s * self._random.uniform(0.5, 1.0)

    def record_requested(self, name: str, depth: CheckDepth) -> None:
        """Record a round whose depth was requested, so that a scheduled one does not repeat it soon."""
        now = time.monotonic()
        if depth.deep:
            self._deep_at[name] = now
        if depth.explain:
            self._explained_at[name] = now

    def finish_round(self, name: str) -> None:
        """Mark the experiments on a server and its soak as finished."""
        self._explaining.discard(name)
        self._soaking.discard(name)

    def request_deep_check(self, name: str) -> None:
        """Request a deep check with the next round, because the last deep result may be out of date."""
        self._deep_at.pop(name, None)

    def forget(self, name: str) -> None:
        """Forget a server that is no longer checked."""
        self._deep_at.pop(name, None)
        self._explained_at.pop(name, None)
        self._soak_due.pop(name, None)


def _has_starved_behind_the_first_answer(outcome: Round) -> bool:
    """Return whether this machine spoiled what only deep checks test."""
    failed = outcome.diagnosis.failed_stage
    is_starved = outcome.diagnosis.verdict is Verdict.LOCAL_FAULT and find_starvation(outcome.check.evidence)
    return bool(is_starved and failed) and failed not in _BEFORE_THE_LOGIN


def _repeats_deep_results(server: Server) -> bool:
    """Return whether quick checks of a server repeat the last deep one: not those of an unknown protocol."""
    try:
        return find_protocol(server.protocol).repeats_deep_results
    except UnknownProtocolError:
        return False


def _has_cut(outcome: Round | None) -> bool:
    return outcome is not None and outcome.diagnosis.verdict is Verdict.DIES_AFTER


def has_lost_all(outcome: Round) -> bool:
    """Return whether known loss explains that nothing came back: only the next check can show an outage."""
    check = outcome.check
    nothing = check.handshake is None or (check.tunnel is not None and not check.tunnel.received)
    return nothing and outcome.diagnosis.verdict is Verdict.LOSSY


def _needs_fetch(server_state: ServerState) -> bool:
    """Return whether a URL was not fetched yet, or without success: then every check fetches it."""
    server = server_state.server
    wanted = {str(each) for each in server.tunnel_http} if server.tunnel else set()
    return bool(wanted) and not all(
        wanted <= {each.target for each in evidence if isinstance(each, InnerFetch) and each.fault is None}
        for evidence in server_state.carried_evidence.values()
    )


def _deep_check_would_help(server_state: ServerState) -> bool:
    """Return whether only a deep check can explain a dead data path, or show that it works again."""
    server = server_state.server
    asks = server.tunnel_ping or server.tunnel_dns or server.tunnel_tcp or server.tunnel_http
    known = any(
        isinstance(each, PassiveKeepalive)
        for stands in server_state.carried_evidence.values()
        for each in stands
    )
    return not (asks and known)
