"""Worker of a sink: its events, backoff and current attempt."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field

from wgmon_tui.alerts.models import GiveUpError, RetryError
from wgmon_tui.text import format_limit, printable

_LONGEST_REASON = 200

_GRACE_S = 0.5
"""Extra time after a sink's timeout. A sink enforces its own timeout; after this time it is abandoned."""


@dataclass(slots=True)
class SinkWorker:
    """State of one worker. `retry_now` ends its backoff; `idle` is set while the worker waits."""

    work: asyncio.Event = field(default_factory=asyncio.Event)
    retry_now: asyncio.Event = field(default_factory=asyncio.Event)
    send_lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    last_attempt: Future[None] | None = None
    failures: int = 0
    retry_delay: float = 0.0
    idle: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    heartbeat_task: asyncio.Task[None] | None = None
    every: float | None = None

    async def wait(self, event: asyncio.Event, seconds: float | None) -> None:
        """Wait for the event, at most `seconds`."""
        self.idle.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await event.wait()
        self.idle.clear()

    async def attempt(
        self,
        send: Callable[[], None],
        timeout: float,  # noqa: ASYNC109  abandons it
        is_wanted: Callable[[], bool],
    ) -> None:
        """Make one attempt in a thread, after the previous one, if it `is_wanted` then.

        Raises RetryError and GiveUpError.
        """
        async with self.send_lock:
            if not is_wanted():
                return
            if self.last_attempt and not self.last_attempt.done():
                raise RetryError("the previous attempt has not finished")
            try:
                self.last_attempt = in_daemon_thread(send)
                async with asyncio.timeout(timeout + _GRACE_S):
                    await asyncio.wrap_future(self.last_attempt)
            except TimeoutError:
                raise RetryError(f"no answer within {format_limit(timeout)}") from None
            except (RetryError, GiveUpError):
                raise
            except Exception as fault:  # noqa: BLE001  its message may contain a secret
                raise RetryError(f"internal error: {type(fault).__name__}") from None


def in_daemon_thread(call: Callable[[], None]) -> Future[None]:
    """Run a call in a daemon thread, not in a pool: a hanging call delays neither others nor the exit."""
    promise: Future[None] = Future()
    promise.set_running_or_notify_cancel()

    def run() -> None:
        try:
            call()
        except BaseException as error:  # noqa: BLE001  passed to the awaiting caller
            promise.set_exception(error)
        else:
            promise.set_result(None)

    threading.Thread(target=run, name="alert", daemon=True).start()
    return promise


def clean_reason(reason: str) -> str:
    """Return a reason as one short printable line; parts of it may come from other programs."""
    return printable(" ".join(reason.split()))[:_LONGEST_REASON]
