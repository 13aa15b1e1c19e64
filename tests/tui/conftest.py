"""Fixtures of the TUI tests. They run in UTC and outside of a multiplexer, for reproducible screens."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.tui import app_costs
from tests.tui.sample_histories import bad_week
from wgmon_tui.store.history import History


@pytest.fixture(autouse=True, scope="session")
def _cheaper_apps() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        app_costs.install(patch)
        yield


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    for name in ("NO_COLOR", "TMUX", "STY"):
        monkeypatch.delenv(name, raising=False)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture(scope="session")
def past(tmp_path_factory: pytest.TempPathFactory) -> History:
    """A week of `fra1`. It is read only, so all tests share it."""
    return bad_week(tmp_path_factory.mktemp("past"))
