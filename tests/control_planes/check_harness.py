"""Checks of a control plane whose API is a responder on loopback."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path

from tests.control_planes.answers import HEADSCALE_NODE_0_29
from tests.control_planes.responder import Answer, Responder, responding
from wgmon_tui.checks.check import Check
from wgmon_tui.checks.protocol import ProbeServices, Protocol, ProtocolProber
from wgmon_tui.checks.registry import find_protocol
from wgmon_tui.checks.verdict import Diagnosis
from wgmon_tui.config.control_planes import ControlPlaneSettings
from wgmon_tui.config.http_targets import parse_url
from wgmon_tui.config.models import Server
from wgmon_tui.config.value_parsers import parse_endpoint
from wgmon_tui.control_planes.targets import ControlPlaneTarget

TOKEN = "hskey-0123456789"
SLOW_S = 30.0
"""The limit of a slow answer where slowness is not the subject: on a busy machine every server is slow."""

NODE_WITH_KEY = {**HEADSCALE_NODE_0_29, "preAuthKey": {"key": "hskey-auth-secret", "id": "1"}}
WHOLE = {
    "/health": Answer({"status": "pass"}),
    "/version": Answer({"version": "v0.28.0"}),
    "/api/v1/node": Answer({"nodes": [NODE_WITH_KEY]}),
    "/api/v1/health": Answer({"databaseConnectivity": True}),
    "/api/v1/apikey": Answer({"apiKeys": []}),
    "/api/v1/preauthkey": Answer({"preAuthKeys": []}),
}


def target(responder: Responder, authorities: bytes = b"", timeout: float = 30.0) -> ControlPlaneTarget:
    server = Server(
        name="hs",
        endpoint=parse_endpoint(f"127.0.0.1:{responder.port}"),
        protocol="headscale",
        protocol_settings=ControlPlaneSettings(parse_url(responder.url)),
        interval=60.0,
        timeout=timeout,
        slow=SLOW_S,
        identity="",
    )
    return ControlPlaneTarget(server, {}, TOKEN, authorities)


def prober_of(protocol: Protocol) -> ProtocolProber:
    return protocol.make_prober(ProbeServices(lambda _: b""))


async def check(checked: ControlPlaneTarget, prober: ProtocolProber | None = None) -> tuple[Check, Diagnosis]:
    protocol = find_protocol("headscale")
    [found] = await (prober or prober_of(protocol)).check_all(checked)
    return found, protocol.diagnose(found, checked.server)


async def diagnose(**changed: Answer | None) -> Diagnosis:
    """The diagnosis with some answers changed, by the last word of their path; None removes one."""
    answers = {path: changed.get(path.rpartition("/")[2], each) for path, each in WHOLE.items()}
    async with responding({path: each for path, each in answers.items() if each}) as responder:
        return (await check(target(responder)))[1]


def der(pem: Path) -> bytes:
    return ssl.PEM_cert_to_DER_cert(pem.read_text())


PLANES: Mapping[str, Mapping[str, Answer]] = {
    "tailscale": {"/api/v2/tailnet/-/devices?fields=all": Answer({"devices": []})},
    "netbird": {"/api/peers": Answer([])},
    "netmaker": {
        "/api/server/status": Answer({"db_connected": True, "broker_connected": True}),
        "/api/hosts": Answer([]),
        "/api/nodes": Answer([]),
    },
    "innernet": {"/v1/user/state": Answer({"peers": [], "cidrs": []})},
}
