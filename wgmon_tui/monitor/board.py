"""The fleet as it looks now: one row a server, written by the engine, read by every face.

Faces poll `version` and take `drain()`; nothing is sent per check, because ten thousand messages a second
would cost more than the checks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from wgmon_tui.diagnosis.verdict import Diagnosis, Severity
from wgmon_tui.fleet.records import Address, Server
from wgmon_tui.monitor.samples import Samples
from wgmon_tui.monitor.standing import standing_after
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


@dataclass(slots=True)
class Row:
    """What is known of one server now.

    `since` is the Unix time at which its severity last changed, `standing` the evidence by address that holds
    longer than one check.
    """

    server: Server
    severity: Severity = Severity.UNKNOWN
    since: float | None = None
    last: Round | None = None
    last_good: Check | None = None
    port_monitor: str | None = None
    standing: dict[Address | None, tuple[Evidence, ...]] = field(default_factory=dict)
    samples: Samples = field(default_factory=Samples)
    paused: bool = False
    version: int = 0

    @property
    def rtt(self) -> float | None:
        """The round-trip time of the last check in seconds; None where it was lost or has not been."""
        if self.last is None or self.last.check.handshake is None:
            return None
        return self.last.check.handshake.rtt

    @property
    def word(self) -> str:
        """The verdict's slug, or what stands in for it before the first check and while paused."""
        if self.paused:
            return "paused"
        return self.last.diagnosis.verdict.slug if self.last else "waiting"


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

        A server that changed loses its standing evidence.
        """
        rows: dict[str, Row] = {}
        for server in servers:
            row = self.rows.get(server.name) or _new_row(server)
            if row.server != server:
                row.standing = {}  # found with other keys, at another address, or what the change has mended
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

    def record(self, name: str, outcome: Round, now: float) -> None:
        """Write the outcome of a round that ended at the Unix time `now`."""
        row = self.rows.get(name)
        if row is None:
            return
        check = outcome.check
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
        self._settle(row, Severity.PAUSED if row.paused else severity, now)
        self.touch(name)

    def reconsider(self, name: str, outcome: Round, now: float) -> None:
        """Judge the last round of a server anew: the same checks, another meaning."""
        row = self.rows[name]
        row.last = outcome
        if not row.paused:
            self._settle(row, outcome.diagnosis.verdict.severity, now)
        self.touch(name)

    def pause(self, name: str, paused: bool, now: float) -> None:
        """Stop or resume counting a server."""
        row = self.rows[name]
        row.paused = paused
        resumed = row.last.diagnosis.verdict.severity if row.last else Severity.UNKNOWN
        self._settle(row, Severity.PAUSED if paused else resumed, now)
        self.touch(name)

    def totals(self) -> Counter[Severity]:
        """How many servers are in each severity."""
        return Counter(row.severity for row in self.rows.values())

    @staticmethod
    def _settle(row: Row, severity: Severity, now: float) -> None:
        if row.since is None or severity is not row.severity:
            row.severity = severity
            row.since = now


def _new_row(server: Server) -> Row:
    severity = Severity.PAUSED if server.paused else Severity.UNKNOWN
    return Row(server, severity, paused=server.paused)
