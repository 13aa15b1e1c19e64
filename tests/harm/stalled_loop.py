"""Event loops that stand still now and then: `python -m pytest -p tests.harm.stalled_loop tests/monitor`.

As on a starved machine, but at one of fifty turns of every loop. A test that needs an answer in time has the
mark `repeated_if_starved`, and passes. A test of hundreds of turns may be spoiled in all its repetitions.
"""

from __future__ import annotations

import random
import time
from asyncio import base_events

from wgmon_tui.checks.loop_lag import STARVED_S

SHARE = 0.02
STALL_S = STARVED_S + 0.1

_run_once = base_events.BaseEventLoop._run_once  # type: ignore[attr-defined]


def _run_once_or_stall(loop: base_events.BaseEventLoop) -> None:
    if random.random() < SHARE:
        time.sleep(STALL_S)
    _run_once(loop)


base_events.BaseEventLoop._run_once = _run_once_or_stall  # type: ignore[attr-defined]
