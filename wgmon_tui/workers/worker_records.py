"""Records about a worker: its process, what it was asked for, and where its news goes."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.control_plane_report import ControlPlaneReport
from wgmon_tui.checks.path_trace import PathTrace
from wgmon_tui.checks.soak_progress import SoakProgress
from wgmon_tui.config.models import Server
from wgmon_tui.workers.connection import BadFrameError, FrameConnection
from wgmon_tui.workers.messages import CheckRequest


@dataclass(slots=True)
class PendingCheck:
    """A check that a worker was asked for, or will be."""

    request: CheckRequest
    server: Server
    result: asyncio.Future[tuple[Check, ...]]
    on_soak: Callable[[SoakProgress], None]
    is_sent: bool = False
    interruptions: int = 0


@dataclass(slots=True)
class PendingTrace:
    """A trace that a worker makes."""

    result: asyncio.Future[PathTrace]
    on_progress: Callable[[PathTrace], None]


@dataclass(frozen=True, slots=True)
class WorkerOutlets:
    """Where a worker's news goes: lines for the log, and what control planes report."""

    log: Callable[[str], None]
    note_report: Callable[[str, ControlPlaneReport], None]


@dataclass(slots=True)
class ProcessLife:
    """One process of a worker, from its start to its end."""

    process: subprocess.Popen[bytes]
    connection: FrameConnection
    lost: asyncio.Future[BadFrameError | None]
    heard_at: float = field(default_factory=time.monotonic)
    is_ready: bool = False
    ready_at: float = 0.0
    failure: tuple[int, str] | None = None
    """The number of an error and its reason, from a worker that could not start."""


@dataclass(frozen=True, slots=True)
class ProcessEnding:
    """How a process ended: why, the number of the error if it could not start, and how long it was ready."""

    why: str
    error: int = 0
    pid: int = 0
    ran_s: float = 0.0
