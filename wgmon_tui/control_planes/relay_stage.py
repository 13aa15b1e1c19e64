"""The stage `relays` of a control plane's check: which relays to probe, and what the probes show."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass

from wgmon_tui.checks.control_plane_report import MeshRelay
from wgmon_tui.checks.evidence import Evidence, ProtocolEvidence
from wgmon_tui.checks.expiry import Expires
from wgmon_tui.checks.stage import RELAYS, Stage, StageOutcome
from wgmon_tui.config.control_planes import ControlPlaneSettings
from wgmon_tui.control_planes.answers import BROKEN, UNKNOWN, WORKS, describe
from wgmon_tui.control_planes.derp_map import missing_regions, read_derp_map
from wgmon_tui.control_planes.http_connection import HttpConnection, NoHttpError, TooLargeError
from wgmon_tui.control_planes.relay_probes import MOST_RELAYS, ProbedRelay, probe_relays, summarize
from wgmon_tui.control_planes.targets import ControlPlaneTarget
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.net.http_target import Url
from wgmon_tui.net.resolver import ResolutionError, Resolver
from wgmon_tui.net.tls_trust import trusting_context

_MAP_VALID_S = 3600.0
"""How long a DERP map is used: regions move rarely."""

_OK_STATUS = 200


@dataclass(frozen=True, slots=True)
class RelayFindings:
    """What the stage found."""

    stage: Stage
    relays: tuple[MeshRelay, ...]
    evidence: tuple[Evidence, ...]


class RelayStage:
    """Probes the relays that servers.toml names, and those of the regions that it names."""

    def __init__(self, name: str, resolver: Resolver) -> None:
        self._name, self._resolver = name, resolver
        self._maps: dict[Url, tuple[float, object]] = {}

    async def run(self, target: ControlPlaneTarget, derp_map: object) -> RelayFindings | None:
        """Probe them; None if there are none. `derp_map` is that of a tailscaled, if one was asked."""
        settings: ControlPlaneSettings = target.server.protocol_settings
        if not settings.relays and not settings.derp_regions:
            return None
        began, relays, lines = time.monotonic(), list(settings.relays), []
        if settings.derp_regions:
            if settings.derp_map is not None:
                derp_map = await self._fetch_map(settings.derp_map, target)
            of_map = read_derp_map(derp_map, settings.derp_regions)
            relays += of_map
            lines = [
                ProtocolEvidence(self._name, "unlisted", (region,))
                for region in missing_regions(of_map, settings.derp_regions)
            ]
        probed = await probe_relays(relays, target.authorities, self._resolver, target.server.timeout)
        lines += [self._describe(each) for each in probed]
        if left := relays[MOST_RELAYS:]:
            lines.append(ProtocolEvidence(self._name, "unprobed", (str(len(left)), str(MOST_RELAYS))))
        ends = [
            Expires("relay certificate", each.address.host, each.certificate_end)
            for each in probed
            if each.certificate_end is not None
        ]
        stage = _stage(lines, time.monotonic() - began)
        return RelayFindings(stage, summarize(probed), (*lines, *dict.fromkeys(ends)))

    async def _fetch_map(self, url: Url, target: ControlPlaneTarget) -> object:
        """The DERP map at a URL, without the token; None if it cannot be had."""
        at, value = self._maps.get(url, (0.0, None))
        if value is not None and time.monotonic() - at < _MAP_VALID_S:
            return value
        connection, timeout_s = HttpConnection(url, {}), target.server.timeout
        try:
            async with asyncio.timeout(timeout_s):
                [address, *_] = await self._resolver.resolve(Endpoint(url.host, url.port), timeout_s)
                await connection.connect(address)
                if url.is_tls:
                    await connection.start_tls(trusting_context(target.authorities))
                response = await connection.get("", with_token=False)
            if response.status == _OK_STATUS:
                self._maps[url] = (time.monotonic(), await asyncio.to_thread(json.loads, response.body))
        except (
            ResolutionError,
            NoHttpError,
            TooLargeError,
            ssl.SSLError,
            OSError,
            ValueError,
            RecursionError,
        ):
            pass
        finally:
            connection.close()
        return self._maps.get(url, (0.0, None))[1]

    def _describe(self, probed: ProbedRelay) -> ProtocolEvidence:
        relay = probed.address
        name = f"{relay.region} {relay}" if relay.region else str(relay)
        values = (name, probed.state, probed.detail)
        return ProtocolEvidence(self._name, "relay", values, probed.seconds)


def _stage(lines: Sequence[ProtocolEvidence], seconds: float) -> Stage:
    states = {each.values[1] if each.kind == "relay" else UNKNOWN for each in lines}
    outcome = StageOutcome.PASSED
    if BROKEN in states:
        outcome = StageOutcome.FAILED
    elif UNKNOWN in states:
        outcome = StageOutcome.NOT_KNOWN
    named = ", ".join(
        each.values[0] if each.kind == "relay" else describe(each)
        for each in lines
        if each.kind != "relay" or each.values[1] != WORKS
    )
    return Stage(RELAYS, outcome, seconds if outcome is StageOutcome.PASSED else None, named)
