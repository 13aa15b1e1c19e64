"""Pausing and resuming servers from a one-shot command, with the meaning of the dashboard's key.

A running writer does it. Without one, this process is the writer for a moment: the pause is in the history,
and the next writer continues it.
"""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass
from pathlib import Path

from wgmon_tui.config.models import ConfigurationError, UnwritableFileError, write_error
from wgmon_tui.config.secrets.private_files import shown
from wgmon_tui.control.client import AccessDeniedError, ControlConnection, NoWriterError
from wgmon_tui.control.protocol import UNWRITABLE, Operation
from wgmon_tui.control.server import RequestRefusedError
from wgmon_tui.daemon.config_watcher import load_config
from wgmon_tui.daemon.writer_assembly import build_writer
from wgmon_tui.daemon.writer_lock import WriterLock, WriterRunningError, WrongOwnerError
from wgmon_tui.net.accounts import login_name
from wgmon_tui.store.database import NewerStoreError, UnwritableStoreError
from wgmon_tui.store.store_file import refuse_newer

_WRITER_START_S = 15.0
"""A writer that starts or is very busy holds the lock, but does not greet yet."""

_RETRY_S = 0.1


@dataclass(frozen=True, slots=True)
class PauseRequest:
    """Servers to pause, or to resume. `until` is the Unix time when a pause ends by itself."""

    names: tuple[str, ...]
    paused: bool
    until: float | None = None

    @property
    def operation(self) -> Operation:
        """The operation of the control socket. A pause with an end has its own: older writers refuse it."""
        if not self.paused:
            return Operation.RESUME
        return Operation.PAUSE if self.until is None else Operation.PAUSE_UNTIL


@dataclass(frozen=True, slots=True)
class PauseAnswer:
    """Whether a running writer did it, and a warning to print.

    `is_unwritable`: it holds until that writer ends, because the history cannot be written.
    """

    by_writer: bool
    warning: str | None = None
    is_unwritable: bool = False


async def request_pause(config_dir: Path, state_dir: Path, request: PauseRequest) -> PauseAnswer:
    """Pause or resume servers. Raises ConfigurationError."""
    deadline = time.monotonic() + _WRITER_START_S
    while True:
        try:
            return await _ask_writer(state_dir, request)
        except NoWriterError:
            pass
        try:
            _write_directly(config_dir, state_dir, request)
            return PauseAnswer(False)
        except WriterRunningError as error:
            if time.monotonic() >= deadline:
                raise ConfigurationError(str(error)) from None
        await asyncio.sleep(_RETRY_S)


async def _ask_writer(state_dir: Path, request: PauseRequest) -> PauseAnswer:
    """Ask the writer. Raises NoWriterError, ConfigurationError."""
    try:
        connection = await ControlConnection.connect(state_dir)
    except AccessDeniedError as error:
        raise ConfigurationError(str(error)) from None
    try:
        if request.operation not in connection.greeting.allowed:
            raise ConfigurationError(
                f'the running wgmon-tui is older and does not know "{request.operation.value}"; restart it'
            )
        answer = await connection.ask(request.operation, request.names, until=request.until or 0.0)
    except RequestRefusedError as error:
        raise ConfigurationError(str(error)) from None
    except TimeoutError:
        raise ConfigurationError("the running wgmon-tui does not answer; try again") from None
    finally:
        await connection.close()
    warning = answer.get("warning")
    is_unwritable = answer.get(UNWRITABLE) is True
    return PauseAnswer(True, warning if isinstance(warning, str) else None, is_unwritable)


def _write_directly(config_dir: Path, state_dir: Path, request: PauseRequest) -> None:
    """Write the pause to the history; nothing is checked. Raises ConfigurationError, WriterRunningError.

    What cannot be written is refused: no process remembers it.
    """
    try:
        # Commands that print secrets may need a person, and no key is used here.
        loaded = load_config(config_dir, state_dir=state_dir, run_commands=False)
        refuse_newer(state_dir)
        lock = WriterLock.acquire(state_dir)
    except (WrongOwnerError, NewerStoreError) as error:
        raise ConfigurationError(str(error)) from None
    except OSError as error:
        raise write_error(f"{shown(state_dir)}: cannot be written: {error.strerror}", error) from None
    try:
        writer = build_writer(state_dir, loaded, lock)
    except BaseException:
        lock.release()
        raise
    try:
        writer.engine.pause(request.names, request.paused, login_name(os.geteuid()), request.until)
    finally:
        writer.close()
    try:
        writer.require_stored()
    except UnwritableStoreError as error:
        what = "paused" if request.paused else "resumed"
        raise UnwritableFileError(f"nothing is {what}: {error}") from None
