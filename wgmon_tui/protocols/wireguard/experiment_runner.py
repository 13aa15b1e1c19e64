"""Runs the experiments that explain a failed check, with the sockets of the prober."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from wgmon_tui.checks.check import Direction
from wgmon_tui.checks.check_log import CheckLog
from wgmon_tui.checks.evidence import (
    Evidence,
    ForeignBytes,
    GatewaySilent,
    IcmpError,
    Silence,
    StampsAhead,
)
from wgmon_tui.config.keys import PublicKey
from wgmon_tui.net.addresses import Address
from wgmon_tui.protocols.wireguard import experiments
from wgmon_tui.protocols.wireguard.demultiplexer import Demultiplexer
from wgmon_tui.protocols.wireguard.handshake_stage import HandshakeStage
from wgmon_tui.protocols.wireguard.targets import Target

Handshake = Callable[[Target, Address, CheckLog, Demultiplexer], Awaitable[HandshakeStage]]
"""Makes a handshake with a target."""

CarriesData = Callable[[HandshakeStage], Awaitable[bool]]
"""Whether anything comes back through the session of a handshake."""

_CLOCK_AHEAD_S = 2.0
"""If the last stamp is this far ahead of the local clock, the clock was set back."""

_EXPLAINING_EVIDENCE = {IcmpError, ForeignBytes, GatewaySilent}
"""Evidence that makes experiments unnecessary: something did answer, or this machine is at fault.

An ICMP error is such evidence only if it quotes a packet: others may come from anybody.
"""


class ExperimentRunner:
    """Runs the experiments on one failed check after the other."""

    def __init__(
        self,
        demultiplexer: Demultiplexer,
        handshake: Handshake,
        carries_data: CarriesData,
        ahead_s: Callable[[PublicKey], float],
    ) -> None:
        self._demultiplexer = demultiplexer
        self._handshake = handshake
        self._carries_data = carries_data
        self._ahead_s = ahead_s

    async def explain(self, run: HandshakeStage, address: Address) -> Sequence[Evidence]:
        """Explain an answer that does not authenticate or cannot be read, silence, or data that is lost."""
        for attempt, response in run.unauthenticated:
            if found := await experiments.find_preshared_key(attempt, response, run.target.other_secrets):
                return found
        if run.unauthenticated:
            return ()

        async def answers_usual_port(target: Target) -> bool:
            made = await self._handshake(target, address, CheckLog(), self._demultiplexer)
            return made.session is not None

        async def carries_data(target: Target) -> bool:
            made = await self._handshake(target, address, CheckLog(), self._demultiplexer)
            return made.session is not None and await self._carries_data(made)

        if run.session:
            return await experiments.explain_lost_data(run.target, carries_data)
        received = [each.data for each in run.check_log.exchange if each.direction is Direction.RECEIVED]
        if received and any(isinstance(each, ForeignBytes) for each in run.check_log.evidence):
            return await experiments.explain_unreadable(run.target, received, answers_usual_port)
        if not _is_silence(run.check_log.evidence):
            return ()
        found = await experiments.explain_silence(
            run.target, answers_usual_port, lambda target: self._answers_fresh_port(target, address)
        )
        ahead_s = self._ahead_s(run.target.private_key.public)
        return (*found, StampsAhead(ahead_s)) if ahead_s > _CLOCK_AHEAD_S else found

    async def _answers_fresh_port(self, target: Target, address: Address) -> bool:
        demultiplexer = Demultiplexer()
        try:
            await demultiplexer.open()
            return (await self._handshake(target, address, CheckLog(), demultiplexer)).session is not None
        except OSError:  # no further socket: skip this experiment, keep the engine running
            return False
        finally:
            await demultiplexer.close()


def _is_silence(evidence: Sequence[Evidence]) -> bool:
    noted = {
        type(each) for each in evidence if not (isinstance(each, IcmpError) and each.quotes_packet is False)
    }
    return Silence in noted and not noted & _EXPLAINING_EVIDENCE
