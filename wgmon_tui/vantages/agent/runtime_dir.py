"""Files of the agent daemon in the state directory of its account: lock, socket and log."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from wgmon_tui import __version__
from wgmon_tui.config.lock_files import is_lock_in_place
from wgmon_tui.config.regular_files import read_regular
from wgmon_tui.net.unix_socket import bindable_path
from wgmon_tui.store.damaged_files import move_irregular_aside
from wgmon_tui.text import format_local_time, printable

EXIT_ALREADY_RUNNING = 75
"""Another agent daemon is running: EX_TEMPFAIL of sysexits.h."""

PRIVATE_UMASK = 0o077
"""Of every process of an agent: sshd may start it with any other one."""

SOCKET = "agent.sock"
LOG = "agent.log"

_LOCK = "agent.lock"
_MAX_READ_BYTES = 4096
_MAX_LOG_BYTES = 256 * 1024
_MAX_WRITTEN_LOG_BYTES = 2 * _MAX_LOG_BYTES
"""A log is renamed only after it has become too large."""


class AgentRunningError(Exception):
    """Another agent daemon uses this state directory."""


@dataclass(frozen=True, slots=True)
class AgentLock:
    """The lock that the agent daemon of a state directory holds until it ends."""

    descriptor: int

    @classmethod
    def acquire(cls, state_dir: Path) -> AgentLock:
        """Take the lock. Raises AgentRunningError and OSError."""
        move_irregular_aside(state_dir / _LOCK)
        descriptor = os.open(state_dir / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise AgentRunningError from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps({"pid": os.getpid(), "version": __version__}).encode(), 0)
        return cls(descriptor)

    def is_in_place(self, state_dir: Path) -> bool:
        """Whether the lock still protects the state directory."""
        return is_lock_in_place(self.descriptor, state_dir / _LOCK)


def read_agent_version(state_dir: Path) -> str:
    """The version of the running or last agent daemon of a state directory; "" if unknown."""
    try:
        content, _ = read_regular(state_dir / _LOCK, _MAX_READ_BYTES)
        version = json.loads(content)["version"]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return version if isinstance(version, str) else ""


def open_listener(state_dir: Path) -> socket.socket:
    """A socket that only this account can connect to. Replaces an old one: hold the lock. Raises OSError."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        (state_dir / SOCKET).unlink(missing_ok=True)
        with bindable_path(state_dir, SOCKET) as path:
            sock.bind(path)
        (state_dir / SOCKET).chmod(0o600)  # it does not listen yet, so it has no connections
    except BaseException:
        sock.close()
        raise
    return sock


def connect(state_dir: Path) -> socket.socket:
    """Connect to the agent daemon. Raises OSError if none listens."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with bindable_path(state_dir, SOCKET) as path:
            sock.connect(path)
    except BaseException:
        sock.close()
        raise
    return sock


def open_log(state_dir: Path) -> int:
    """A descriptor to append to the log, which only this account can read. Raises OSError.

    What is no file is moved aside: opening a FIFO would wait for its reader.
    """
    move_irregular_aside(state_dir / LOG)
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
    descriptor = os.open(state_dir / LOG, flags, 0o600)
    os.fchmod(descriptor, 0o600)  # earlier versions created it with the umask of sshd
    return descriptor


def append_log(state_dir: Path, line: str) -> None:
    """Append a line to the log. A log that is too large is first renamed to agent.log.1."""
    path = state_dir / LOG
    with suppress(OSError):
        if path.exists() and path.stat().st_size > _MAX_LOG_BYTES:
            path.replace(path.with_name(f"{LOG}.1"))
        with os.fdopen(open_log(state_dir), "a") as file:
            file.write(f"{format_local_time(time.time())} {printable(line)}\n")


def read_last_log_line(state_dir: Path) -> str:
    """The last line of the log; "" if there is none."""
    try:
        content, _ = read_regular(state_dir / LOG, _MAX_WRITTEN_LOG_BYTES)
    except OSError:
        return ""
    lines = content[-_MAX_READ_BYTES:].decode(errors="replace").split("\n")
    return printable(next((line for line in reversed(lines) if line.strip()), ""))
