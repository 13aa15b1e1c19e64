"""Which format a text has, and the servers in it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from wgmon_tui.protocols.proxies.imports.clash import read_clash
from wgmon_tui.protocols.proxies.imports.entry import (
    MOST_ENTRIES,
    Found,
    FoundConf,
    FoundLink,
    ListError,
    UnreadEntry,
)
from wgmon_tui.protocols.proxies.imports.sing_box import read_sing_box
from wgmon_tui.protocols.proxies.imports.wireguard_conf import parse_wireguard
from wgmon_tui.protocols.proxies.imports.xray import read_sip008, read_xray
from wgmon_tui.protocols.proxies.imports.yaml_text import YamlError, load_yaml
from wgmon_tui.protocols.proxies.links.link_text import (
    LONGEST_LINK,
    ShareLinkError,
    decode_base64_text,
    scheme_of,
)
from wgmon_tui.protocols.proxies.links.parse import SCHEMES, parse_link

WIREGUARD_SCHEMES = ("wireguard", "wg", "awg", "amneziawg")
_OTHER_SCHEMES = (
    "ssr",
    "hysteria",
    "hy",
    "snell",
    "socks",
    "socks5",
    "mieru",
    "naive+https",
    "juicity",
    "ssh",
)
_KNOWN = (*SCHEMES, *WIREGUARD_SCHEMES, *_OTHER_SCHEMES)
_YAML = re.compile(r"^(\ufeff)?proxies[ \t]*:", re.MULTILINE)
_WHITE = re.compile(r"\s+")


def read_servers(text: str) -> list[Found]:
    """The servers in a text; none if it is not a format of this module. Raises ListError."""
    start = text.lstrip("\ufeff \t\r\n")
    if start[:1] in ("{", "["):
        return _read_json(start)
    if found := _read_links(text):
        return found
    if _YAML.search(text):
        return _read_yaml(text)
    decoded = decode_base64_text(_WHITE.sub("", text)) if len(text) >= len("ss://") else None
    return _read_links(decoded) if decoded else []


def _read_links(text: str) -> list[Found]:
    """One link a line; other lines are remarks. Nothing if the text does not begin with a link."""
    lines = [
        each for line in text.splitlines() if (each := line.strip()) and not each.startswith(("#", "//"))
    ]
    if not lines or not any(scheme_of(each[:LONGEST_LINK]) in _KNOWN for each in lines[:_MOST_HEAD]):
        return []
    if len(lines) > MOST_ENTRIES:
        raise ListError(f"it has more than {MOST_ENTRIES:,} lines; split the list")
    return [
        _read_link(line, number) for number, line in enumerate(lines, 1) if scheme_of(line[:LONGEST_LINK])
    ]


_MOST_HEAD = 5
"""Lines that may stand before the first link, such as the traffic that a provider has left."""


def _read_link(line: str, number: int) -> Found:
    name, scheme = f"link {number}", scheme_of(line)
    try:
        if scheme in WIREGUARD_SCHEMES:
            return FoundConf(*parse_wireguard(line))
        if scheme not in SCHEMES:
            shown = f"{scheme}://" if scheme in _OTHER_SCHEMES else "another kind"
            return UnreadEntry(name, f"wgmon-tui cannot check a link of {shown}")
        return FoundLink(parse_link(line))
    except ShareLinkError as error:
        return UnreadEntry(name, str(error))


def _read_json(text: str) -> list[Found]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return []
    documents = document if isinstance(document, list) else [document]
    return [found for each in documents if isinstance(each, Mapping) for found in _read_document(each)]


def _read_document(document: Mapping[object, object]) -> list[Found]:
    outbounds = document.get("outbounds")
    if isinstance(outbounds, list) or isinstance(document.get("endpoints"), list):
        tables = (
            [each for each in outbounds or () if isinstance(each, Mapping)]
            if isinstance(outbounds, list)
            else []
        )
        is_xray = any("protocol" in each for each in tables)
        return read_xray(document) if is_xray else read_sing_box(document)
    if isinstance(document.get("proxies"), list):
        return read_clash(document)
    servers = document.get("servers")
    is_sip008 = isinstance(servers, list) and any(
        isinstance(each, Mapping) and "server_port" in each for each in servers
    )
    return read_sip008(document) if is_sip008 else []


def _read_yaml(text: str) -> list[Found]:
    try:
        document = load_yaml(text)
    except YamlError as error:
        raise ListError(str(error)) from None
    return read_clash(document) if isinstance(document, Mapping) else []
