"""The relay: what sshd starts. It carries bytes between stdin, stdout and the keeper, and starts that one."""

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
from wgmon_tui.fleet.private_files import shown
from wgmon_tui.service.accounts import login_name, peer_of
from wgmon_tui.service.agent.place import EXIT_TAKEN, LOG, connected, last_logged, version_of_keeper
from wgmon_tui.service.agent.protocol import Bye, line_of, told

EXIT_NO_KEEPER = 71

_STDIN, _STDOUT = 0, 1
_CHUNK = 65536
_PATIENCE_S = 20.0
_LOOK_AGAIN_S = 0.05


class NoKeeperError(Exception):
    """No keeper is to be had. The message is one line."""


def relay(config_dir: Path, state_dir: Path, linger_s: float) -> int:
    """Until either end hangs up; the exit code. What keeps us from it is told over the line."""
    try:
        _own(state_dir)
        keeper = _reach(config_dir.absolute(), state_dir.absolute(), linger_s)
    except NoKeeperError as error:
        print(f"wgmon-tui: {error}", file=sys.stderr)
        with suppress(OSError):
            os.write(_STDOUT, line_of(Bye(told(str(error)))))
        return EXIT_NO_KEEPER
    with closing(keeper), suppress(OSError):  # either end has gone: nothing is left to say
        _carry(keeper)
    return 0


def _carry(keeper: socket.socket) -> None:
    with selectors.DefaultSelector() as ready:
        ready.register(_STDIN, selectors.EVENT_READ)
        ready.register(keeper, selectors.EVENT_READ)
        while True:
            for key, _ in ready.select():
                if key.fd == _STDIN:
                    chunk = os.read(_STDIN, _CHUNK)
                    keeper.sendall(chunk)
                else:
                    chunk = keeper.recv(_CHUNK)
                    _write(chunk)
                if not chunk:
                    return


def _write(chunk: bytes) -> None:
    while chunk:
        chunk = chunk[os.write(_STDOUT, chunk) :]


def _own(state_dir: Path) -> None:
    """Raises NoKeeperError."""
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = state_dir.stat().st_uid
    except OSError as error:
        raise NoKeeperError(f"{shown(state_dir)}: {error.strerror}; name another: --state DIR") from None
    if owner != os.geteuid():
        raise NoKeeperError(
            f"{shown(state_dir)} belongs to {login_name(owner)}: only that account keeps there"
        )


def _reach(config_dir: Path, state_dir: Path, linger_s: float) -> socket.socket:
    """A connection to the keeper of our version, started where none lives. Raises NoKeeperError."""
    give_up_at = time.monotonic() + _PATIENCE_S
    starting: subprocess.Popen[bytes] | None = None
    while True:
        with suppress(ConnectionError, FileNotFoundError):
            found = connected(state_dir)
            if not _is_outdated(found, state_dir):
                return found
            found.close()
        if starting is None or starting.poll() == EXIT_TAKEN:  # one that is just ending had the lock
            starting = _start(config_dir, state_dir, linger_s)
        elif starting.poll() is not None:
            raise NoKeeperError(f"no keeper can live here: {last_logged(state_dir) or 'it ended at once'}")
        if time.monotonic() > give_up_at:
            raise NoKeeperError(f"the keeper does not answer; see {shown(state_dir / LOG)}")
        time.sleep(_LOOK_AGAIN_S)


def _is_outdated(found: socket.socket, state_dir: Path) -> bool:
    """Whether another version keeps, as after an upgrade; it is asked to end. Raises NoKeeperError."""
    keeper = peer_of(found)
    if keeper.uid != os.geteuid():
        raise NoKeeperError(f"{shown(state_dir)}: {login_name(keeper.uid)} listens there, not this account")
    if version_of_keeper(state_dir) == __version__:
        return False
    with suppress(ProcessLookupError):
        os.kill(keeper.pid, signal.SIGTERM)
    return True


def _start(config_dir: Path, state_dir: Path, linger_s: float) -> subprocess.Popen[bytes]:
    """A keeper in a session of its own: it outlives us, and the line.

    Its traceback, should there be one, is in the log. Raises NoKeeperError.
    """
    words = (str(config_dir), str(state_dir), str(linger_s))
    try:
        with (state_dir / LOG).open("ab") as log:
            return subprocess.Popen(  # noqa: S603  ourselves
                (sys.executable, "-m", "wgmon_tui.service.agent.keeper", *words),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                cwd="/",
                start_new_session=True,
            )
    except OSError as error:
        raise NoKeeperError(f"{shown(state_dir)}: {error.strerror}") from None
