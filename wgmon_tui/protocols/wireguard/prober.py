"""The prober: runs checks stage by stage, one handshake at a time per peer."""

from __future__ import annotations

import asyncio
import errno
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import replace

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.check_log import CheckLog
from wgmon_tui.checks.evidence import (
    IDENTITY_BUSY,
    TIMESTAMP_FAR_AHEAD,
    Evidence,
    LateAnswer,
    NameUnresolved,
    SocketError,
)
from wgmon_tui.checks.evidence_selection import is_only_silence
from wgmon_tui.checks.loop_lag import LoopLag
from wgmon_tui.checks.path_trace import PathTrace, TraceOptions
from wgmon_tui.checks.resolve_stage import NOT_NEEDED, resolve_stage
from wgmon_tui.checks.soak_progress import SoakProgress, ignore_progress
from wgmon_tui.config.keys import PrivateKey, PublicKey
from wgmon_tui.config.models import Server
from wgmon_tui.net.addresses import Address, Endpoint
from wgmon_tui.net.netlink import RoutingSocket
from wgmon_tui.net.resolver import ResolutionError, Resolver, is_literal
from wgmon_tui.protocols.wireguard.check_results import (
    add_round_evidence,
    make_unsent_check,
    with_evidence,
    with_stages,
)
from wgmon_tui.protocols.wireguard.data_stages import DataResult, DataStages
from wgmon_tui.protocols.wireguard.demultiplexer import Demultiplexer
from wgmon_tui.protocols.wireguard.experiment_runner import ExperimentRunner
from wgmon_tui.protocols.wireguard.handshake import Attempt
from wgmon_tui.protocols.wireguard.handshake_stage import HandshakeStage
from wgmon_tui.protocols.wireguard.last_sessions import LastSessions
from wgmon_tui.protocols.wireguard.other_clients import (
    InterfaceOf,
    InterfacesTo,
    OtherClients,
    StampedElsewhere,
)
from wgmon_tui.protocols.wireguard.peer_turns import HoldIdentity, PeerTurns
from wgmon_tui.protocols.wireguard.server_addresses import ServerAddresses
from wgmon_tui.protocols.wireguard.silent_gateway import find_silent_default_gateway, find_silent_gateway
from wgmon_tui.protocols.wireguard.slow_steps import SlowSteps
from wgmon_tui.protocols.wireguard.stage_outcomes import make_failed_resolve_stage
from wgmon_tui.protocols.wireguard.targets import Target
from wgmon_tui.protocols.wireguard.traced_servers import ServerTracer, kernel_spelling
from wgmon_tui.run_until_first import run_until_first

NextTimestamp = Callable[[PublicKey], bytes]
"""Returns a TAI64N stamp later than any that this identity has used, in any process."""

_TIMEOUTS_FOR_LATE_ANSWERS = 4
_MAX_LATE_WAIT_S = 6.5
"""A check that explains silence waits for late answers until this long after its start, or four timeouts."""


