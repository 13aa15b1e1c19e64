"""The run of `wgmon-tui doctor`: all checks in order, from files to terminal.

Sends packets only to loopback. The vantage commands of the operator may connect elsewhere.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from wgmon_tui.child_processes import OutputLimitError, run
from wgmon_tui.config.secrets.keyring import open_keyring
from wgmon_tui.config.servers_file import NAME
from wgmon_tui.doctor import files, machine
from wgmon_tui.doctor.budgets import check_budgets
from wgmon_tui.doctor.models import ExaminedItem, ItemStatus
from wgmon_tui.doctor.network import check_network
from wgmon_tui.doctor.prober import check_prober
from wgmon_tui.doctor.terminal import check_clipboard, check_terminal
from wgmon_tui.doctor.vantages import vantages
from wgmon_tui.shutdown import shutdown
from wgmon_tui.terminal import Multiplexer, Terminal

_RMEM_MAX = Path("/proc/sys/net/core/rmem_max")
_PROGRAM_TIMEOUT_S = 5.0
_MAX_PROGRAM_BYTES = 1 << 16

_FROM_SERVERS_TOML = ("secrets", "timestamps", "open files", "receive buffer")
_NOT_EXAMINED = f"not examined: {NAME} is invalid"


def examine(
    config_dir: Path, state_dir: Path, terminal: Terminal, on_step: Callable[[str], None] = lambda _: None
) -> Iterator[ExaminedItem]:
    """Examine this machine, and the terminal of this process. Yields each finding as it is made.

    Blocks while commands that print secrets run. `on_step` gets what is examined next.
    """
    is_invalid = False
    for item in _examine(config_dir, state_dir, terminal, on_step):
        is_invalid = is_invalid or (item.subject == NAME and item.status is ItemStatus.FIX)
        is_empty = is_invalid and item.subject in _FROM_SERVERS_TOML and item.status is ItemStatus.FINE
        yield ExaminedItem(item.subject, ItemStatus.LOOK, _NOT_EXAMINED) if is_empty else item


def _examine(
    config_dir: Path, state_dir: Path, terminal: Terminal, on_step: Callable[[str], None]
) -> Iterator[ExaminedItem]:
    clock_offset = time.time() - time.monotonic()
    on_step("reading servers.toml and the secrets")
    fleet, servers_items = files.check_servers_file(config_dir)
    keyring = open_keyring(fleet, config_dir)
    identities = {name: key.public for name, key in keyring.private_keys.items()}
    yield from machine.check_software()
    yield from servers_items
    yield from files.check_permissions(config_dir)
    yield from files.check_secrets(keyring, config_dir)
    yield files.check_core_dumps()
    yield from files.check_data_path(fleet)
    yield files.check_state_directory(state_dir)
    yield from files.check_held_timestamps(state_dir, identities)
    yield from files.check_timestamps(state_dir, identities, time.time_ns())
    on_step("testing the sockets")
    yield shutdown.run(check_prober(state_dir))
    yield from shutdown.run(check_budgets(state_dir))
    on_step("testing routes, names and the firewall")
    yield from shutdown.run(check_network(fleet))
    on_step("connecting to the vantages")
    yield from vantages(config_dir)
    on_step("reading the clock and the limits")
    yield machine.check_clock(time.time())
    yield machine.check_clock_steps(clock_offset, time.time() - time.monotonic())
    yield from machine.check_ntp(_command_output("timedatectl", "show"))
    yield machine.check_open_files(resource.getrlimit(resource.RLIMIT_NOFILE)[0], fleet)
    yield from machine.check_receive_buffer(_rmem_max(), fleet)
    yield from check_terminal(terminal)
    yield from _clipboard(terminal)


def _clipboard(terminal: Terminal) -> list[ExaminedItem]:
    if terminal.multiplexer is not Multiplexer.TMUX:
        return []
    return check_clipboard(
        _command_output("tmux", "show", "-gv", "set-clipboard"),
        _command_output("tmux", "show", "-gv", "allow-passthrough"),
    )


def _rmem_max() -> int | None:
    try:
        return int(_RMEM_MAX.read_text())
    except (OSError, ValueError):
        # Not Linux, or a container that hides it.
        return None


def _command_output(*command: str) -> str | None:
    """The output of a program; None if it is missing or fails."""
    try:
        completed = run(command, timeout_s=_PROGRAM_TIMEOUT_S, max_bytes=_MAX_PROGRAM_BYTES)
    except (OSError, OutputLimitError):
        return None
    return completed.output.decode(errors="replace").strip() if completed.code == 0 else None
