"""Xray's observatory, as another client beside the prober: what it says of a proxy after its first probe.

It sends GET through the outbound, and takes every answer for a success. Its status is read from the endpoint
of its metrics: `alive`, which is left out when it is false, `delay` and `last_error_reason`.
"""

from __future__ import annotations

import http.client
import json
import time
from dataclasses import dataclass

from tests.real.namespaces import entered
from tests.real.proxies.certificates import EXPIRED, NAME
from tests.real.proxies.pages import LOOPBACK
from tests.real.proxies.servers import ProxyServers, base64_url, certificate_of
from tests.real.proxies.xray import xray_program
from wgmon_tui.net.http_target import Url
from wgmon_tui.protocols.proxies.links.records import (
    GrpcOptions,
    ProxyLink,
    ShadowsocksLink,
    TlsOptions,
    TrojanLink,
    VmessLink,
    WebSocketOptions,
)

_METRICS = 7997
_TAG = "proxy"
_WITHIN_S = 20.0


@dataclass(frozen=True)
class Observation:
    """What the observatory says of an outbound, and why it is dead."""

    is_alive: bool
    reason: str = ""


def observe(servers: ProxyServers, link: ProxyLink, page: Url) -> Observation:
    """Start Xray with one outbound, and wait for the first status of it."""
    program = xray_program()
    assert program is not None
    config = {
        "log": {"loglevel": "none"},
        "outbounds": [{"tag": _TAG} | _outbound(link)],
        "observatory": {"subjectSelector": [_TAG], "probeUrl": str(page), "probeInterval": "60s"},
        "metrics": {"tag": "metrics", "listen": f"{LOOPBACK}:{_METRICS}"},
        "stats": {},
    }
    process = servers.run(program, "run", "-c", servers.write("xray-client.json", config))
    try:
        return _await_status(servers.name)
    finally:
        process.kill()
        process.wait()


def _await_status(namespace: str) -> Observation:
    deadline = time.monotonic() + _WITHIN_S
    while time.monotonic() < deadline:
        status = (_ask(namespace).get("observatory") or {}).get(_TAG)
        if status:
            return Observation("alive" in status, str(status.get("last_error_reason", "")))
        time.sleep(0.05)
    raise AssertionError("the observatory says nothing")


def _ask(namespace: str) -> dict[str, dict[str, dict[str, object]]]:
    with entered(namespace):
        connection = http.client.HTTPConnection(LOOPBACK, _METRICS, timeout=_WITHIN_S)
        try:
            connection.request("GET", "/debug/vars")
            answer: dict[str, dict[str, dict[str, object]]] = json.loads(connection.getresponse().read())
            return answer
        except OSError:
            return {}
        finally:
            connection.close()


def _outbound(link: ProxyLink) -> dict[str, object]:
    server: dict[str, object] = {"address": str(link.endpoint.host), "port": link.endpoint.port}
    if isinstance(link, ShadowsocksLink):
        settings = server | {"method": link.method, "password": link.password}
        return {"protocol": "shadowsocks", "settings": settings}
    stream = _tls(link.tls) | _transport(link.transport)
    if isinstance(link, TrojanLink):
        settings = server | {"password": link.password}
        return {"protocol": "trojan", "settings": settings, "streamSettings": stream}
    if isinstance(link, VmessLink):
        settings = server | {"id": str(link.user_id), "security": link.security}
        return {"protocol": "vmess", "settings": settings, "streamSettings": stream}
    settings = server | {"id": str(link.user_id), "flow": link.flow, "encryption": "none"}
    return {"protocol": "vless", "settings": settings, "streamSettings": stream}


def _tls(tls: TlsOptions | None) -> dict[str, object]:
    if tls is None:
        return {}
    if tls.reality:
        options = {
            "serverName": tls.server_name,
            "fingerprint": "chrome",
            "password": base64_url(tls.reality.public_key),
            "shortId": tls.reality.short_id.hex(),
        }
        return {"security": "reality", "realitySettings": options}
    trusted = [
        {"usage": "verify", "certificate": certificate_of(each).certificate.splitlines()}
        for each in (NAME, EXPIRED)
    ]
    settings = {"serverName": tls.server_name, "certificates": trusted, "disableSystemRoot": True}
    return {"security": "tls", "tlsSettings": settings}


def _transport(transport: object) -> dict[str, object]:
    if isinstance(transport, GrpcOptions):
        return {"network": "grpc", "grpcSettings": {"serviceName": transport.service_name}}
    if not isinstance(transport, WebSocketOptions):
        return {"network": "raw"}
    return {"network": "ws", "wsSettings": {"path": transport.path, "host": transport.host}}
