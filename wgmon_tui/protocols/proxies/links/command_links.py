"""Share links of Hysteria 2, TUIC and AnyTLS, which a program of the user speaks.

Sources: v2.hysteria.network/docs/developers/URI-Scheme, and docs/uri_scheme.md of anytls/anytls-go. TUIC has
no document; NekoBox and mihomo write the same keys.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote

from wgmon_tui.protocols.proxies.links.link_text import (
    ShareLinkError,
    UriParts,
    decode_percent,
    joined_query,
    parse_flag,
    parse_place,
    parse_user_id,
    split_list,
    split_uri,
)
from wgmon_tui.protocols.proxies.links.records import AnytlsLink, Hysteria2Link, TlsOptions, TuicLink
from wgmon_tui.protocols.proxies.links.stream_options import read_pins

_PORT = 443
_SEVERAL_PORTS = re.compile(r"(.*):([0-9]{1,5})(?:[,-]([0-9,-]{1,200}))?", re.DOTALL)
_PORTS = re.compile(r"[0-9]{1,5}(-[0-9]{1,5})?(,[0-9]{1,5}(-[0-9]{1,5})?)*")


def parse_hysteria2(text: str) -> Hysteria2Link:
    """A link `hysteria2://` or `hy2://`, with one port or several. Raises ShareLinkError."""
    parts = split_uri(text)
    match = _SEVERAL_PORTS.fullmatch(parts.place)
    place, more = (f"{match[1]}:{match[2]}", match[3] or "") if match else (parts.place, "")
    ports = parts.get("mport")
    if match and more:
        ports = parts.place[match.end(1) + 1 :]
    if ports and not _PORTS.fullmatch(ports):
        raise ShareLinkError("its ports are not numbers and ranges such as 443,5000-6000")
    return Hysteria2Link(
        parse_place(place, _PORT),
        decode_percent(parts.user, "password"),
        _read_tls(parts),
        ports,
        parts.get("obfs").lower(),
        parts.get("obfs-password"),
        parts.name,
    )


def parse_tuic(text: str) -> TuicLink:
    """A link `tuic://uuid:password@host:port?…`. Raises ShareLinkError."""
    parts = split_uri(text)
    user, _, password = decode_percent(parts.user, "password").partition(":")
    return TuicLink(
        parse_place(parts.place, _PORT),
        parse_user_id(user),
        password or parts.get("password"),
        _read_tls(parts),
        parts.get("congestion_control"),
        parts.get("udp_relay_mode"),
        parts.name,
    )


def parse_anytls(text: str) -> AnytlsLink:
    """A link `anytls://password@host:port/?sni=…`. Raises ShareLinkError."""
    parts = split_uri(text)
    password = decode_percent(parts.user, "password")
    return AnytlsLink(parse_place(parts.place, _PORT), password, _read_tls(parts), parts.name)


def _read_tls(parts: UriParts) -> TlsOptions:
    return TlsOptions(
        parts.get("sni", "peer"),
        split_list(parts.get("alpn")),
        parts.get("fp"),
        parse_flag(parts.get("insecure", "allow_insecure", "allowInsecure"), "insecure"),
        read_pins(parts.get("pinSHA256")),
    )


def _write_tls(tls: TlsOptions) -> Iterator[tuple[str, str]]:
    yield "sni", tls.server_name
    yield "alpn", ",".join(tls.alpn)
    yield "fp", tls.fingerprint
    yield "insecure", "1" if tls.is_insecure else ""
    yield "pinSHA256", ",".join(digest.hex() for digest in tls.pinned_sha256)


def write_hysteria2(link: Hysteria2Link) -> str:
    """The link in the form that `parse_hysteria2` reads."""
    query = joined_query(
        [
            ("mport", link.ports),
            ("obfs", link.obfuscation),
            ("obfs-password", link.obfuscation_password),
            *_write_tls(link.tls),
        ]
    )
    return f"hysteria2://{quote(link.password, safe='')}@{link.endpoint}?{query}"


def write_tuic(link: TuicLink) -> str:
    """The link in the form that `parse_tuic` reads."""
    query = joined_query(
        [
            ("congestion_control", link.congestion_control),
            ("udp_relay_mode", link.udp_relay_mode),
            *_write_tls(link.tls),
        ]
    )
    return f"tuic://{link.user_id}:{quote(link.password, safe='')}@{link.endpoint}?{query}"


def write_anytls(link: AnytlsLink) -> str:
    """The link in the form that `parse_anytls` reads."""
    return f"anytls://{quote(link.password, safe='')}@{link.endpoint}?{joined_query(_write_tls(link.tls))}"
