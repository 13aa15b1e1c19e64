"""Check engine: one asyncio loop that checks every server on schedule and writes the fleet state."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from random import Random

from wgmon_tui.checks.protocol import LOSS_WINDOW, ProtocolProber, ProtocolTarget
from wgmon_tui.checks.soak_progress import SoakProgress
from wgmon_tui.checks.verdict import Severity
from wgmon_tui.config.alerting import Maintenance
from wgmon_tui.config.models import Server
from wgmon_tui.monitor.check_rate import CheckRate
from wgmon_tui.monitor.check_round import CheckDepth, run_check_round
from wgmon_tui.monitor.controller import FleetController
from wgmon_tui.monitor.deep_check_policy import SOAK_AFTER_RECOVERY_S, DeepCheckPolicy
from wgmon_tui.monitor.fleet_evidence import FleetEvidence
from wgmon_tui.monitor.fleet_state import FleetState, Round, ServerState
from wgmon_tui.monitor.incidents import IncidentEvent
from wgmon_tui.monitor.known_state import KnownState
from wgmon_tui.monitor.rechecks import Rechecks
from wgmon_tui.monitor.reported_nodes import ReportedNodes
from wgmon_tui.monitor.requested_rounds import NotCheckedHereError, RequestedRound, RequestedRounds
from wgmon_tui.monitor.scheduler import Scheduler
from wgmon_tui.monitor.state_timers import StateTimers
from wgmon_tui.monitor.subscription_ends import SubscriptionEnds
from wgmon_tui.monitor.uplink_doubts import UplinkDoubts
from wgmon_tui.monitor.uplink_evidence import UplinkEvidence
from wgmon_tui.monitor.vantage_reports import VantageReports
from wgmon_tui.monitor.wake_timer import BACKLOG_SLEEP_S, LEAST_SLEEP_S, WakeTimer
from wgmon_tui.net.addresses import Endpoint

STARTED_AT_ONCE = 30
"""Checks started before the loop handles other work: some ten milliseconds of computation.

