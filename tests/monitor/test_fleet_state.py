from __future__ import annotations

from collections import Counter
from dataclasses import replace
from ipaddress import ip_address

import pytest

from wgmon_tui.checks.check import Check, Direction, Handshake, Packet
from wgmon_tui.checks.evidence import IcmpError
from wgmon_tui.checks.verdict import Diagnosis, Severity, Verdict
from wgmon_tui.config.keys import PrivateKey
from wgmon_tui.config.models import Server
from wgmon_tui.monitor.fleet_state import FleetState, Round, ServerState
from wgmon_tui.monitor.incidents import EventKind, IncidentEvent
from wgmon_tui.net.addresses import Endpoint

KEY = PrivateKey(bytes(range(32))).public


def server(name: str = "fra1", *, paused: bool = False, port: int = 51820) -> Server:
    """Return a server of which every check counts at once."""
    endpoint = Endpoint("192.0.2.7", port)
    return Server(name, endpoint, KEY, "bastion", paused=paused, fail_after=1, recover_after=1)


def outcome(*verdicts: Verdict, rtt: float = 0.02) -> Round:
    """Return a round with a check for each verdict, the worst first; only those not down have an answer."""
    answered = (Severity.UP, Severity.DEGRADED)
    checks = tuple(
        Check(
            "fra1",
            "here",
            server().endpoint,
            ip_address("192.0.2.7"),
            1_700_000_000.0 + number,
            Handshake(rtt) if verdict.severity in answered else None,
        )
        for number, verdict in enumerate(verdicts)
    )
    return Round(checks, tuple(Diagnosis(verdict, verdict.meaning) for verdict in verdicts))


HEALTHY = outcome(Verdict.HEALTHY)
SILENT = outcome(Verdict.SILENT)
LOCAL = outcome(Verdict.LOCAL_FAULT)


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


# Severity and since


def test_since_moves_only_when_the_severity_changes() -> None:
    fleet_state = FleetState([server()])
    server_state = fleet_state.states["fra1"]
    seen = []
    rounds = (HEALTHY, HEALTHY, SILENT, outcome(Verdict.PORT_CLOSED), outcome(Verdict.SLOW), HEALTHY)
    for number, each in enumerate(rounds):
        fleet_state.record("fra1", each, now=100.0 + number)
        seen.append((server_state.severity, server_state.since))
    assert seen == [
        (Severity.UP, 100.0),
        (Severity.UP, 100.0),
        (Severity.DOWN, 102.0),
        (Severity.DOWN, 102.0),
        (Severity.DEGRADED, 104.0),
        (Severity.UP, 105.0),
    ]


def test_a_first_check_that_stays_unknown_has_a_since_too() -> None:
    fleet_state = FleetState([server()])
    fleet_state.record("fra1", LOCAL, now=100.0)
    assert (fleet_state.states["fra1"].severity, fleet_state.states["fra1"].since) == (
        Severity.UNKNOWN,
        100.0,
    )


def test_a_lost_check_is_counted_and_one_of_unknown_outcome_is_not() -> None:
    fleet_state = FleetState([server()])
    for each in (HEALTHY, SILENT, LOCAL, outcome(Verdict.MISCONFIGURED)):
        fleet_state.record("fra1", each, now=100.0)
    assert fleet_state.states["fra1"].samples.recent(10) == pytest.approx([0.02, None])
    assert fleet_state.states["fra1"].samples.loss() == 0.5


def test_rtt_is_that_of_the_last_check() -> None:
    fleet_state = FleetState([server()])
    fleet_state.record("fra1", outcome(Verdict.SLOW, rtt=0.75), now=100.0)
    assert fleet_state.states["fra1"].rtt == 0.75
    fleet_state.record("fra1", SILENT, now=110.0)
    assert fleet_state.states["fra1"].rtt is None


def test_the_last_good_check_outlives_the_bad_ones() -> None:
    fleet_state = FleetState([server()])
    for each in (HEALTHY, SILENT, LOCAL):
        fleet_state.record("fra1", each, now=100.0)
    assert fleet_state.states["fra1"].last_good is HEALTHY.check


def test_a_good_check_of_the_second_address_is_the_last_good_one() -> None:
    fleet_state = FleetState([server()])
    mixed = outcome(Verdict.SILENT, Verdict.HEALTHY)
    fleet_state.record("fra1", mixed, now=100.0)
    assert fleet_state.states["fra1"].severity is Severity.DOWN
    assert fleet_state.states["fra1"].last_good is mixed.checks[1]


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


