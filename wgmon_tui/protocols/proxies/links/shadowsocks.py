"""Share links of Shadowsocks: SIP002 (shadowsocks.org/doc/sip002.html) and the base64 of the whole before it.

The methods of 2022 have their password percent-encoded, never in base64.
"""

from __future__ import annotations

from urllib.parse import quote

from wgmon_tui.protocols.proxies.links.link_text import (
    ShareLinkError,
    UriParts,
    decode_base64_text,
    decode_percent,
    encode_base64url,
    joined_query,
    parse_place,
    require_plain,
    split_link,
    split_uri,
)
from wgmon_tui.protocols.proxies.links.records import ShadowsocksLink


def parse_shadowsocks(text: str) -> ShadowsocksLink:
    """A link `ss://`. Raises ShareLinkError."""
    _, body, name = split_link(text)
    if "@" in body.partition("?")[0]:
        return _parse_sip002(split_uri(text))
    whole = decode_base64_text(decode_percent(body.partition("?")[0].rstrip("/"), "text"))
    user, at, place = (whole or "").rpartition("@")
    if not at:
        raise ShareLinkError("expected ss://…@host:port, or base64 of method:password@host:port")
    method, password = _split_user(user)
    return ShadowsocksLink(parse_place(place), method, password, name=name)


def _parse_sip002(parts: UriParts) -> ShadowsocksLink:
    user = decode_percent(parts.user, "password")
    if ":" not in user:
        user = decode_base64_text(user) or ""
    method, password = _split_user(user)
    return ShadowsocksLink(parse_place(parts.place), method, password, parts.get("plugin"), parts.name)


def _split_user(text: str) -> tuple[str, str]:
    """Method and password. Raises ShareLinkError."""
    method, colon, password = require_plain(text, "password").partition(":")
    if not colon or not method:
        raise ShareLinkError("expected method:password before the @, in base64 or percent-encoded")
    return method.lower(), password


def write_shadowsocks(link: ShadowsocksLink) -> str:
    """The link in the form of SIP002."""
    if link.method.startswith("2022-"):
        user = f"{quote(link.method, safe='')}:{quote(link.password, safe='')}"
    else:
        user = encode_base64url(f"{link.method}:{link.password}".encode())
    query = joined_query([("plugin", link.plugin)])
    return f"ss://{user}@{link.endpoint}{'/?' + query if query else ''}"
