"""Pasted text that can be imported: wg-quick files, share links, and lists of them."""

from __future__ import annotations

import re

from wgmon_tui.config.imports.conf_reading import ReadConfs, parse_listed
from wgmon_tui.config.imports.protocol_import import read_of_protocols
from wgmon_tui.config.imports.wg_quick_parser import parse_pasted_lenient
from wgmon_tui.config.protocol_settings import ImportedConf

_SOURCE = "pasted text"
_LINK = re.compile(
    r"\s*(ss|vmess|vless|trojan|hysteria2|hy2|tuic|anytls|wireguard|wg|awg)://\S+\s*(\n|\r|$)", re.IGNORECASE
)


def is_share_link(text: str) -> bool:
    """Whether a text begins with a line that is a share link. It is a secret: no field shows it."""
    return _LINK.match(text) is not None


def read_pasted(text: str) -> ReadConfs:
    """The servers in a pasted text, and faults in place of what cannot be read."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    found = read_of_protocols(lines, "", _SOURCE)
    if not found:
        return ReadConfs((parse_pasted_lenient(text),))
    listed = (parse_listed(each, _SOURCE) if isinstance(each, ImportedConf) else each for each in found)
    return ReadConfs(tuple(listed))
