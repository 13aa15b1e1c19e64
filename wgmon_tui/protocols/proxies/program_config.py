"""The configuration of mihomo and sing-box for one server: a SOCKS5 port on loopback, and nothing else.

Sources: wiki.metacubex.one/config and sing-box.sagernet.org/configuration. JSON is YAML too, so mihomo reads
it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import PurePath

from wgmon_tui.protocols.proxies.links.link_text import ShareLinkError, encode_base64url
from wgmon_tui.protocols.proxies.links.records import (
    EARLY_DATA_HEADER,
    AnyLink,
    AnytlsLink,
    GrpcOptions,
    HttpUpgradeOptions,
    Hysteria2Link,
    OtherTransport,
    ShadowsocksLink,
    TlsOptions,
    Transport,
    TrojanLink,
    TuicLink,
    VlessLink,
    VmessLink,
    WebSocketOptions,
)

_Table = dict[str, object]
_NAME = "server"


@dataclass(frozen=True, slots=True)
class LocalPort:
    """Where the program listens on loopback. Name and password keep other accounts out."""

    port: int
    user: str = field(repr=False)
    password: str = field(repr=False)


def make_config(program: str, link: AnyLink, local: LocalPort) -> str:
    """The configuration for a program. Raises ShareLinkError for what no link can say whole."""
    if isinstance(getattr(link, "transport", None), OtherTransport):
        raise ShareLinkError("the link does not hold all of its transport; use a configuration of your own")
    is_sing_box = "sing-box" in PurePath(program).name
    document = _sing_box(link, local) if is_sing_box else _mihomo(link, local)
    return json.dumps(document, ensure_ascii=True, indent=1)


def _without_empty(table: _Table) -> _Table:
    """The table without what is empty or off. A 0 stays: `alterId` must be there."""
    return {
        key: value for key, value in table.items() if value is not False and value not in ("", None, [], {})
    }


# mihomo


def _mihomo(link: AnyLink, local: LocalPort) -> _Table:
    return {
        "bind-address": "127.0.0.1",
        "allow-lan": False,
        "socks-port": local.port,
        "authentication": [f"{local.user}:{local.password}"],
        "mode": "global",
        "log-level": "silent",
        "ipv6": True,
        "geo-auto-update": False,
        "profile": {"store-selected": False, "store-fake-ip": False},
        "dns": {"enable": False},
        "proxies": [
            _without_empty({"name": _NAME, "udp": True, **_place(link, "port"), **_mihomo_proxy(link)})
        ],
        "proxy-groups": [{"name": "GLOBAL", "type": "select", "proxies": [_NAME]}],
        "rules": [f"MATCH,{_NAME}"],
    }


def _place(link: AnyLink, port_key: str) -> _Table:
    return {"server": link.endpoint.host, port_key: link.endpoint.port}


def _mihomo_proxy(link: AnyLink) -> _Table:
    own: _Table
    match link:
        case ShadowsocksLink():
            if link.plugin:
                raise ShareLinkError("a plugin needs a configuration of your own")
            return {"type": "ss", "cipher": link.method, "password": link.password}
        case VmessLink():
            own = {
                "type": "vmess",
                "uuid": str(link.user_id),
                "cipher": link.security,
                "alterId": link.alter_id,
            }
            return {**own, **_mihomo_stream(link.tls, link.transport, "servername")}
        case VlessLink():
            own = {"type": "vless", "uuid": str(link.user_id), "flow": link.flow}
            own["encryption"] = "" if link.encryption == "none" else link.encryption
            return {**own, **_mihomo_stream(link.tls, link.transport, "servername")}
        case TrojanLink():
            own = {"type": "trojan", "password": link.password}
            return {**own, **_mihomo_stream(link.tls, link.transport, "sni")}
        case Hysteria2Link():
            own = {
                "type": "hysteria2",
                "password": link.password,
                "ports": link.ports,
                "obfs": link.obfuscation,
            }
            return {**own, "obfs-password": link.obfuscation_password, **_mihomo_tls(link.tls, "sni")}
        case TuicLink():
            own = {"type": "tuic", "uuid": str(link.user_id), "password": link.password}
            own |= {"congestion-controller": link.congestion_control, "udp-relay-mode": link.udp_relay_mode}
            return {**own, **_mihomo_tls(link.tls, "sni")}
        case AnytlsLink():
            return {"type": "anytls", "password": link.password, **_mihomo_tls(link.tls, "sni")}


def _mihomo_tls(tls: TlsOptions, name_key: str) -> _Table:
    table: _Table = {
        name_key: tls.server_name,
        "alpn": list(tls.alpn),
        "client-fingerprint": tls.fingerprint,
        "skip-cert-verify": tls.is_insecure,
        "fingerprint": tls.pinned_sha256[0].hex() if tls.pinned_sha256 else "",
    }
    if tls.reality:
        key, short_id = encode_base64url(tls.reality.public_key), tls.reality.short_id.hex()
        table["reality-opts"] = _without_empty({"public-key": key, "short-id": short_id})
    return table


def _mihomo_stream(tls: TlsOptions | None, transport: Transport | None, name_key: str) -> _Table:
    return {
        **({"tls": True, **_mihomo_tls(tls, name_key)} if tls else {}),
        **_mihomo_transport(transport),
    }


def _mihomo_transport(transport: Transport | None) -> _Table:
    options: _Table
    match transport:
        case WebSocketOptions(path, host, early):
            headers = {"Host": host} if host else {}
            options = {"path": path, "headers": headers, "max-early-data": early}
            named = {"early-data-header-name": EARLY_DATA_HEADER} if early else {}
            return {"network": "ws", "ws-opts": _without_empty({**options, **named})}
        case HttpUpgradeOptions(path, host):
            headers = {"Host": host} if host else {}
            options = {"path": path, "headers": headers, "v2ray-http-upgrade": True}
            return {"network": "ws", "ws-opts": _without_empty(options)}
        case GrpcOptions():
            return {"network": "grpc", "grpc-opts": {"grpc-service-name": transport.service_name}}
        case _:
            return {}


# sing-box


def _sing_box(link: AnyLink, local: LocalPort) -> _Table:
    users = [{"username": local.user, "password": local.password}]
    inbound = {"type": "socks", "listen": "127.0.0.1", "listen_port": local.port, "users": users}
    outbound = _without_empty({"tag": _NAME, **_place(link, "server_port"), **_sing_box_outbound(link)})
    return {"log": {"disabled": True}, "inbounds": [inbound], "outbounds": [outbound]}


def _sing_box_outbound(link: AnyLink) -> _Table:
    own: _Table
    match link:
        case ShadowsocksLink():
            plugin, _, options = link.plugin.partition(";")
            own = {"type": "shadowsocks", "method": link.method, "password": link.password}
            return {**own, "plugin": plugin, "plugin_opts": options}
        case VmessLink():
            own = {
                "type": "vmess",
                "uuid": str(link.user_id),
                "security": link.security,
                "alter_id": link.alter_id,
            }
            return {**own, **_sing_box_stream(link.tls, link.transport)}
        case VlessLink():
            if link.encryption not in ("", "none"):
                raise ShareLinkError("sing-box does not speak VLESS Encryption; use mihomo")
            own = {"type": "vless", "uuid": str(link.user_id), "flow": link.flow}
            return {**own, **_sing_box_stream(link.tls, link.transport)}
        case TrojanLink():
            own = {"type": "trojan", "password": link.password}
            return {**own, **_sing_box_stream(link.tls, link.transport)}
        case Hysteria2Link():
            obfuscation = {"type": link.obfuscation, "password": link.obfuscation_password}
            ports = [each.replace("-", ":") for each in link.ports.split(",") if "-" in each]
            own = {"type": "hysteria2", "password": link.password, "server_ports": ports}
            return {
                **own,
                "obfs": obfuscation if link.obfuscation else {},
                **_sing_box_stream(link.tls, None),
            }
        case TuicLink():
            own = {"type": "tuic", "uuid": str(link.user_id), "password": link.password}
            own |= {"congestion_control": link.congestion_control, "udp_relay_mode": link.udp_relay_mode}
            return {**own, **_sing_box_stream(link.tls, None)}
        case AnytlsLink():
            return {"type": "anytls", "password": link.password, **_sing_box_stream(link.tls, None)}


def _sing_box_stream(tls: TlsOptions | None, transport: Transport | None) -> _Table:
    return {
        "tls": _sing_box_tls(tls) if tls else {},
        "transport": _without_empty(_sing_box_transport(transport)),
    }


def _sing_box_tls(tls: TlsOptions) -> _Table:
    reality: _Table = {}
    if tls.pinned_sha256:
        raise ShareLinkError("sing-box does not compare the digest of a certificate; use mihomo")
    if tls.reality:
        key, short_id = encode_base64url(tls.reality.public_key), tls.reality.short_id.hex()
        reality = _without_empty({"enabled": True, "public_key": key, "short_id": short_id})
    return _without_empty(
        {
            "enabled": True,
            "server_name": tls.server_name,
            "alpn": list(tls.alpn),
            "insecure": tls.is_insecure,
            "utls": {"enabled": True, "fingerprint": tls.fingerprint} if tls.fingerprint else {},
            "reality": reality,
        }
    )


def _sing_box_transport(transport: Transport | None) -> _Table:
    named: _Table
    match transport:
        case WebSocketOptions(path, host, early):
            headers = {"Host": host} if host else {}
            named = {"early_data_header_name": EARLY_DATA_HEADER} if early else {}
            return {"type": "ws", "path": path, "headers": headers, "max_early_data": early, **named}
        case HttpUpgradeOptions(path, host):
            return {"type": "httpupgrade", "path": path, "host": host}
        case GrpcOptions():
            return {"type": "grpc", "service_name": transport.service_name}
        case _:
            return {}
