"""Stdio bridge, the process that sshd starts: copies bytes between stdin, stdout and the agent daemon.

It starts the daemon if none runs.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path

from wgmon_tui import __version__
from wgmon_tui.config.ownership import explain_foreign
from wgmon_tui.config.secrets.private_files import shown
from wgmon_tui.net.accounts import login_name
from wgmon_tui.net.peer_credentials import read_peer_credentials
from wgmon_tui.vantages.agent.runtime_dir import (
    EXIT_ALREADY_RUNNING,
    LOG,
    PRIVATE_UMASK,
    connect,
    open_log,
    read_agent_version,
    read_last_log_line,
)
from wgmon_tui.vantages.messages import Bye
from wgmon_tui.vantages.protocol import encode_message, sanitize

EXIT_NO_AGENT = 71

_STDIN, _STDOUT = 0, 1
_CHUNK = 65536
_CONNECT_TIMEOUT_S = 20.0
_RETRY_S = 0.05


class AgentUnavailableError(Exception):
    """The agent daemon cannot be reached or started. The message is one line."""


def bridge_stdio(config_dir: Path, state_dir: Path, linger_s: float) -> int:
    """Copy until either end closes; returns the exit code. An error is also sent to the writer as a `Bye`."""
    os.umask(PRIVATE_UMASK)
    try:
        _prepare_state_dir(state_dir)
        daemon = _connect_or_start(config_dir.absolute(), state_dir.absolute(), linger_s)
    except AgentUnavailableError as error:
        print(f"wgmon-tui: {error}", file=sys.stderr)
        with suppress(OSError):
            os.write(_STDOUT, encode_message(Bye(sanitize(str(error)))))
        return EXIT_NO_AGENT
    with closing(daemon), suppress(OSError):  # either end has closed
        _copy_both_ways(daemon)
    return 0


def _copy_both_ways(daemon: socket.socket) -> None:
    with selectors.DefaultSelector() as ready:
        ready.register(_STDIN, selectors.EVENT_READ)
        ready.register(daemon, selectors.EVENT_READ)
        while True:
            for key, _ in ready.select():
                if key.fd == _STDIN:
                    chunk = os.read(_STDIN, _CHUNK)
                    daemon.sendall(chunk)
                else:
                    chunk = daemon.recv(_CHUNK)
                    _write_stdout(chunk)
                if not chunk:
                    return


def _write_stdout(chunk: bytes) -> None:
    while chunk:
        chunk = chunk[os.write(_STDOUT, chunk) :]


def _prepare_state_dir(state_dir: Path) -> None:
    """Create the state directory, and check its owner. Raises AgentUnavailableError."""
    if line := explain_foreign(state_dir):
        raise AgentUnavailableError(line)
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = state_dir.stat().st_uid
    except OSError as error:
        raise AgentUnavailableError(
            f"{shown(state_dir)}: {error.strerror}; choose another: --state DIR"
        ) from None
    if owner != os.geteuid():
        raise AgentUnavailableError(
            f"{shown(state_dir)} belongs to {login_name(owner)}; only that account can run an agent there"
        )


def _connect_or_start(config_dir: Path, state_dir: Path, linger_s: float) -> socket.socket:
    """Connect to the agent daemon of this version; start it if none runs. Raises AgentUnavailableError."""
    deadline = time.monotonic() + _CONNECT_TIMEOUT_S
    started: subprocess.Popen[bytes] | None = None
    while True:
        with suppress(ConnectionError, FileNotFoundError):
            found = connect(state_dir)
            if not _is_outdated(found, state_dir):
                return found
            found.close()
        if started is None or started.poll() == EXIT_ALREADY_RUNNING:  # an ending daemon held the lock
            started = _start_agent(config_dir, state_dir, linger_s)
        elif started.poll() is not None:
            raise AgentUnavailableError(
                f"the agent daemon does not start: {read_last_log_line(state_dir) or 'it ended at once'}"
            )
        if time.monotonic() > deadline:
            raise AgentUnavailableError(f"the agent daemon does not answer; see {shown(state_dir / LOG)}")
        time.sleep(_RETRY_S)


def _is_outdated(found: socket.socket, state_dir: Path) -> bool:
    """Whether the daemon has another version, as after an upgrade; if so, it gets SIGTERM.

    Raises AgentUnavailableError.
    """
    daemon = read_peer_credentials(found)
    if daemon.uid != os.geteuid():
        raise AgentUnavailableError(
            f"{shown(state_dir)}: the agent daemon there runs as another account: {login_name(daemon.uid)}"
        )
    if read_agent_version(state_dir) == __version__:
        return False
    with suppress(ProcessLookupError):
        os.kill(daemon.pid, signal.SIGTERM)
    return True


def _start_agent(config_dir: Path, state_dir: Path, linger_s: float) -> subprocess.Popen[bytes]:
    """Start the agent daemon in a separate session, so that it continues when the connection ends.

    A traceback goes to its log. Raises AgentUnavailableError.
    """
    arguments = (str(config_dir), str(state_dir), str(linger_s))
    try:
        with os.fdopen(open_log(state_dir), "ab") as log:
            return subprocess.Popen(  # noqa: S603  this program
                (sys.executable, "-m", "wgmon_tui.vantages.agent.daemon", *arguments),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                cwd="/",
                start_new_session=True,
            )
    except OSError as error:
        raise AgentUnavailableError(f"{shown(state_dir)}: {error.strerror}") from None
