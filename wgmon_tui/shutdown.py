"""How this process ends: by a stop signal, after an internal fault, or when its command is done.

A signal handler never raises an exception here: `importlib` and finalizers drop one, and the signal would be
lost. The handler ends the process itself, or asks the running event loop to stop. A process that a signal
ends dies of that signal, as shells expect, unless its command has another exit code for it.

Without `installed`, as in a program that uses the library, none of this changes a signal.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager, suppress
from math import inf
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from wgmon_tui.exit_codes import ExitCode, exit_code_of_signal

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

STOP_SIGNALS = tuple(
    getattr(signal, name)
    for name in (
        *("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"),
        *("SIGALRM", "SIGVTALRM", "SIGPROF", "SIGXCPU"),
    )
    if hasattr(signal, name)
)
"""Signals that end a process by default and that it can catch."""

STOP_TIMEOUT_S = 10.0
"""After this time, a stop does not wait any longer for the command to end in order."""

_SAME_STOP_S = 1.0
"""A second stop signal within this time repeats the first: a terminal and a supervisor may both send one."""

_MAIN_THREAD_S = 1.0
"""Time in which the main thread handles a signal, unless it waits in native code or gets no processor."""

T = TypeVar("T")


class StoppedBySignalError(BaseException):
    """The command was stopped by a signal, and its `finally` blocks run. Never raised in a handler."""


class Shutdown:
    """The end of this process. There is one instance, `shutdown`."""

    def __init__(self) -> None:
        self._deferral_lock = threading.Lock()
        self._at_end: list[Callable[[], object]] = []
        self._undo: list[Callable[[], object]] = []
        self._reset()

    def _reset(self) -> None:
        self._installed = False
        self._has_command = False
        self._exit_codes: Mapping[int, int] = {}
        self._callbacks: dict[int, Callable[[], None]] = {}
        self._early: list[int] = []
        """Signals that arrived before the command was known."""
        self._received: int | None = None
        self._received_at = 0.0
        self._fault: BaseException | None = None
        self._loop: AbstractEventLoop | None = None
        self._stop: Callable[[], object] | None = None
        self._deferrals = 0
        self._is_ending = False
        self._timeout_s = STOP_TIMEOUT_S
        self._deadline = inf
        self.report_fault: Callable[[BaseException], object] = lambda _fault: None
        """Reports a fault whose command does not end in order."""

    @property
    def stop_signal(self) -> int | None:
        """The signal that stops this process."""
        return self._received

    @property
    def is_running(self) -> bool:
        """Whether `run` is running, so that `fail` takes effect."""
        return self._loop is not None

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Handle stop signals in this block. Signals that were ignored at the start stay ignored (nohup)."""
        if threading.current_thread() is not threading.main_thread() or self._installed:
            yield
            return
        earlier = {number: signal.getsignal(number) for number in STOP_SIGNALS}
        self._installed = True
        for number, handler in earlier.items():
            if handler is not signal.SIG_IGN:
                signal.signal(number, self._on_signal)
        try:
            yield
        finally:
            self._restore(earlier)

    def _restore(self, earlier: Mapping[int, Any]) -> None:
        """Restore the handlers; a signal after the end of the command kills, without a KeyboardInterrupt."""
        if self._deadline != inf:
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in earlier.items():
            with suppress(TypeError):  # a handler that was not installed from Python
                signal.signal(number, signal.SIG_DFL if handler is signal.default_int_handler else handler)
        self._reset()

    def begin_command(
        self,
        exit_codes: Mapping[int, int] | None = None,
        reload_signals: tuple[int, ...] = (),
        timeout_s: float = STOP_TIMEOUT_S,
    ) -> None:
        """From now on, a signal may end the process at once. One that has arrived before takes effect now.

        exit_codes: the exit code of the command where it does not die of the signal.
        reload_signals: signals that do not stop this command.
        timeout_s: how long the command may take to end in order.
        """
        self._timeout_s = timeout_s
        self._exit_codes = exit_codes or {}
        self._callbacks = dict.fromkeys(reload_signals, lambda: None)
        self._has_command = True
        if self._installed:
            for number in (*self._exit_codes, *self._callbacks):
                signal.signal(number, self._on_signal)
        stops = [number for number in self._early if number not in self._callbacks]
        if stops:
            self._received = stops[0]
            self.end()

    def _on_signal(self, number: int, _frame: object) -> None:
        if not self._has_command:
            self._note_early(number)
            return
        if number in self._callbacks:
            self._call_in_loop(self._callbacks[number])
            return
        if self._is_ending:
            self.end()
        now = time.monotonic()
        if number == signal.SIGALRM and now >= self._deadline:
            self._give_up()
        if self._received is None:
            self._received, self._received_at = number, now
        elif now - self._received_at < _SAME_STOP_S:
            return
        else:
            self.end()
        if self._loop is not None:
            self._request_stop()
        elif not self._deferrals:
            self.end()

    def _note_early(self, number: int) -> None:
        """Note a signal for `begin_command`. A later one ends a start that takes too long."""
        now = time.monotonic()
        if self._early and now - self._received_at >= _SAME_STOP_S:
            self._received = number
            self.end()
        self._early.append(number)
        self._received_at = self._received_at or now

    def fail(self, fault: BaseException) -> None:
        """Stop because of an internal fault. Any thread may call it. `run` raises the fault again."""
        if self._fault is None:
            self._fault = fault
            self._request_stop()

    def _request_stop(self) -> None:
        """Ask the event loop to stop. If it does not, SIGALRM ends the process."""
        if self._stop is not None:
            self._call_in_loop(self._stop)
            if self._installed:
                self._deadline = time.monotonic() + self._timeout_s
                signal.setitimer(signal.ITIMER_REAL, self._timeout_s)

    def _give_up(self) -> NoReturn:
        """End a command that does not end in order."""
        if self._received is not None:
            self.end()
        if self._fault is not None:
            self.report_fault(self._fault)
        self.undo_all()
        os._exit(ExitCode.INTERNAL_FAULT)

    def _call_in_loop(self, callback: Callable[[], object]) -> None:
        loop = self._loop
        if loop is not None:
            with suppress(RuntimeError):  # the loop has just been closed
                loop.call_soon_threadsafe(callback)

    def stop_with(self, stop: Callable[[], object]) -> None:
        """Call `stop` in the event loop for a stop signal or a fault, instead of cancelling the main task."""
        if self._loop is not None:
            self._stop = stop
            if self._received is not None or self._fault is not None:
                self._request_stop()

    def reload_with(self, number: int, callback: Callable[[], None]) -> None:
        """Call `callback` in the event loop for each of these signals."""
        self._callbacks[number] = callback

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        """Run like `asyncio.run`. A stop signal or a fault cancels `main`, whose `finally` blocks then run.

        Raises StoppedBySignalError, and the exception of a fault in another task or thread.
        """
        import asyncio

        try:
            with asyncio.Runner() as runner:
                if self._installed:
                    _silence_asyncio_log()
                    runner.get_loop().set_exception_handler(self._on_loop_fault)
                done = runner.run(self._attach(main))
        except asyncio.CancelledError:
            if self._received is not None:
                raise StoppedBySignalError from None
            if self._fault is not None:
                raise self._fault from None
            raise
        if self._fault is not None and self._received is None:
            raise self._fault
        return done

    async def _attach(self, main: Coroutine[Any, Any, T]) -> T:
        import asyncio

        if not self._installed:
            return await main
        task = asyncio.current_task()
        if task is not None:
            self._stop, self._loop = task.cancel, asyncio.get_running_loop()
            if self._received is not None:
                task.cancel()
        try:
            return await main
        finally:
            self._stop = self._loop = None
            if self._received is not None or self._fault is not None:
                _call_all(self._at_end)  # threads that wait for a child return

    def _on_loop_fault(self, _loop: object, context: dict[str, Any]) -> None:
        """Stop for an exception that nobody awaits.

        An error of a socket, as after too many open files, is not a fault: asyncio tries again.
        """
        fault = context.get("exception")
        is_socket_error = isinstance(fault, OSError) and not context.keys() & {"task", "future", "handle"}
        if fault is not None and not is_socket_error:
            self.fail(fault)

    @contextmanager
    def undone_if_killed(self, undo: Callable[[], object]) -> Iterator[None]:
        """Call `undo` if a signal ends the process within this block and no `finally` runs."""
        self._undo.append(undo)
        try:
            yield
        finally:
            self._undo.remove(undo)

    def undo_at_end(self, undo: Callable[[], object]) -> None:
        """Call `undo` whenever a signal or a fault ends the process."""
        self._at_end.append(undo)

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Let a first stop signal wait for the end of this short block: files that belong together."""
        with self._deferral_lock:
            self._deferrals += 1
        try:
            yield
        finally:
            with self._deferral_lock:
                self._deferrals -= 1
            if self._received is not None and not self._deferrals and self._loop is None:
                self._end_in_main_thread()

    def _end_in_main_thread(self) -> NoReturn:
        """End from any thread, preferably in the main thread: Python lets no other set a signal's action."""
        if threading.current_thread() is not threading.main_thread():
            self._is_ending = True
            os.kill(os.getpid(), self._received or signal.SIGTERM)
            time.sleep(_MAIN_THREAD_S)
        self.end()

    def undo_all(self) -> None:
        """Remove what is unfinished."""
        _call_all(self._undo)
        _call_all(self._at_end)

    def end(self) -> NoReturn:
        """Remove what is unfinished, and die of the signal, or exit with the command's code for it."""
        number = self._received or signal.SIGTERM
        self.undo_all()
        code = self._exit_codes.get(number)
        if code is None:
            _die_of(number)
        os._exit(exit_code_of_signal(number) if code is None else code)


def _call_all(callbacks: list[Callable[[], object]]) -> None:
    for callback in reversed(callbacks):
        with suppress(Exception):
            callback()


def _die_of(number: int) -> None:
    """Die of a signal. Returns as process 1 of a container, which the default action does not end."""
    import resource

    # SIGQUIT would dump memory, and the keys in it.
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    if threading.current_thread() is threading.main_thread():
        signal.signal(number, signal.SIG_DFL)
    else:
        with suppress(Exception):  # then the caller exits with the code of the signal
            _set_default_action_in_libc(number)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (number,))
    # A signal to the process has no effect while an earlier one waits for the main thread to get a processor.
    signal.pthread_kill(threading.get_ident(), number)


def _set_default_action_in_libc(number: int) -> None:
    """Like `signal.signal`, which works in the main thread only, and that one waits in native code."""
    import ctypes

    ctypes.CDLL(None).signal(number, None)


def _silence_asyncio_log() -> None:
    """Keep asyncio's log records, which may have a traceback, off the terminal."""
    import logging

    if not logging.getLogger().handlers:
        logging.getLogger().addHandler(logging.NullHandler())


shutdown = Shutdown()
"""The end of this process."""
