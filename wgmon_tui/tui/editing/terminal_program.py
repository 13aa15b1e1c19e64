"""A program that gets the terminal until it ends, such as an editor.

It has a process group of its own, as a shell gives each job one. So everything that it starts can be killed
with it. For that, this module does what a shell does: it passes the terminal on, and stops on ctrl+z.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress

from wgmon_tui.child_processes import child_environment, kill_session, track_session
from wgmon_tui.tui.context import AppContext

_TERMINAL = 0
"""Standard input, which is the terminal."""

_LONGEST_ANSWER = 1024


async def run_in_terminal(words: Sequence[str]) -> int:
    """Run a program until it exits, and return its exit code. Call it while nothing is drawn.

    The program and its children are killed if this task is cancelled, and when this process ends. Raises
    OSError or ValueError if the program cannot be started.
    """
    process = subprocess.Popen(words, env=child_environment(), process_group=0)  # noqa: S603, ASYNC220  the operator's editor
    group = process.pid
    track_session(group)
    try:
        _resume(group)
        while True:
            _, status = await asyncio.to_thread(os.waitpid, group, os.WUNTRACED)
            if not os.WIFSTOPPED(status):
                process.returncode = os.waitstatus_to_exitcode(status)
                return process.returncode
            _stop_this_process()
            _resume(group)
    finally:
        kill_session(group)
        _give_terminal(os.getpgrp())
        if process.returncode is None:
            process.returncode = -signal.SIGKILL  # the thread of `waitpid` reaps it


@contextmanager
def suspend_terminal(app: AppContext) -> Iterator[None]:
    """Stop drawing, and keep ctrl+c in the program from ending this process."""
    with ExitStack() as stack:
        stack.enter_context(app.batch_update())
        # An empty handler instead of SIG_IGN, which the program would inherit.
        before = signal.signal(signal.SIGINT, lambda *_: None)
        stack.callback(signal.signal, signal.SIGINT, before)
        stack.enter_context(app.suspend())
        yield


async def wait_for_enter(prompt: str) -> None:
    """Print a line, and return when enter is pressed. Call it while nothing is drawn."""
    if not os.isatty(_TERMINAL):
        return
    print(f"\n{prompt}", end=" ", flush=True)
    loop = asyncio.get_running_loop()
    pressed = asyncio.Event()
    loop.add_reader(_TERMINAL, pressed.set)
    try:
        await pressed.wait()
        os.read(_TERMINAL, _LONGEST_ANSWER)  # the line that was typed
    finally:
        loop.remove_reader(_TERMINAL)


def _resume(group: int) -> None:
    """Give the terminal to a group. It may have stopped because it read too early."""
    _give_terminal(group)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGCONT)


def _stop_this_process() -> None:
    """Stop like the program that got ctrl+z, so that the shell gets the terminal; returns on `fg`.

    Without a shell that could continue this process, the kernel ignores the signal.
    """
    _give_terminal(os.getpgrp())
    with _handled_by(signal.SIG_DFL, signal.SIGTSTP, signal.SIGCONT):
        os.killpg(os.getpgrp(), signal.SIGTSTP)


def _give_terminal(group: int) -> None:
    # A process in the background would be stopped for it.
    with _handled_by(signal.SIG_IGN, signal.SIGTTOU), suppress(OSError):
        os.tcsetpgrp(_TERMINAL, group)


@contextmanager
def _handled_by(handler: signal.Handlers, *numbers: signal.Signals) -> Iterator[None]:
    before = [(number, signal.signal(number, handler)) for number in numbers]
    try:
        yield
    finally:
        for number, each in before:
            signal.signal(number, each)
