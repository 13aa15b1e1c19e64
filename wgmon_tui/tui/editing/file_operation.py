"""Work on files, away from the loop that draws and checks; what goes wrong is told in a line."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.tui.context import AppContext

T = TypeVar("T")

ERROR_NOTICE_S = 8.0


async def run_file_operation(app: AppContext, work: Callable[[], T]) -> T | None:
    """What `work` gives, done in a thread; None where it raised a ConfigurationError, which is then shown.

    What is typed meanwhile is for what comes of it.
    """
    try:
        with app.hold_keys():
            return await asyncio.to_thread(work)
    except ConfigurationError as error:
        app.show_notice(str(error), seconds=ERROR_NOTICE_S)
        return None
