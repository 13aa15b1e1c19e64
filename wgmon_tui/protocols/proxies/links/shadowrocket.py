"""Links as Shadowrocket writes them: base64 of `method:id@host:port`, and a query with words of its own.

VMess and VLESS have this form. Of VLESS, mihomo reads it too (MetaCubeX/mihomo, pull request 2125).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import MappingProxyType

from wgmon_tui.protocols.proxies.links.link_text import UriParts, clean_name, parse_flag, require_plain

_KINDS = {"websocket": "ws", "none": ""}
_FLOWS = {"1": "xtls-rprx-direct", "2": "xtls-rprx-vision"}
"""What `xtls` means. The first is the flow that Xray has dropped."""

_WITHOUT_XTLS = ("", "0", "none")


@dataclass(frozen=True, slots=True)
class ShadowrocketParts:
    """The method, and the rest with the words that other links have for it."""

    method: str = field(repr=False)
    parts: UriParts


def split_shadowrocket(whole: str, parts: UriParts) -> ShadowrocketParts | None:
    """The parts of a decoded link. `parts` has its query and its name. None if it has another form.

    Raises ShareLinkError.
    """
    user, at, place = require_plain(whole.strip(), "text").rpartition("@")
    method, colon, user_id = user.partition(":")
    if not at or not colon:
        return None
    query = MappingProxyType({**parts.query, **dict(_usual_words(parts))})
    name = clean_name(parts.get("remarks", "remark")) or parts.name
    return ShadowrocketParts(method, UriParts(parts.scheme, user_id, place, query, name))


def _usual_words(parts: UriParts) -> Iterator[tuple[str, str]]:
    """The query in the words of Xray-core's discussion 716."""
    xtls = parts.get("xtls")
    has_tls = parse_flag(parts.get("tls"), "tls") or xtls not in _WITHOUT_XTLS
    yield "security", "reality" if parts.get("pbk") else "tls" if has_tls else "none"
    yield "sni", parts.get("peer", "sni")
    yield "flow", parts.get("flow") or _FLOWS.get(xtls, "")
    kind = parts.get("obfs") or parts.get("type")
    yield "type", _KINDS.get(kind, kind)
    host = _header_host(parts.get("obfsParam", "host"))
    yield "host", host
    yield "serviceName", parts.get("serviceName", "path") if kind == "grpc" else ""
    yield "authority", host if kind == "grpc" else ""


def _header_host(text: str) -> str:
    """The host in a parameter that is a host, or JSON of headers."""
    if not text.startswith("{"):
        return text
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    return str(raw.get("Host", ""))
