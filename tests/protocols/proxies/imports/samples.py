"""The same servers in every format, and their records."""

from __future__ import annotations

import json
from uuid import UUID

from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.protocols.proxies.links.records import (
    AnyLink,
    AnytlsLink,
    GrpcOptions,
    Hysteria2Link,
    RealityOptions,
    ShadowsocksLink,
    TlsOptions,
    TrojanLink,
    TuicLink,
    VlessLink,
    VmessLink,
    WebSocketOptions,
)

USER_ID = UUID("5ec4e7a0-0000-4000-8000-00005ec4e701")
REALITY_KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
WIREGUARD_KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
WIREGUARD_PUBLIC = "B6N8vBQgk8i3VdwbEOhstCY3SQuYx6gWSRNHXHOdrkI="

SS = ShadowsocksLink(Endpoint("ss.example", 8388), "aes-256-gcm", "0123456", name="ss 1")
SS_PLUGIN = ShadowsocksLink(
    Endpoint("ss.example", 8389), "aes-256-gcm", "SECRET", "obfs-local;obfs=http;obfs-host=x.example", "ss 2"
)
VMESS = VmessLink(
    Endpoint("v.example", 443),
    USER_ID,
    tls=TlsOptions("s.example", ("h2", "http/1.1"), is_insecure=True),
    transport=WebSocketOptions("/p", "h.example", 2048),
    name="vmess 1",
)
VLESS = VlessLink(
    Endpoint("192.0.2.7", 443),
    USER_ID,
    "xtls-rprx-vision",
    tls=TlsOptions(
        "s.example", fingerprint="chrome", reality=RealityOptions(bytes(range(32)), bytes.fromhex("0012"))
    ),
    name="vless 1",
)
TROJAN = TrojanLink(
    Endpoint("2001:db8::7", 443), "SECRET", TlsOptions("t.example"), GrpcOptions("svc"), name="trojan 1"
)
HYSTERIA2 = Hysteria2Link(
    Endpoint("hy.example", 443), "SECRET", TlsOptions("y.example"), "", "salamander", "SECRET2", "hy 1"
)
TUIC = TuicLink(
    Endpoint("tu.example", 443), USER_ID, "SECRET", TlsOptions(alpn=("h3",)), "bbr", "native", "tuic 1"
)
ANYTLS = AnytlsLink(Endpoint("any.example", 443), "SECRET", TlsOptions("a.example"), "any 1")

CLASH = f"""
mixed-port: 7890
rules: ["MATCH,DIRECT"]
shared: &shared
  skip-cert-verify: true
  servername: s.example
proxies:
  - {{name: "ss 1", type: ss, server: ss.example, port: 8388, cipher: aes-256-gcm, password: 0123456,
     udp: true}}
  - name: ss 2
    type: ss
    server: ss.example
    port: 8389
    cipher: AES-256-GCM
    password: "SECRET"
    plugin: obfs
    plugin-opts: {{mode: http, host: x.example}}
  - <<: *shared
    name: vmess 1
    type: vmess
    server: v.example
    port: 443
    uuid: {USER_ID}
    alterId: 0
    cipher: auto
    tls: true
    alpn: [h2, http/1.1]
    network: ws
    ws-opts:
      path: /p
      headers: {{Host: h.example}}
      max-early-data: 2048
      early-data-header-name: Sec-WebSocket-Protocol
  - {{name: vless 1, type: vless, server: 192.0.2.7, port: 443, uuid: {USER_ID}, tls: true,
     flow: xtls-rprx-vision, servername: s.example, client-fingerprint: chrome,
     reality-opts: {{public-key: {REALITY_KEY}, short-id: 0012}}}}
  - {{name: trojan 1, type: trojan, server: "2001:db8::7", port: 443, password: SECRET, sni: t.example,
     network: grpc, grpc-opts: {{grpc-service-name: svc}}}}
  - {{name: hy 1, type: hysteria2, server: hy.example, port: 443, password: SECRET, sni: y.example,
     obfs: salamander, obfs-password: SECRET2}}
  - {{name: tuic 1, type: tuic, server: tu.example, port: 443, uuid: {USER_ID}, password: SECRET, alpn: [h3],
     congestion-controller: bbr, udp-relay-mode: native}}
  - {{name: any 1, type: anytls, server: any.example, port: 443, password: SECRET, sni: a.example}}
  - {{name: out, type: direct}}
"""

