"""The outbounds and endpoints of sing-box (sing-box.sagernet.org/configuration/outbound)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wgmon_tui.protocols.proxies.imports.entry import Entry, Found, FoundConf, FoundLink, read_entries
from wgmon_tui.protocols.proxies.imports.wireguard_conf import WireguardPeer, make_conf
from wgmon_tui.protocols.proxies.links.link_text import (
    ShareLinkError,
    clean_name,
    make_place,
    parse_user_id,
)
from wgmon_tui.protocols.proxies.links.records import (
    AnytlsLink,
    Hysteria2Link,
    ShadowsocksLink,
    TlsOptions,
    Transport,
    TrojanLink,
    TuicLink,
    VlessLink,
    VmessLink,
)
from wgmon_tui.protocols.proxies.links.stream_options import (
    make_reality,
    make_transport,
    with_early_data,
)
from wgmon_tui.protocols.proxies.links.vless import normal_flow
from wgmon_tui.protocols.proxies.links.vmess import normal_security


def read_sing_box(document: Mapping[object, object]) -> list[Found]:
    """The servers of a configuration of sing-box."""
    top = Entry(document)
    entries = (*top.tables("outbounds"), *top.tables("endpoints"))
    return read_entries(entries, _READERS, "type", "tag")


def _common(entry: Entry) -> dict[str, Any]:
    place = make_place(entry.required("server"), entry.required("server_port"))
    return {"endpoint": place, "name": clean_name(entry.text("tag"))}


def _shadowsocks(entry: Entry) -> Found:
    plugin = ";".join(filter(None, (entry.text("plugin"), entry.text("plugin_opts"))))
    method, password = entry.required("method").lower(), entry.text("password")
    return FoundLink(ShadowsocksLink(method=method, password=password, plugin=plugin, **_common(entry)))


def _vmess(entry: Entry) -> Found:
    return FoundLink(
        VmessLink(
            user_id=parse_user_id(entry.required("uuid")),
            security=normal_security(entry.text("security")),
            alter_id=entry.number("alter_id"),
            tls=_tls(entry),
            transport=_transport(entry),
            **_common(entry),
        )
    )


def _vless(entry: Entry) -> Found:
    return FoundLink(
        VlessLink(
            user_id=parse_user_id(entry.required("uuid")),
            flow=normal_flow(entry.text("flow")),
            tls=_tls(entry),
            transport=_transport(entry),
            **_common(entry),
        )
    )


def _trojan(entry: Entry) -> Found:
    password = entry.required("password")
    return FoundLink(
        TrojanLink(password=password, tls=_tls(entry), transport=_transport(entry), **_common(entry))
    )


def _hysteria2(entry: Entry) -> Found:
    obfuscation = entry.table("obfs")
    ports = ",".join(entry.texts("server_ports")).replace(":", "-")
    if ports and not entry.text("server_port"):
        entry = Entry({**entry.values, "server_port": ports.split(",")[0].split("-")[0]})
    return FoundLink(
        Hysteria2Link(
            password=entry.text("password"),
            tls=_tls(entry) or TlsOptions(),
            ports=ports,
            obfuscation=obfuscation.text("type"),
            obfuscation_password=obfuscation.text("password"),
            **_common(entry),
        )
    )


def _tuic(entry: Entry) -> Found:
    return FoundLink(
        TuicLink(
            user_id=parse_user_id(entry.required("uuid")),
            password=entry.text("password"),
            tls=_tls(entry) or TlsOptions(),
            congestion_control=entry.text("congestion_control"),
            udp_relay_mode=entry.text("udp_relay_mode"),
            **_common(entry),
        )
    )


def _anytls(entry: Entry) -> Found:
    password = entry.required("password")
    return FoundLink(AnytlsLink(password=password, tls=_tls(entry) or TlsOptions(), **_common(entry)))


def _tls(entry: Entry) -> TlsOptions | None:
    tls = entry.table("tls")
    if not tls.flag("enabled"):
        return None
    fingerprint, reality = tls.table("utls"), tls.table("reality")
    return TlsOptions(
        server_name=tls.text("server_name"),
        alpn=tls.texts("alpn"),
        fingerprint=fingerprint.text("fingerprint") if fingerprint.flag("enabled") else "",
        is_insecure=tls.flag("insecure"),
        reality=make_reality(reality.text("public_key"), reality.text("short_id"))
        if reality.flag("enabled")
        else None,
    )


def _transport(entry: Entry) -> Transport | None:
    options = entry.table("transport")
    kind = options.text("type").lower()
    if not kind:
        return None
    hosts = options.table("headers").texts("Host", "host") or options.texts("host")
    made = make_transport(
        kind,
        options.text("path"),
        hosts[0] if hosts else "",
        service_name=options.text("service_name"),
    )
    return with_early_data(made, options.number("max_early_data"), options.text("early_data_header_name"))


def _wireguard(entry: Entry) -> Found:
    """An endpoint of sing-box 1.11 and later, or an outbound of earlier versions."""
    peers = entry.tables("peers")
    if len(peers) > 1:
        raise ShareLinkError("it has several peers; wgmon-tui reads entries with one")
    peer = peers[0] if peers else entry
    place = make_place(
        peer.required("address" if peers else "server"), peer.required("port" if peers else "server_port")
    )
    text = make_conf(
        WireguardPeer(
            endpoint=place,
            private_key=entry.required("private_key"),
            public_key=peer.required("public_key", "peer_public_key"),
            preshared_key=peer.text("pre_shared_key"),
            addresses=entry.texts("address" if peers else "local_address", "local_address"),
            allowed_ips=peer.texts("allowed_ips"),
            reserved=peer.texts("reserved"),
        )
    )
    return FoundConf(clean_name(entry.text("tag")) or "wireguard", text)


_READERS = {
    "shadowsocks": _shadowsocks,
    "vmess": _vmess,
    "vless": _vless,
    "trojan": _trojan,
    "hysteria2": _hysteria2,
    "tuic": _tuic,
    "anytls": _anytls,
    "wireguard": _wireguard,
}
