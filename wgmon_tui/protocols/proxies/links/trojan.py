"""Share links of Trojan: `trojan://password@host:port?sni=…#name`."""

from __future__ import annotations

from urllib.parse import quote

from wgmon_tui.protocols.proxies.links.link_text import (
    ShareLinkError,
    decode_percent,
    joined_query,
    parse_place,
    split_uri,
)
from wgmon_tui.protocols.proxies.links.records import TrojanLink
from wgmon_tui.protocols.proxies.links.stream_options import (
    make_transport,
    read_tls,
    read_transport,
    write_tls,
    write_transport,
)

_PORT = 443


def parse_trojan(text: str) -> TrojanLink:
    """A link `trojan://`. Raises ShareLinkError."""
    parts = split_uri(text)
    password = decode_percent(parts.user, "password")
    if not password:
        raise ShareLinkError("its password is missing; copy the link again")
    tls, transport = read_tls(parts, "tls"), read_transport(parts)
    if transport is None and parts.get("ws") == "1":  # the dialect of subconverter
        transport = make_transport("ws", parts.get("wspath"), parts.get("host"))
    return TrojanLink(parse_place(parts.place, _PORT), password, tls, transport, parts.name)


def write_trojan(link: TrojanLink) -> str:
    """The link in the form that `parse_trojan` reads."""
    query = joined_query([*write_tls(link.tls), *write_transport(link.transport)])
    return f"trojan://{quote(link.password, safe='')}@{link.endpoint}?{query}"
