"""Runs a program of the user for the time of a check: in a session of its own, and killed whole.

Its configuration holds secrets. So it is in a directory that only this account can read, and is deleted as
soon as the program listens.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from wgmon_tui.child_processes import describe_ending, end, start
from wgmon_tui.protocols.proxies.links.link_text import ShareLinkError
from wgmon_tui.protocols.proxies.links.records import AnyLink
from wgmon_tui.protocols.proxies.program_config import LocalPort, make_config
from wgmon_tui.protocols.proxies.proxy_command.settings import CONFIG, DIRECTORY, CommandSettings
from wgmon_tui.text import format_limit, quoted, system_reason

LOOPBACK = "127.0.0.1"
START_LIMIT_S = 10.0
"""How long a program may take until it listens: it reads its data first."""

_POLL_S = 0.02
_PORT_TRIES = 100
_CONFIG_NAME = "config.json"


class ProgramError(Exception):
    """The program does not run, or does not listen. The message is a phrase without secrets."""


@asynccontextmanager
async def run_program(settings: CommandSettings, link: AnyLink | None) -> AsyncIterator[LocalPort]:
    """Start the program, and yield its port once it listens. Raises ProgramError."""
    directory = Path(await asyncio.to_thread(_make_directory))
    try:
        local = await asyncio.to_thread(_prepare, settings, link, directory)
        command = [
            word.replace(CONFIG, str(directory / _CONFIG_NAME)).replace(DIRECTORY, str(directory))
            for word in settings.command
        ]
        process = await asyncio.to_thread(_start, command)
        try:
            await _wait_for_port(process, local.port, command[0])
            (directory / _CONFIG_NAME).unlink(missing_ok=True)
            yield local
        finally:
            await asyncio.shield(asyncio.to_thread(end, process))
    finally:
        await asyncio.shield(asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True))


def _make_directory() -> str:
    """A directory for this account alone, in memory where the system has one there."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    try:
        return tempfile.mkdtemp(prefix="wgmon-tui-", dir=runtime or None)
    except OSError:
        return tempfile.mkdtemp(prefix="wgmon-tui-")


def _prepare(settings: CommandSettings, link: AnyLink | None, directory: Path) -> LocalPort:
    """Choose the port, and write the configuration. Raises ProgramError."""
    if not settings.has_config:
        return LocalPort(settings.port, "", "")
    if link is None:
        raise ProgramError("there is no link to write its configuration from")
    local = LocalPort(_free_port(), secrets.token_hex(8), secrets.token_hex(16))
    try:
        text = make_config(settings.command[0], link, local)
    except ShareLinkError as error:
        raise ProgramError(str(error)) from None
    opened = os.open(directory / _CONFIG_NAME, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(opened, "w") as file:
        file.write(text)
    return local


def _free_port() -> int:
    """A port on loopback that is free over TCP and UDP: SOCKS5 needs both.

    Another program that takes the port first cannot know the login.
    """
    for _ in range(_PORT_TRIES):
        with socket.socket() as probe, socket.socket(type=socket.SOCK_DGRAM) as datagrams:
            probe.bind((LOOPBACK, 0))
            try:
                datagrams.bind(probe.getsockname())
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise ProgramError("no port is free on 127.0.0.1")


def _start(command: list[str]) -> subprocess.Popen[bytes]:
    program = quoted(command[0])
    nothing = subprocess.DEVNULL
    try:
        return start(command, stdin=nothing, stdout=nothing, stderr=nothing)
    except FileNotFoundError:
        raise ProgramError(f"there is no program {program}; install it, or give its path") from None
    except (OSError, ValueError) as error:
        reason = system_reason(error, "not a command")
        raise ProgramError(f"cannot start {program}: {reason}") from None


async def _wait_for_port(process: subprocess.Popen[bytes], port: int, program: str) -> None:
    """Wait until the program accepts connections. Raises ProgramError."""
    name = quoted(program)
    try:
        async with asyncio.timeout(START_LIMIT_S):
            while True:
                code = process.poll()
                if code is not None:
                    ending = describe_ending(code)
                    raise ProgramError(f"{name} ended with {ending}; run it by hand to see why")
                try:
                    _, writer = await asyncio.open_connection(LOOPBACK, port)
                except OSError:
                    await asyncio.sleep(_POLL_S)
                    continue
                writer.close()
                return
    except TimeoutError:
        limit = format_limit(START_LIMIT_S)
        raise ProgramError(f"{name} does not listen on port {port} of {LOOPBACK} after {limit}") from None
