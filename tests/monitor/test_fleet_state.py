"""Fleet state: its servers, what changed since the last look, and totals."""

from __future__ import annotations

from collections import Counter

from tests.monitor.fleet_harness import HEALTHY, LOCAL, SILENT, server
from wgmon_tui.checks.verdict import Severity
from wgmon_tui.monitor.fleet_state import FleetState

# Membership


def test_a_new_server_waits_for_its_first_check() -> None:
    server_state = FleetState([server()]).states["fra1"]
    assert (server_state.severity, server_state.status_word, server_state.since, server_state.rtt) == (
        Severity.UNKNOWN,
        "waiting",
        None,
        None,
    )


def test_a_server_that_the_file_pauses_is_paused_from_the_start() -> None:
    server_state = FleetState([server(paused=True)]).states["fra1"]
    assert (server_state.severity, server_state.status_word) == (Severity.PAUSED, "paused")


def test_servers_that_stay_keep_what_is_known_of_them() -> None:
    fleet_state = FleetState([server(), server("nyc1")])
    fleet_state.record("fra1", HEALTHY, now=100.0)
    before = fleet_state.membership_version
    fleet_state.replace([server(port=51821), server("syd1")])
    assert list(fleet_state.states) == ["fra1", "syd1"]
    assert fleet_state.states["fra1"].last is HEALTHY
    assert fleet_state.states["fra1"].server.endpoint.port == 51821
    assert fleet_state.membership_version > before


def test_a_server_that_returns_unchanged_keeps_what_was_known_of_it() -> None:
    fleet_state = FleetState([server()])
    fleet_state.record("fra1", HEALTHY, 1_700_000_000.0)
    fleet_state.replace([])
    fleet_state.replace([server()])
    server_state = fleet_state.states["fra1"]
    assert (server_state.severity, server_state.rtt) == (Severity.UP, 0.02)
    assert len(server_state.samples) == 1


def test_a_server_that_returns_with_another_entry_starts_anew() -> None:
    fleet_state = FleetState([server()])
    fleet_state.record("fra1", HEALTHY, 1_700_000_000.0)
    fleet_state.replace([])
    fleet_state.replace([server(port=51821)])
    assert fleet_state.states["fra1"].status_word == "waiting"


def test_servers_that_are_added_change_nothing_of_the_others() -> None:
    fleet_state = FleetState([server()])
    fra1 = fleet_state.states["fra1"]
    fleet_state.apply_changes()
    version = fleet_state.membership_version
    fleet_state.add([server("ams1"), server(port=1)])
    assert list(fleet_state.states) == ["fra1", "ams1"]
    assert fleet_state.states["fra1"] is fra1
    assert fra1.server == server()
    assert fleet_state.apply_changes() == {"ams1"}
    assert fleet_state.membership_version > version


def test_a_fleet_that_starts_over_keeps_its_rows_and_forgets_their_results() -> None:
    fleet_state = FleetState([server(), server("nyc1")])
    fleet_state.record("fra1", HEALTHY, 1_700_000_000.0)
    fleet_state.record("nyc1", HEALTHY, 1_700_000_000.0)
    fleet_state.replace([server()])
    fleet_state.apply_changes()
    fleet_state.start_over()
    assert fleet_state.states["fra1"].status_word == "waiting"
    assert fleet_state.apply_changes() == {"fra1"}
    fleet_state.replace([server(), server("nyc1")])
    assert fleet_state.states["nyc1"].status_word == "waiting"


def test_a_check_of_a_server_that_is_gone_is_dropped() -> None:
    fleet_state = FleetState([server()])
    fleet_state.replace([])
    fleet_state.record("fra1", HEALTHY, now=100.0)
    assert fleet_state.states == {}


# What changed


def test_changes_name_each_server_that_changed_since_the_last_time_once() -> None:
    fleet_state = FleetState([server(), server("nyc1")])
    assert fleet_state.apply_changes() == {"fra1", "nyc1"}
    fleet_state.record("fra1", HEALTHY, now=100.0)
    fleet_state.record("fra1", HEALTHY, now=110.0)
    assert fleet_state.apply_changes() == {"fra1"}
    assert fleet_state.apply_changes() == set()


def test_changes_name_no_server_that_is_gone() -> None:
    fleet_state = FleetState([server(), server("nyc1")])
    fleet_state.replace([server()])
    assert fleet_state.apply_changes() == {"fra1"}


def test_versions_grow_with_every_change() -> None:
    fleet_state = FleetState([server(), server("nyc1")])
    before = (fleet_state.version, fleet_state.states["fra1"].version, fleet_state.states["nyc1"].version)
    fleet_state.record("fra1", HEALTHY, now=100.0)
    assert fleet_state.version > before[0]
    assert fleet_state.states["fra1"].version > before[1]
    assert fleet_state.states["nyc1"].version == before[2]


def test_totals_follow_every_change_and_count_again_when_servers_come_and_go() -> None:
    names = [f"fra{number}" for number in range(6)]
    fleet_state = FleetState(map(server, names))

    def counted() -> Counter[Severity]:
        return Counter(each.severity for each in fleet_state.states.values())

    assert fleet_state.totals() == counted() == {Severity.UNKNOWN: 6}
    for step, name in enumerate(names * 4):
        fleet_state.record(name, (HEALTHY, SILENT, LOCAL)[step * 5 // 2 % 3], 1.0 + step)
        if step % 3 == 0:
            assert fleet_state.totals() == counted()
        match step:
            case 7:
                fleet_state.pause("fra2", True, 9.0)
            case 10:
                fleet_state.replace(map(server, names[:5]))
            case 13:
                fleet_state.add([server("fra5"), server("nyc1")])
            case 16:
                fleet_state.rename("nyc1", "nyc2")
            case 20:
                fleet_state.start_over()
    assert fleet_state.totals() == counted()
    assert 0 not in fleet_state.totals().values()


def test_totals_count_servers_by_severity() -> None:
    fleet_state = FleetState([server(), server("nyc1"), server("syd1", paused=True), server("sin1")])
    fleet_state.record("fra1", HEALTHY, now=100.0)
    fleet_state.record("nyc1", SILENT, now=100.0)
    assert fleet_state.totals() == {
        Severity.UP: 1,
        Severity.DOWN: 1,
        Severity.PAUSED: 1,
        Severity.UNKNOWN: 1,
    }