# Pause


def test_a_paused_server_keeps_its_last_check_and_is_unknown_when_resumed() -> None:
    fleet_state = FleetState([server()])
    server_state = fleet_state.states["fra1"]
    fleet_state.record("fra1", SILENT, now=100.0)
    fleet_state.pause("fra1", paused=True, now=110.0)
    assert (server_state.severity, server_state.status_word, server_state.since) == (
        Severity.PAUSED,
        "paused",
        110.0,
    )
    fleet_state.pause("fra1", paused=False, now=120.0)
    assert (server_state.severity, server_state.status_word, server_state.since) == (
        Severity.UNKNOWN,
        "silent",
        120.0,
    )


def test_a_check_that_ends_after_the_pause_began_does_not_end_it() -> None:
    fleet_state = FleetState([server()])
    fleet_state.pause("fra1", paused=True, now=100.0)
    fleet_state.record("fra1", SILENT, now=101.0)
    assert fleet_state.states["fra1"].severity is Severity.PAUSED


def test_resumed_before_any_check_a_server_waits() -> None:
    fleet_state = FleetState([server(paused=True)])
    fleet_state.pause("fra1", paused=False, now=100.0)
    assert (fleet_state.states["fra1"].severity, fleet_state.states["fra1"].status_word) == (
        Severity.UNKNOWN,
        "waiting",
    )


# Damping


def damped(**changes: object) -> Server:
    """Return a server with the usual thresholds."""
    return replace(server(), fail_after=2, recover_after=2, **changes)  # type: ignore[arg-type]


class Watched:
    """A fleet state with one server, its rounds ten seconds apart, and the resulting events."""

    def __init__(self, watched: Server) -> None:
        self.fleet_state = FleetState([watched])
        self.now = 100.0
        self.events: list[IncidentEvent] = []

    @property
    def server_state(self) -> ServerState:
        return self.fleet_state.states["fra1"]

    @property
    def happened(self) -> list[EventKind]:
        return [event.kind for event in self.events]

    def saw(self, *outcomes: Round, counted: bool = True) -> Watched:
        for each in outcomes:
            self.events += self.fleet_state.record("fra1", each, self.now, counted=counted)
            self.now += 10.0
        return self


def answered(outcome: Round) -> Round:
    """Return the same round, with a packet that came back."""
    check = replace(outcome.check, exchange=(Packet(0.02, Direction.RECEIVED, b"..."),))
    return replace(outcome, checks=(check,))


def test_the_state_is_damped_and_the_status_word_is_of_the_last_check() -> None:
    seen = []
    watched = Watched(damped())
    for each in (HEALTHY, SILENT, SILENT, HEALTHY, HEALTHY):
        server_state = watched.saw(each).server_state
        seen.append((server_state.severity, server_state.status_word, server_state.progress))
    assert seen == [
        (Severity.UP, "healthy", None),
        (Severity.UP, "silent", (1, 2)),
        (Severity.DOWN, "silent", None),
        (Severity.DOWN, "healthy", (1, 2)),
        (Severity.UP, "healthy", None),
    ]
    assert watched.happened == [EventKind.OPENED, EventKind.CLOSED]


def test_until_a_first_failure_is_settled_the_state_is_unknown() -> None:
    watched = Watched(damped()).saw(SILENT)
    assert (watched.server_state.severity, watched.server_state.status_word) == (Severity.UNKNOWN, "silent")
    assert watched.saw(SILENT).server_state.severity is Severity.DOWN


def test_a_local_fault_is_shown_and_does_not_change_the_damped_state() -> None:
    watched = Watched(damped()).saw(SILENT, SILENT, LOCAL)
    assert (watched.server_state.severity, watched.server_state.progress) == (Severity.UNKNOWN, None)
    incident = watched.server_state.incident
    assert watched.saw(SILENT).server_state.severity is Severity.DOWN
    assert watched.server_state.incident is incident is not None
    assert watched.happened == [EventKind.OPENED]


