"""Runs the tunnel stage of a check, and a second one over another flow if the first was cut off."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from wgmon_tui.checks.check import Direction, Tunnel
from wgmon_tui.checks.check_log import CheckLog
from wgmon_tui.checks.context_evidence import WorkedUntil
from wgmon_tui.checks.evidence import FlowCut, PathMtu, Soak
from wgmon_tui.checks.evidence_selection import first_of_kind
from wgmon_tui.net.addresses import Address
from wgmon_tui.protocols.wireguard.demultiplexer import Demultiplexer
from wgmon_tui.protocols.wireguard.handshake_stage import HandshakeStage
from wgmon_tui.protocols.wireguard.inner_channel import InnerChannel
from wgmon_tui.protocols.wireguard.session import Session
from wgmon_tui.protocols.wireguard.slow_steps import NO_SLOW_STEPS, SlowSteps
from wgmon_tui.protocols.wireguard.targets import Target
from wgmon_tui.protocols.wireguard.tunnel_stage import TunnelStage
from wgmon_tui.records import dataclass

RunHandshake = Callable[[Target, Address, CheckLog, Demultiplexer], Awaitable[HandshakeStage]]


@dataclass(frozen=True, slots=True)
class DataResult:
    """What the tunnel stages of a check found. `is_server_alive` is false if it fell silent meanwhile."""

    tunnel: Tunnel | None
    soak: Soak | None = None
    cut: FlowCut | None = None
    is_server_alive: bool = True


class DataStages:
    """The tunnel stages of all checks, and the packet sizes that they found."""

    def __init__(self, demultiplexer: Demultiplexer, handshake: RunHandshake) -> None:
        self._demultiplexer = demultiplexer
        self._handshake = handshake
        self._sizes: dict[tuple[str, str], PathMtu] = {}
        """By server and address: the result of the last size check."""

    async def run(
        self, run: HandshakeStage, session: Session, address: Address, steps: SlowSteps
    ) -> tuple[DataResult, InnerChannel]:
        """Send data through the session of a handshake. Returns the channel of the first flow too."""
        stage = self._make_stage(run, session, self._demultiplexer)
        tunnel = await self._run_stage(stage, self._demultiplexer, steps)
        if sizes := first_of_kind(PathMtu, run.check_log.evidence):
            self._sizes[run.target.server.name, run.source[0]] = sizes
        data = DataResult(tunnel, stage.soak)
        if stage.cut:
            data = await self._confirm_cut(run, address, data, steps)
        return data, stage.channel

    async def carry_data(self, run: HandshakeStage) -> bool:
        """Whether anything comes back through the session of a handshake that an experiment made."""
        if run.session is None:
            return False
        stage = self._make_stage(run, run.session, self._demultiplexer)
        await self._run_stage(stage, self._demultiplexer, NO_SLOW_STEPS)
        return stage.channel.got_anything

    def _make_stage(self, run: HandshakeStage, session: Session, demultiplexer: Demultiplexer) -> TunnelStage:
        rtt = run.handshake.rtt if run.handshake else 0.0
        sizes = self._sizes.get((run.target.server.name, run.source[0]))
        return TunnelStage(
            run.target,
            session,
            run.check_log,
            run.socket,
            run.destination,
            run.source,
            demultiplexer.timers,
            rtt,
            sizes,
        )

    async def _run_stage(
        self, stage: TunnelStage, demultiplexer: Demultiplexer, steps: SlowSteps
    ) -> Tunnel | None:
        channel = stage.channel
        demultiplexer.register(channel.session.local_index, channel)
        demultiplexer.listen_to_source(channel)
        try:
            return await stage.run(steps)
        finally:
            stage.flow.end()
            demultiplexer.stop_listening(channel)
            demultiplexer.unregister(channel.session.local_index)
            demultiplexer.ended_sessions.keep(channel.session, channel.services)
            for _ in range(channel.foreign_replies):
                demultiplexer.foreign_sessions.record_proof(channel.source)

    async def _confirm_cut(
        self, run: HandshakeStage, address: Address, first: DataResult, steps: SlowSteps
    ) -> DataResult:
        """Run a second session over a fresh source port: is the first one cut off, or is the server gone?

        A server that fell silent meanwhile is not cut off, nor is one that answers the second flow to its
        end. If nothing in the second flow is answered, the inner address is down, or all data is lost.
        """
        fresh, last_log = Demultiplexer(), CheckLog()
        try:
            await fresh.open()
            for demultiplexer in (fresh, self._demultiplexer):
                last_log = CheckLog()
                again = await self._handshake(run.target, address, last_log, demultiplexer)
                if again.session:
                    stage = self._make_stage(again, again.session, demultiplexer)
                    tunnel = await self._run_stage(stage, demultiplexer, replace(steps, deep=False))
                    dead = tunnel is not None and not tunnel.received
                    return DataResult(tunnel if dead else first.tunnel, stage.soak, stage.cut)
        except OSError:  # no further socket: nothing is confirmed
            return first
        finally:
            await fresh.close()
        for evidence in last_log.evidence:
            run.check_log.add_evidence(evidence)
        run.check_log.add_evidence(WorkedUntil(_last_answer_time(run.check_log)))
        return replace(first, is_server_alive=False)


def _last_answer_time(check_log: CheckLog) -> float:
    """The Unix time of the last packet that came: the handshake is answered, so there is one."""
    received = (each.at for each in check_log.exchange if each.direction is Direction.RECEIVED)
    return check_log.started_at_unix + max(received, default=0.0)
