"""Fixtures of the alert tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.alerts.certificates import Certificates
from tests.alerts.dispatcher_harness import PATIENCE_S, ScriptedSinks
from tests.alerts.outbox_harness import OutboxHarness, all_to
from wgmon_tui.alerts import dispatcher as dispatching


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[OutboxHarness]:
    """One sink that gets all incidents of servers that are down."""
    harness = OutboxHarness(tmp_path, all_to("pager"))
    yield harness
    harness.close()


@pytest.fixture
def patient_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the last messages leave, however busy the machine is."""
    monkeypatch.setattr(dispatching, "_SHUTDOWN_TIMEOUT_S", PATIENCE_S)


@pytest.fixture
def sinks() -> ScriptedSinks:
    return ScriptedSinks()
