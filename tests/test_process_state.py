from __future__ import annotations

import locale
import logging
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.process_state import changes, process_state, restore_after_commands
from wgmon_tui.child_processes import child_environment, hide_variables

Undo = Callable[[], object]


def _chdir() -> Undo:
    before = Path.cwd()
    os.chdir("/")
    return lambda: os.chdir(before)


def _setenv() -> Undo:
    os.environ["WG_KEY_OF_A_TEST"] = "a secret"
    return lambda: os.environ.pop("WG_KEY_OF_A_TEST")


def _umask() -> Undo:
    before = os.umask(0o007)
    return lambda: os.umask(before)


def _handle() -> Undo:
    before = signal.signal(signal.SIGWINCH, lambda *_: None)
    return lambda: signal.signal(signal.SIGWINCH, before)


def _block() -> Undo:
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    return lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGUSR1])


def _translate() -> Undo:
    before = locale.setlocale(locale.LC_TIME)
    other = "C" if before != "C" else "C.UTF-8"
    locale.setlocale(locale.LC_TIME, other)
    return lambda: locale.setlocale(locale.LC_TIME, before)


def _log_more() -> Undo:
    before = logging.root.level
    logging.root.setLevel(1)
    return lambda: logging.root.setLevel(before)


def _log_nothing() -> Undo:
    logging.disable()
    return lambda: logging.disable(logging.NOTSET)


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (_chdir, "directory"),
        (_setenv, "environment: WG_KEY_OF_A_TEST"),
        (_umask, "umask"),
        (_handle, "handlers"),
        (_block, "blocked_signals"),
        (_translate, "locale"),
        (_log_more, "log_level"),
        (_log_nothing, "logging_disabled"),
    ],
)
def test_what_a_test_leaves_changed_is_named(change: Callable[[], Undo], part: str) -> None:
    before = process_state()
    undo = change()
    try:
        [line] = changes(before, process_state())
    finally:
        undo()
    assert line.startswith(part)
    assert "secret" not in line
    assert changes(before, process_state()) == []


def test_no_test_hides_a_variable_from_the_children_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WG_KEY_OF_A_TEST", "a secret")
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/notify")
    hide_variables(["WG_KEY_OF_A_TEST"])
    restore_after_commands()
    assert "WG_KEY_OF_A_TEST" in child_environment()
    assert "NOTIFY_SOCKET" not in child_environment()
