"""What the tests of vantages share: agents in processes, scripts in their place, and who listens to them."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

from tests.service.agent.rounds import FRA1, healthy
from tests.service.stage import until
from wgmon_tui.fleet.records import Server
from wgmon_tui.fleet.vantage_settings import Vantage
from wgmon_tui.monitor.rounds import Round
from wgmon_tui.monitor.vantage_status import VantageStatus
from wgmon_tui.service.agent.place import LOG
from wgmon_tui.service.agent.protocol import PROTOCOL, AgentHello, line_of, report_body, report_line
from wgmon_tui.service.vantages import Vantages

LINGER = "30s"


def agent_command(config: Path, state: Path, linger: str = LINGER) -> tuple[str, ...]:
    """What sshd would start."""
    places = ("--config", str(config), "--state", str(state))
    return (sys.executable, "-m", "wgmon_tui", "agent", *places, "--linger", linger)


def keeper_of(state: Path) -> int | None:
    """The process that checks there; None while there is none."""
    started = [line for line in logged(state) if "started: " in line]
    if not started:
        return None
    pid = int(started[-1].rpartition(" ")[2])
    return pid if Path(f"/proc/{pid}/cmdline").exists() and not _is_zombie(pid) else None


def logged(state: Path) -> list[str]:
    path = state / LOG
    return path.read_text().splitlines() if path.exists() else []


@contextmanager
def no_keeper_left(state: Path) -> Iterator[None]:
    """End the keeper that a test leaves behind."""
    try:
        yield
    finally:
        pid = keeper_of(state)
        if pid:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def script(path: Path, *steps: str) -> tuple[str, ...]:
    """The command of an agent that does what Python lines say; `say` sends bytes, `hear` waits for a line."""
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


def hello(epoch: str = "9f", protocol: int = PROTOCOL, version: str = "0.1.0") -> str:
    """The step of a script in which it greets."""
    return f"hear(); say({hello_line(epoch, protocol, version)!r})"


def hello_line(epoch: str, protocol: int = PROTOCOL, version: str = "0.1.0") -> bytes:
    """How an agent greets."""
    return line_of(AgentHello(protocol, version, epoch, "a key", 1, time.time()))


def report(number: int, server: Server = FRA1, outcome: Round | None = None) -> str:
    """The step of a script in which it reports."""
    return f"say({report_line(number, report_body(server.name, outcome or healthy(server)))!r})"


class Listening:
    """A writer's side without a writer, and what it was told."""

    def __init__(self, *servers: Server, kept: bool = True) -> None:
        self.servers: tuple[Server, ...] = servers
        self.reports: list[tuple[str, str, int, str, Round]] = []
        self.lost: list[str] = []
        self.kept = asyncio.Event()
        if kept:
            self.kept.set()
        self.vantages = Vantages(self._take, self.lost.append, self._kept, lambda: self.servers)

    @property
    def numbers(self) -> list[int]:
        return [number for _, _, number, _, _ in self.reports]

    @property
    def names(self) -> list[str]:
        return [name for _, _, _, name, _ in self.reports]

    @property
    def status(self) -> VantageStatus:
        """Of the only vantage."""
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
        """Until the trouble of the only vantage has these words."""
        await until(lambda: self.vantages.statuses and words in self.status.trouble)

    def _take(self, vantage: str, epoch: str, number: int, name: str, outcome: Round) -> None:
        self.reports.append((vantage, epoch, number, name, outcome))

    async def _kept(self) -> None:
        await self.kept.wait()


def relays_of(pid: int, state: Path) -> list[int]:
    """The relays that a process has started for a state directory."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [
        int(each) for each in children if str(state).encode() in Path(f"/proc/{each}/cmdline").read_bytes()
    ]


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True
