"""Fixtures of the TUI tests. They run in UTC, for reproducible screens."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator

import pytest

from tests.tui import app_costs
from tests.tui.sample_histories import bad_week
from wgmon_tui.store import database
from wgmon_tui.store.history import History


@pytest.fixture(autouse=True, scope="session")
def _cheaper_apps() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        app_costs.install(patch)
        yield


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture(autouse=True)
def _every_store_is_closed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail the test that leaves a store open. Python 3.13 reports it only in some later test."""
    opened: list[sqlite3.Connection] = []
    connect = database._connect

    def note(target: str, role: database.Role, patience_s: float | None = None) -> sqlite3.Connection:
        opened.append(connect(target, role, patience_s))
        return opened[-1]

    monkeypatch.setattr(database, "_connect", note)
    yield
    if "past" not in request.fixturenames:
        assert not [each for each in opened if _is_open(each)], "this test leaves a store open"


def _is_open(connection: sqlite3.Connection) -> bool:
    try:
        return connection.total_changes >= 0
    except sqlite3.ProgrammingError:
        return False


@pytest.fixture(scope="session")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[History]:
    """A week of `fra1`. It is read only, so all tests share it."""
    with bad_week(tmp_path_factory.mktemp("past")) as history:
        yield history
