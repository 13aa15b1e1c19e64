from __future__ import annotations

import base64

import pytest

from tests.tui.app_harness import Face, face
from wgmon_tui.tui.terminal.osc52 import osc52, through_tmux


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


async def test_copying_writes_the_bare_sequence_and_under_tmux_the_wrapped_one_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with face() as it:
        monkeypatch.setenv("TMUX", "")
        assert written_by_copying(it, monkeypatch) == [osc52("x")]
        monkeypatch.setenv("TMUX", "/tmp/tmux-0/default,1,0")
        assert written_by_copying(it, monkeypatch) == [osc52("x"), through_tmux(osc52("x"))]
