"""Reads and writes share links of every kind. Parsers raise ShareLinkError and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from wgmon_tui.protocols.proxies.links.command_links import (
    parse_anytls,
    parse_hysteria2,
    parse_tuic,
    write_anytls,
    write_hysteria2,
    write_tuic,
)
from wgmon_tui.protocols.proxies.links.link_text import ShareLinkError, scheme_of
from wgmon_tui.protocols.proxies.links.records import (
    AnyLink,
    AnytlsLink,
    Hysteria2Link,
    ShadowsocksLink,
    TrojanLink,
    TuicLink,
    VlessLink,
    VmessLink,
)
from wgmon_tui.protocols.proxies.links.shadowsocks import parse_shadowsocks, write_shadowsocks
from wgmon_tui.protocols.proxies.links.trojan import parse_trojan, write_trojan
from wgmon_tui.protocols.proxies.links.vless import parse_vless, write_vless
from wgmon_tui.protocols.proxies.links.vmess import parse_vmess, write_vmess

_PARSERS: dict[str, Callable[[str], AnyLink]] = {
    "ss": parse_shadowsocks,
    "vmess": parse_vmess,
    "vless": parse_vless,
    "trojan": parse_trojan,
    "hysteria2": parse_hysteria2,
    "hy2": parse_hysteria2,
    "tuic": parse_tuic,
    "anytls": parse_anytls,
}
SCHEMES = tuple(_PARSERS)
"""Schemes of the links that `parse_link` reads."""


def parse_link(text: str) -> AnyLink:
    """Read a share link. Raises ShareLinkError."""
    scheme = scheme_of(text)
    if not scheme:
        raise ShareLinkError("not a share link: it has no scheme such as ss://")
    parser = _PARSERS.get(scheme)
    if parser is None:
        raise ShareLinkError(
            f"not a share link of a known kind: {', '.join(f'{each}://' for each in SCHEMES)}"
        )
    return parser(text)


def write_link(link: AnyLink) -> str:
    """The link as text, with its secrets. `parse_link` reads the same record from it."""
    name = f"#{quote(link.name, safe='')}" if link.name else ""
    return f"{_write(link)}{name}"


def _write(link: AnyLink) -> str:
    match link:
        case ShadowsocksLink():
            return write_shadowsocks(link)
        case VmessLink():
            return write_vmess(link)
        case VlessLink():
            return write_vless(link)
        case TrojanLink():
            return write_trojan(link)
        case Hysteria2Link():
            return write_hysteria2(link)
        case TuicLink():
            return write_tuic(link)
        case AnytlsLink():
            return write_anytls(link)
