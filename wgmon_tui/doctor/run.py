"""The run of `wgmon-tui doctor`: all checks in order, from files to terminal.

Sends packets only to loopback. The vantage commands of the operator may connect elsewhere.
"""

from __future__ import annotations

import resource
import time
from pathlib import Path

from wgmon_tui.child_processes import OutputLimitError, run
from wgmon_tui.config.secrets.keyring import open_keyring
from wgmon_tui.doctor import files, machine
from wgmon_tui.doctor.budgets import check_budgets
from wgmon_tui.doctor.models import ExaminedItem, exit_code, format_item, json_line
from wgmon_tui.doctor.network import check_network
from wgmon_tui.doctor.prober import check_prober
from wgmon_tui.doctor.terminal import check_clipboard, check_terminal
from wgmon_tui.doctor.vantages import vantages
from wgmon_tui.shutdown import shutdown
from wgmon_tui.terminal import Multiplexer, Terminal

_RMEM_MAX = Path("/proc/sys/net/core/rmem_max")
_PROGRAM_TIMEOUT_S = 5.0
_MAX_PROGRAM_BYTES = 1 << 16


def run_doctor(config_dir: Path, state_dir: Path, terminal: Terminal, ascii_only: bool, as_json: bool) -> int:
    """Run all checks and print the findings. Returns the exit code.

    Blocks while commands that print secrets run.
    """
    items = examine(config_dir, state_dir, terminal)
    for item in items:
        print(json_line(item) if as_json else format_item(item, ascii_only))
    return exit_code(items)


def examine(config_dir: Path, state_dir: Path, terminal: Terminal) -> list[ExaminedItem]:
    """Run all checks of this machine, and of the terminal of this process."""
    clock_offset = time.time() - time.monotonic()
    fleet, servers_items = files.check_servers_file(config_dir)
    keyring = open_keyring(fleet, config_dir)
    identities = {name: key.public for name, key in keyring.private_keys.items()}
    return [
        *machine.check_software(),
        *servers_items,
        *files.check_permissions(config_dir),
        *files.check_secrets(keyring, config_dir),
        files.check_core_dumps(),
        *files.check_data_path(fleet),
        files.check_state_directory(state_dir),
        *files.check_held_timestamps(state_dir, identities),
        *files.check_timestamps(state_dir, identities, time.time_ns()),
        shutdown.run(check_prober(state_dir)),
        *shutdown.run(check_budgets(state_dir)),
        *shutdown.run(check_network(fleet)),
        *vantages(config_dir),
        machine.check_clock(time.time()),
        machine.check_clock_steps(clock_offset, time.time() - time.monotonic()),
        *machine.check_ntp(_command_output("timedatectl", "show")),
        machine.check_open_files(resource.getrlimit(resource.RLIMIT_NOFILE)[0], fleet),
        *machine.check_receive_buffer(_rmem_max(), fleet),
        *check_terminal(terminal),
        *_clipboard(terminal),
    ]


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
