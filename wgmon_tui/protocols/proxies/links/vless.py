"""Share links of VLESS: `vless://uuid@host:port?…#name` of Xray-core's discussion 716, and Shadowrocket's."""

from __future__ import annotations

from wgmon_tui.protocols.proxies.links.link_text import (
    UriParts,
    decode_base64_text,
    decode_percent,
    joined_query,
    parse_place,
    parse_query,
    parse_user_id,
    split_link,
    split_uri,
)
from wgmon_tui.protocols.proxies.links.records import VlessLink
from wgmon_tui.protocols.proxies.links.shadowrocket import split_shadowrocket
from wgmon_tui.protocols.proxies.links.stream_options import (
    read_tls,
    read_transport,
    write_tls,
    write_transport,
)

_PORT = 443
_NO_UDP_443 = "-udp443"
"""A suffix of a flow that concerns the client alone."""


def parse_vless(text: str) -> VlessLink:
    """A link `vless://`. Raises ShareLinkError."""
    parts = _split_shadowrocket(text) or split_uri(text)
    return VlessLink(
        parse_place(parts.place, _PORT),
        parse_user_id(decode_percent(parts.user, "user ID")),
        normal_flow(parts.get("flow")),
        parts.get("encryption") or "none",
        read_tls(parts),
        read_transport(parts),
        parts.name,
    )


def _split_shadowrocket(text: str) -> UriParts | None:
    """The parts of a link whose body is base64; None of another. Its method says nothing: VLESS has none."""
    scheme, body, name = split_link(text)
    main, _, query = body.partition("?")
    whole = decode_base64_text(decode_percent(main.rstrip("/"), "text"))
    if whole is None:
        return None
    found = split_shadowrocket(whole, UriParts(scheme, "", "", parse_query(query), name))
    return found.parts if found else None


def normal_flow(text: str) -> str:
    """A flow without what concerns the client alone."""
    flow = text.lower().removesuffix(_NO_UDP_443)
    return "" if flow == "none" else flow


def write_vless(link: VlessLink) -> str:
    """The link in the form that `parse_vless` reads."""
    query = joined_query(
        [
            ("encryption", link.encryption),
            ("flow", link.flow),
            *write_tls(link.tls),
            *write_transport(link.transport),
        ]
    )
    return f"vless://{link.user_id}@{link.endpoint}?{query}"
