"""Child process that connects to an agent, usually ssh. Everything it may send is limited in size."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Sequence
from contextlib import suppress

from wgmon_tui.child_processes import (
    STDERR_TAIL_BYTES,
    child_environment,
    describe_ending,
    kill_session,
    last_line,
    track_session,
)
from wgmon_tui.text import printable
from wgmon_tui.vantages.protocol import MAX_LINE_BYTES, BadLineError

_EXIT_TIMEOUT_S = 2.0
_CHUNK = 16384
_STDERR_PAUSE_S = 0.05


class ConnectionEndedError(Exception):
    """The process has ended, or no longer accepts data. The message is one printable line."""


class AgentProcess:
    """A child process from `start` until `stop`. It runs in a separate session, without a terminal."""

    def __init__(self, process: asyncio.subprocess.Process, program: str) -> None:
        if process.stdin is None or process.stdout is None or process.stderr is None:
            raise ValueError("a process with three pipes")
        self._process, self._program = process, program
        self._stdin, self._stdout, self._stderr = process.stdin, process.stdout, process.stderr
        self._stderr_tail = b""
        self._stderr_task = asyncio.create_task(self._read_stderr(), name="stderr of an agent")

    @classmethod
    async def start(cls, command: Sequence[str]) -> AgentProcess:
        """Start the command. Raises ConnectionEndedError if that fails."""
        program = printable(command[0])
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                limit=MAX_LINE_BYTES,
                start_new_session=True,
                env=child_environment(),
            )
        except OSError as error:
            raise ConnectionEndedError(f"cannot start {program}: {error.strerror}") from None
        track_session(process.pid)
        return cls(process, program)

    async def read_line(self) -> bytes:
        """Read the next line. Raises ConnectionEndedError, and BadLineError for a line that is too long."""
        try:
            return await self._stdout.readuntil()
        except asyncio.LimitOverrunError:
            raise BadLineError(f"expected at most {MAX_LINE_BYTES} bytes per line") from None
        except (asyncio.IncompleteReadError, OSError):
            raise ConnectionEndedError(await self._exit_reason()) from None

    async def send(self, line: bytes) -> None:
        """Write a line to its stdin. Raises ConnectionEndedError."""
        try:
            self._stdin.write(line)
            await self._stdin.drain()
        except OSError:
            raise ConnectionEndedError(await self._exit_reason()) from None

    async def stop(self) -> None:
        """End the process and its children. Completes even if the caller is cancelled meanwhile."""
        stopping = asyncio.ensure_future(self._stop())
        try:
            await asyncio.shield(stopping)
        except asyncio.CancelledError:
            await stopping
            raise

    async def _stop(self) -> None:
        self._stderr_task.cancel()
        await asyncio.gather(self._stderr_task, return_exceptions=True)
        self._stdin.close()
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGTERM)
        await self._wait_for_exit()
        # Also a child that ignores SIGTERM and has closed the pipes.
        kill_session(self._process.pid)
        if self._process.returncode is None:
            await self._wait_for_exit()

    async def _wait_for_exit(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_EXIT_TIMEOUT_S):
                # asyncio reports the end only once the pipes are empty.
                await asyncio.gather(_drain(self._stdout), _drain(self._stderr))
                await self._process.wait()

    async def _read_stderr(self) -> None:
        """Keep the last bytes of stderr. Reading pauses between chunks, which slows down a flood."""
        while chunk := await self._stderr.read(_CHUNK):
            self._stderr_tail = (self._stderr_tail + chunk)[-STDERR_TAIL_BYTES:]
            await asyncio.sleep(_STDERR_PAUSE_S)

    async def _exit_reason(self) -> str:
        """Why it ended: its last line on stderr, else its exit code or signal."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_EXIT_TIMEOUT_S):
                await asyncio.wait({self._stderr_task})
                await self._process.wait()
        if last_output := last_line(self._stderr_tail):
            return last_output
        code = self._process.returncode
        if code is None:
            return f"{self._program} closed the connection"
        return f"{self._program} ended with {describe_ending(code)}"


async def _drain(pipe: asyncio.StreamReader) -> None:
    while await pipe.read(_CHUNK):
        pass
