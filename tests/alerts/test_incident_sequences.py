"""For any sequence of events: each incident is announced and closed once and in order, or logged as held."""

from __future__ import annotations

import tempfile
from math import inf
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.alerts.outbox_harness import all_to
from tests.alerts.unwritable_store import Stuck
from wgmon_tui.alerts.delivery_log import Delivery
from wgmon_tui.alerts.delivery_queue import DueDelivery
from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.config.alerting import Rule
from wgmon_tui.monitor.incidents import Incident

NAMES = ("ams1", "fra1", "fra2")
ADDRESSES = {"ams1": "203.0.113.9", "fra1": "198.51.100.7", "fra2": "198.51.100.8"}
REMIND_S = 3600.0
SINKS = ("pager", "chat", "boss")
RULES = (
    Rule(
        ("pager",), severities=("down",), remind_every=REMIND_S, escalate_after=900.0, escalate_to=("boss",)
    ),
    Rule(("chat",)),
)
HOURS = st.sampled_from([0.05, 5.0, 31.0, 600.0, 1000.0, REMIND_S])


class Course(RuleBasedStateMachine):
    """State machine of events on servers, store and sinks, and of kills of the process."""

    @initialize()
    def begin(self) -> None:
        self.directory = tempfile.TemporaryDirectory(prefix="wgmon-course-", dir=memory())
        self.harness = Stuck(Path(self.directory.name), all_to(*SINKS, rules=RULES))
        self.open: dict[str, Incident] = {}
        self.all: dict[str, Incident] = {}
        self.worst: dict[str, Severity] = {}
        self.earlier_log: list[Delivery] = []

    def _now(self, name: str, incident: Incident) -> None:
        self.open[name] = self.all[incident.id] = incident

    @rule(name=st.sampled_from(NAMES), down=st.booleans())
    def opens(self, name: str, down: bool) -> None:
        if name not in self.open:
            severity = Severity.DOWN if down else Severity.DEGRADED
            self._now(name, self.harness.opens(name, ADDRESSES[name], severity=severity))

    @rule(name=st.sampled_from(NAMES))
    def worsens(self, name: str) -> None:
        if name in self.open:
            self._now(name, self.harness.change_cause(self.open[name], Verdict.PORT_CLOSED))

    @rule(name=st.sampled_from(NAMES))
    def closes(self, name: str) -> None:
        if name in self.open:
            closed = self.harness.closes(self.open.pop(name), ADDRESSES[name])
            self.all[closed.id] = closed

    @rule(name=st.sampled_from(NAMES))
    def acknowledges(self, name: str) -> None:
        if name in self.open:
            self._now(name, self.harness.acknowledges(self.open[name]))

    @rule(name=st.sampled_from(NAMES), until=st.sampled_from([None, inf, 1800.0]))
    def mutes(self, name: str, until: float | None) -> None:
        self.harness.mutes(name, until if until is None else self.harness.clock.now + until)

    @rule(seconds=HOURS)
    def passes(self, seconds: float) -> None:
        self.harness.clock.now += seconds

    @rule()
    def expands(self) -> None:
        self.harness.expand()

    @rule(name=st.sampled_from(SINKS), refused=st.sampled_from(["", "HTTP 503"]))
    def delivers(self, name: str, refused: str) -> None:
        self.harness.deliver(to=[name], refused=refused)

    @property
    def _is_told_from_memory(self) -> bool:
        """Return whether a kill now would lose deliveries, and the recorder its events."""
        return self.harness.away or self.harness.working_set.trouble is not None

    @rule()
    def loses_the_store(self) -> None:
        if not self.harness.away:
            self.harness.remove_store()

    @rule()
    def finds_the_store(self) -> None:
        if self.harness.away:
            self.harness.restore_store()

    @rule()
    def replaces_the_store(self) -> None:
        if not self._is_told_from_memory:
            self.earlier_log += self.harness.log()
            self.harness.replace_store()

    @rule(name=st.sampled_from(SINKS))
    def is_killed_while_it_sends(self, name: str) -> None:
        if self._is_told_from_memory:
            return
        where = next(each for each in self.harness.alerts.sinks if each.name == name)
        job = self.harness.deliveries.lease_next(where, self.harness.clock.now)
        if isinstance(job, DueDelivery):
            self.harness.got[name].append(job.announcement)
        self._starts_again()

    @rule()
    def is_killed(self) -> None:
        if not self._is_told_from_memory:
            self._starts_again()

    def _starts_again(self) -> None:
        """Read the store, as the dispatcher does at its start; from then on it works without the store."""
        self.harness.restart()
        self.harness.outbox.drop_other_sinks(self.harness.alerts.sinks, self.harness.clock.now)

    def teardown(self) -> None:
        if not hasattr(self, "harness"):
            return
        self.finds_the_store()
        for name in list(self.open):
            self.closes(name)
        for name in NAMES:
            self.harness.mutes(name, None)
        for _ in range(3):
            self.harness.passes(120.0)
        for name in SINKS:
            self._examine(name)
        self.harness.close()
        self.directory.cleanup()

    def _examine(self, name: str) -> None:
        log = [each for each in self.harness.log() if each.sink == name]
        assert not [each for each in log if each.state in ("pending", "given up")]
        held = {
            snapshot.incident.id
            for each in (*self.earlier_log, *log)
            if each.sink == name and each.state == "held"
            for snapshot in each.announcement.about
        }
        got = list({each.id: each for each in self.harness.got[name]}.values())
        for incident in self.all.values():
            kinds = [each.kind.value for each in got if incident.id in {m.incident.id for m in each.about}]
            lasted = (incident.closed_at or inf) - incident.opened_at
            assert kinds.count("reminder") <= lasted / REMIND_S
            if not kinds:
                wanted = name == "chat" or (name == "pager" and incident.severity is Severity.DOWN)
                assert not wanted or incident.id in held, "an incident was lost"
                continue
            assert kinds[0] == ("escalation" if name == "boss" else "opened")
            assert kinds[-1] == "recovered"
            assert kinds.count("opened") + kinds.count("escalation") == 1
            assert kinds.count("recovered") == 1


def memory() -> str | None:
    """Use a memory file system: a kill leaves the same state, and syncing costs nothing."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


TestAnyCourse = Course.TestCase
TestAnyCourse.settings = settings(stateful_step_count=30, suppress_health_check=[HealthCheck.too_slow])
