"""The examination: everything in order, from the files to the terminal.

Sends packets to loopback only; the commands of vantages, which the operator wrote, go where they say.
"""

from __future__ import annotations

import asyncio
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

from wgmon_tui.doctor import files, machine, terminal
from wgmon_tui.doctor.items import Item, exit_code, json_line, line
from wgmon_tui.doctor.network import network
from wgmon_tui.doctor.vantages import vantages
from wgmon_tui.fleet.secrets import open_keyring

_RMEM_MAX = Path("/proc/sys/net/core/rmem_max")
_PROGRAM_S = 5.0


def doctor(config_dir: Path, state_dir: Path, ascii_only: bool, as_json: bool) -> int:
    """Examine our own side and print what was found; gives the exit code.

    Blocks for as long as commands that give secrets take.
    """
    items = examine(config_dir, state_dir)
    for item in items:
        print(json_line(item) if as_json else line(item, ascii_only))
    return exit_code(items)


def examine(config_dir: Path, state_dir: Path) -> list[Item]:
    """Look at everything that is ours."""
    distance = time.time() - time.monotonic()
    fleet, servers_item = files.servers_file(config_dir)
    keyring = open_keyring(fleet, config_dir)
    identities = {name: key.public for name, key in keyring.private_keys.items()}
    return [
        *machine.software(),
        servers_item,
        *files.permissions(config_dir),
        *files.secrets(keyring, config_dir),
        *files.data_path(fleet),
        files.state_directory(state_dir),
        *files.stamps(state_dir, identities, time.time_ns()),
        *asyncio.run(network(fleet)),
        *vantages(config_dir),
        machine.clock(time.time()),
        machine.steadiness(distance, time.time() - time.monotonic()),
        *machine.synchronised(_printed("timedatectl", "show")),
        machine.open_files(resource.getrlimit(resource.RLIMIT_NOFILE)[0], fleet),
        *machine.receive_buffer(_rmem_max(), fleet),
        terminal.encoding(sys.stdout.encoding or ""),
        *terminal.terminal(os.environ, _terminal_size()),
        *_clipboard(),
    ]


def _clipboard() -> list[Item]:
    if not os.environ.get("TMUX"):
        return []
    return terminal.clipboard(
        _printed("tmux", "show", "-gv", "set-clipboard"), _printed("tmux", "show", "-gv", "allow-passthrough")
    )


def _terminal_size() -> tuple[int, int] | None:
    if not sys.stdout.isatty():
        return None
    try:
        size = os.get_terminal_size(sys.stdout.fileno())
    except OSError:
        return None
    return size.columns, size.lines


def _rmem_max() -> int | None:
    try:
        return int(_RMEM_MAX.read_text())
    except (OSError, ValueError):
        # Not Linux, or a container that hides it.
        return None


def _printed(*words: str) -> str | None:
    """What a program says; None where it is not there, or fails."""
    try:
        done = subprocess.run(  # noqa: S603  named here, and without a shell
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            errors="replace",
            timeout=_PROGRAM_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
