"""The screens that a first key opens, loaded behind the first paint and not before it, nor under that key."""

from __future__ import annotations

from importlib import import_module

_PRELOADED_MODULES = (
    "server.screen",
    "help.help_screen",
    "report_copy",
    "lists.incidents_screen",
    "help.explain_screen",
    "fleet.sort_screen",
)

PRELOAD_DELAY_S = 1.5
"""Seconds after the first paint: first the engine is loaded and the first verdicts come."""


def preload_screens() -> None:
    """Takes some 200 ms of a core; meant for a thread."""
    for module in _PRELOADED_MODULES:
        import_module(f"wgmon_tui.tui.{module}")
