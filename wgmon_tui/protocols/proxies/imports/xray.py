"""The outbounds of Xray and V2Ray (xtls.github.io/config/outbound.html), and SIP008 lists of Shadowsocks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wgmon_tui.protocols.proxies.imports.entry import Entry, Found, FoundConf, FoundLink, read_entries
from wgmon_tui.protocols.proxies.imports.wireguard_conf import WireguardPeer, make_conf
from wgmon_tui.protocols.proxies.links.link_text import (
    ShareLinkError,
    clean_name,
    make_place,
    parse_place,
    parse_user_id,
)
from wgmon_tui.protocols.proxies.links.records import (
    OtherTransport,
    ShadowsocksLink,
    TlsOptions,
    Transport,
    TrojanLink,
    VlessLink,
    VmessLink,
)
from wgmon_tui.protocols.proxies.links.stream_options import make_reality, make_transport
from wgmon_tui.protocols.proxies.links.vless import normal_flow
from wgmon_tui.protocols.proxies.links.vmess import normal_security


def read_xray(document: Mapping[object, object]) -> list[Found]:
    """The servers of a configuration of Xray or V2Ray."""
    top = Entry(document)
    remarks = top.text("remarks", "ps")
    entries = top.tables("outbounds")
    if remarks and len([each for each in entries if each.text("protocol") in _READERS]) == 1:
        entries = tuple(Entry({**each.values, "tag": remarks}) for each in entries)
    return read_entries(entries, _READERS, "protocol", "tag")


def read_sip008(document: Mapping[object, object]) -> list[Found]:
    """The servers of an online configuration of Shadowsocks (shadowsocks.org/doc/sip008.html)."""
    return read_entries(
        [Entry({**each.values, "type": "ss"}) for each in Entry(document).tables("servers")],
        {"ss": _sip008},
        "type",
        "remarks",
    )


def _sip008(entry: Entry) -> Found:
    place = make_place(entry.required("server"), entry.required("server_port"))
    plugin = ";".join(filter(None, (entry.text("plugin"), entry.text("plugin_opts"))))
    method, name = entry.required("method").lower(), clean_name(entry.text("remarks"))
    return FoundLink(ShadowsocksLink(place, method, entry.required("password"), plugin, name))


def _server(entry: Entry, list_name: str) -> Entry:
    """The only server of an outbound: in a list, or in the settings themselves since Xray 25."""
    settings = entry.table("settings")
    servers = settings.tables(list_name)
    if len(servers) > 1:
        raise ShareLinkError("it has several servers; wgmon-tui reads outbounds with one")
    return servers[0] if servers else settings


def _user(server: Entry) -> Entry:
    users = server.tables("users")
    return users[0] if users else server


def _common(entry: Entry, server: Entry) -> dict[str, Any]:
    place = make_place(server.required("address"), server.required("port"))
    return {"endpoint": place, "name": clean_name(entry.text("tag"))}


def _vmess(entry: Entry) -> Found:
    server = _server(entry, "vnext")
    user = _user(server)
    return FoundLink(
        VmessLink(
            user_id=parse_user_id(user.required("id")),
            security=normal_security(user.text("security")),
            alter_id=user.number("alterId"),
            tls=_tls(entry),
            transport=_transport(entry),
            **_common(entry, server),
        )
    )


def _vless(entry: Entry) -> Found:
    server = _server(entry, "vnext")
    user = _user(server)
    return FoundLink(
        VlessLink(
            user_id=parse_user_id(user.required("id")),
            flow=normal_flow(user.text("flow")),
            encryption=user.text("encryption") or "none",
            tls=_tls(entry),
            transport=_transport(entry),
            **_common(entry, server),
        )
    )


def _trojan(entry: Entry) -> Found:
    server = _server(entry, "servers")
    return FoundLink(
        TrojanLink(
            password=server.required("password"),
            tls=_tls(entry),
            transport=_transport(entry),
            **_common(entry, server),
        )
    )


def _shadowsocks(entry: Entry) -> Found:
    server = _server(entry, "servers")
    if _transport(entry) or _tls(entry):
        raise ShareLinkError("wgmon-tui cannot check Shadowsocks inside of TLS or WebSocket")
    method, password = server.required("method").lower(), server.text("password")
    return FoundLink(ShadowsocksLink(method=method, password=password, **_common(entry, server)))


def _tls(entry: Entry) -> TlsOptions | None:
    stream = entry.table("streamSettings")
    security = stream.text("security").lower()
    if security in ("", "none"):
        return None
    if security not in ("tls", "xtls", "reality"):
        raise ShareLinkError("its security is none of none, tls and reality")
    own = stream.table(f"{security}Settings")
    key = own.text("publicKey", "password")
    return TlsOptions(
        server_name=own.text("serverName"),
        alpn=own.texts("alpn"),
        fingerprint=own.text("fingerprint"),
        is_insecure=own.flag("allowInsecure"),
        reality=make_reality(key, own.text("shortId"), own.text("spiderX"), own.text("mldsa65Verify"))
        if security == "reality"
        else None,
    )


def _transport(entry: Entry) -> Transport | None:
    stream = entry.table("streamSettings")
    kind = stream.text("network").lower()
    if kind in ("", "tcp", "raw"):
        header = stream.table("rawSettings", "tcpSettings").table("header").text("type")
        return OtherTransport("tcp with an HTTP header") if header == "http" else None
    own = stream.table(f"{'ws' if kind == 'websocket' else kind}Settings")
    return make_transport(
        kind,
        own.text("path"),
        own.text("host") or own.table("headers").text("Host", "host"),
        service_name=own.text("serviceName"),
        authority=own.text("authority"),
        is_multi=own.flag("multiMode"),
    )


def _wireguard(entry: Entry) -> Found:
    settings = entry.table("settings")
    peers = settings.tables("peers")
    if len(peers) != 1:
        raise ShareLinkError("it has several peers; wgmon-tui reads entries with one")
    text = make_conf(
        WireguardPeer(
            endpoint=parse_place(peers[0].required("endpoint")),
            private_key=settings.required("secretKey"),
            public_key=peers[0].required("publicKey"),
            preshared_key=peers[0].text("preSharedKey"),
            addresses=settings.texts("address"),
            allowed_ips=peers[0].texts("allowedIPs"),
            reserved=settings.texts("reserved"),
        )
    )
    return FoundConf(clean_name(entry.text("tag")) or "wireguard", text)


_READERS = {
    "shadowsocks": _shadowsocks,
    "vmess": _vmess,
    "vless": _vless,
    "trojan": _trojan,
    "wireguard": _wireguard,
}
