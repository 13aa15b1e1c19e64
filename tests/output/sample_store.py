"""Sample store with a short history of two servers: checks, an incident with notes, exchanges."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

from tests.output.sample_rounds import STARTED_AT, check, exchange, round_of, server
from wgmon_tui.checks.check import Handshake
from wgmon_tui.checks.evidence import Silence
from wgmon_tui.monitor.fleet_state import Round
from wgmon_tui.store.formats import record_codec
from wgmon_tui.store.store_file import open_store

NAMES = ("ams2", "fra1")
HOUR = 3600.0

CHECKS = (
    # server, seconds after STARTED_AT, address, verdict, rtt, tunnel
    ("ams2", 0.0, "192.0.2.8", "healthy", 0.031, (3, 3, 0.03)),
    ("fra1", 0.0, "192.0.2.7", "healthy", 0.0123456, (3, 2, 0.012)),
    ("fra1", HOUR, "192.0.2.7", "silent", None, (None, None, None)),
    ("fra1", 2 * HOUR, None, "dns-failure", None, (None, None, None)),
)


def _lost() -> Round:
    """Return a round of two addresses with different packets."""
    of = server()
    packets = exchange()
    first = replace(check(of, Silence(5.0), packets=packets[:1]), started_at=STARTED_AT + HOUR)
    second = replace(
        check(of, address="2001:db8::7", handshake=Handshake(0.02), packets=packets),
        started_at=STARTED_AT + HOUR,
    )
    return round_of(of, first, second)


def _good() -> Round:
    of = server()
    return round_of(of, check(of, handshake=Handshake(0.0123456), packets=exchange()))


GOOD, LOST = _good(), _lost()


def write_store(state: Path) -> None:
    with closing(open_store(state).connection) as store:
        for number, name in enumerate(NAMES, 1):
            store.execute(
                "INSERT INTO servers (id, name, entry, holds) VALUES (?, ?, '{}', 60)", (number, name)
            )
        for name, after, address, verdict, rtt, tunnel in CHECKS:
            at = STARTED_AT + after
            state_after = "up" if verdict == "healthy" else "down"
            store.execute(
                "INSERT INTO checks (series, at, address, vantage, verdict, state, since, decides, rtt, "
                "tunnel_sent, tunnel_received, tunnel_rtt) VALUES (?, ?, ?, 'here', ?, ?, ?, 1, ?, ?, ?, ?)",
                (NAMES.index(name) + 1, at, address, verdict, state_after, at, rtt, *tunnel),
            )
        for kind, verdict, incident, outcome in (
            ("good", "healthy", None, GOOD),
            ("failure", "silent", "i1", LOST),
        ):
            store.execute(
                "INSERT INTO exchanges (series, at, kind, verdict, incident, round) "
                "VALUES (2, ?, ?, ?, ?, ?)",
                (outcome.check.started_at, kind, verdict, incident, record_codec.to_bytes(outcome)),
            )
        for id_, opened_at, closed_at in (("i1", HOUR, 2 * HOUR), ("i2", 3 * HOUR, None)):
            store.execute(
                "INSERT INTO incidents "
                "VALUES (?, 2, 'here', ?, ?, 'silent', 'down', '=nothing came', 0, ?, 'ada')",
                (id_, STARTED_AT + opened_at, closed_at and STARTED_AT + closed_at, STARTED_AT + opened_at),
            )
        store.executemany(
            "INSERT INTO verdict_changes VALUES ('i1', ?, ?, ?, ?)",
            [(0, STARTED_AT + HOUR, "slow", "=slow"), (1, STARTED_AT + HOUR + 5, "silent", "=nothing came")],
        )
        store.execute(
            "INSERT INTO notes (incident, at, who, text) VALUES ('i1', ?, 'ada', 'a fibre\ncut')",
            (STARTED_AT + HOUR,),
        )
