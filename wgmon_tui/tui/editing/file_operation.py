"""Runner for file operations in a thread, with errors shown as notices."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.tui.context import AppContext

T = TypeVar("T")


async def run_file_operation(app: AppContext, work: Callable[[], T]) -> T | None:
    """Run `work` in a thread and return its result; show a ConfigurationError and return None.

    Keys typed meanwhile are held, and go to the screen that follows.
    """
    app.pending_writes += 1
    try:
        with app.hold_keys():
            return await asyncio.to_thread(work)
    except ConfigurationError as error:
        app.show_error(str(error))
        return None
    finally:
        app.pending_writes -= 1
