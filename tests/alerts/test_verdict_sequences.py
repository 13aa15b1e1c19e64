"""For any sequence of verdicts: the resulting incidents are announced once and in order."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tests.alerts.outbox_harness import all_to, make_server_state
from tests.alerts.test_incident_sequences import memory
from tests.alerts.unwritable_store import Stuck
from wgmon_tui.alerts.models import AnnouncementKind
from wgmon_tui.checks.verdict import Diagnosis, Verdict
from wgmon_tui.config.alerting import Rule
from wgmon_tui.monitor.fleet_state import FleetState, Round
from wgmon_tui.monitor.incidents import EventKind
from wgmon_tui.store.write.batch import Batch, make_outbox_row

NAMES = ("ams1", "fra1")
ADDRESSES = {"ams1": "203.0.113.9", "fra1": "198.51.100.7"}
TELLS = {
    EventKind.OPENED: AnnouncementKind.OPENED,
    EventKind.CAUSE_CHANGED: AnnouncementKind.CAUSE_CHANGED,
    EventKind.CLOSED: AnnouncementKind.RECOVERED,
    EventKind.ACKNOWLEDGED: AnnouncementKind.ACKNOWLEDGED,
}

ROUNDS = st.tuples(
    st.sampled_from(NAMES),
    st.sampled_from(
        (Verdict.HEALTHY, Verdict.SILENT, Verdict.PORT_CLOSED, Verdict.LOSSY, Verdict.LOCAL_FAULT)
    ),
)
STEPS = st.one_of(ROUNDS, st.sampled_from(("told", "refused", "store away", "store back")))


@given(st.lists(STEPS, max_size=60))
def test_every_incident_is_announced_and_closed_in_order_and_once(
    steps: list[tuple[str, Verdict] | str],
) -> None:
    with tempfile.TemporaryDirectory(prefix="wgmon-verdicts-", dir=memory()) as directory:
        harness = Stuck(Path(directory), all_to("pager", rules=(Rule(("pager",)),)))
        fleet_state = FleetState([make_server_state(name, ADDRESSES[name]).server for name in NAMES])
        lost_sight = "store away" in steps
        happened: dict[str, list[AnnouncementKind]] = defaultdict(list)

        def looks(name: str, verdict: Verdict) -> None:
            harness.clock.now += 40.0  # later than what would still join a message
            last = make_server_state(name, ADDRESSES[name]).last
            assert last
            diagnosis = Diagnosis(verdict, verdict.meaning)
            for event in fleet_state.record(name, Round(last.checks, (diagnosis,)), harness.clock.now):
                happened[event.incident.id].append(TELLS[event.kind])
                row = make_outbox_row(fleet_state.states[name], event)
                harness.write(Batch(incidents={event.incident.id: event.incident}, outbox=[row]))

        def is_told(*, refused: str = "") -> None:
            harness.expand()
            harness.deliver(refused=refused)

        for step in steps:
            match step:
                case (name, verdict):
                    looks(name, verdict)
                case "store away" if not harness.away:
                    harness.remove_store()
                case "store back" if harness.away:
                    harness.restore_store()
                case "told":
                    is_told()
                case "refused":
                    is_told(refused="HTTP 503")
        if harness.away:
            harness.restore_store()
        for _ in range(30):
            for name in NAMES:
                looks(name, Verdict.HEALTHY)
        for _ in range(3):
            harness.clock.now += 120.0
            is_told()
        told = {each.id: each for each in harness.got["pager"]}
        assert len(told) == len(harness.got["pager"]), "a message came twice"
        for incident, kinds in happened.items():
            mine = [each.kind for each in told.values() if incident in {m.incident.id for m in each.about}]
            # A late opening, after the store could not be read, has the cause at the time of sending.
            changes = AnnouncementKind.CAUSE_CHANGED
            assert [each for each in mine if each is not changes] == [k for k in kinds if k is not changes]
            assert mine == kinds or (lost_sight and mine.count(changes) < kinds.count(changes))
        harness.close()
