"""Share links of VMess in their dialects.

Base64 of JSON (v2rayN, both versions), the URI of Xray-core's discussion 716, the URI of
v2fly/v2fly-github-io#26, base64 of `method:id@host:port` (Shadowrocket), and a line of Quantumult.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from wgmon_tui.protocols.proxies.links.link_text import (
    ShareLinkError,
    UriParts,
    clean_name,
    decode_base64_text,
    decode_percent,
    joined_query,
    make_place,
    parse_flag,
    parse_number,
    parse_place,
    parse_query,
    parse_user_id,
    require_plain,
    split_link,
    split_list,
    split_uri,
)
from wgmon_tui.protocols.proxies.links.records import OtherTransport, TlsOptions, Transport, VmessLink
from wgmon_tui.protocols.proxies.links.shadowrocket import ShadowrocketParts, split_shadowrocket
from wgmon_tui.protocols.proxies.links.stream_options import (
    make_transport,
    read_tls,
    read_transport,
    write_tls,
    write_transport,
)

_OLD_AND_NEW_URI = re.compile(r"([a-z0-9+]+):([0-9a-fA-F-]{36})-([0-9]{1,5})")
_SECURITIES = ("auto", "aes-128-gcm", "chacha20-poly1305", "none", "zero")
_CHACHA20 = ("chacha20-ietf-poly1305", "chacha20-poly1305")


def parse_vmess(text: str) -> VmessLink:
    """A link `vmess://` of any dialect. Raises ShareLinkError."""
    _, body, name = split_link(text)
    main, _, query = body.partition("?")
    if "@" in main:
        return _parse_uri(split_uri(text))
    whole = decode_base64_text(decode_percent(main.rstrip("/"), "text"))
    if whole is None:
        raise ShareLinkError("it is not base64; copy the link again")
    if whole.lstrip().startswith("{"):
        return _parse_json(whole, name)
    if "vmess" in whole.partition(",")[0] and "=" in whole.partition(",")[0]:
        return _parse_quantumult(whole)
    found = split_shadowrocket(whole, UriParts("vmess", "", "", parse_query(query), name))
    if found is None:
        raise ShareLinkError("expected base64 of JSON, or of method:id@host:port")
    return _parse_shadowrocket(found)


# JSON of v2rayN


def _parse_json(text: str, name: str) -> VmessLink:
    """The JSON of v2rayN (2dust/v2rayN, wiki page on the format of links)."""
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError):
        raise ShareLinkError("its JSON is damaged; copy the link again") from None
    values = {str(key): _as_text(value) for key, value in raw.items()}

    def get(*keys: str) -> str:
        return next((value for key in keys if (value := values.get(key, "").strip())), "")

    host, path = get("host"), get("path")
    if get("v") in ("", "1") and ";" in host and not path:
        host, _, path = host.partition(";")
    return VmessLink(
        make_place(get("add"), get("port")),
        parse_user_id(get("id")),
        normal_security(get("scy", "security")),
        parse_number(get("aid", "alterId") or "0", "aid"),
        _json_tls(get, host),
        _json_transport(get, host, path),
        clean_name(get("ps")) or name,
    )


def _as_text(value: object) -> str:
    """A value of a link's JSON as text: numbers and booleans are usual too. Raises ShareLinkError."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        value = ",".join(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 1 << 53:
        value = int(value)
    if not isinstance(value, str | int):
        raise ShareLinkError("one of its values is neither text nor a number")
    if isinstance(value, int) and abs(value) >= 1 << 53:
        raise ShareLinkError("it has a number that is too large")
    return require_plain(str(value), "JSON")


def _json_tls(get: Callable[..., str], host: str) -> TlsOptions | None:
    word = get("tls").lower()
    if word in ("", "none", "0", "false"):
        return None
    insecure = parse_flag(get("allowInsecure", "insecure", "skip-cert-verify"), "allowInsecure")
    verified = get("verify_cert")
    return TlsOptions(
        get("sni", "peer") or ("" if ":" in host else host.partition(",")[0]),
        split_list(get("alpn")),
        get("fp"),
        insecure or verified in ("0", "false"),
    )


