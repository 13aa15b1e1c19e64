"""Shared helpers of the daemon tests: a fleet in files, a server on loopback, and child processes."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path

from wgmon_tui.config.keys import PrivateKey, PublicKey
from wgmon_tui.config.models import Fleet, Identity, SecretForm, SecretSource, Server
from wgmon_tui.config.servers_file import update
from wgmon_tui.config.servers_toml import render
from wgmon_tui.daemon.writer import Writer
from wgmon_tui.lab.models import LabPeer, LabSetup
from wgmon_tui.lab.server import LabServer
from wgmon_tui.net.addresses import Endpoint

CLIENT = PrivateKey.generate()
IDENTITY = Identity("bastion", SecretSource(SecretForm.FILE, "bastion.key"))
NOWHERE = Endpoint("127.0.0.1", 9)

PATIENCE_S = 60.0
"""How long a test waits for something that should happen at once: the machine may be busy."""


def quick_server(
    name: str, endpoint: Endpoint = NOWHERE, *, key: PublicKey = CLIENT.public, note: str = ""
) -> Server:
    """A server that is checked every second by the handshake only, without damping. Nothing makes it slow."""
    return Server(
        name,
        endpoint,
        key,
        "bastion",
        interval=1.0,
        timeout=0.9,
        slow=5.0,
        tunnel=False,
        explain=False,
        fail_after=1,
        recover_after=1,
        note=note,
    )


@asynccontextmanager
async def healthy(name: str) -> AsyncIterator[tuple[LabServer, Server]]:
    """A running server and its entry."""
    async with LabServer(LabSetup(PrivateKey.generate(), (LabPeer(CLIENT.public),))) as lab:
        yield lab, quick_server(name, lab.endpoint, key=lab.public_key)


def write_config(config: Path, *servers: Server) -> None:
    """Write a servers.toml with these servers and the identity that checks them."""
    config.mkdir(exist_ok=True)
    key = config / "bastion.key"
    key.touch(0o600)
    key.write_text(CLIENT.to_text())
    update(config, lambda _: Fleet(servers, (IDENTITY,)))


def text_of(*servers: Server) -> str:
    """The text of a servers.toml with these servers."""
    return render(Fleet(servers, (IDENTITY,)))


async def until(condition: Callable[[], object], seconds: float = PATIENCE_S) -> float:
    """Poll until a condition holds; return how long that took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, f"still not after {seconds} s"
        await asyncio.sleep(0.01)
    return time.monotonic() - began


class Program:
    """A wgmon-tui in a child process."""

    def __init__(
        self,
        *words: str | Path,
        env: dict[str, str] | None = None,
        err: socket.socket | None = None,
        user: str | None = None,
    ) -> None:
        start = ("tests.daemon.as_user", user, "all") if user else ("wgmon_tui",)
        self.process = subprocess.Popen(
            [sys.executable, "-m", *start, *map(str, words)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=err.fileno() if err else subprocess.PIPE,
            text=True,
            env={**os.environ, **(env or {})},
        )
        self.lines: list[str] = []

    def line_with(self, words: str) -> str:
        """Read its stderr up to a line with this text."""
        assert self.process.stderr
        for line in self.process.stderr:
            self.lines.append(line.rstrip("\n"))
            if words in line:
                return self.lines[-1]
        raise AssertionError(f"no line with {words!r}, but {self.lines}")

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self) -> tuple[int, str, str]:
        """Wait for its end: exit code, stdout, the rest of stderr."""
        try:
            out, err = self.process.communicate(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()  # so that it does not disturb other tests
            self.process.communicate()
            raise
        return self.process.returncode, out, err


@asynccontextmanager
async def running_writer(writer: Writer) -> AsyncIterator[asyncio.Task[None]]:
    """Run a writer in this process, and end it. Yields its task."""
    running = asyncio.create_task(writer.run())
    try:
        yield running
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@contextmanager
def running(
    config: Path,
    state: Path,
    env: dict[str, str] | None = None,
    user: str | None = None,
    options: Sequence[str] = (),
) -> Iterator[Program]:
    """Start `wgmon-tui run`, and kill it at the end if it still runs."""
    program = Program("--config", config, "--state", state, "run", *options, env=env, user=user)
    try:
        program.line_with("started")
        yield program
    finally:
        program.process.kill()
        program.process.communicate()


def query_rows(state: Path, query: str) -> list[tuple[object, ...]]:
    """The rows of a query of the store."""
    with closing(sqlite3.connect(f"file:{state / 'history.db'}?mode=ro", uri=True)) as connection:
        return list(connection.execute(query))