def test_what_is_not_counted_is_shown_and_changes_no_state() -> None:
    watched = Watched(damped()).saw(HEALTHY).saw(SILENT, SILENT, SILENT, counted=False)
    assert (watched.server_state.severity, watched.server_state.status_word) == (Severity.UP, "silent")
    assert watched.server_state.samples.loss() == 0.75
    watched.fleet_state.count_doubted_round("fra1", watched.now)
    assert watched.server_state.progress == (1, 2)


def test_flapping_is_in_the_server_state() -> None:
    outage = (SILENT, SILENT, HEALTHY, HEALTHY)
    watched = Watched(damped()).saw(HEALTHY, *outage, *outage)
    assert watched.server_state.flapping
    assert (watched.server_state.severity, watched.server_state.status_word) == (Severity.DOWN, "healthy")
    watched.fleet_state.pause("fra1", True, watched.now)
    assert not watched.server_state.flapping


def test_a_blamed_uplink_forgives_the_failures_that_it_explains() -> None:
    watched = Watched(damped()).saw(answered(HEALTHY), SILENT, SILENT)
    assert watched.server_state.severity is Severity.DOWN
    [event] = watched.fleet_state.rejudge_last_round("fra1", LOCAL, watched.now)
    assert (event.kind, event.note) == (EventKind.CLOSED, LOCAL.diagnosis.summary)
    assert (watched.server_state.severity, watched.server_state.incident) == (Severity.UNKNOWN, None)
    assert watched.saw(HEALTHY).server_state.severity is Severity.UP


def test_a_blamed_uplink_forgives_no_answer_of_the_server_itself() -> None:
    closed = outcome(Verdict.PORT_CLOSED)
    from_the_server = IcmpError(0.02, 4, 3, 3, "192.0.2.7", from_target=True)
    refused = replace(closed, checks=(replace(closed.check, evidence=(from_the_server,)),))
    watched = Watched(damped()).saw(answered(HEALTHY), refused, refused, SILENT)
    assert watched.fleet_state.rejudge_last_round("fra1", LOCAL, watched.now) == ()
    assert watched.server_state.incident is not None
    assert watched.server_state.severity is Severity.UNKNOWN
    assert watched.saw(refused).server_state.severity is Severity.DOWN
    assert watched.happened == [EventKind.OPENED]


def test_a_pause_ends_the_incident_and_records_who_asked() -> None:
    watched = Watched(damped()).saw(SILENT, SILENT)
    [event] = watched.fleet_state.pause("fra1", True, watched.now, "alice")
    assert (event.kind, event.who, event.note) == (EventKind.CLOSED, "alice", "paused")
    assert event.incident.closed_at == watched.now
    assert watched.server_state.incident is None
    assert watched.fleet_state.pause("fra1", False, watched.now) == ()


def test_a_resumed_server_starts_with_a_fresh_state() -> None:
    watched = Watched(damped()).saw(SILENT, SILENT)
    for paused in (True, False):
        watched.fleet_state.pause("fra1", paused, watched.now)
    assert watched.saw(SILENT).server_state.incident is None
    assert watched.saw(HEALTHY).server_state.severity is Severity.UP


def test_a_server_that_was_edited_keeps_its_incident_until_the_edit_is_seen_to_mend_it() -> None:
    outage = (SILENT, SILENT, HEALTHY, HEALTHY)
    watched = Watched(damped()).saw(HEALTHY, *outage, *outage)
    incident = watched.server_state.incident
    watched.fleet_state.replace([damped(note="moved", endpoint=Endpoint("192.0.2.8", 51820))])
    assert (watched.server_state.severity, watched.server_state.incident) == (Severity.DOWN, incident)
    assert not watched.server_state.flapping  # the cause of the flapping may be fixed
    assert watched.saw(HEALTHY, HEALTHY).server_state.incident is None


def test_who_acknowledges_an_incident_is_in_it_until_it_ends() -> None:
    watched = Watched(damped()).saw(SILENT, SILENT)
    [event] = watched.fleet_state.acknowledge("fra1", 150.0, "alice", "on my way")
    assert (event.kind, event.who, event.note) == (EventKind.ACKNOWLEDGED, "alice", "on my way")
    assert event.incident == watched.server_state.incident
    assert watched.fleet_state.acknowledge("fra1", 160.0, "bob") == ()
    watched.saw(HEALTHY, HEALTHY)
    assert watched.events[-1].incident.acknowledged_by == "alice"
    assert watched.fleet_state.acknowledge("fra1", 170.0, "alice") == ()
