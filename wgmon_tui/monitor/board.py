"""The fleet as it looks now: one row a server, written by the engine, read by every face.

Faces poll `version` and take `drain()`; nothing is sent per check, because ten thousand messages a second
would cost more than the checks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from wgmon_tui.diagnosis.verdict import Diagnosis, Severity, Verdict
from wgmon_tui.fleet.records import Address, Server
from wgmon_tui.monitor.damping import Damping, Rules, begun_anew, progress, step
from wgmon_tui.monitor.incidents import BROKEN, Event, Incident, acknowledged, ended, follow
from wgmon_tui.monitor.samples import Samples
from wgmon_tui.monitor.standing import standing_after
from wgmon_tui.monitor.uplink import last_heard
from wgmon_tui.probe.records import Check, Evidence


@dataclass(frozen=True, slots=True)
class Round:
    """One scheduled look at a server: a check of each address, the worst first, and what they mean."""

    checks: tuple[Check, ...]
    diagnoses: tuple[Diagnosis, ...]
    port_monitor: str | None = None
    """What a port monitor would say of the deciding address; None where it was not asked in this round."""

    @property
    def check(self) -> Check:
        """The check that decides: the worst one."""
        return self.checks[0]

    @property
    def diagnosis(self) -> Diagnosis:
        """What the deciding check means."""
        return self.diagnoses[0]

    @property
    def heard_at(self) -> float | None:
        """When anything last came from outside, as Unix time; None where nothing did."""
        return max((at for each in self.checks if (at := last_heard(each)) is not None), default=None)


@dataclass(slots=True)
class Row:
    """What is known of one server now.

    `severity` is what is shown: the damped one, unless it is paused or the last check says that we could not
    see. `since` is the Unix time at which that last changed, `standing` the evidence by address that holds
    longer than one check. `when_heard` is the damping as it was when anything last came from the server:
    where our own uplink is to blame, what was counted after that is not. `verdict` stands for a last check
    that is not here, because another process made it. `uptime` is the share of the last 24 hours, `paused_by`
    who asked for the pause. Nobody is told of a server that is `muted_until` a Unix time (`inf`: until
    somebody ends it) or in a `maintenance`, which is its name.
    """

    server: Server
    severity: Severity = Severity.UNKNOWN
    since: float | None = None
    damping: Damping = field(default_factory=Damping)
    when_heard: Damping = field(default_factory=Damping)
    incident: Incident | None = None
    last: Round | None = None
    verdict: Verdict | None = None
    last_good: Check | None = None
    port_monitor: str | None = None
    standing: dict[Address | None, tuple[Evidence, ...]] = field(default_factory=dict)
    samples: Samples = field(default_factory=Samples)
    uptime: float | None = None
    paused: bool = False
    paused_by: str = ""
    muted_until: float | None = None
    muted_by: str = ""
    maintenance: str | None = None
    version: int = 0

    @property
    def flapping(self) -> bool:
        """Whether it went down and came back so often of late that it is not believed to be up."""
        return self.damping.flapping and not self.paused

    @property
    def progress(self) -> tuple[int, int] | None:
        """Where the last checks disagree with the state: how many do, and how many change it."""
        if self.paused or (self.last and self.last.diagnosis.verdict.severity is Severity.UNKNOWN):
            return None
        return progress(self.damping, Rules.of(self.server))

    @property
    def rtt(self) -> float | None:
        """The round-trip time of the last check in seconds; None where it was lost or has not been.

        Where another process made that check, only its sample is here.
        """
        if self.last is None:
            return next(iter(self.samples.recent(1)), None)
        return self.last.check.handshake.rtt if self.last.check.handshake else None

    @property
    def word(self) -> str:
        """The verdict's slug, or what stands in for it before the first check and while paused."""
        if self.paused:
            return "paused"
        verdict = self.last.diagnosis.verdict if self.last else self.verdict
        return verdict.slug if verdict else "waiting"