def _json_transport(get: Callable[..., str], host: str, path: str) -> Transport | None:
    kind = get("net").lower()
    if kind in ("", "tcp", "raw"):
        return OtherTransport("tcp with an HTTP header") if get("type") == "http" else None
    return make_transport(
        kind,
        path,
        host,
        service_name=path,
        authority=host if kind == "grpc" else "",
        is_multi=get("type") == "multi",
    )


# The URI forms


def _parse_uri(parts: UriParts) -> VmessLink:
    user = decode_percent(parts.user, "user ID")
    if match := _OLD_AND_NEW_URI.fullmatch(user):
        return _parse_std_uri(parts, *match.groups())
    return VmessLink(
        parse_place(parts.place),
        parse_user_id(user),
        normal_security(parts.get("encryption")),
        parse_number(parts.get("alterId", "aid") or "0", "alterId"),
        read_tls(parts),
        read_transport(parts),
        parts.name,
    )


def _parse_std_uri(parts: UriParts, network: str, user_id: str, alter_id: str) -> VmessLink:
    """The form `vmess://ws+tls:uuid-0@host:port/?path=…` of v2fly/v2fly-github-io#26."""
    kind, _, security = network.partition("+")
    named = {"type": kind, "security": security or "none", "sni": parts.get("tlsServerName", "sni")}
    own = UriParts("vmess", "", "", MappingProxyType({**parts.query, **named}), parts.name)
    return VmessLink(
        parse_place(parts.place),
        parse_user_id(user_id),
        alter_id=parse_number(alter_id, "alter ID"),
        tls=read_tls(own),
        transport=read_transport(own),
        name=parts.name,
    )


def _parse_shadowrocket(found: ShadowrocketParts) -> VmessLink:
    """Base64 of `method:id@host:port`, with a query of its own after it."""
    parts = found.parts
    return VmessLink(
        parse_place(parts.place),
        parse_user_id(parts.user),
        normal_security(found.method),
        parse_number(parts.get("alterId", "aid") or "0", "alterId"),
        read_tls(parts),
        read_transport(parts),
        parts.name,
    )


def _parse_quantumult(whole: str) -> VmessLink:
    """A line `name = vmess,host,port,method,"id",over-tls=true,…` of Quantumult."""
    line = require_plain(whole.strip(), "text")
    head, *rest = (each.strip() for each in line.split(","))
    if len(rest) < 4:
        raise ShareLinkError("its line of Quantumult has too few fields; copy the link again")
    host, port, method, user_id = rest[:4]
    options = _options_of(rest[4:])
    header = re.search(r"Host: ?([^\[\]\s\"]+)", options.get("obfs-header", ""), re.IGNORECASE)
    kind = options.get("obfs", "")
    return VmessLink(
        make_place(host, port),
        parse_user_id(user_id.strip('"')),
        normal_security(method),
        tls=TlsOptions(
            options.get("tls-host", ""),
            is_insecure=parse_flag(options.get("certificate", "1"), "certificate") is False,
        )
        if parse_flag(options.get("over-tls", ""), "over-tls")
        else None,
        transport=make_transport(kind, options.get("obfs-path", ""), header[1] if header else "")
        if kind
        else None,
        name=clean_name(head.partition("=")[0]),
    )


def _options_of(pairs: list[str]) -> Mapping[str, str]:
    return {
        key.strip(): value.strip().strip('"') for key, _, value in (each.partition("=") for each in pairs)
    }


def normal_security(text: str) -> str:
    """A cipher of VMess by its usual name. Raises ShareLinkError."""
    name = text.lower() or "auto"
    if name in _CHACHA20:
        return "chacha20-poly1305"
    if name in ("aes-128-cfb", "aes-256-gcm", "chacha20"):
        return "auto"
    if name not in _SECURITIES:
        raise ShareLinkError(f"its cipher is none of {', '.join(_SECURITIES)}")
    return name


def write_vmess(link: VmessLink) -> str:
    """The link in the URI form of discussion 716."""
    query = joined_query(
        [
            ("encryption", link.security),
            ("alterId", str(link.alter_id) if link.alter_id else ""),
            *write_tls(link.tls),
            *write_transport(link.transport),
        ]
    )
    return f"vmess://{link.user_id}@{link.endpoint}?{query}"
