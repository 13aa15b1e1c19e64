"""Terminal driver that counts written bytes and survives signals and a lost terminal."""

from __future__ import annotations

import io
import os
import selectors
import signal
import sys
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, TextIO

from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

from wgmon_tui.exit_codes import OutputError

CURSOR_POSITION_QUERY = "\x1b[6n"
"""Sent after the first full paint. The answer arrives when the terminal has received all of that paint."""

SLOW_LINK_S = 0.5
"""A paint with its answer that takes longer than this, in seconds, is noticeable with every key."""

_TICK_S = 0.1
_MAX_READ = 4096


class _TerminalOutput(io.TextIOBase):
    """The terminal for Textual's writer thread. After an error it takes and drops everything.

    If that thread died instead, the event loop would wait for it forever.
    """

    def __init__(self, terminal: TextIO, on_error: Callable[[OSError], None]) -> None:
        self._terminal = terminal
        self._on_error = on_error
        self._is_lost = False

    def write(self, text: str) -> int:
        """Write unless the terminal is lost."""
        self._attempt(lambda: self._terminal.write(text))
        return len(text)

    def flush(self) -> None:
        """Flush unless the terminal is lost."""
        self._attempt(self._terminal.flush)

    def fileno(self) -> int:
        """The descriptor of the terminal."""
        return self._terminal.fileno()

    def _attempt(self, action: Callable[[], object]) -> None:
        if not self._is_lost:
            try:
                action()
            except OSError as error:
                self._is_lost = True
                self._on_error(error)


class CountingDriver(LinuxDriver):
    """Textual's terminal driver with a count of the bytes written.

    It draws on standard output, which is the terminal; Textual draws on standard error, which may be a file.
    Bytes that the terminal's encoding does not have become a replacement character, in both directions.

    Textual writes to the terminal inside its handlers of SIGTSTP and SIGCONT. There, its own queue may be
    locked by the code that the signal interrupted. So this driver suspends and resumes in the event loop.
    """

    bytes_written = 0
    _has_mouse: bool | None = None
    _is_active = False
    _is_stop_wanted = False

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        output: TextIO = self._file
        if sys.__stdout__ is not None:
            output = open(  # noqa: SIM115  for the life of the process
                1, "w", encoding=sys.__stdout__.encoding, errors="replace", closefd=False
            )
        self._file: TextIO = _TerminalOutput(output, self._on_lost_terminal)  # type: ignore[assignment]

    def start_application_mode(self) -> None:
        """Take the terminal."""
        super().start_application_mode()  # type: ignore[no-untyped-call]
        self._is_active = self._writer_thread is not None

    def stop_application_mode(self) -> None:
        """Return the terminal."""
        self._is_active = False
        super().stop_application_mode()

    def _sigtstp_application(self, *_: object) -> None:
        self._is_stop_wanted = True
        if not (self._is_active and self._call_in_loop(self._suspend)):
            os.kill(os.getpid(), signal.SIGSTOP)

    def _suspend(self) -> None:
        if self._is_active and self._is_stop_wanted:
            self.suspend_application_mode()
            self._must_signal_resume = True
            if self._is_stop_wanted:
                os.kill(os.getpid(), signal.SIGSTOP)

    def _sigcont_application(self, *_: object) -> None:
        self._is_stop_wanted = False  # it may arrive before this process has stopped
        self._call_in_loop(self._resume)

    def _resume(self) -> None:
        """Take the terminal again. A shell that stopped this process with SIGSTOP has changed its modes."""
        if self._is_active:
            self.suspend_application_mode()
            self._must_signal_resume = True  # the app draws everything again
            super()._sigcont_application()
        elif self._must_signal_resume:
            super()._sigcont_application()

    def _call_in_loop(self, callback: Callable[[], None]) -> bool:
        with suppress(RuntimeError):  # the loop is closed: the app has ended
            self._loop.call_soon_threadsafe(callback)
            return True
        return False

    def _run_input_thread(self) -> None:
        try:
            self.run_input_thread()
        except OSError as error:
            self._on_lost_terminal(error)
        except Exception as fault:  # noqa: BLE001  it ends the app
            self._app.call_later(self._app._handle_exception, fault)  # noqa: SLF001  the only way in

    def _on_lost_terminal(self, error: OSError) -> None:
        lost = OutputError(error.errno, error.strerror, "the terminal")
        self._app.call_later(self._app._handle_exception, lost)  # noqa: SLF001  the only way in

    def write(self, data: str) -> None:
        """Write and count. Text that is not ASCII is encoded to count its bytes."""
        self.bytes_written += len(data) if data.isascii() else len(data.encode(errors="replace"))
        super().write(data)

    def use_mouse(self, enabled: bool) -> None:
        """Turn mouse reports, one per cell moved, on or off; with --no-mouse never on."""
        if self._has_mouse is None:
            self._has_mouse = self._mouse
        if enabled and self._has_mouse:
            self._mouse = True
            self._enable_mouse_support()
        elif self._mouse:
            self._disable_mouse_support()
            self._mouse = False

    def run_input_thread(self) -> None:
        """Read keys until the app ends or the terminal is closed.

        Textual decodes strictly, so that one byte that is no UTF-8 ends the app.
        """
        parser = XTermParser(self._debug)
        decode = getincrementaldecoder(sys.__stdin__.encoding if sys.__stdin__ else "utf-8")("replace").decode
        with selectors.SelectSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                if selector.select(_TICK_S):
                    read = os.read(self.fileno, _MAX_READ)
                    if not read:
                        return
                    if text := decode(read):  # nothing after the first half of a character
                        self._process(parser.feed(text))
                self._process(parser.tick())

    def _process(self, messages: Iterable[Message]) -> None:
        for message in messages:
            self.process_message(message)
