"""Progress of a command: for a person at a terminal, and not in the output of scripts."""

from __future__ import annotations

import sys

import pytest

from wgmon_tui.cli.terminal import show_progress


@pytest.mark.parametrize(("is_terminal", "shown"), [(True, "wgmon-tui: waiting for fra1\n"), (False, "")])
def test_progress_is_shown_on_a_terminal_only(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, is_terminal: bool, shown: str
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal)
    show_progress("waiting for fra1")
    assert capsys.readouterr() == ("", shown)
