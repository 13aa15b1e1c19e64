"""The prober of control planes. A check is a few GET requests on one connection."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

from wgmon_tui.checks.address_prober import AddressCheck, AddressProber
from wgmon_tui.checks.check import Check, Handshake
from wgmon_tui.checks.evidence import ProtocolEvidence
from wgmon_tui.checks.protocol import ProbeServices
from wgmon_tui.checks.stage import API, Stage, StageOutcome
from wgmon_tui.control_planes.answers import LIMITED
from wgmon_tui.control_planes.api import ControlPlaneApi
from wgmon_tui.control_planes.api_session import ApiSession
from wgmon_tui.text import format_elapsed


class ControlPlaneProber(AddressProber):
    """Checks the API of one kind of control plane."""

    def __init__(self, name: str, api: ControlPlaneApi, services: ProbeServices) -> None:
        super().__init__(services.vantage)
        self._name, self._api, self._note_report = name, api, services.note_report
        self._quiet_until: dict[str, float] = {}
        """By server, on the monotonic clock: until when its API asked not to be asked."""

    async def check_address(self, asked: AddressCheck) -> Check:
        """Check one address. An OSError says that this machine could not connect."""
        check = self.make_check(asked.server, asked.address)
        if (left := self._quiet_until.get(asked.server.name, 0.0) - time.monotonic()) > 0:
            return self._waiting(check, left)
        session = ApiSession(self._name, self._api, asked.target)
        try:
            async with asyncio.timeout(asked.server.timeout):
                await session.run(asked.address)
        except TimeoutError:
            session.end_in_silence()
        finally:
            session.close()
        if session.report:
            self._note_report(asked.server.name, session.report)
        if session.wait_s:
            self._quiet_until[asked.server.name] = time.monotonic() + session.wait_s
        return replace(
            check,
            handshake=Handshake(session.rtt) if session.rtt is not None else None,
            evidence=tuple(session.evidence),
            exchange=tuple(session.exchange),
            sent=session.requests,
            stages=tuple(session.stages),
        )

    def _waiting(self, check: Check, left_s: float) -> Check:
        """A check that asks nothing, because the API asked for that."""
        detail = f"not asked for {format_elapsed(left_s)} more, as it wanted"
        limited = ProtocolEvidence(self._name, "answer", ("anything", LIMITED, detail))
        return replace(check, evidence=(limited,), stages=(Stage(API, StageOutcome.NOT_RUN, None, detail),))
