"""Damping rule: a server's state changes only after enough checks, so that a lost packet opens no incident.

The complete rule:

- The state worsens to a level (degraded, down) when at least `fail_after` of the last `fail_window` checks
  are at least that bad. The last check must be one of them.
- The state improves when all of the last `recover_after` checks are better than it. It becomes the worst of
  these checks. Earlier checks are then ignored.
- Before the first settled state there is none. One check that is up settles it at once.
- Checks with an unknown outcome prove nothing about the server and are not counted.
- A check that disagrees with the state is repeated at once if one of the two is down: an outage must be known
  within seconds. Between up and degraded the next check comes at the normal interval, because a slowness of a
  few seconds is over by then (`needs_quick_recheck`).
- A server flaps when it goes down or comes back for the `flap_after`th time within `flap_within` seconds. It
  then counts as down until `calm` seconds pass without a check that finds it down.
- It also flaps when it leaves the state up or returns to it for the `flap_after`th time within `flap_within`
  seconds. It then counts as degraded, or worse, until `calm` seconds pass in which every check finds it up.

Pure functions: the state is a frozen record, and `next_damping` returns the next one. Times are Unix seconds,
because the state outlives the process. Setting the clock back never makes the calm period longer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, Self

from wgmon_tui.checks.verdict import Severity
from wgmon_tui.config.models import Server
from wgmon_tui.records import dataclass

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
    oldest first. `crossings` are the times at which the server went down or came back. `up_crossings` are
    those at which it left the state up or returned to it. `failed_at` is the time of the last check that
    found it down, `not_up_at` of the last one that found it degraded or down.
    """

    severity: Severity | None = None
    window: tuple[Severity, ...] = ()
    crossings: tuple[float, ...] = ()
    failed_at: float | None = None
    flapping: bool = False
    up_crossings: tuple[float, ...] = ()
    not_up_at: float | None = None


def next_damping(damping: Damping, severity: Severity, rules: DampingRules, now: float) -> Damping:
    """Return the state after a check with this severity that ended at `now`."""
    if severity not in _BADNESS or _is_steadily_up(damping, severity, rules):
        return damping
    return _shared(_settle(_with_check(damping, severity, rules, now), rules, now))


def _shared(damping: Damping) -> Damping:
    """The same state as one object, where it holds no times: that of most servers, 160 bytes each."""
    return _share(damping) if damping.failed_at is None and damping.not_up_at is None else damping


@lru_cache(1024)
def _share(damping: Damping) -> Damping:
    return damping


def _settle(counted: Damping, rules: DampingRules, now: float) -> Damping:
    """Return the state after the checks in it, settled by the rules."""
    settled = _settled_severity(counted, rules)
    if settled is None or settled is counted.severity:
        return counted
    crossed = _with_crossings(counted, settled, now)
    if _BADNESS[settled] > _BADNESS[counted.severity]:
        flaps = len(_crossings_of(crossed, settled)) >= rules.flap_after
        return replace(crossed, severity=settled, flapping=flaps)
    if _is_held(crossed, counted.severity, rules, now):
        return replace(counted, flapping=True)
    if counted.flapping or len(_crossings_of(crossed, counted.severity)) >= rules.flap_after:
        crossed = _without_crossings(crossed, counted.severity)
    held = settled is Severity.UP and _is_held(
        replace(crossed, flapping=False), Severity.DEGRADED, rules, now
    )
    return replace(
        crossed,
        severity=Severity.DEGRADED if held else settled,
        window=crossed.window[-rules.recover_after :],
        flapping=held,
    )


def is_unsettled(damping: Damping) -> bool:
    """Return whether the last check disagrees with the settled state, so that another check soon is useful.

    A flapping server is never unsettled: quick rechecks would settle nothing.
    """
    return bool(damping.window) and damping.window[-1] is not damping.severity and not damping.flapping


def needs_quick_recheck(damping: Damping) -> bool:
    """Return whether another check at once is useful: unsettled, and an outage begins or ends."""
    return is_unsettled(damping) and (
        damping.severity is None or Severity.DOWN in (damping.severity, damping.window[-1])
    )


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
    stored: dict[str, object] = {
        "severity": damping.severity and damping.severity.word,
        "window": [severity.word for severity in damping.window],
        "crossings": damping.crossings,
        "failed_at": damping.failed_at,
        "flapping": damping.flapping,
    }
    if damping.up_crossings:
        stored["up_crossings"] = damping.up_crossings
    if damping.not_up_at is not None:
        stored["not_up_at"] = damping.not_up_at
    return json.dumps(stored, separators=(",", ":"))


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
        and not damping.up_crossings
        and damping.window.count(Severity.UP) == _window_length(rules) == len(damping.window)
    )


def _window_length(rules: DampingRules) -> int:
    return max(rules.fail_window, rules.recover_after)


def _with_check(damping: Damping, severity: Severity, rules: DampingRules, now: float) -> Damping:
    """Return the state with this check added. If the clock was set back, later times are dropped."""
    failed_at = now if severity is Severity.DOWN else damping.failed_at
    not_up_at = damping.not_up_at if severity is Severity.UP else now
    return replace(
        damping,
        window=(*damping.window, severity)[-_window_length(rules) :],
        crossings=tuple(at for at in damping.crossings if now - rules.flap_within < at <= now),
        failed_at=None if failed_at is None else min(failed_at, now),
        up_crossings=tuple(at for at in damping.up_crossings if now - rules.flap_within < at <= now),
        not_up_at=None if not_up_at is None else min(not_up_at, now),
    )


def _with_crossings(damping: Damping, settled: Severity, now: float) -> Damping:
    """Return the state with the levels crossed between its severity and the newly settled one."""
    if damping.severity is None:
        return damping
    between = (settled, damping.severity)
    return replace(
        damping,
        crossings=(*damping.crossings, now) if Severity.DOWN in between else damping.crossings,
        up_crossings=(*damping.up_crossings, now) if Severity.UP in between else damping.up_crossings,
    )


def _without_crossings(damping: Damping, level: Severity | None) -> Damping:
    """Forget the crossings of a level at which the flapping has ended."""
    if level is Severity.DOWN:
        return replace(damping, crossings=())
    return replace(damping, up_crossings=())


def _crossings_of(damping: Damping, level: Severity | None) -> tuple[float, ...]:
    return damping.crossings if level is Severity.DOWN else damping.up_crossings


def _is_held(damping: Damping, level: Severity | None, rules: DampingRules, now: float) -> bool:
    """Return whether a flapping server still counts as this bad: the calm is not over."""
    flaps = damping.flapping or len(_crossings_of(damping, level)) >= rules.flap_after
    bad_at = damping.failed_at if level is Severity.DOWN else damping.not_up_at
    return flaps and bad_at is not None and now - bad_at < rules.calm


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
    severity, failed_at, not_up_at = stored["severity"], stored["failed_at"], stored.get("not_up_at")
    read = Damping(
        severity=None if severity is None else _COUNTED[severity],
        window=tuple(_COUNTED[word] for word in stored["window"]),
        crossings=tuple(float(at) for at in stored["crossings"]),
        failed_at=None if failed_at is None else float(failed_at),
        flapping=bool(stored["flapping"]),
        up_crossings=tuple(float(at) for at in stored.get("up_crossings", ())),
        not_up_at=None if not_up_at is None else float(not_up_at),
    )
    return _shared(read)
