"""What the rounds of this room share."""

from __future__ import annotations

import pytest

from wgmon_tui.net import naive_port_check


@pytest.fixture(autouse=True)
def impatient_port_monitor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside a check a port monitor waits a second for nothing; how it judges is tested where it lives."""
    monkeypatch.setattr(naive_port_check, "_WAIT_S", 0.01)
