"""The list `proxies` of Clash and mihomo, in YAML or JSON (wiki.metacubex.one/config/proxies).

YAML gives every value as the text that stands in the file: a password of digits stays as it is.
"""

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
    read_pins,
    with_early_data,
)
from wgmon_tui.protocols.proxies.links.vless import normal_flow
from wgmon_tui.protocols.proxies.links.vmess import normal_security

_PLUGINS = {"obfs": "obfs-local", "v2ray-plugin": "v2ray-plugin", "shadow-tls": "shadow-tls"}


def read_clash(document: Mapping[object, object]) -> list[Found]:
    """The servers of a Clash document."""
    return read_entries(Entry(document).tables("proxies"), _READERS, "type", "name")


def _common(entry: Entry) -> dict[str, Any]:
    place = make_place(entry.required("server"), entry.required("port"))
    return {"endpoint": place, "name": clean_name(entry.text("name"))}


def _shadowsocks(entry: Entry) -> Found:
    method, password = entry.required("cipher").lower(), entry.text("password")
    return FoundLink(
        ShadowsocksLink(method=method, password=password, plugin=_plugin(entry), **_common(entry))
    )


def _plugin(entry: Entry) -> str:
    """A SIP003 plugin with its options."""
    name = entry.text("plugin")
    options = entry.table("plugin-opts")
    words = [_PLUGINS.get(name, name)]
    if mode := options.text("mode"):
        words.append(f"{'obfs' if name == 'obfs' else 'mode'}={mode}")
    if host := options.text("host"):
        words.append(f"{'obfs-host' if name == 'obfs' else 'host'}={host}")
    return ";".join(words) if name else ""


def _vmess(entry: Entry) -> Found:
    return FoundLink(
        VmessLink(
            user_id=parse_user_id(entry.required("uuid")),
            security=normal_security(entry.text("cipher")),
            alter_id=entry.number("alterId"),
            tls=_tls(entry) if entry.flag("tls") else None,
            transport=_transport(entry),
            **_common(entry),
        )
    )


def _vless(entry: Entry) -> Found:
    return FoundLink(
        VlessLink(
            user_id=parse_user_id(entry.required("uuid")),
            flow=normal_flow(entry.text("flow")),
            encryption=entry.text("encryption") or "none",
            tls=_tls(entry) if entry.flag("tls") else None,
            transport=_transport(entry),
            **_common(entry),
        )
    )


def _trojan(entry: Entry) -> Found:
    if entry.table("ss-opts").flag("enabled"):
        raise ShareLinkError("wgmon-tui cannot check Trojan inside of Shadowsocks (ss-opts)")
    password = entry.required("password")
    return FoundLink(
        TrojanLink(password=password, tls=_tls(entry), transport=_transport(entry), **_common(entry))
    )


def _hysteria2(entry: Entry) -> Found:
    ports = entry.text("ports").replace("/", ",").replace(" ", "")
    if ports and not entry.text("port"):
        entry = Entry({**entry.values, "port": ports.split(",")[0].split("-")[0]})
    return FoundLink(
        Hysteria2Link(
            password=entry.text("password"),
            tls=_tls(entry),
            ports=ports,
            obfuscation=entry.text("obfs"),
            obfuscation_password=entry.text("obfs-password"),
            **_common(entry),
        )
    )


def _tuic(entry: Entry) -> Found:
    return FoundLink(
        TuicLink(
            user_id=parse_user_id(entry.required("uuid")),
            password=entry.text("password"),
            tls=_tls(entry),
            congestion_control=entry.text("congestion-controller"),
            udp_relay_mode=entry.text("udp-relay-mode"),
            **_common(entry),
        )
    )


def _anytls(entry: Entry) -> Found:
    return FoundLink(AnytlsLink(password=entry.required("password"), tls=_tls(entry), **_common(entry)))


def _tls(entry: Entry) -> TlsOptions:
    reality = entry.table("reality-opts")
    key = reality.text("public-key")
    return TlsOptions(
        server_name=entry.text("servername", "sni"),
        alpn=entry.texts("alpn"),
        fingerprint=entry.text("client-fingerprint"),
        is_insecure=entry.flag("skip-cert-verify"),
        pinned_sha256=read_pins(entry.text("fingerprint")),
        reality=make_reality(key, reality.text("short-id")) if key else None,
    )


def _transport(entry: Entry) -> Transport | None:
    kind = entry.text("network").lower()
    if kind in ("", "tcp"):
        return None
    options = entry.table(f"{kind}-opts")
    host = options.table("headers").text("Host", "host")
    if kind == "ws" and options.flag("v2ray-http-upgrade"):
        return make_transport("httpupgrade", options.text("path"), host)
    service = options.text("grpc-service-name")
    made = make_transport(kind, options.text("path"), host, service_name=service)
    return with_early_data(made, options.number("max-early-data"), options.text("early-data-header-name"))


def _wireguard(entry: Entry) -> Found:
    peer = entry.tables("peers")[0] if entry.tables("peers") else entry
    common = _common(Entry({**entry.values, **peer.values, "name": entry.text("name")}))
    addresses = [address for key in ("ip", "ipv6") if (address := entry.text(key))]
    text = make_conf(
        WireguardPeer(
            endpoint=common["endpoint"],
            private_key=entry.required("private-key"),
            public_key=peer.required("public-key"),
            preshared_key=peer.text("pre-shared-key", "preshared-key"),
            addresses=tuple(addresses),
            allowed_ips=peer.texts("allowed-ips"),
            reserved=peer.texts("reserved"),
            amnezia=_amnezia(entry.table("amnezia-wg-option")),
        )
    )
    return FoundConf(common["name"] or "wireguard", text)


def _amnezia(options: Entry) -> dict[str, str]:
    """AmneziaWG's keys as a .conf has them: `header-protection-key` is `HeaderProtectionKey` there."""
    return {
        "".join(word.capitalize() for word in str(key).replace("_", "-").split("-")): options.text(str(key))
        for key in options.values
        if str(key) != "version"
    }


_READERS = {
    "ss": _shadowsocks,
    "vmess": _vmess,
    "vless": _vless,
    "trojan": _trojan,
    "hysteria2": _hysteria2,
    "tuic": _tuic,
    "anytls": _anytls,
    "wireguard": _wireguard,
}
