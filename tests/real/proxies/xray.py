"""Xray, as a server and as a client, where the environment names the program: `XRAY=/path/to/xray`.

No package registry has a build of it, so nothing requires it.
"""

from __future__ import annotations

import os
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from tests.real.proxies.certificates import NAME
from tests.real.proxies.pages import LOOPBACK
from tests.real.proxies.servers import (
    FLOW,
    IMITATED,
    METHODS,
    PASSWORD,
    PATH,
    REALITY,
    REALITY_KEY,
    SHORT_ID,
    TLS,
    USER,
    WEB,
    ProxyServers,
    base64_url,
    inbound,
)
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.protocols.proxies.links.records import (
    ShadowsocksLink,
    TlsOptions,
    TrojanLink,
    VlessLink,
    VmessLink,
)

CLOCK_LIMIT_S = 60
_FREEDOM = {"protocol": "freedom", "settings": {"finalRules": [{"action": "allow"}]}}
"""Without a rule, Xray lets no client reach a private address, and stays silent."""


@cache
def xray_program() -> Path | None:
    """The program; None where the environment names none."""
    named = os.environ.get("XRAY")
    return Path(named) if named else None


def xray_version() -> str:
    """What the program says of itself: `Xray 26.7.28`."""
    answer = subprocess.run([xray_program() or "xray", "version"], capture_output=True, text=True, check=True)
    return " ".join(answer.stdout.split()[:2])


def start_xray_if_named(servers: ProxyServers) -> bool:
    """Start Xray as `start_xray` does, or say in one line that it is left out."""
    if xray_program() is None:
        print("Xray is left out: XRAY names no program")
        return False
    start_xray(servers)
    return True


def start_xray(servers: ProxyServers) -> None:
    """Start Xray as a server of each protocol. Its REALITY has the defaults and a limit for the clock.

    "vless reality" imitates a site that chooses X25519MLKEM768, "vless vision" one with X25519.
    """
    program = xray_program()
    assert program is not None
    certificate, key = servers.certificate(NAME)
    tls = {
        "security": "tls",
        "tlsSettings": {"certificates": [{"certificateFile": certificate, "keyFile": key}]},
    }
    web = {"network": "ws", "wsSettings": {"path": PATH}}
    user: dict[str, object] = {"id": str(USER)}
    trojan = {"clients": [{"password": PASSWORD}]}
    in_vless = {"clients": [user], "decryption": "none"}

    def add(name: str, make: Any, kind: str, settings: object, stream: object = None) -> dict[str, object]:
        return inbound(servers.add(f"xray {name}", make), kind, settings, stream or {})

    def reality_link(at: Endpoint, flow: str = "") -> VlessLink:
        return VlessLink(at, USER, flow, tls=TlsOptions(NAME, reality=REALITY))

    inbounds = [
        add("trojan", lambda at: TrojanLink(at, PASSWORD, TLS), "trojan", trojan, tls),
        add("vmess", lambda at: VmessLink(at, USER), "vmess", {"clients": [user]}),
        add(
            "vless ws tls", lambda at: VlessLink(at, USER, tls=TLS, transport=WEB), "vless",
            in_vless, tls | web,
        ),
        add(
            "vless vision", lambda at: reality_link(at, FLOW), "vless",
            in_vless | {"clients": [user | {"flow": FLOW}]}, _reality(IMITATED, [SHORT_ID.hex()]),
        ),
        add(
            "vless reality", reality_link, "vless", in_vless,
            _reality(servers.links["xray trojan"].endpoint.port, ["", SHORT_ID.hex()]),
        ),
    ]  # fmt: skip
    inbounds += [
        add(
            method, lambda at, m=method: ShadowsocksLink(at, m, METHODS[m]), "shadowsocks",
            {"method": method, "password": METHODS[method], "network": "tcp,udp"},
        )
        for method in ("aes-256-gcm", "2022-blake3-aes-256-gcm")
    ]  # fmt: skip
    config = {"log": {"loglevel": "none"}, "inbounds": inbounds, "outbounds": [_FREEDOM]}
    servers.run(program, "run", "-c", servers.write("xray.json", config))
    for name, link in servers.links.items():
        if name.startswith("xray "):
            servers.await_port(link.endpoint.port)


def _reality(site: int, short_ids: list[str]) -> dict[str, object]:
    settings = {
        "target": f"{LOOPBACK}:{site}",
        "serverNames": [NAME],
        "privateKey": base64_url(REALITY_KEY.private_bytes_raw()),
        "shortIds": short_ids,
        "maxTimeDiff": CLOCK_LIMIT_S * 1000,
    }
    return {"network": "raw", "security": "reality", "realitySettings": settings}
