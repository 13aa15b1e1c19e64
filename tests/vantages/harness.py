"""Shared helpers of the vantage tests: agents in processes, scripted agents, and a recording collector."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

from tests.daemon.harness import until
from tests.vantages.sample_rounds import FRA1, healthy
from wgmon_tui.config.models import Server
from wgmon_tui.config.vantages import Vantage
from wgmon_tui.monitor.models import Round
from wgmon_tui.monitor.quorum import VantageReport
from wgmon_tui.monitor.report_numbers import ReportNumbers
from wgmon_tui.monitor.vantage_status import VantageStatus
from wgmon_tui.vantages.agent.runtime_dir import LOG
from wgmon_tui.vantages.collector.manager import VantageManager
from wgmon_tui.vantages.messages import AgentHello
from wgmon_tui.vantages.protocol import PROTOCOL, encode_message, encode_report, encode_report_body

LINGER = "30s"


def agent_command(config: Path, state: Path, linger: str = LINGER) -> tuple[str, ...]:
    """The command that sshd would start."""
    places = ("--config", str(config), "--state", str(state))
    return (sys.executable, "-m", "wgmon_tui", "agent", *places, "--linger", linger)


def agent_pid(state: Path) -> int | None:
    """The pid of the agent daemon; None if none runs."""
    started = [line for line in read_log(state) if "started: " in line]
    if not started:
        return None
    pid = int(started[-1].rpartition(" ")[2])
    return pid if Path(f"/proc/{pid}/cmdline").exists() and not _is_zombie(pid) else None


def read_log(state: Path) -> list[str]:
    path = state / LOG
    return path.read_text().splitlines() if path.exists() else []


@contextmanager
def ending_agent(state: Path) -> Iterator[None]:
    """End the agent daemon that a test leaves behind."""
    try:
        yield
    finally:
        pid = agent_pid(state)
        if pid:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def script(path: Path, *steps: str) -> tuple[str, ...]:
    """The command of a scripted agent, in Python lines: `say` sends bytes, `hear` waits for a line."""
    path.write_text(
        "\n".join(
            [
                "import os, sys, time",
                "def say(data): os.write(1, data)",
                "def hear(): return sys.stdin.buffer.readline()",
                *steps,
                "",
            ]
        )
    )
    return (sys.executable, "-S", str(path))


def hello_step(epoch: str = "9f", protocol: int = PROTOCOL, version: str = "0.1.0") -> str:
    """The script step that sends the hello."""
    return f"hear(); say({hello_line(epoch, protocol, version)!r})"


def hello_line(epoch: str, protocol: int = PROTOCOL, version: str = "0.1.0") -> bytes:
    """The hello of an agent."""
    return encode_message(AgentHello(protocol, version, epoch, "a key", 1, time.time()))


def report_step(number: int, server: Server = FRA1, outcome: Round | None = None) -> str:
    """The script step that sends a report."""
    return f"say({encode_report(number, encode_report_body(server.name, outcome or healthy(server)))!r})"


class FakeWriter:
    """A vantage manager without a writer, which records what it receives."""

    def __init__(self, *servers: Server, stored: bool = True) -> None:
        self.servers: tuple[Server, ...] = servers
        self.reports: list[tuple[str, str, int, str, Round]] = []
        self.lost: list[str] = []
        self.stored = asyncio.Event()
        if stored:
            self.stored.set()
        self.vantages = VantageManager(
            self._take, self.lost.append, self._wait_until_stored, lambda: self.servers, ReportNumbers()
        )

    @property
    def numbers(self) -> list[int]:
        return [number for _, _, number, _, _ in self.reports]

    @property
    def names(self) -> list[str]:
        return [name for _, _, _, name, _ in self.reports]

    @property
    def status(self) -> VantageStatus:
        """The status of the only vantage."""
        [status] = self.vantages.statuses
        return status

    @asynccontextmanager
    async def to(self, *commands: Iterable[str]) -> AsyncIterator[None]:
        """Listen to agents started by these commands: a, b, c …"""
        names = "abcdefgh"
        self.vantages.watch(Vantage(names[n], tuple(command)) for n, command in enumerate(commands))
        running = asyncio.create_task(self.vantages.run())
        try:
            await until(lambda: self.vantages.statuses)
            yield
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def heard(self, words: str) -> None:
        """Wait until the trouble of the only vantage contains this text."""
        await until(lambda: self.vantages.statuses and words in self.status.trouble)

    def _take(self, report: VantageReport) -> None:
        self.reports.append((report.vantage, report.epoch, report.number, report.server, report.round))

    async def _wait_until_stored(self) -> None:
        await self.stored.wait()


def stdio_bridges_of(pid: int, state: Path) -> list[int]:
    """The stdio bridges that a process has started for a state directory."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [
        int(each) for each in children if str(state).encode() in Path(f"/proc/{each}/cmdline").read_bytes()
    ]


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True