class Prober:
    """Runs checks. Call `open` inside the event loop and network namespace of the checks."""

    def __init__(
        self,
        *,
        timestamps: NextTimestamp,
        ahead_s: Callable[[PublicKey], float] = lambda _: 0.0,
        may_stamp: Callable[[PublicKey], bool] = lambda _: True,
        vantage: str = "local",
        make_ephemeral: Callable[[], PrivateKey] | None = None,
        hold_identity: HoldIdentity = lambda _: nullcontext(True),
        stamped_elsewhere: StampedElsewhere = lambda _: None,
        interface_of: InterfaceOf | None = None,
        interfaces_to: InterfacesTo = lambda _: (),
        on_open: Callable[[], None] = lambda: None,
    ) -> None:
        """`ahead_s` returns how far an identity's last stamp is ahead of the local clock, in seconds.

        `may_stamp` returns whether the next stamp of an identity is near the times known on this machine.
        Otherwise nothing is sent: a server that sees such a stamp ignores the identity until then.

        `make_ephemeral` returns a new one-time key per call, so that the caller can decrypt the exchange
        later. Without it no exchange can be decrypted: an attempt's key is not kept.
        `on_open` starts work beside the first check, which needs its result at its end.
        """
        self.vantage = vantage
        self._timestamps = timestamps
        self._may_stamp = may_stamp
        self._make_ephemeral = make_ephemeral
        self._turns = PeerTurns(hold_identity)
        self._on_open = on_open
        self._resolver = Resolver()
        self._demultiplexer = Demultiplexer()
        self._other_clients = OtherClients(
            self._demultiplexer.foreign_sessions, stamped_elsewhere, interface_of, interfaces_to
        )
        self._loop_lag = LoopLag()
        self._routing = RoutingSocket()
        self._last_sessions = LastSessions(
            self._demultiplexer.ended_sessions,
            self._demultiplexer.foreign_sessions,
            self._demultiplexer.timers,
        )
        self._server_addresses = ServerAddresses(self._resolver)
        self._tracer = ServerTracer(self._demultiplexer, self._turns, self._resolver, timestamps, may_stamp)
        self._data_stages = DataStages(self._demultiplexer, self._handshake)
        self._experiments = ExperimentRunner(
            self._demultiplexer, self._handshake, self._data_stages.carry_data, ahead_s
        )

    async def open(self) -> None:
        """Open a socket per address family that this machine supports. Raises OSError if there is none."""
        await self._demultiplexer.open()
        self._routing.open()
        self._loop_lag.start()
        self._on_open()

    async def close(self) -> None:
        """Close the sockets."""
        self._last_sessions.forget_all()
        self._loop_lag.stop()
        self._routing.close()
        await self._demultiplexer.close()

    @property
    def ports(self) -> tuple[int, ...]:
        """The source ports in use: one per family while open, else none."""
        return self._demultiplexer.ports

    def port_for(self, address: Address) -> int | None:
        """The source port towards an address; None if this machine does not support its family."""
        opened = self._demultiplexer.socket_for(address)
        return opened.port if opened else None

    async def resolve(self, endpoint: Endpoint, timeout_s: float) -> tuple[Address, ...]:
        """Resolve an endpoint to all its addresses. Raises ResolutionError."""
        return await self._resolver.resolve(endpoint, timeout_s)

    def restore(self, server: Server, checks: Sequence[Check]) -> None:
        """Restore what an earlier run knew of a server's name, from its last answered round."""
        self._server_addresses.restore(server, checks)

    async def check_all(
        self,
        target: Target,
        *,
        deep: bool = False,
        explain: bool = False,
        soak: bool = False,
        on_soak: Callable[[SoakProgress], None] = ignore_progress,
    ) -> tuple[Check, ...]:
        """Check each address of a server in turn: all of them are the same WireGuard peer.

        `deep` and `soak` add the slow stages that run only now and then (see TunnelStage.run). `explain` adds
        experiments that explain silence.

        After a failed check the name is resolved again, and new addresses are checked. Experiments come last:
        they take seconds, and an address that the name has lost needs none.
        """
        server, steps, began = target.server, SlowSteps(deep, soak, on_soak), time.monotonic()
        try:
            addresses, moved = await self._server_addresses.look_up(server)
        except ResolutionError as error:
            return (await self._make_unresolved_check(target, error, began),)
        checked = [await self._check(target, each, steps) for each in addresses]
        if not is_literal(server.endpoint.host) and any(check.handshake is None for check, _ in checked):
            with suppress(ResolutionError):  # without an answer, nothing moved
                addresses, moved = await self._server_addresses.look_up(server, newer_than=time.monotonic())
            checked = [(check, run) for check, run in checked if check.address in addresses]
            known = [check.address for check, _ in checked]
            checked += [await self._check(target, each, steps) for each in addresses if each not in known]
        checks = [await self._explain(target, *each) if explain else each[0] for each in checked]
        resolved = resolve_stage(self._resolver.last_lookup(server.endpoint.host), began)
        return tuple(with_stages(each, server, resolved) for each in add_round_evidence(checks, moved))

    async def check(
        self,
        target: Target,
        address: Address,
        *,
        deep: bool = False,
        explain: bool = False,
        soak: bool = False,
        on_soak: Callable[[SoakProgress], None] = ignore_progress,
    ) -> Check:
        """Check one address. Never raises for what the network or the server does."""
        check, run = await self._check(target, address, SlowSteps(deep, soak, on_soak))
        check = await self._explain(target, check, run) if explain else check
        return with_stages(check, target.server, NOT_NEEDED)

    async def trace_path(
        self, target: Target, options: TraceOptions, on_progress: Callable[[PathTrace], None]
    ) -> PathTrace:
        """Trace the path to one address of a server, in turns between its checks.

        Raises TraceRefusedError.
        """
        return await self._tracer.trace(target, options, on_progress)

    async def _check(
        self, target: Target, address: Address, steps: SlowSteps
    ) -> tuple[Check, HandshakeStage | None]:
        """Check one address. Returns the handshake stage too, if experiments may explain how it failed."""
        if obstacle := self._find_obstacle(target, address):
            return self._make_unsent_check(target, address, obstacle), None
        key = (target.server.name, kernel_spelling(address))
        data, lost_data = DataResult(None), False
        async with self._turns.take(target) as is_held:
            if not is_held:
                return self._make_unsent_check(target, address, SocketError(0.0, IDENTITY_BUSY)), None
            check_log, began = CheckLog(), time.monotonic()
            initiations = self._demultiplexer.server_initiations
            initiations.begin_check(key, target)
            source = key[1].partition("%")[0], target.server.endpoint.port
            stamped_before = self._other_clients.begin_check(target, source)
            self._last_sessions.ask(key)
            try:
                run = await self._handshake(target, address, check_log, self._demultiplexer)
            finally:
                for late in self._demultiplexer.pop_late_evidence(key):
                    check_log.add_evidence(late)
            if run.handshake:
                initiations.record_answer(key)
            elif initiated := initiations.evidence(key, began):
                check_log.add_evidence(initiated)
            if run.session and target.server.tunnel:
                data, channel = await self._data_stages.run(run, run.session, address, steps)
                if echo := channel.answered_packet:
                    self._last_sessions.keep(key, source, channel.session, echo, channel.send_packet)
                lost_data = not channel.got_anything
                for found in (data.soak, data.cut):
                    if found:
                        check_log.add_evidence(found)
            elif run.handshake is None:
                await self._note_silence(key, address, run, check_log)
            for trace in await self._other_clients.find(
                target,
                run.source,
                check_log.started_at_unix,
                stamped_before,
                has_failed=lost_data or run.handshake is None,
            ):
                check_log.add_evidence(trace)
            if starved := self._loop_lag.find_starvation(began):
                check_log.add_evidence(starved)
        check = self._make_check(target, address, check_log, run, data)
        return check, run if lost_data or run.handshake is None else None

    def _find_obstacle(self, target: Target, address: Address) -> SocketError | None:
        """Why this machine may not send to the address at all; None if it may."""
        if self._demultiplexer.socket_for(address) is None:
            return SocketError(0.0, errno.errorcode[errno.EAFNOSUPPORT])
        if not self._may_stamp(target.private_key.public):
            return SocketError(0.0, TIMESTAMP_FAR_AHEAD)
        return None

    async def _note_silence(
        self, key: tuple[str, str], address: Address, run: HandshakeStage, check_log: CheckLog
    ) -> None:
        """Add what may explain a handshake without an answer: an answer that came late, a silent gateway."""
        self._demultiplexer.track_late_answers(key, run)
        has_late_answer = any(isinstance(each, LateAnswer) for each in check_log.evidence)
        recent = self._demultiplexer.find_recent_late_answer(key)
        if recent and not has_late_answer:
            check_log.add_evidence(recent)
        if silent_gateway := await find_silent_gateway(self._routing, address, check_log.evidence):
            check_log.add_evidence(silent_gateway)

    def _make_check(
        self, target: Target, address: Address, check_log: CheckLog, run: HandshakeStage, data: DataResult
    ) -> Check:
        return Check(
            server=target.server.name,
            vantage=self.vantage,
            endpoint=target.server.endpoint,
            address=address,
            started_at=check_log.started_at_unix,
            handshake=run.handshake if data.is_server_alive else None,
            evidence=tuple(check_log.evidence),
            exchange=tuple(check_log.exchange),
            sent=len(run.sent),
            tunnel=data.tunnel,
            probed_as=target.probed_as,
            protocol=target.server.protocol,
            framing=target.framing.describe(run.decoys),
        )

    async def _explain(self, target: Target, check: Check, run: HandshakeStage | None) -> Check:
        """Explain a failed check by experiments, which use the turn of a check.

        A late answer ends them: it proves the keys and the path. Silence that no experiment explains is
        awaited for a while longer.
        """
        if run is None or check.address is None:
            return check
        address, found = check.address, list[Evidence]()
        key = (target.server.name, kernel_spelling(address))

        async def experiment_and_wait() -> None:
            async with self._turns.take(target) as is_held:
                found.extend(await self._experiments.explain(run, address) if is_held else ())
            if run.session is None and is_only_silence((*check.evidence, *found)):
                wait_s = min(_TIMEOUTS_FOR_LATE_ANSWERS * target.server.timeout, _MAX_LATE_WAIT_S)
                await asyncio.sleep(max(0.0, run.sent[0].sent_at + wait_s - time.monotonic()))

        await run_until_first([experiment_and_wait(), self._demultiplexer.wait_for_late_answer(key)])
        found += self._demultiplexer.pop_late_evidence(key)
        return replace(check, evidence=(*check.evidence, *found)) if found else check

    # The stages

    async def _handshake(
        self, target: Target, address: Address, check_log: CheckLog, demultiplexer: Demultiplexer
    ) -> HandshakeStage:
        opened = demultiplexer.socket_for(address)
        if opened is None:
            raise OSError(errno.EAFNOSUPPORT, "no socket of this family")

        def attempt(run: HandshakeStage, cookie: bytes | None) -> Attempt:
            index = demultiplexer.free_index()
            demultiplexer.register(index, run)
            timestamp = self._timestamps(target.private_key.public)
            ephemeral = self._make_ephemeral().raw if self._make_ephemeral else None
            header = target.framing.initiation_header()
            return target.initiator.initiate(index, timestamp, cookie, ephemeral, header)

        destination = (kernel_spelling(address), target.server.endpoint.port)
        demultiplexer.use_framing(destination, target.framing)
        run = HandshakeStage(target, check_log, opened, destination, demultiplexer.timers, attempt)
        demultiplexer.listen_to_source(run)
        try:
            run.start()
            await run.finished
        finally:
            run.stop()
            demultiplexer.stop_listening(run)
            for sent in run.sent:
                demultiplexer.unregister(sent.attempt.sender)
        return run

    async def _make_unresolved_check(self, target: Target, error: ResolutionError, began: float) -> Check:
        took, unresolved = time.monotonic() - began, NameUnresolved(target.server.endpoint.host, str(error))
        check = self._make_unsent_check(target, None, unresolved)
        if error.is_by_time:
            check = with_evidence(check, self._loop_lag.find_starvation(began))
        check = with_evidence(check, await find_silent_default_gateway(self._routing))
        return with_stages(check, target.server, make_failed_resolve_stage(unresolved, took))

    def _make_unsent_check(
        self, target: Target, address: Address | None, why: NameUnresolved | SocketError
    ) -> Check:
        return make_unsent_check(target.server, self.vantage, address, why)
