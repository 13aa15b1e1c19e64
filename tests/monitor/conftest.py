"""Fixtures for all tests of the monitor."""

from __future__ import annotations

import pytest

from wgmon_tui.net import naive_port_check


@pytest.fixture(autouse=True)
def impatient_port_monitor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the naive port check, which waits a second for nothing. Its result is tested elsewhere."""
    monkeypatch.setattr(naive_port_check, "_WAIT_S", 0.01)
