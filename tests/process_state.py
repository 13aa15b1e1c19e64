"""What all tests of a process share: one that changes it lets another fail, and only in some orders."""

from __future__ import annotations

import locale
import logging
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, fields
from typing import Any

from wgmon_tui import child_processes

_SIGNALS = (
    signal.SIGALRM,
    signal.SIGCHLD,
    signal.SIGCONT,
    signal.SIGHUP,
    signal.SIGPIPE,
    signal.SIGQUIT,
    signal.SIGTERM,
    signal.SIGTSTP,
    signal.SIGWINCH,
)
"""SIGINT is another matter: `restore_after_commands`."""

_OF_PYTEST = "PYTEST_CURRENT_TEST"

_hidden_variables = frozenset(child_processes._hidden_variables)


@dataclass(frozen=True, slots=True)
class ProcessState:
    """The state of this process and of the thread that runs the tests."""

    directory: str
    environment: Mapping[str, str]
    umask: int
    handlers: tuple[Any, ...]
    blocked_signals: frozenset[int]
    locale: str
    log_level: int
    logging_disabled: int
    network_namespace: int


def process_state() -> ProcessState:
    """The present state."""
    umask = os.umask(0o077)
    os.umask(umask)
    network = 0
    with suppress(OSError):  # only Linux has it
        network = os.stat("/proc/thread-self/ns/net").st_ino  # noqa: PTH116  a Path costs twice the time
    return ProcessState(
        directory=os.getcwd(),  # noqa: PTH109  the same
        environment={name: value for name, value in os.environ.items() if name != _OF_PYTEST},
        umask=umask,
        handlers=tuple(map(signal.getsignal, _SIGNALS)),
        blocked_signals=frozenset(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
        locale=locale.setlocale(locale.LC_ALL),
        log_level=logging.root.level,
        logging_disabled=logging.root.manager.disable,
        network_namespace=network,
    )


def changes(before: ProcessState, after: ProcessState) -> list[str]:
    """One line for each part that changed. Of variables, only the names: their values may be secrets."""
    lines: list[str] = []
    for each in fields(ProcessState):
        former, present = getattr(before, each.name), getattr(after, each.name)
        if former == present:
            continue
        if isinstance(former, Mapping):
            names = sorted({name for name, _ in former.items() ^ present.items()})
            lines.append(f"{each.name}: {', '.join(names)}")
        else:
            lines.append(f"{each.name}: {former} -> {present}")
    return lines


def restore_after_commands() -> None:
    """Undo what a command does for the rest of its process, and a test process outlives.

    Its end lets Ctrl+C kill the process, without pytest's report. It hides the variables with secrets from
    the children of later tests.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    child_processes._hidden_variables.intersection_update(_hidden_variables)
