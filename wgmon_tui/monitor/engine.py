"""The engine: one asyncio loop that checks every server in its time and writes the board."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from random import Random

from wgmon_tui.diagnosis.diagnose import LOSSY_OVER
from wgmon_tui.diagnosis.verdict import Severity, Verdict
from wgmon_tui.fleet.alert_settings import Maintenance
from wgmon_tui.fleet.records import Server
from wgmon_tui.monitor.board import Board, Round, Row
from wgmon_tui.monitor.damping import Damping, unsettled
from wgmon_tui.monitor.elsewhere import Elsewhere
from wgmon_tui.monitor.feed import Feed
from wgmon_tui.monitor.incidents import Event, Incident
from wgmon_tui.monitor.look import Attention, blame_uplink, look
from wgmon_tui.monitor.rate import Rate
from wgmon_tui.monitor.rhythm import Rhythm
from wgmon_tui.monitor.schedule import Schedule
from wgmon_tui.monitor.standing import unexplained
from wgmon_tui.monitor.uplink import UplinkGuard
from wgmon_tui.probe.prober import Prober
from wgmon_tui.probe.targets import Target

RECHECK_S = 1.0
"""How soon a check is repeated that disagrees with a server's state."""

RECHECKS_PER_S = 200.0
"""How many such checks a second are made at most: where thousands fall at once, each waits its turn."""

DOUBT_S = 2.0
"""How long a failure that is in doubt waits for a witness: so long is its server left alone as well."""

WITNESSES = 3
"""So many servers are asked at a time whether we see at all."""

WITNESSES_SOUGHT = 100
"""They are among so many that answered last; where all of those are being checked, they will tell soon."""

BLAMED_AT_ONCE = 50
"""So many servers are judged anew with each round, once the fault is ours: a few milliseconds."""

STARTED_AT_ONCE = 30
"""So many checks begin before the loop sees to all else again: some ten milliseconds of arithmetic.

More of them would also meet at their deadlines, and hold the loop up again.
"""

LEFT = "left servers.toml"
"""Why an incident ended whose server is watched no longer."""

_CLOCK_S = 1.0

Listener = Callable[[Row, Round | None, tuple[Event, ...]], None]
"""Takes a row, the round that changed it, and what that came to. The round is None where something else did:
a pause, a judgement anew, an acknowledgement.
"""


