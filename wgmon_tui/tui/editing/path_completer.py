"""Suggestions of Textual's input line for a path that is being typed."""

from __future__ import annotations

import asyncio
from pathlib import Path

from textual.suggester import Suggester

from wgmon_tui.tui.editing.path_completion import path_completions


class PathCompleter(Suggester):
    """Suggests a completion of the typed path."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """The first completion; None without one."""
        completions = await asyncio.to_thread(path_completions, value, Path.cwd())
        return completions[0] if completions else None
