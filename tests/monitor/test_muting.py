"""Tests of mutes and maintenance: which servers, until when, and which listeners are called."""

from __future__ import annotations

import time
from math import inf

from tests.store.engine_updates import server
from wgmon_tui.config.alerting import Maintenance
from wgmon_tui.monitor.engine import Engine
from wgmon_tui.monitor.fleet_state import Round, ServerState
from wgmon_tui.monitor.incidents import IncidentEvent
from wgmon_tui.protocols.wireguard.prober import Prober


class ListenerCalls:
    """Names of the servers for which the engine called its listener."""

    def __init__(self, *names: str) -> None:
        self.names: list[str] = []
        self.engine = Engine(Prober(timestamps=lambda _: bytes(12)))
        self.engine.watch([server(name) for name in names], {}, {})
        self.engine.listen(self._record)

    def _record(self, server_state: ServerState, _: Round | None, __: tuple[IncidentEvent, ...]) -> None:
        self.names.append(server_state.server.name)

    def server_state(self, name: str) -> ServerState:
        return self.engine.fleet_state.states[name]


def test_a_mute_calls_the_listener_once_and_holds_who_asked_for_it() -> None:
    listener = ListenerCalls("ams1", "fra1")
    listener.engine.mute(["ams1", "nobody"], inf, "ada")
    listener.engine.mute(["ams1"], inf, "ada")
    assert (listener.server_state("ams1").muted_until, listener.server_state("ams1").muted_by) == (inf, "ada")
    assert listener.server_state("fra1").muted_until is None
    listener.engine.mute(["ams1"], None, "bob")
    assert (listener.server_state("ams1").muted_until, listener.server_state("ams1").muted_by) == (None, "")
    assert listener.names == ["ams1", "ams1"]


def test_a_mute_ends_when_its_time_is_over() -> None:
    listener = ListenerCalls("ams1", "fra1")
    listener.engine.mute(["ams1"], time.time() - 1, "ada")
    listener.engine.mute(["fra1"], time.time() + 3600, "ada")
    listener.engine._timers.apply()
    assert listener.server_state("ams1").muted_until is None
    assert listener.server_state("fra1").muted_until is not None


def test_a_pause_ends_when_its_time_is_over() -> None:
    listener = ListenerCalls("ams1", "fra1", "lon1")
    listener.engine.pause(["ams1"], True, "ada", time.time() - 1)
    listener.engine.pause(["fra1"], True, "ada", time.time() + 3600)
    listener.engine.pause(["lon1"], True, "ada")
    listener.engine._timers.apply()
    assert not listener.server_state("ams1").paused
    assert listener.server_state("fra1").paused
    assert listener.server_state("lon1").paused


def test_a_second_pause_replaces_the_end_of_the_first() -> None:
    listener, end = ListenerCalls("ams1"), time.time() + 3600
    listener.engine.pause(["ams1"], True, "ada", end)
    listener.engine.pause(["ams1"], True, "bob")
    assert listener.server_state("ams1").paused_until is None
    listener.engine.pause(["ams1"], True, "bob")
    assert listener.names == ["ams1", "ams1"]


def test_a_maintenance_is_on_for_those_that_it_names_while_it_lasts() -> None:
    listener, now = ListenerCalls("ams1", "fra1"), time.time()
    listener.engine.set_maintenance([Maintenance("move", now - 60, now + 60, servers=("fra*",))])
    assert (listener.server_state("ams1").maintenance, listener.server_state("fra1").maintenance) == (
        None,
        "move",
    )
    listener.engine.set_maintenance([])
    assert listener.server_state("fra1").maintenance is None
    assert listener.names == ["fra1", "fra1"]