class Engine(Feed):
    """Checks a fleet. Give it targets, then `run` it; read the `board`."""

    def __init__(self, prober: Prober, *, board: Board | None = None, random: Random | None = None) -> None:
        """`board` is one that faces look at already, `random` for tests that want the same schedule twice."""
        self.board = board or Board()
        self.schedule = Schedule(random or Random())  # noqa: S311 - phases, not keys
        self._prober = prober
        self._targets: dict[str, Target] = {}
        self._problems: dict[str, str] = {}
        self._in_flight: dict[str, asyncio.Task[None]] = {}
        self._uplink = UplinkGuard()
        self._doubted_at: dict[str, float] = {}
        self._witnesses: set[str] = set()
        self._unsettled: set[str] = set()
        self._rhythm = Rhythm()
        self._nap: asyncio.Future[None] | None = None
        self._failure: BaseException | None = None
        self._rate = Rate()
        self._listeners: list[Listener] = []
        self._maintenance: tuple[Maintenance, ...] = ()
        self.elsewhere = Elsewhere(self.board, lambda name, events: self._tell(name, None, events))
        """What other vantages see of the same servers."""

    def listen(self, listener: Listener) -> None:
        """Call `listener` after every round and every other change of a row.

        That is in the engine's loop: it must be quick and must not raise.
        """
        self._listeners.append(listener)

    def watch(
        self, servers: Iterable[Server], targets: Mapping[str, Target], problems: Mapping[str, str]
    ) -> None:
        """Take a list of servers to check from now on.

        `targets` holds, by name, those that can be checked, `problems` the line that says why another
        cannot. Servers that stay keep their history and their place in the schedule.
        """
        servers = tuple(servers)
        entries = {name: row.server for name, row in self.board.rows.items()}
        known = set(entries)
        for gone in known - {server.name for server in servers}:
            if events := self.board.end_incident(gone, time.time(), note=LEFT):
                self._tell(gone, None, events)
        self.board.replace(servers)
        self._targets = dict(targets)
        self._problems = dict(problems)
        for name in known - set(self.board.rows):
            self._forget(name)
        fresh = [name for name, row in self.board.rows.items() if name not in known and not row.paused]
        self.schedule.first(fresh, time.monotonic())
        for server in servers:
            if server.name in known and server.paused is not entries[server.name].paused:
                self.pause([server.name], server.paused, who="servers.toml")
        self._wake()

    def restore(
        self,
        name: str,
        *,
        severity: Severity,
        since: float | None,
        damping: Damping,
        samples: Iterable[float] = (),
        verdict: Verdict | None = None,
        port_monitor: str | None = None,
        incident: Incident | None = None,
        paused: bool = False,
    ) -> None:
        """Take what the store knows of a server, before it is checked for the first time.

        `samples` are round-trip times in seconds, oldest first, NaN for a lost one. An open incident goes on
        as the same one.
        """
        row = self.board.rows.get(name)
        if row is None or row.last is not None:
            return
        row.samples.refill(samples)
        row.damping = row.when_heard = damping
        row.verdict, row.port_monitor, row.incident = verdict, port_monitor, incident
        row.paused = row.paused or paused
        row.severity, row.since = Severity.PAUSED if row.paused else severity, since
        if row.paused:
            self._forget(name)
        elif damping.severity in (Severity.UP, Severity.DEGRADED):
            self._uplink.remember(name)
        self.board.touch(name)

    async def run(self) -> None:
        """Open the sockets and check until cancelled. Raises OSError where no socket can be had."""
        clock: asyncio.Task[None] | None = None
        try:
            await self._prober.open()
            clock = asyncio.create_task(self._watch_the_clock(), name="mutes and maintenance")
            while self._failure is None:
                for name, due in self.schedule.due(time.monotonic(), STARTED_AT_ONCE):
                    self._start(name, due)
                await self._sleep()
            raise self._failure
        finally:
            in_flight = [*self._in_flight.values(), *([clock] if clock else [])]
            for task in in_flight:
                task.cancel()
            await asyncio.gather(*in_flight, return_exceptions=True)
            await self._prober.close()

    def recheck(self, names: Iterable[str]) -> None:
        """Check these servers now, those aside that are being checked or paused."""
        now = time.monotonic()
        for name in names:
            row = self.board.rows.get(name)
            if row and not row.paused and not self._is_being_checked(name):
                self.schedule.at(name, now)
        self._wake()

    def pause(self, names: Iterable[str], paused: bool, who: str = "") -> None:
        """Stop or resume checking these servers; `who` asked for it."""
        for name in names:
            row = self.board.rows.get(name)
            if row is None or row.paused is paused:
                continue
            events = self.board.pause(name, paused, time.time(), who)
            self.elsewhere.retell(row)
            if paused:
                self._forget(name)
            elif not self._is_being_checked(name):
                self.schedule.at(name, time.monotonic())
            self._tell(name, None, events)
        self._wake()

    def mute(self, names: Iterable[str], until: float | None, who: str = "") -> None:
        """Tell nobody of these servers until a Unix time, `inf` for until further notice; None ends that."""
        for name in names:
            row = self.board.rows.get(name)
            if row and (row.muted_until, row.muted_by) != (until, who if until is not None else ""):
                self.board.mute(name, until, who)
                self._tell(name, None, ())

    def maintain(self, maintenance: Iterable[Maintenance]) -> None:
        """These are the maintenances from now on; whether one is on is looked at every second."""
        self._maintenance = tuple(maintenance)
        self._look_at_the_clock()

    def report(self, vantage: str, name: str, outcome: Round, now: float, *, epoch: str, number: int) -> None:
        """Another vantage has checked a server; its reports come in the order of their numbers."""
        self.elsewhere.report(vantage, name, outcome, now, epoch=epoch, number=number)

    def lost(self, vantage: str) -> None:
        """The line to a vantage is down."""
        self.elsewhere.lost(vantage)

    def acknowledge(self, names: Iterable[str], who: str = "", note: str = "") -> None:
        """Say that somebody has seen the open incidents of these servers."""
        for name in names:
            if name in self.board.rows and (events := self.board.acknowledge(name, time.time(), who, note)):
                self._tell(name, None, events)

    @property
    def checks_per_second(self) -> float:
        """Finished checks a second, over the last five."""
        return self._rate.per_second

    async def _watch_the_clock(self) -> None:
        while True:
            await asyncio.sleep(_CLOCK_S)
            self._look_at_the_clock()

    def _look_at_the_clock(self) -> None:
        """Begin and end maintenances, and end the mutes whose time is over."""
        now = time.time()
        self.elsewhere.look_at_the_clock(now)
        for name, row in self.board.rows.items():
            if row.muted_until is not None and row.muted_until <= now:
                self.mute([name], None)
            server = row.server
            on = (each.name for each in self._maintenance if each.holds(server.name, server.tags, now))
            maintenance = next(on, None) if self._maintenance else None
            if maintenance != row.maintenance:
                self.board.maintain(name, maintenance)
                self._tell(name, None, ())

    async def _sleep(self) -> None:
        """Until the next server is due or something has changed."""
        loop = asyncio.get_running_loop()
        self._nap = loop.create_future()
        due = self.schedule.next_due()
        timer = loop.call_later(max(0.0, due - time.monotonic()), self._wake) if due is not None else None
        try:
            await self._nap
        finally:
            if timer:
                timer.cancel()

    def _wake(self) -> None:
        if self._nap and not self._nap.done():
            self._nap.set_result(None)

    def _is_being_checked(self, name: str) -> bool:
        # One that has just ended is still listed, and takes no more appointments, for a turn of the loop.
        task = self._in_flight.get(name)
        return task is not None and not task.done()

    def _start(self, name: str, due: float) -> None:
        if self._is_being_checked(name):
            return
        task = asyncio.create_task(self._round(name, due), name=f"check {name}")
        self._in_flight[name] = task
        task.add_done_callback(lambda finished: self._ended(name, finished))

    def _ended(self, name: str, task: asyncio.Task[None]) -> None:
        if self._in_flight.get(name) is task:
            del self._in_flight[name]
        self._rhythm.looked(name)
        if not task.cancelled() and task.exception():
            # A fault of this program: it must end the engine with its traceback, not one server in silence.
            self._failure = task.exception()
        self._wake()  # its next appointment may be the earliest

    async def _round(self, name: str, due: float) -> None:
        row = self.board.rows[name]
        self.schedule.note_lag(time.monotonic() - due)
        self._doubted_at.pop(name, None)
        interval = row.server.interval
        first = row.last is None
        # A witness is waited for.
        attention = Attention() if name in self._witnesses else self._rhythm.attention(row)
        if attention.explain:
            row.standing = unexplained(row.standing)
        outcome = await look(
            self._prober,
            row.server,
            self._targets.get(name),
            attention,
            problem=self._problems.get(name, ""),
            recent=row.samples.recent(LOSSY_OVER),
            standing=row.standing,
        )
        now = time.monotonic()
        self._witnesses.discard(name)
        self._rate.count(len(outcome.checks))
        current = self.board.rows.get(name)
        if current is not row:
            if current and not current.paused:
                # Removed and added again meanwhile: its first appointment fell into this check.
                self.schedule.at(name, now)
            return
        if _came_back(row, outcome):
            self._rhythm.look_deeply_soon(name)
        outcome = self._blame_uplink(row, outcome)
        in_doubt = self._in_doubt(row, outcome)
        self._tell(name, outcome, self.board.record(name, outcome, time.time(), counted=not in_doubt))
        if in_doubt:
            self._doubted_at[name] = now
            self._ask_witnesses(name)
        if row.paused:
            return
        counts = outcome.diagnosis.verdict.severity is not Severity.UNKNOWN
        if in_doubt or (counts and unsettled(row.damping)):
            self._check_soon(name, DOUBT_S if in_doubt else RECHECK_S, interval)
            return
        self._unsettled.discard(name)
        if first:
            self.schedule.next_phase(name, now, interval)
        elif self.schedule.again(name, due, interval) < now:
            self.schedule.again(name, now, interval)

    def _blame_uplink(self, row: Row, outcome: Round) -> Round:
        """Where all servers fell silent at once, the verdict on each of them is ours."""
        name = row.server.name
        self._uplink.observe(name, outcome.heard_at)
        if outcome.heard_at is not None:
            self._count_doubted()
        if not self._uplink.suspicious:
            return outcome
        self._doubted_at.clear()
        fallen = self._uplink.fallen_count
        for other in self._uplink.unblamed(BLAMED_AT_ONCE):
            before = self.board.rows.get(other)
            if other == name or before is None or before.last is None:
                continue
            if before.last.diagnosis.verdict is not Verdict.LOCAL_FAULT:
                blamed = blame_uplink(before.last, before.server, fallen)
                self._tell(other, None, self.board.reconsider(other, blamed, time.time()))
        return blame_uplink(outcome, row.server, fallen) if self._uplink.has_fallen(name) else outcome

    def _in_doubt(self, row: Row, outcome: Round) -> bool:
        """Whether a failure that would count may be of our own making."""
        server = row.server
        return (
            not row.paused
            and outcome.diagnosis.verdict.severity is Severity.DOWN
            and row.damping.severity is not Severity.DOWN
            and outcome.heard_at is None
            and self._uplink.in_doubt(server.name, outcome.check.started_at, server.timeout)
        )

    def _ask_witnesses(self, name: str) -> None:
        """Check a few of the others at once, unless some are being asked already."""
        if not self._witnesses:
            sought = islice(self._uplink.witnesses(name), WITNESSES_SOUGHT)
            free = (other for other in sought if not self._is_being_checked(other))
            self._witnesses.update(islice(free, WITNESSES))
            self.recheck(self._witnesses)

    def _count_doubted(self) -> None:
        """Somebody was heard from: we do see, so failures of this moment are no fault of ours."""
        now = time.monotonic()
        doubted, self._doubted_at = self._doubted_at, {}
        for name, at in doubted.items():
            if now - at <= DOUBT_S:
                self._tell(name, None, self.board.count(name, time.time()))

    def _check_soon(self, name: str, after: float, interval: float) -> None:
        self._unsettled.add(name)
        after = max(after, len(self._unsettled) / RECHECKS_PER_S)
        self.schedule.soon(name, time.monotonic(), min(after, interval))

    def _tell(self, name: str, outcome: Round | None, events: tuple[Event, ...]) -> None:
        row = self.board.rows[name]
        for listener in self._listeners:
            listener(row, outcome, events)

    def _forget(self, name: str) -> None:
        self.schedule.drop(name)
        self._uplink.forget(name)
        self._doubted_at.pop(name, None)
        self._witnesses.discard(name)
        self._unsettled.discard(name)
        self._rhythm.forget(name)


def _came_back(row: Row, outcome: Round) -> bool:
    """Whether a server answers that did not when it was last looked at."""
    return row.last is not None and not row.last.check.handshake and outcome.check.handshake is not None