_SING_BOX = {
    "log": {"level": "info"},
    "outbounds": [
        {
            "type": "shadowsocks",
            "tag": "ss 1",
            "server": "ss.example",
            "server_port": 8388,
            "method": "aes-256-gcm",
            "password": "0123456",
        },
        {
            "type": "shadowsocks",
            "tag": "ss 2",
            "server": "ss.example",
            "server_port": 8389,
            "method": "aes-256-gcm",
            "password": "SECRET",
            "plugin": "obfs-local",
            "plugin_opts": "obfs=http;obfs-host=x.example",
        },
        {
            "type": "vmess",
            "tag": "vmess 1",
            "server": "v.example",
            "server_port": 443,
            "uuid": str(USER_ID),
            "security": "auto",
            "alter_id": 0,
            "tls": {
                "enabled": True,
                "server_name": "s.example",
                "alpn": ["h2", "http/1.1"],
                "insecure": True,
            },
            "transport": {
                "type": "ws",
                "path": "/p",
                "headers": {"Host": "h.example"},
                "max_early_data": 2048,
                "early_data_header_name": "Sec-WebSocket-Protocol",
            },
        },
        {
            "type": "vless",
            "tag": "vless 1",
            "server": "192.0.2.7",
            "server_port": 443,
            "uuid": str(USER_ID),
            "flow": "xtls-rprx-vision",
            "tls": {
                "enabled": True,
                "server_name": "s.example",
                "utls": {"enabled": True, "fingerprint": "chrome"},
                "reality": {"enabled": True, "public_key": REALITY_KEY, "short_id": "0012"},
            },
        },
        {
            "type": "trojan",
            "tag": "trojan 1",
            "server": "2001:db8::7",
            "server_port": 443,
            "password": "SECRET",
            "tls": {"enabled": True, "server_name": "t.example"},
            "transport": {"type": "grpc", "service_name": "svc"},
        },
        {
            "type": "hysteria2",
            "tag": "hy 1",
            "server": "hy.example",
            "server_port": 443,
            "password": "SECRET",
            "obfs": {"type": "salamander", "password": "SECRET2"},
            "tls": {"enabled": True, "server_name": "y.example"},
        },
        {
            "type": "tuic",
            "tag": "tuic 1",
            "server": "tu.example",
            "server_port": 443,
            "uuid": str(USER_ID),
            "password": "SECRET",
            "congestion_control": "bbr",
            "udp_relay_mode": "native",
            "tls": {"enabled": True, "alpn": ["h3"]},
        },
        {
            "type": "anytls",
            "tag": "any 1",
            "server": "any.example",
            "server_port": 443,
            "password": "SECRET",
            "tls": {"enabled": True, "server_name": "a.example"},
        },
        {"type": "selector", "tag": "all", "outbounds": ["ss 1"]},
    ],
}
SING_BOX = json.dumps(_SING_BOX)

_XRAY = {
    "inbounds": [],
    "outbounds": [
        {
            "protocol": "shadowsocks",
            "tag": "ss 1",
            "settings": {
                "servers": [
                    {"address": "ss.example", "port": 8388, "method": "aes-256-gcm", "password": "0123456"}
                ]
            },
        },
        {
            "protocol": "vmess",
            "tag": "vmess 1",
            "settings": {"vnext": [{"address": "v.example", "port": 443, "users": [{"id": str(USER_ID)}]}]},
            "streamSettings": {
                "network": "ws",
                "security": "tls",
                "tlsSettings": {"serverName": "s.example", "alpn": ["h2", "http/1.1"], "allowInsecure": True},
                "wsSettings": {"path": "/p?ed=2048", "headers": {"Host": "h.example"}},
            },
        },
        {
            "protocol": "vless",
            "tag": "vless 1",
            "settings": {
                "address": "192.0.2.7",
                "port": 443,
                "id": str(USER_ID),
                "flow": "xtls-rprx-vision",
                "encryption": "none",
            },
            "streamSettings": {
                "network": "raw",
                "security": "reality",
                "realitySettings": {
                    "serverName": "s.example",
                    "fingerprint": "chrome",
                    "publicKey": REALITY_KEY,
                    "shortId": "0012",
                },
            },
        },
        {
            "protocol": "trojan",
            "tag": "trojan 1",
            "settings": {"servers": [{"address": "2001:db8::7", "port": 443, "password": "SECRET"}]},
            "streamSettings": {
                "network": "grpc",
                "security": "tls",
                "tlsSettings": {"serverName": "t.example"},
                "grpcSettings": {"serviceName": "svc"},
            },
        },
        {"protocol": "freedom", "tag": "direct"},
    ],
}
XRAY = json.dumps(_XRAY)

SIP008 = json.dumps(
    {
        "version": 1,
        "servers": [
            {
                "id": str(USER_ID),
                "remarks": "ss 1",
                "server": "ss.example",
                "server_port": 8388,
                "password": "0123456",
                "method": "aes-256-gcm",
            }
        ],
    }
)

ALL: tuple[AnyLink, ...] = (SS, SS_PLUGIN, VMESS, VLESS, TROJAN, HYSTERIA2, TUIC, ANYTLS)
OF_XRAY: tuple[AnyLink, ...] = (SS, VMESS, VLESS, TROJAN)
