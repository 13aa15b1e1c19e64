"""The prober of control planes. A check is a few GET requests on one connection."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any

from wgmon_tui.checks.address_prober import AddressCheck, AddressProber
from wgmon_tui.checks.check import Check, Handshake
from wgmon_tui.checks.evidence import ProtocolEvidence
from wgmon_tui.checks.protocol import ProbeServices
from wgmon_tui.checks.stage import API, Stage, StageOutcome
from wgmon_tui.control_planes.answers import describe
from wgmon_tui.control_planes.api import ControlPlaneApi
from wgmon_tui.control_planes.api_session import ApiSession
from wgmon_tui.control_planes.relay_stage import RelayStage
from wgmon_tui.control_planes.targets import ControlPlaneTarget
from wgmon_tui.net.addresses import Address
from wgmon_tui.text import format_elapsed


class ControlPlaneProber(AddressProber[ControlPlaneTarget]):
    """Checks the API of one kind of control plane."""

    def __init__(
        self, name: str, api: ControlPlaneApi, local_api: ControlPlaneApi | None, services: ProbeServices
    ) -> None:
        super().__init__(services.vantage)
        self._name, self._api, self._local_api = name, api, local_api
        self._note_report = services.note_report
        self._relays = RelayStage(name, self._resolver)
        self._quiet_until: dict[str, float] = {}
        """By server, on the monotonic clock: until when its API asked not to be asked."""

    async def check_all(self, target: Any, *, deep: bool = False, **options: Any) -> tuple[Check, ...]:
        """Check each address of the control plane, or its socket on this machine, which has no address."""
        if self._local_api is None or not target.server.protocol_settings.socket:
            return await super().check_all(target, deep=deep, **options)
        checking = self._check_with(self._local_api, target, None)
        return (await self._observe(target.server, None, checking),)

    async def check_address(self, asked: AddressCheck[ControlPlaneTarget]) -> Check:
        """Check one address. An OSError says that this machine could not connect."""
        return await self._check_with(self._api, asked.target, asked.address)

    async def _check_with(
        self, api: ControlPlaneApi, target: ControlPlaneTarget, address: Address | None
    ) -> Check:
        server = target.server
        check = self.make_check(server, address)
        if (left := self._quiet_until.get(server.name, 0.0) - time.monotonic()) > 0:
            return self._waiting(check, left)
        session = ApiSession(self._name, api, target)
        try:
            async with asyncio.timeout(server.timeout):
                await session.run(address)
        except TimeoutError:
            session.end_in_silence()
        finally:
            session.close()
        if session.report and (found := await self._relays.run(target, session.derp_map)):
            session.add_relays(found)
        if session.report:
            self._note_report(server.name, session.report)
        if session.wait_s:
            self._quiet_until[server.name] = time.monotonic() + session.wait_s
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
        waiting = ProtocolEvidence(self._name, "waiting", (format_elapsed(left_s),))
        stage = Stage(API, StageOutcome.NOT_RUN, None, describe(waiting))
        return replace(check, evidence=(waiting,), stages=(stage,))
