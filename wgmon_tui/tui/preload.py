"""Preload of screen modules after the first paint, so that the first key need not wait for imports."""

from __future__ import annotations

import gc
from importlib import import_module

from wgmon_tui.deferred_modules import load_deferred_modules
from wgmon_tui.garbage_collection import collect_rarely

_PRELOADED_MODULES = (
    "filter.input_line",
    "server.screen",
    "help.help_screen",
    "report_copy",
    "lists.incidents_screen",
    "incident.screen",
    "help.explain_screen",
    "path.screen",
    "fleet.sort_screen",
)

PRELOAD_DELAY_S = 1.5
"""Seconds after the first paint. Loading the engine and the first verdicts come before."""


EXEMPTION_DELAY_S = 8.0
"""Seconds after the first paint, when a large fleet and the engine are loaded."""


def exempt_from_collection() -> None:
    """Exempt what is loaded now from garbage collection, and collect the rest rarely.

    A collection over ten thousand servers takes 80 ms, about every tenth key in the filter line. What is
    loaded now lives as long as the program. With Python's thresholds, paints trigger a collection of 40 ms
    every ten seconds, mostly of records of checks, which are no garbage.
    """
    gc.freeze()
    collect_rarely()


def preload_screens() -> None:
    """Import the screen modules. Takes about 200 ms of a core; run it in a thread."""
    load_deferred_modules()
    for module in _PRELOADED_MODULES:
        import_module(f"wgmon_tui.tui.{module}")