A larger number would also reach its deadlines together, and block the loop again.
"""

LEFT_NOTE = "left servers.toml"
"""Note on an incident that ended because its server is no longer in servers.toml."""

NODE_LEFT_NOTE = "no longer a watched node"
"""The same for a node that left the reports of its control plane, or that no rule selects any more."""

Listener = Callable[[ServerState, Round | None, tuple[IncidentEvent, ...]], None]
"""Called with a server state, the round that changed it, and the resulting incident events. The round is None
for other changes: a pause, a new diagnosis, an acknowledgement.
"""


class Engine(FleetController):
    """Checks a fleet. Give it targets, then `run` it; read the `fleet_state`."""

    def __init__(
        self,
        prober: ProtocolProber,
        *,
        fleet_state: FleetState | None = None,
        random: Random | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`fleet_state` is one that screens already show. `random` lets tests repeat a schedule.

        `clock` returns the Unix time by which mutes and maintenance windows end.
        """
        self.fleet_state = fleet_state or FleetState()
        self.schedule = Scheduler(random or Random())  # noqa: S311 - phases, not keys
        self._rechecks = Rechecks(self.schedule)
        self._prober = prober
        self._watched: dict[str, Server] = {}
        self._targets: dict[str, ProtocolTarget] = {}
        self._problems: dict[str, str] = {}
        self._in_flight: dict[str, asyncio.Task[None]] = {}
        self._uplink_evidence = UplinkEvidence(self._count_checked)
        self._deep_check_policy = DeepCheckPolicy()
        self._fleet_evidence = FleetEvidence(self.fleet_state)
        self._reported_nodes = ReportedNodes(self.fleet_state)
        self.subscription_ends = SubscriptionEnds(self.fleet_state)
        self.soaks: dict[str, SoakProgress] = {}
        """How far the running soaks are, by server."""
        self._requested_rounds = RequestedRounds()
        self._timer = WakeTimer()
        self._failure: BaseException | None = None
        self._rate = CheckRate()
        self._listeners: list[Listener] = []
        self._doubts = UplinkDoubts(self.fleet_state, lambda name, events: self._notify(name, None, events))
        self.vantage_reports = VantageReports(
            self.fleet_state, lambda name, events: self._notify(name, None, events)
        )
        """Reports of other vantages on the same servers."""
        self._timers = StateTimers(
            self, self.fleet_state, self.vantage_reports, clock, lambda name: self._notify(name, None, ())
        )

    def listen(self, listener: Listener) -> None:
        """Call `listener` after every round and every other change of a server state.

        The call happens in the engine's loop: it must be quick and must not raise.
        """
        self._listeners.append(listener)

    @property
    def targets(self) -> Mapping[str, ProtocolTarget]:
        """Return the servers that can be checked, by name."""
        return self._targets

    def watch(
        self, servers: Iterable[Server], targets: Mapping[str, ProtocolTarget], problems: Mapping[str, str]
    ) -> None:
        """Replace the list of servers to check.

        `targets` holds the servers that can be checked, by name. `problems` holds, for each of the others,
        the line that explains why it cannot. Servers that stay keep their history and their place in the
        schedule. The fleet state may show the servers already.
        """
        servers = tuple(servers)
        entries, self._watched = self._watched, {server.name: server for server in servers}
        known = set(entries)
        for gone in known - {server.name for server in servers}:
            note = NODE_LEFT_NOTE if entries[gone].control_plane else LEFT_NOTE
            if events := self.fleet_state.end_incident(gone, time.time(), note=note):
                self._notify(gone, None, events)
        self.fleet_state.replace(servers)
        self._targets = dict(targets)
        self._problems = dict(problems)
        for name in known - set(self.fleet_state.states):
            self._forget(name)
        fresh = [
            name
            for name, server_state in self.fleet_state.states.items()
            if name not in known and not server_state.paused
        ]
        self.schedule.schedule_first(fresh, time.monotonic())
        for server in servers:
            if server.name in known and server.paused is not entries[server.name].paused:
                self.pause([server.name], server.paused, who="servers.toml")
        self._timer.wake()

    def rename(self, names: Mapping[str, str]) -> dict[str, str]:
        """Check servers under other names from now on. They keep their states and incidents.

        Returns the names that changed: a name that another server has now is not given again.
        """
        done: dict[str, str] = {}
        waiting = dict(names)
        while free := {before: after for before, after in waiting.items() if after not in self._watched}:
            for before, after in free.items():
                del waiting[before]
                if before in self._watched and self.fleet_state.rename(before, after):
                    self._forget(before)
                    self._watched[after] = replace(self._watched.pop(before), name=after)
                    done[before] = after
        unpaused = [after for after in done.values() if not self.fleet_state.states[after].paused]
        self.schedule.schedule_first(unpaused, time.monotonic())
        return done

    def restore(self, name: str, known: KnownState) -> None:
        """Restore the stored state of a server before its first check."""
        server_state = self.fleet_state.restore(name, known)
        if server_state is None:
            return
        if server_state.paused:
            self._forget(name)
        elif known.damping.severity in (Severity.UP, Severity.DEGRADED):
            self._doubts.mark_well(name)

    def restore_last_answer(self, name: str, outcome: Round) -> None:
        """Restore when and where a server last answered, from a round that the present server key answered.

        A round of another identity says nothing about this one.
        """
        server_state, target = self.fleet_state.states.get(name), self._targets.get(name)
        if server_state and target and target.is_probed_as(outcome.check):
            self._fleet_evidence.record(server_state, target, outcome)
            self._prober.restore(target.server, outcome.checks)

    async def run(self) -> None:
        """Open the sockets and check until cancelled. Raises OSError if no socket can be opened."""
        clock: asyncio.Task[None] | None = None
        try:
            await self._prober.open()
            clock = asyncio.create_task(self._timers.run(), name="mutes and maintenance")
            while self._failure is None:
                taken = self.schedule.take_due(time.monotonic(), STARTED_AT_ONCE)
                for name, due in taken:
                    self._start(name, due)
                least_s = BACKLOG_SLEEP_S if len(taken) == STARTED_AT_ONCE else LEAST_SLEEP_S
                await self._timer.sleep_until(self.schedule.next_due(), least_s)
            raise self._failure
        finally:
            in_flight = [*self._in_flight.values(), *([clock] if clock else [])]
            for task in in_flight:
                task.cancel()
            await asyncio.gather(*in_flight, return_exceptions=True)
            self._in_flight.clear()  # a task that never began did not remove itself
            await self._prober.close()

    def recheck(self, names: Iterable[str]) -> None:
        """Check these servers now, except those that are paused or already being checked."""
        now = time.monotonic()
        for name in names:
            server_state = self.fleet_state.states.get(name)
            if server_state and not server_state.paused and not self._is_being_checked(name):
                self.schedule.schedule_at(name, now)
        self._timer.wake()

    def request_round(
        self, name: str, depth: CheckDepth, prober: ProtocolProber | None = None
    ) -> asyncio.Future[Round]:
        """Check a server now, or after its check in flight, and return the future round.

        `prober` replaces the engine's own. Raises NotCheckedHereError, also as the result.
        """
        server_state = self.fleet_state.states.get(name)
        if server_state is None or server_state.paused or name not in self._targets:
            raise NotCheckedHereError(f'"{name}" is not checked here')
        result = self._requested_rounds.add(name, depth, prober)
        if not self._is_being_checked(name):
            self.schedule.schedule_at(name, time.monotonic())
        self._timer.wake()
        return result

    def pause(self, names: Iterable[str], paused: bool, who: str = "", until: float | None = None) -> None:
        """Pause or resume checks of these servers; `who` asked for it.

        `until` is the Unix time when the pause ends by itself. It also replaces the end of an earlier pause.
        """
        for name in names:
            server_state = self.fleet_state.states.get(name)
            if server_state is None or (
                server_state.paused is paused and (not paused or server_state.paused_until == until)
            ):
                continue
            events = self.fleet_state.pause(name, paused, time.time(), who, until)
            self.vantage_reports.notify_vantages(server_state)
            if paused:
                self._forget(name)
            elif not self._is_being_checked(name):
                self.schedule.schedule_at(name, time.monotonic())
            self._notify(name, None, events)
        self._timer.wake()

    def mute(self, names: Iterable[str], until: float | None, who: str = "") -> None:
        """Mute alerts for these servers until a Unix time; `inf` means until unmuted, None unmutes."""
        for name in names:
            server_state = self.fleet_state.states.get(name)
            if server_state and (server_state.muted_until, server_state.muted_by) != (
                until,
                who if until is not None else "",
            ):
                self.fleet_state.mute(name, until, who)
                self._notify(name, None, ())

    def set_maintenance(self, maintenance: Iterable[Maintenance]) -> None:
        """Replace the maintenance windows. Every second the engine tests which of them are active."""
        self._timers.set_maintenance(maintenance)

    def set_witness(self, witness: Endpoint | None) -> None:
        """Replace the host that is probed when a server falls silent."""
        self._uplink_evidence.witness = witness

    def acknowledge(self, names: Iterable[str], who: str = "", note: str = "") -> None:
        """Acknowledge the open incidents of these servers."""
        for name in names:
            if name in self.fleet_state.states and (
                events := self.fleet_state.acknowledge(name, time.time(), who, note)
            ):
                self._notify(name, None, events)

    @property
    def checks_per_second(self) -> float:
        """Return the rate of finished checks, over the last seconds or the last minute."""
        return self._rate.per_second

    def _count_checked(self) -> int:
        return sum(not server_state.paused for server_state in self.fleet_state.states.values())

    def _is_being_checked(self, name: str) -> bool:
        return name in self._in_flight

    def _start(self, name: str, due: float) -> None:
        if self._is_being_checked(name):
            return
        self._in_flight[name] = asyncio.create_task(self._check(name, due), name=f"check {name}")

    async def _check(self, name: str, due: float) -> None:
        """Run a round in its task. What follows its end needs no further turn of the loop."""
        try:
            await self._run_round(name, due)
        except Exception as fault:  # noqa: BLE001  a bug must end the engine, not silently stop one server
            self._failure = fault
        finally:
            del self._in_flight[name]
            self._deep_check_policy.finish_round(name)
            self.soaks.pop(name, None)
        if self._requested_rounds.is_waiting(name):
            self.schedule.schedule_at(name, time.monotonic())
        if self._failure is not None:
            self._timer.wake()
        self._timer.wake_before(self.schedule.next_due())

    async def _run_round(self, name: str, due: float) -> None:
        server_state = self.fleet_state.states[name]
        self.schedule.record_lag(time.monotonic() - due)
        self._doubts.begin_round(name)
        first = server_state.last is None
        requested, target = self._requested_rounds.take(name), self._targets.get(name)
        depth = self._choose_depth(server_state, requested)
        if depth.explain:
            self.fleet_state.drop_experiments(name)
        outcome = await run_check_round(
            (requested and requested.prober) or self._prober,
            server_state.server,
            target,
            depth,
            problem=self._problems.get(name, ""),
            recent=server_state.samples.recent(LOSS_WINDOW),
            carried_evidence=server_state.carried_evidence,
            losses=server_state.losses,
            uplink_evidence=self._uplink_evidence,
            known_about=lambda checks: self._fleet_evidence.about(server_state, target, checks),
            on_soak=partial(self.soaks.__setitem__, name),
        )
        now = time.monotonic()
        self._doubts.witnesses.discard(name)
        self._rate.count(len(outcome.checks))
        if self.fleet_state.states.get(name) is not server_state:
            self._drop_round(name, requested, now)
            return
        self._fleet_evidence.record(server_state, target, outcome)
        if _has_recovered(server_state, outcome):
            self._deep_check_policy.request_deep_check(name)
        self._deep_check_policy.record_round(server_state.server, outcome)
        outcome = self._doubts.blame(server_state, outcome)
        is_in_doubt = self._doubts.is_in_doubt(server_state, outcome)
        outcome = self._reported_nodes.judge(server_state, outcome, time.time())
        outcome = self.subscription_ends.add(server_state, outcome)
        was_down = server_state.damping.severity is Severity.DOWN
        self._notify(
            name, outcome, self.fleet_state.record(name, outcome, time.time(), counted=not is_in_doubt)
        )
        if was_down and server_state.damping.severity is not Severity.DOWN:
            self._deep_check_policy.request_soak(name, SOAK_AFTER_RECOVERY_S)
        if requested:
            requested.finish(outcome)
        if is_in_doubt:
            self.recheck(self._doubts.hold(name, now, self._is_being_checked))
        if not server_state.paused:
            self._rechecks.schedule_after_round(
                server_state, outcome, due, now, first=first, is_in_doubt=is_in_doubt
            )

    def _drop_round(self, name: str, requested: RequestedRound | None, now: float) -> None:
        """End the round of a server that was removed during its check, and perhaps added again."""
        if requested:
            requested.refuse(f'"{name}" was removed during its check')
        current = self.fleet_state.states.get(name)
        if current and not current.paused:
            # The check used up the first due time of the server that was added.
            self.schedule.schedule_at(name, now)

    def _choose_depth(self, server_state: ServerState, requested: RequestedRound | None) -> CheckDepth:
        name = server_state.server.name
        if requested:
            self._deep_check_policy.record_requested(name, requested.depth)
            return requested.depth
        # A witness must answer quickly.
        return (
            CheckDepth()
            if name in self._doubts.witnesses
            else self._deep_check_policy.choose_depth(server_state)
        )

    def _notify(self, name: str, outcome: Round | None, events: tuple[IncidentEvent, ...]) -> None:
        server_state = self.fleet_state.states[name]
        for listener in self._listeners:
            listener(server_state, outcome, events)

    def _forget(self, name: str) -> None:
        self.schedule.unschedule(name)
        self._requested_rounds.refuse_all(name, f'"{name}" is no longer checked here')
        self._doubts.forget(name)
        self._uplink_evidence.forget(name)
        self._rechecks.forget(name)
        self._deep_check_policy.forget(name)
        self._fleet_evidence.forget(name)


def _has_recovered(server_state: ServerState, outcome: Round) -> bool:
    """Return whether a server answers that did not answer in its last round."""
    return (
        server_state.last is not None
        and not server_state.last.check.handshake
        and outcome.check.handshake is not None
    )
