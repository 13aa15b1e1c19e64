"""Damping rule: a server's state changes only after enough checks, so that a lost packet opens no incident.

The complete rule:

- The state worsens to a level (degraded, down) when at least `fail_after` of the last `fail_window` checks
  are at least that bad. The last check must be one of them.
- The state improves when all of the last `recover_after` checks are better than it. It becomes the worst of
  these checks. Earlier checks are then ignored.
- Before the first settled state there is none. One check that is up settles it at once.
- Checks with an unknown outcome prove nothing about the server and are not counted.
- A server flaps when it goes down or comes back for the `flap_after`th time within `flap_within` seconds. It
  then counts as down until `calm` seconds pass without a failed check.

Pure functions: the state is a frozen record, and `next_damping` returns the next one. Times are Unix seconds,
because the state outlives the process. Setting the clock back never makes the calm period longer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from wgmon_tui.checks.verdict import Severity
from wgmon_tui.config.models import Server

_BADNESS = {None: -1, Severity.UP: 0, Severity.DEGRADED: 1, Severity.DOWN: 2}
_COUNTED = {severity.word: severity for severity in _BADNESS if severity}


@dataclass(frozen=True, slots=True)
class DampingRules:
    """Thresholds, in checks and in seconds. `fail_window` is at least `fail_after`."""

    fail_after: int = 2
    fail_window: int = 3
    recover_after: int = 2
    flap_after: int = 4
    flap_within: float = 600.0
    calm: float = 300.0

    @classmethod
    def of(cls, server: Server) -> Self:
        """Return the thresholds configured for a server."""
        return cls(server.fail_after, server.fail_window, server.recover_after)


@dataclass(frozen=True, slots=True)
class Damping:
    """State of the damping rule for one server.

    `severity` is the settled severity, None before the first one. `window` holds the last counted checks,
    oldest first. `crossings` are the times at which the server went down or came back. `failed_at` is the
    time of the last check that found it down.
    """

    severity: Severity | None = None
    window: tuple[Severity, ...] = ()
    crossings: tuple[float, ...] = ()
    failed_at: float | None = None
    flapping: bool = False


def next_damping(damping: Damping, severity: Severity, rules: DampingRules, now: float) -> Damping:
    """Return the state after a check with this severity that ended at `now`."""
    if severity not in _BADNESS or _is_steadily_up(damping, severity, rules):
        return damping
    counted = _with_check(damping, severity, rules, now)
    settled = _settled_severity(counted, rules)
    if settled is counted.severity:
        return counted
    improves = _BADNESS[settled] < _BADNESS[counted.severity]
    crosses = counted.severity is not None and Severity.DOWN in (settled, counted.severity)
    crossings = (*counted.crossings, now) if crosses else counted.crossings
    flapping = counted.flapping or len(crossings) >= rules.flap_after
    if not improves:
        return replace(counted, severity=settled, crossings=crossings, flapping=flapping)
    if flapping and counted.failed_at is not None and now - counted.failed_at < rules.calm:
        return replace(counted, flapping=True)
    return replace(
        counted,
        severity=settled,
        window=counted.window[-rules.recover_after :],
        crossings=() if flapping else crossings,
        flapping=False,
    )


def is_unsettled(damping: Damping) -> bool:
    """Return whether the last check disagrees with the settled state, so that another check soon is useful.

    A flapping server is never unsettled: quick rechecks would settle nothing.
    """
    return bool(damping.window) and damping.window[-1] is not damping.severity and not damping.flapping


def settling_progress(damping: Damping, rules: DampingRules) -> tuple[int, int] | None:
    """While unsettled: return how many checks support the change, and how many it takes."""
    if not is_unsettled(damping):
        return None
    latest = damping.window[-1]
    if _BADNESS[latest] > _BADNESS[damping.severity]:
        return _count_at_least(latest, damping.window, rules), rules.fail_after
    better = 0
    while better < len(damping.window) and _is_better(damping.window[-1 - better], damping.severity):
        better += 1
    return better, rules.recover_after


def reset_keeping_severity(damping: Damping) -> Damping:
    """Keep the settled severity only: what is checked has changed, so earlier checks prove little."""
    return Damping(damping.severity)


def as_json(damping: Damping) -> str:
    """Encode the state as text for `from_json`."""
    return json.dumps(
        {
            "severity": damping.severity and damping.severity.word,
            "window": [severity.word for severity in damping.window],
            "crossings": damping.crossings,
            "failed_at": damping.failed_at,
            "flapping": damping.flapping,
        },
        separators=(",", ":"),
    )


def from_json(text: str) -> Damping:
    """Decode the state. Text from another version or a damaged disk gives a fresh state; never raises."""
    try:
        return _read(json.loads(text))
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return Damping()


def _is_steadily_up(damping: Damping, severity: Severity, rules: DampingRules) -> bool:
    """Return whether this check adds nothing new. Most checks do not, and this path must be cheap."""
    return (
        severity is Severity.UP
        and damping.severity is Severity.UP
        and not damping.crossings
        and damping.window.count(Severity.UP) == _window_length(rules) == len(damping.window)
    )


def _window_length(rules: DampingRules) -> int:
    return max(rules.fail_window, rules.recover_after)


def _with_check(damping: Damping, severity: Severity, rules: DampingRules, now: float) -> Damping:
    """Return the state with this check added. If the clock was set back, later times are dropped."""
    failed_at = now if severity is Severity.DOWN else damping.failed_at
    return replace(
        damping,
        window=(*damping.window, severity)[-_window_length(rules) :],
        crossings=tuple(at for at in damping.crossings if now - rules.flap_within < at <= now),
        failed_at=None if failed_at is None else min(failed_at, now),
    )


def _settled_severity(damping: Damping, rules: DampingRules) -> Severity | None:
    """Return the severity that the last checks require."""
    window, settled = damping.window, damping.severity
    latest = window[-1]
    for level in (Severity.DOWN, Severity.DEGRADED):
        worsens = _BADNESS[settled] < _BADNESS[level] <= _BADNESS[latest]
        if worsens and _count_at_least(level, window, rules) >= rules.fail_after:
            return level
    if settled is None:
        return latest if latest is Severity.UP else None
    lately = window[-rules.recover_after :]
    if len(lately) == rules.recover_after and all(_is_better(each, settled) for each in lately):
        return max(lately, key=_BADNESS.__getitem__)
    return settled


def _count_at_least(level: Severity, window: Sequence[Severity], rules: DampingRules) -> int:
    return sum(_BADNESS[each] >= _BADNESS[level] for each in window[-rules.fail_window :])


def _is_better(one: Severity, other: Severity | None) -> bool:
    return _BADNESS[one] < _BADNESS[other]


def _read(stored: Mapping[str, Any]) -> Damping:
    severity, failed_at = stored["severity"], stored["failed_at"]
    return Damping(
        severity=None if severity is None else _COUNTED[severity],
        window=tuple(_COUNTED[word] for word in stored["window"]),
        crossings=tuple(float(at) for at in stored["crossings"]),
        failed_at=None if failed_at is None else float(failed_at),
        flapping=bool(stored["flapping"]),
    )
