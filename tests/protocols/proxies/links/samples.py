"""Links of every kind, with their records, and values for random ones. All secrets contain `SECRET`."""

from __future__ import annotations

import base64
import json
from uuid import UUID

from hypothesis import strategies as st

from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.protocols.proxies.links.records import (
    AnyLink,
    AnytlsLink,
    GrpcOptions,
    HttpUpgradeOptions,
    Hysteria2Link,
    OtherTransport,
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
REALITY_KEY = bytes(range(32))


def base64_of(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def vmess_json(**values: object) -> str:
    usual = {"v": "2", "add": "v.example", "port": "443", "id": str(USER_ID), "aid": "0", "net": "tcp"}
    return "vmess://" + base64_of(json.dumps({**usual, **values}))


_TEXT = st.text(st.characters(min_codepoint=32, exclude_characters="\x7f", codec="utf-8"), max_size=20)
_WORD = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20)
_HOSTS = st.sampled_from(["a.example", "192.0.2.7", "2001:db8::7", "xn--bcher-kva.example"])
_ENDPOINTS = st.builds(Endpoint, _HOSTS, st.integers(1, 65535))
_LABEL = st.sampled_from(["", "h2", "http/1.1"])
_PATHS = _WORD.filter(lambda text: "?" not in text).map(lambda text: f"/{text}")
_NAMES = st.sampled_from(["", "fra 1", "Zürich #2", "香港 🇭🇰"])
_IDS = st.uuids()
_REALITY = st.builds(
    RealityOptions,
    st.binary(min_size=32, max_size=32),
    st.binary(max_size=8),
    st.sampled_from(["", "/x"]),
    st.sampled_from([b"", bytes(1952)]),
)
_TLS = st.builds(
    TlsOptions,
    st.sampled_from(["", "sni.example"]),
    st.sampled_from([(), ("h2",), ("h2", "http/1.1")]),
    st.sampled_from(["", "chrome"]),
    st.booleans(),
    st.lists(st.binary(min_size=32, max_size=32), max_size=2).map(tuple),
)
_TLS_OR_REALITY = st.builds(
    TlsOptions,
    st.just("sni.example"),
    st.just(()),
    st.just("chrome"),
    st.booleans(),
    st.just(()),
    st.none() | _REALITY,
)
_TRANSPORTS = st.one_of(
    st.none(),
    st.builds(WebSocketOptions, _PATHS, st.sampled_from(["", "h.example"]), st.integers(0, 4096)),
    st.builds(HttpUpgradeOptions, _PATHS, st.sampled_from(["", "h.example"])),
    st.builds(GrpcOptions, _WORD, st.sampled_from(["", "a.example"]), st.booleans()),
    st.sampled_from(
        [OtherTransport("kcp"), OtherTransport("xhttp"), OtherTransport("tcp with an HTTP header")]
    ),
)
LINKS: st.SearchStrategy[AnyLink] = st.one_of(
    st.builds(
        ShadowsocksLink,
        _ENDPOINTS,
        st.sampled_from(["aes-256-gcm", "2022-blake3-aes-256-gcm", "none"]),
        _TEXT,
        st.sampled_from(["", "obfs-local;obfs=http;obfs-host=x.example"]),
        _NAMES,
    ),
    st.builds(
        VmessLink,
        _ENDPOINTS,
        _IDS,
        st.sampled_from(["auto", "aes-128-gcm", "chacha20-poly1305", "none", "zero"]),
        st.integers(0, 64),
        st.none() | _TLS,
        _TRANSPORTS,
        _NAMES,
    ),
    st.builds(
        VlessLink,
        _ENDPOINTS,
        _IDS,
        st.sampled_from(["", "xtls-rprx-vision"]),
        st.sampled_from(["none", "mlkem768x25519plus.native.0rtt.SECRET"]),
        st.none() | _TLS | _TLS_OR_REALITY,
        _TRANSPORTS,
        _NAMES,
    ),
    st.builds(TrojanLink, _ENDPOINTS, _TEXT.filter(bool), st.none() | _TLS, _TRANSPORTS, _NAMES),
    st.builds(
        Hysteria2Link,
        _ENDPOINTS,
        _TEXT,
        _TLS,
        st.sampled_from(["", "443,5000-6000"]),
        st.sampled_from(["", "salamander"]),
        _TEXT,
        _NAMES,
    ),
    st.builds(
        TuicLink,
        _ENDPOINTS,
        _IDS,
        _WORD,
        _TLS,
        st.sampled_from(["", "bbr"]),
        st.sampled_from(["", "native"]),
        _NAMES,
    ),
    st.builds(AnytlsLink, _ENDPOINTS, _TEXT, _TLS, _NAMES),
)
"""Records that a link can hold whole."""
