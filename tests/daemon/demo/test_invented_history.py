"""Tests of the demo's invented history: it looks as if checks had written it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon.harness import quick_server
from wgmon_tui.checks.verdict import Severity
from wgmon_tui.config.models import Server
from wgmon_tui.daemon.demo.invented_history import EPISODES, invent_present, invent_rollups
from wgmon_tui.lab.demo_fleet import DEMO_SERVERS
from wgmon_tui.lab.models import LabMode
from wgmon_tui.store.history import History
from wgmon_tui.store.maintenance.rollups import DAY_S, HOUR_S
from wgmon_tui.store.store_version import STORE

NOW = 1_780_000_000.0
SERVERS = tuple(quick_server(character.name) for character in DEMO_SERVERS)
STAY_BROKEN = {
    character.name for character in DEMO_SERVERS if character.behaviour.mode is not LabMode.HEALTHY
}


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[History]:
    with invented(tmp_path_factory.mktemp("state"), SERVERS) as opened:
        yield opened


def invented(state_dir: Path, servers: tuple[Server, ...]) -> History:
    invent_present(state_dir, servers, NOW)
    invent_rollups(state_dir, servers, NOW)
    return History(state_dir / STORE, clock=lambda: NOW)


def test_every_episode_is_of_a_server_of_the_demo() -> None:
    assert {each.server for each in EPISODES} - {"*"} <= {character.name for character in DEMO_SERVERS}


def test_what_is_broken_now_is_what_the_lab_keeps_broken(history: History) -> None:
    down = {name for name, known in history.current().items() if known.state.severity is Severity.DOWN}
    assert down == STAY_BROKEN
    assert {each.server for each in history.incidents(open_only=True)} == STAY_BROKEN


@pytest.mark.parametrize("days", [1, 7, 30])
def test_the_time_of_every_window_is_accounted_for(history: History, days: int) -> None:
    for server in SERVERS:
        seen = history.window(server.name, NOW - days * DAY_S, NOW)
        told = seen.counted + seen.unknown + seen.paused
        assert days * DAY_S - 4 * HOUR_S < told < days * DAY_S + 2 * HOUR_S, server.name


def test_an_incident_is_seen_in_the_hours_in_which_it_was(history: History) -> None:
    outages = [each for each in history.incidents(limit=None) if each.severity is Severity.DOWN]
    assert outages
    for incident in outages:
        end = incident.closed_at or NOW
        assert history.window(incident.server, incident.opened_at, end).down > 0


def test_the_same_time_has_the_same_past(history: History, tmp_path: Path) -> None:
    window = (NOW - 30 * DAY_S, NOW)
    with invented(tmp_path, SERVERS) as again:
        assert [again.window(each.name, *window) for each in SERVERS] == [
            history.window(each.name, *window) for each in SERVERS
        ]


def test_of_a_server_that_it_does_not_know_nothing_bad_is_said(tmp_path: Path) -> None:
    with invented(tmp_path, (quick_server("stranger"),)) as opened:
        known = opened.current()["stranger"]
    assert known.state.severity is Severity.UP
    assert known.incident is None
