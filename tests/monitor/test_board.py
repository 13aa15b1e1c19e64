from __future__ import annotations

from ipaddress import ip_address

import pytest

from wgmon_tui.diagnosis.verdict import Diagnosis, Severity, Verdict
from wgmon_tui.fleet.records import Endpoint, Server
from wgmon_tui.monitor.board import Board, Round
from wgmon_tui.probe.records import Check, Handshake
from wgmon_tui.wireguard.keys import PrivateKey

KEY = PrivateKey(bytes(range(32))).public


def server(name: str = "fra1", *, paused: bool = False, port: int = 51820) -> Server:
    return Server(name, Endpoint("192.0.2.7", port), KEY, "bastion", paused=paused)


def outcome(*verdicts: Verdict, rtt: float = 0.02) -> Round:
    """A round with a check for each verdict, the worst first; those that are not down were answered."""
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
    row = Board([server()]).rows["fra1"]
    assert (row.severity, row.word, row.since, row.rtt) == (Severity.UNKNOWN, "waiting", None, None)


def test_a_server_that_the_file_pauses_is_paused_from_the_start() -> None:
    row = Board([server(paused=True)]).rows["fra1"]
    assert (row.severity, row.word) == (Severity.PAUSED, "paused")


def test_servers_that_stay_keep_what_is_known_of_them() -> None:
    board = Board([server(), server("nyc1")])
    board.record("fra1", HEALTHY, now=100.0)
    before = board.membership
    board.replace([server(port=51821), server("syd1")])
    assert list(board.rows) == ["fra1", "syd1"]
    assert board.rows["fra1"].last is HEALTHY
    assert board.rows["fra1"].server.endpoint.port == 51821
    assert board.membership > before


def test_a_check_of_a_server_that_is_gone_is_dropped() -> None:
    board = Board([server()])
    board.replace([])
    board.record("fra1", HEALTHY, now=100.0)
    assert board.rows == {}


# What changed


def test_drain_names_each_row_that_changed_since_the_last_time_once() -> None:
    board = Board([server(), server("nyc1")])
    assert board.drain() == {"fra1", "nyc1"}
    board.record("fra1", HEALTHY, now=100.0)
    board.record("fra1", HEALTHY, now=110.0)
    assert board.drain() == {"fra1"}
    assert board.drain() == set()


def test_drain_names_no_server_that_is_gone() -> None:
    board = Board([server(), server("nyc1")])
    board.replace([server()])
    assert board.drain() == {"fra1"}


def test_versions_grow_with_every_change() -> None:
    board = Board([server(), server("nyc1")])
    before = (board.version, board.rows["fra1"].version, board.rows["nyc1"].version)
    board.record("fra1", HEALTHY, now=100.0)
    assert board.version > before[0]
    assert board.rows["fra1"].version > before[1]
    assert board.rows["nyc1"].version == before[2]


# Severity and since


def test_since_moves_only_when_the_severity_changes() -> None:
    board = Board([server()])
    row = board.rows["fra1"]
    seen = []
    rounds = (HEALTHY, HEALTHY, SILENT, outcome(Verdict.PORT_CLOSED), outcome(Verdict.SLOW), HEALTHY)
    for number, each in enumerate(rounds):
        board.record("fra1", each, now=100.0 + number)
        seen.append((row.severity, row.since))
    assert seen == [
        (Severity.UP, 100.0),
        (Severity.UP, 100.0),
        (Severity.DOWN, 102.0),
        (Severity.DOWN, 102.0),
        (Severity.DEGRADED, 104.0),
        (Severity.UP, 105.0),
    ]


def test_a_first_check_that_stays_unknown_has_a_since_too() -> None:
    board = Board([server()])
    board.record("fra1", LOCAL, now=100.0)
    assert (board.rows["fra1"].severity, board.rows["fra1"].since) == (Severity.UNKNOWN, 100.0)


def test_a_lost_check_is_counted_and_one_of_unknown_outcome_is_not() -> None:
    board = Board([server()])
    for each in (HEALTHY, SILENT, LOCAL, outcome(Verdict.MISCONFIGURED)):
        board.record("fra1", each, now=100.0)
    assert board.rows["fra1"].samples.recent(10) == pytest.approx([0.02, None])
    assert board.rows["fra1"].samples.loss() == 0.5


def test_rtt_is_that_of_the_last_check() -> None:
    board = Board([server()])
    board.record("fra1", outcome(Verdict.SLOW, rtt=0.75), now=100.0)
    assert board.rows["fra1"].rtt == 0.75
    board.record("fra1", SILENT, now=110.0)
    assert board.rows["fra1"].rtt is None


def test_the_last_good_check_outlives_the_bad_ones() -> None:
    board = Board([server()])
    for each in (HEALTHY, SILENT, LOCAL):
        board.record("fra1", each, now=100.0)
    assert board.rows["fra1"].last_good is HEALTHY.check


def test_a_good_check_of_the_second_address_is_the_last_good_one() -> None:
    board = Board([server()])
    mixed = outcome(Verdict.SILENT, Verdict.HEALTHY)
    board.record("fra1", mixed, now=100.0)
    assert board.rows["fra1"].severity is Severity.DOWN
    assert board.rows["fra1"].last_good is mixed.checks[1]


def test_totals_count_servers_by_severity() -> None:
    board = Board([server(), server("nyc1"), server("syd1", paused=True), server("sin1")])
    board.record("fra1", HEALTHY, now=100.0)
    board.record("nyc1", SILENT, now=100.0)
    assert board.totals() == {
        Severity.UP: 1,
        Severity.DOWN: 1,
        Severity.PAUSED: 1,
        Severity.UNKNOWN: 1,
    }


# Pause


def test_a_paused_server_keeps_its_past_and_shows_it_again_on_resume() -> None:
    board = Board([server()])
    row = board.rows["fra1"]
    board.record("fra1", SILENT, now=100.0)
    board.pause("fra1", paused=True, now=110.0)
    assert (row.severity, row.word, row.since) == (Severity.PAUSED, "paused", 110.0)
    board.pause("fra1", paused=False, now=120.0)
    assert (row.severity, row.word, row.since) == (Severity.DOWN, "silent", 120.0)


def test_a_check_that_ends_after_the_pause_began_does_not_end_it() -> None:
    board = Board([server()])
    board.pause("fra1", paused=True, now=100.0)
    board.record("fra1", SILENT, now=101.0)
    assert board.rows["fra1"].severity is Severity.PAUSED


def test_resumed_before_any_check_a_server_waits() -> None:
    board = Board([server(paused=True)])
    board.pause("fra1", paused=False, now=100.0)
    assert (board.rows["fra1"].severity, board.rows["fra1"].word) == (Severity.UNKNOWN, "waiting")
