"""A sample incident that is over, with packets, an acknowledgement, a note, and alerts about it."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from pathlib import Path
from typing import Literal

from tests.alerts.outbox_harness import OutboxHarness, all_to
from tests.store.engine_updates import Clock
from tests.tui import sample_exchanges
from tests.tui.sample_fleet import NOW
from tests.tui.sample_histories import MINUTE
from wgmon_tui.alerts.delivery_queue import DueDelivery
from wgmon_tui.checks.check import Check
from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.monitor.incidents import EventKind, Incident, IncidentEvent, VerdictChange
from wgmon_tui.store.history import History
from wgmon_tui.store.models import Note
from wgmon_tui.store.store_version import STORE
from wgmon_tui.store.write.batch import Batch, make_exchange_row
from wgmon_tui.store.write.packet_sampling import PacketSample

SLOW_AT, DOWN_AT, SILENT_AT, UP_AT = (NOW - each * MINUTE for each in (30, 28, 20, 10))
PSK = "It answers, but with another preshared key: a client with this key cannot connect."


def over() -> Incident:
    """`fra1` was slow, then psk-mismatch, then silent; anna acknowledged it."""
    return Incident(
        id="0123456789abcdef",
        server="fra1",
        vantage="local",
        opened_at=SLOW_AT,
        verdict=Verdict.PSK_MISMATCH,
        severity=Severity.DOWN,
        summary=PSK,
        closed_at=UP_AT,
        acknowledged_at=NOW - 25 * MINUTE,
        acknowledged_by="anna",
        verdicts=(
            VerdictChange(SLOW_AT, Verdict.SLOW, "The handshake takes 2.40 s."),
            VerdictChange(DOWN_AT, Verdict.PSK_MISMATCH, PSK),
            VerdictChange(SILENT_AT, Verdict.SILENT, "No answer. Silence alone does not show the cause."),
            VerdictChange(UP_AT, Verdict.HEALTHY, "A real client can connect."),
        ),
    )


def begun() -> Incident:
    """The same incident when it was down and nobody had acknowledged it."""
    return replace(
        over(), closed_at=None, acknowledged_at=None, acknowledged_by="", verdicts=over().verdicts[:2]
    )


class RememberedIncident:
    """A store in `directory` that remembers an incident, step by step."""

    def __init__(self, directory: Path, incident: Incident | None = None) -> None:
        self.incident = incident or over()
        self.harness = OutboxHarness(directory, all_to("pager", "chat"), Clock(NOW))
        self.harness.write(
            Batch(
                incidents={self.incident.id: self.incident},
                notes=[(self.incident.id, Note(NOW - 24 * MINUTE, "anna", "their new router"))],
            )
        )

    def keep(
        self, check: Check, kind: Literal["change", "failure", "good"] = "failure", *, tagged: bool = True
    ) -> None:
        """Keep the packets of a check; `tagged` with the incident, as while it is open."""
        number = self.incident.id if tagged else None
        sample = PacketSample(check.server, kind, sample_exchanges.round_of(check), number)
        self.harness.write(Batch(exchanges=deque([make_exchange_row(sample)])))

    def keep_packets(self) -> None:
        """Keep a good check, the failure before the opening, and two of the incident."""
        self.keep(sample_exchanges.data_passes(at=SLOW_AT - MINUTE), "good", tagged=False)
        self.keep(sample_exchanges.psk_mismatch(at=SLOW_AT - 5), "change", tagged=False)
        self.keep(sample_exchanges.psk_mismatch(at=DOWN_AT), "change")
        self.keep(sample_exchanges.silent(at=SILENT_AT), "change")

    def notify(self) -> None:
        """`pager` gets both alerts; `chat` refuses them, and the first one is given up."""
        harness = self.harness
        harness.clock.now = DOWN_AT + 1
        harness.record_event(IncidentEvent(EventKind.OPENED, DOWN_AT, begun()), "203.0.113.7")
        harness.expand()
        harness.deliver(to=["pager"])
        job = harness.deliveries.lease_next(harness.alerts.sinks[1], harness.clock.now)
        assert isinstance(job, DueDelivery)
        harness.deliveries.give_up(job, "HTTP 400: no such channel", harness.clock.now)
        harness.clock.now = UP_AT + 1
        harness.record_event(IncidentEvent(EventKind.CLOSED, UP_AT, over()), "203.0.113.7")
        harness.expand()
        harness.deliver(to=["pager"])

    def history(self) -> History:
        """Close the store, and open it for reading."""
        self.harness.close()
        return History(self.harness.state_dir / STORE, clock=lambda: NOW)


def remembered(directory: Path) -> History:
    """A store with the packets of the incident and the alerts about it."""
    made = RememberedIncident(directory)
    made.keep_packets()
    made.notify()
    return made.history()
