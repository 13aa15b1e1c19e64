"""Keys from a terminal whose bytes are not all UTF-8."""

from __future__ import annotations

import os
import threading

import pytest
from textual.events import Key
from textual.message import Message

from wgmon_tui.tui.terminal import counting_driver
from wgmon_tui.tui.terminal.counting_driver import CountingDriver


class KeyReader(CountingDriver):
    """The driver without a terminal: reads keys from `fileno` and keeps the messages."""

    def __init__(self, fileno: int) -> None:
        self.fileno = fileno
        self.exit_event = threading.Event()
        self._debug = False
        self.messages: list[Message] = []

    def process_message(self, message: Message) -> None:
        self.messages.append(message)

    @property
    def characters(self) -> list[str | None]:
        return [message.character for message in self.messages if isinstance(message, Key)]


def keys_of(*writes: bytes) -> list[str | None]:
    """Read all writes. The end of the last one is that of the terminal, so that the thread ends too."""
    read_end, write_end = os.pipe()
    try:
        for data in writes:
            os.write(write_end, data)
        os.close(write_end)
        reader = KeyReader(read_end)
        reader.run_input_thread()
        return reader.characters
    finally:
        os.close(read_end)


def test_a_byte_that_is_no_utf_8_is_one_unknown_key() -> None:
    assert keys_of(b"a\xe4b") == ["a", "\ufffd", "b"]


def test_the_end_of_the_terminal_ends_the_thread() -> None:
    assert keys_of("ü".encode()[:1]) == []


def test_a_character_may_come_in_two_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting_driver, "_MAX_READ", 1)
    assert keys_of("aüb".encode()) == ["a", "ü", "b"]
