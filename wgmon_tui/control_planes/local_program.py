"""The program of a mesh on this machine, such as `tailscale`: what it prints, within limits."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from wgmon_tui.child_processes import OutputLimitError, ProgramTimeoutError, last_line, run
from wgmon_tui.control_planes.json_fields import LARGEST_BODY
from wgmon_tui.net.addresses import Address

Peer = TypeVar("Peer")

_LONGEST_ANSWER = 64 * 1024
_STATUS_VALID_S = 5.0
"""How long one status serves all nodes: a mesh of many nodes asks for each of them."""

_MOST_AT_ONCE = 4


class ProgramFailedError(Exception):
    """The program did not answer. The message is a phrase without control characters."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a program printed, and whether it ended well. `message` is its last line on stderr, or stdout."""

    is_success: bool
    output: bytes
    message: str


@dataclass(frozen=True, slots=True)
class ProgramStatus(Generic[Peer]):
    """What a program knows of its peers, by address. `trouble` says why it knows nothing."""

    by_address: Mapping[Address, Peer]
    trouble: str = ""


class LocalProgram(Generic[Peer]):
    """Runs one program, found on the PATH, a few at once and each for a limited time.

    `read` reads the JSON object of its status, in a thread: a mesh can have thousands of nodes.
    """

    def __init__(self, name: str, read: Callable[[object], ProgramStatus[Peer]]) -> None:
        self._name, self._read = name, read
        self._turns = asyncio.Semaphore(_MOST_AT_ONCE)
        self._status_turn = asyncio.Lock()
        self._status: tuple[float, ProgramStatus[Peer] | None] = (0.0, None)

    async def read_status(
        self, arguments: Sequence[str], timeout_s: float, now: Callable[[], float] = time.monotonic
    ) -> ProgramStatus[Peer]:
        """Its status, at most some seconds old. Raises ProgramFailedError."""
        async with self._status_turn:
            at, status = self._status
            if status is None or now() - at >= _STATUS_VALID_S:
                answer = await self._run(arguments, timeout_s, LARGEST_BODY)
                status = await asyncio.to_thread(self._read_answer, answer)
                self._status = (now(), status)
            return status

    def _read_answer(self, answer: Answer) -> ProgramStatus[Peer]:
        """Raises ProgramFailedError."""
        return self._read(_parse(self._name, answer))

    async def ask(self, arguments: Sequence[str], timeout_s: float) -> Answer:
        """Run it with these arguments. Raises ProgramFailedError."""
        return await self._run(arguments, timeout_s, _LONGEST_ANSWER)

    async def _run(self, arguments: Sequence[str], timeout_s: float, max_bytes: int) -> Answer:
        path = shutil.which(self._name)
        if path is None:
            raise ProgramFailedError(f"{self._name} is not installed here, or not on the PATH")
        async with self._turns:
            return await asyncio.to_thread(self._run_here, (path, *arguments), timeout_s, max_bytes)

    def _run_here(self, command: Sequence[str], timeout_s: float, max_bytes: int) -> Answer:
        try:
            done = run(command, timeout_s=timeout_s, max_bytes=max_bytes, keep_stderr=True)
        except ProgramTimeoutError:
            raise ProgramFailedError(f"{self._name} did not end in time") from None
        except OutputLimitError:
            raise ProgramFailedError(f"{self._name} printed more than is read") from None
        except (OSError, ValueError) as error:
            raise ProgramFailedError(f"{self._name} cannot be started: {error}") from None
        return Answer(done.code == 0, done.output, last_line(done.stderr_tail) or last_line(done.output))


def _parse(name: str, answer: Answer) -> object:
    """Raises ProgramFailedError."""
    try:
        value = json.loads(answer.output)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict):
        return value
    raise ProgramFailedError(
        f"{name} printed no JSON object" if answer.is_success else f"{name} failed: {answer.message}"
    )
