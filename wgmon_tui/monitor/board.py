"""The fleet as it looks now: one row a server, written by the engine, read by every face.

Faces poll `version` and take `drain()`; nothing is sent per check, because ten thousand messages a second
would cost more than the checks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from wgmon_tui.diagnosis.verdict import Severity
from wgmon_tui.fleet.records import Server
from wgmon_tui.fleet.vantage_settings import Vantage
from wgmon_tui.monitor.damping import Damping, Rules, begun_anew, step
from wgmon_tui.monitor.incidents import BROKEN, Event, acknowledged, ended, follow
from wgmon_tui.monitor.rounds import Round
from wgmon_tui.monitor.row import Row
from wgmon_tui.monitor.sights import Sight, agree, line_lost, sight_after, word_holds

__all__ = ["Board", "Resettled", "Round", "Row"]


@dataclass(frozen=True, slots=True)
class Resettled:
    """A row of which the word of some `vantages` is no longer taken, whether that `changed` its severity or
    its incident, and what happened to that.
    """

    row: Row
    vantages: tuple[str, ...]
    changed: bool
    events: tuple[Event, ...]


class Board:
    """All rows by name, and which of them changed since somebody last asked."""

    def __init__(self, servers: Iterable[Server] = ()) -> None:
        self.rows: dict[str, Row] = {}
        self.version = 0
        """Changes with every change of any row."""
        self.membership = 0
        """Changes when servers come or go."""
        self.vantages: tuple[str, ...] = ()
        """The others that check these servers too, in the order of config.toml."""
        self.quorum = 1
        """So many vantages must agree before a server is held to be down."""
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
                for sight in row.sights.values():
                    row.sights[sight.vantage] = replace(sight, damping=begun_anew(sight.damping))
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
        from wgmon_tui.monitor.standing import standing_after  # with the first check: a face is there before

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
        if row.sights:
            events = self._agree(row, now, check.vantage if confirmed else None)
        self._show(row, now)
        return events

    def count(self, name: str, now: float) -> tuple[Event, ...]:
        """Count the last round of a server after all: somebody was heard from, so that we do see."""
        row = self.rows[name]
        events = _count(row, row.last, now, confirmed=False) if row.last else ()
        if row.sights:
            events = self._agree(row, now)
        self._show(row, now)
        return events

    def reconsider(self, name: str, outcome: Round, now: float) -> tuple[Event, ...]:
        """Judge the last round of a server anew: the same checks, but the fault is ours, as we know by now.

        That forgives what was counted since the server was last heard from, and an incident that came of it.
        """
        row = self.rows[name]
        row.last = outcome
        row.damping = row.when_heard
        self._take_views(row)
        state = row.agreed or row.damping  # where others see it, it is theirs to say
        forgiven = row.incident is not None and state.severity not in BROKEN
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
        for sight in row.sights.values():
            row.sights[sight.vantage] = replace(sight, damping=Damping())
        row.agreed = None
        events = self.end_incident(name, now, who, "paused") if paused else ()
        self._show(row, now)
        return events

    def sight(self, vantage: str, name: str, outcome: Round, now: float) -> tuple[Event, ...]:
        """Another vantage has checked a server: write down what it saw, and say what comes of it."""
        row = self.rows.get(name)
        if row is None:
            return ()
        before = row.sights.get(vantage)
        sight = sight_after(before, vantage, outcome, row.server, now, counted=not row.paused)
        row.sights[vantage] = sight
        confirmed = before is not None and before.verdict is sight.verdict
        return self._settle(row, now, vantage if confirmed else None)

    def restore_sights(self, name: str, sights: Iterable[Sight], now: float) -> None:
        """What other vantages saw before this program started. Each has the time to say it again."""
        row = self.rows.get(name)
        if row is None:
            return
        holds_until = now + word_holds(row.server)
        restored = (sight for sight in sights if sight.vantage in self.vantages)
        self.show_sights(
            name, [replace(each, holds_until=max(each.holds_until, holds_until)) for each in restored]
        )

    def show_vantages(self, names: tuple[str, ...], quorum: int) -> None:
        """These are the other vantages, and so many must agree."""
        self.membership += self.vantages != names  # faces draw what they see in columns of their own
        self.vantages, self.quorum = names, quorum

    def show_sights(self, name: str, sights: Iterable[Sight]) -> None:
        """What other vantages see of a server, all of them, where another process judges what comes of it."""
        row = self.rows[name]
        row.sights = {sight.vantage: sight for sight in sights}
        self._take_views(row)
        self.touch(name)

    def lost(self, vantage: str, now: float) -> None:
        """The line to a vantage is down: what it said holds for a moment more."""
        for row in self.rows.values():
            if sight := row.sights.get(vantage):
                row.sights[vantage] = line_lost(sight, now)

    def outdated(self, now: float) -> list[Resettled]:
        """Take no vantage's word that is older than it holds, and give the rows concerned."""
        found = []
        for row in self.rows.values():
            if not row.sights:
                continue
            old = [each for each in row.sights.values() if each.current and now >= each.holds_until]
            if old:
                row.sights |= {each.vantage: replace(each, current=False) for each in old}
                found.append(self._without(row, tuple(each.vantage for each in old), now))
        return found

    def see_from(self, vantages: Sequence[Vantage], quorum: int, now: float) -> list[Resettled]:
        """These vantages check too from now on, each the servers that it watches; so many must agree.

        Gives the rows that one of them watches no longer, and those for which the other quorum counts.
        """
        changed = self.quorum != quorum
        self.show_vantages(tuple(vantage.name for vantage in vantages), quorum)
        by_name = {vantage.name: vantage for vantage in vantages}
        found = []
        for row in self.rows.values():
            gone = tuple(
                name for name in row.sights if name not in by_name or not by_name[name].watches(row.server)
            )
            for vantage in gone:
                del row.sights[vantage]
            if gone or (row.sights and changed):
                found.append(self._without(row, gone, now))
        return found

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

    def _without(self, row: Row, vantages: tuple[str, ...], now: float) -> Resettled:
        before = row.severity
        events = self._settle(row, now)
        return Resettled(row, vantages, bool(events) or row.severity is not before, events)

    def _settle(self, row: Row, now: float, confirmed_by: str | None = None) -> tuple[Event, ...]:
        events = self._agree(row, now, confirmed_by)
        self._show(row, now)
        return events

    def _agree(self, row: Row, now: float, confirmed_by: str | None = None) -> tuple[Event, ...]:
        """What the vantages agree on now, and what that is for the incident.

        `confirmed_by` is whose round was just the second one of its verdict. What is made of several needs no
        second word: it follows from what is settled.
        """
        self._take_views(row)
        if row.agreed is None:
            return ()
        agreed = row.agreed
        damping = Damping(agreed.severity, flapping=agreed.flapping)
        check = row.last.check if row.last else next(iter(row.sights.values())).last.check
        row.incident, event = follow(
            row.incident,
            damping,
            replace(check, vantage=",".join(agreed.vantages)),
            agreed.diagnosis,
            now,
            confirmed=agreed.source in ("", confirmed_by),
        )
        return (event,) if event else ()

    def _take_views(self, row: Row) -> None:
        views = row.views if row.sights and not row.paused else ()
        row.agreed = agree(views, self.quorum, row.server)

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
    if row.sights:
        return ()  # it is for all of them to say what comes of it
    row.incident, event = follow(
        row.incident, row.damping, outcome.check, outcome.diagnosis, now, confirmed=confirmed
    )
    return (event,) if event else ()


def _shown(row: Row) -> Severity:
    if row.paused:
        return Severity.PAUSED
    if row.agreed:
        return row.agreed.severity
    if row.last and row.last.diagnosis.verdict.severity is Severity.UNKNOWN:
        return Severity.UNKNOWN
    return row.damping.severity or Severity.UNKNOWN


def _new_row(server: Server) -> Row:
    severity = Severity.PAUSED if server.paused else Severity.UNKNOWN
    return Row(server, severity, paused=server.paused)
