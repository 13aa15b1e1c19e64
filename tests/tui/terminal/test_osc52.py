from __future__ import annotations

import base64
from dataclasses import replace

import pytest

from tests.tui.app_harness import Face, face
from wgmon_tui.terminal import Multiplexer
from wgmon_tui.tui.terminal.osc52 import osc52, through, through_screen, through_tmux


def test_osc_52_carries_the_text_in_base64() -> None:
    head, _, payload = osc52("Grüße").rpartition(";")
    assert head == "\x1b]52;c"
    assert base64.b64decode(payload.removesuffix("\a")).decode() == "Grüße"


def test_for_tmux_the_sequence_is_wrapped_and_its_escapes_doubled() -> None:
    assert through_tmux("\x1b]52;c;eA==\a") == "\x1bPtmux;\x1b\x1b]52;c;eA==\a\x1b\\"


def written_by_copying(it: Face, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    written: list[str] = []
    monkeypatch.setattr(it.app._driver, "write", written.append)
    it.app.copy_to_clipboard("x")
    monkeypatch.undo()
    return written


@pytest.mark.parametrize("multiplexer", Multiplexer)
async def test_in_a_multiplexer_copying_writes_the_bare_and_the_wrapped_sequence(
    multiplexer: Multiplexer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with face() as it:
        it.app.terminal = replace(it.app.terminal, multiplexer=None)
        assert written_by_copying(it, monkeypatch) == [osc52("x")]
        it.app.terminal = replace(it.app.terminal, multiplexer=multiplexer)
        assert written_by_copying(it, monkeypatch) == [osc52("x"), through(multiplexer, osc52("x"))]


def test_for_gnu_screen_a_long_sequence_is_cut_into_parts() -> None:
    wrapped = through_screen("x" * 1000)
    parts = wrapped.removeprefix("\x1bP").removesuffix("\x1b\\").split("\x1b\\\x1bP")
    assert "".join(parts) == "x" * 1000
    assert max(map(len, parts)) <= 256