class Board:
    """All rows by name, and which of them changed since somebody last asked."""

    def __init__(self, servers: Iterable[Server] = ()) -> None:
        self.rows: dict[str, Row] = {}
        self.version = 0
        """Changes with every change of any row."""
        self.membership = 0
        """Changes when servers come or go."""
        self._dirty: set[str] = set()
        self.replace(servers)

    def replace(self, servers: Iterable[Server]) -> None:
        """Take a new list of servers; those that stay keep what is known of them.

        A server that changed keeps its state and its incident, and loses what its earlier checks said of it.
        Whose incident is open must not leave: see `end_incident`.
        """
        rows: dict[str, Row] = {}
        for server in servers:
            row = self.rows.get(server.name) or _new_row(server)
            if row.server != server:
                # Found with other keys, at another address, or what the change has mended.
                row.standing = {}
                row.damping = row.when_heard = begun_anew(row.damping)
            row.server = server
            rows[server.name] = row
        self.rows = rows
        self.membership += 1
        self._dirty.intersection_update(rows)
        for name in rows:
            self.touch(name)

    def touch(self, name: str) -> None:
        """Say that a row changed."""
        self.version += 1
        self.rows[name].version += 1
        self._dirty.add(name)

    def drain(self) -> set[str]:
        """The names of the rows that changed since the last call. One face drains; it asks on a timer."""
        dirty, self._dirty = self._dirty, set()
        return dirty

    def record(self, name: str, outcome: Round, now: float, *, counted: bool = True) -> tuple[Event, ...]:
        """Write the outcome of a round that ended at the Unix time `now`, and say what comes of it.

        One that is not counted, because it is in doubt whether we see at all, is shown and changes no state.
        """
        row = self.rows.get(name)
        if row is None:
            return ()
        check, before = outcome.check, row.last
        severity = outcome.diagnosis.verdict.severity
        if severity is not Severity.UNKNOWN:
            row.samples.add(check.handshake.rtt if check.handshake else None)
        for good, diagnosis in zip(outcome.checks, outcome.diagnoses, strict=True):
            if good.handshake and diagnosis.verdict.severity is not Severity.DOWN:
                row.last_good = good
                break
        row.last = outcome
        row.port_monitor = outcome.port_monitor or row.port_monitor
        row.standing = {
            each.address: standing_after(row.standing.get(each.address, ()), each) for each in outcome.checks
        }
        confirmed = before is not None and before.diagnosis.verdict is outcome.diagnosis.verdict
        events = _count(row, outcome, now, confirmed) if counted else ()
        if outcome.heard_at is not None:
            row.when_heard = row.damping
        self._show(row, now)
        return events

    def count(self, name: str, now: float) -> tuple[Event, ...]:
        """Count the last round of a server after all: somebody was heard from, so that we do see."""
        row = self.rows[name]
        events = _count(row, row.last, now, confirmed=False) if row.last else ()
        self._show(row, now)
        return events

    def reconsider(self, name: str, outcome: Round, now: float) -> tuple[Event, ...]:
        """Judge the last round of a server anew: the same checks, but the fault is ours, as we know by now.

        That forgives what was counted since the server was last heard from, and an incident that came of it.
        """
        row = self.rows[name]
        row.last = outcome
        row.damping = row.when_heard
        forgiven = row.incident is not None and row.damping.severity not in BROKEN
        events = self.end_incident(name, now, note=outcome.diagnosis.summary) if forgiven else ()
        self._show(row, now)
        return events

    def pause(self, name: str, paused: bool, now: float, who: str = "") -> tuple[Event, ...]:
        """Stop or resume counting a server.

        A pause ends its incident, and it begins anew when resumed: what was known holds no longer when nobody
        has looked for a while.
        """
        row = self.rows[name]
        row.paused, row.paused_by = paused, who if paused else ""
        row.damping = row.when_heard = Damping()
        events = self.end_incident(name, now, who, "paused") if paused else ()
        self._show(row, now)
        return events

    def mute(self, name: str, until: float | None, who: str = "") -> None:
        """Tell nobody of a server until a Unix time, `inf` for until further notice; None ends that."""
        row = self.rows[name]
        row.muted_until, row.muted_by = until, who if until is not None else ""
        self.touch(name)

    def maintain(self, name: str, maintenance: str | None) -> None:
        """A server is in a maintenance of that name, or in none any more."""
        self.rows[name].maintenance = maintenance
        self.touch(name)

    def end_incident(self, name: str, now: float, who: str = "", note: str = "") -> tuple[Event, ...]:
        """End the open incident of a server, where there is one, for a reason that is not its coming up."""
        row = self.rows[name]
        if row.incident is None:
            return ()
        event = ended(row.incident, now, who, note)
        row.incident = None
        self.touch(name)
        return (event,)

    def acknowledge(self, name: str, now: float, who: str, note: str = "") -> tuple[Event, ...]:
        """Somebody has seen the open incident of a server. Nothing happens where nothing is new in that."""
        row = self.rows[name]
        if row.incident is None or (row.incident.acknowledged_at is not None and not note):
            return ()
        event = acknowledged(row.incident, now, who, note)
        row.incident = event.incident
        self.touch(name)
        return (event,)

    def totals(self) -> Counter[Severity]:
        """How many servers are in each severity."""
        return Counter(row.severity for row in self.rows.values())

    def _show(self, row: Row, now: float) -> None:
        severity = _shown(row)
        if row.since is None or severity is not row.severity:
            row.severity = severity
            row.since = now
        self.touch(row.server.name)


def _count(row: Row, outcome: Round, now: float, confirmed: bool) -> tuple[Event, ...]:
    severity = outcome.diagnosis.verdict.severity
    if row.paused or severity is Severity.UNKNOWN:
        return ()
    row.damping = step(row.damping, severity, Rules.of(row.server), now)
    row.incident, event = follow(
        row.incident, row.damping, outcome.check, outcome.diagnosis, now, confirmed=confirmed
    )
    return (event,) if event else ()


def _shown(row: Row) -> Severity:
    if row.paused:
        return Severity.PAUSED
    if row.last and row.last.diagnosis.verdict.severity is Severity.UNKNOWN:
        return Severity.UNKNOWN
    return row.damping.severity or Severity.UNKNOWN


def _new_row(server: Server) -> Row:
    severity = Severity.PAUSED if server.paused else Severity.UNKNOWN
    return Row(server, severity, paused=server.paused)
