"""Experiments with the clock: the same request with shifted timestamps, to find how far a server's is off."""

from __future__ import annotations

from collections.abc import Iterator

from wgmon_tui.protocols.proxies.dialects import Trial
from wgmon_tui.protocols.proxies.links.records import StreamLinkT

_NEAR_S = 600
"""Clocks that drift: every offset up to here is tried."""

_HOURS = 14
"""Clocks that are set to local time instead of UTC are off by so many hours at most."""


def clock_trials(link: StreamLinkT, window_s: int) -> Iterator[Trial[StreamLinkT]]:
    """Trials with shifted timestamps. `window_s` is how far off a server accepts one."""
    step = 2 * window_s - 2
    near = [shift for distance in range(step, _NEAR_S + step, step) for shift in (distance, -distance)]
    hours = [shift for hour in range(1, _HOURS + 1) for shift in (hour * 3600, -hour * 3600)]
    days = [86_400, -86_400]
    for shift in (*near, *hours, *days):
        yield Trial("clock", str(shift), link, clock_shift_s=float(shift))


def own_clock_trials(link: StreamLinkT, offset_s: int | None) -> Iterator[Trial[StreamLinkT]]:
    """A trial with the time of the pages, from which this machine's clock is `offset_s` seconds ahead."""
    if offset_s:
        yield Trial("clock", str(-offset_s), link, clock_shift_s=float(-offset_s))
