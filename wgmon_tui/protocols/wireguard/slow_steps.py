"""The steps of a check's tunnel stage that take long, and run only now and then."""

from __future__ import annotations

from collections.abc import Callable

from wgmon_tui.checks.soak_progress import SoakProgress, ignore_progress
from wgmon_tui.records import dataclass


@dataclass(frozen=True, slots=True)
class SlowSteps:
    """The slow steps that a check runs only now and then.

    `deep` adds the size check, fetches and the passive keepalive; `soak` adds the soak, with a call of
    `on_soak` per echo.
    """

    deep: bool = False
    soak: bool = False
    on_soak: Callable[[SoakProgress], None] = ignore_progress


NO_SLOW_STEPS = SlowSteps()
