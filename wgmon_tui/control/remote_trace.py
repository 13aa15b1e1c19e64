"""A trace that the writer runs for another process, with its progress."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from wgmon_tui.checks.path_trace import PathTrace, TraceOptions, TraceRefusedError
from wgmon_tui.control.client import ControlConnection, NoWriterError
from wgmon_tui.control.protocol import Operation
from wgmon_tui.control.server import RequestRefusedError
from wgmon_tui.control.trace_request import read_trace

_POLL_S = 0.25
_LONGEST_S = 600.0
"""The longest trace, between checks that take their time."""


def can_trace(connection: ControlConnection) -> bool:
    """Whether the writer knows the request, and allows it to this account."""
    return Operation.TRACE in connection.greeting.allowed


async def request_trace(
    connection: ControlConnection,
    name: str,
    options: TraceOptions,
    on_progress: Callable[[PathTrace], None],
    *,
    digest: str = "",
) -> PathTrace | None:
    """Ask the writer for a trace. Raises TraceRefusedError.

    None if the writer has another entry than the one with this digest.
    """
    asking = asyncio.create_task(
        connection.ask(Operation.TRACE, [name], trace=options, digest=digest, timeout_s=_LONGEST_S)
    )
    try:
        while not (await asyncio.wait({asking}, timeout=_POLL_S))[0]:
            progress = read_trace(await connection.ask(Operation.TRACE_PROGRESS, [name]))
            if progress and not asking.done():
                on_progress(progress)
        return read_trace(await asking)
    except RequestRefusedError as error:
        raise TraceRefusedError(str(error)) from None
    except NoWriterError:
        raise TraceRefusedError("the process that checks has ended") from None
    except TimeoutError:
        raise TraceRefusedError("the process that checks does not answer") from None
    finally:
        asking.cancel()
