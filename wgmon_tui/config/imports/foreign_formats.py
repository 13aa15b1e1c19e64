"""Configurations of WireGuard that are no wg-quick file: how each is recognised, and how to convert it.

The content decides; the name does only if the content is no wg-quick file.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import PurePosixPath

from wgmon_tui.config.imports.wg_quick_sections import is_conf_text
from wgmon_tui.records import dataclass

SUFFIXES = (".netdev", ".nmconnection", ".rsc")
"""Names that mean a foreign format wherever they stand; an .xml file is not always one."""

_INTERFACE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_=+.-]{0,14}")
_LONGEST_HEAD = 1 << 16
"""Characters that are searched for the marks of a format."""


@dataclass(frozen=True, slots=True)
class _Format:
    suffix: str
    content: re.Pattern[str]
    explain: Callable[[str, str], str]
    """From text and stem to what it is, and how to convert it."""


def explain_foreign_format(text: str, name: str) -> str | None:
    """What this file is, and how to make a wg-quick file of it, on one line; None if it is not known."""
    path = PurePosixPath(name)
    head = text[:_LONGEST_HEAD]
    for each in _FORMATS:
        if each.content.search(head):
            return each.explain(head, path.stem)
    if is_conf_text(text):
        return None
    found = next((each for each in _FORMATS if each.suffix and each.suffix == path.suffix.lower()), None)
    return found.explain(head, path.stem) if found else None


def _interface(text: str, pattern: str, stem: str) -> str:
    """The interface that a file names; else the part of its name that may be one, as in `25-wg0.netdev`."""
    match = re.search(pattern, text, re.IGNORECASE | re.MULTILINE)
    named = match[1].strip() if match else re.sub(r"^[0-9]+-", "", stem)
    return named if _INTERFACE.fullmatch(named) else "wg0"


def _showconf(interface: str) -> str:
    return f"to convert it, type: sudo wg showconf {interface} > {interface}.conf"


def _explain_netdev(text: str, stem: str) -> str:
    interface = _interface(text, r"^[ \t]*Name[ \t]*=[ \t]*(\S+)", stem)
    return f"a .netdev file of systemd-networkd, not of wg-quick; {_showconf(interface)}"


def _explain_nmconnection(text: str, stem: str) -> str:
    interface = _interface(text, r"^[ \t]*interface-name[ \t]*=[ \t]*(\S+)", stem)
    return f"a .nmconnection file of NetworkManager, not of wg-quick; {_showconf(interface)}"


def _explain_routeros(text: str, stem: str) -> str:
    return (
        "an export of RouterOS, not a wg-quick file; to convert it, type on the router: "
        "/interface wireguard peers show-client-config 0 (and save what it prints as a .conf)"
    )


def _explain_firewall_xml(text: str, stem: str) -> str:
    system, interface = ("pfSense", "tun_wg0") if "<pfsense>" in text.lower() else ("OPNsense", "wg1")
    return (
        f"an XML file of {system}, not a wg-quick file; "
        f"to convert it, type on the firewall: wg showconf {interface} > {interface}.conf"
    )


def _explain_openwrt(text: str, stem: str) -> str:
    interface = _interface(text, r"^[ \t]*config[ \t]+interface[ \t]+'?([^'\s]+)", stem)
    return (
        "a UCI file of OpenWrt, not a wg-quick file; "
        f"to convert it, type on the router: wg showconf {interface} > {interface}.conf"
    )


_FLAGS = re.IGNORECASE | re.MULTILINE

_FORMATS = (
    _Format(".netdev", re.compile(r"^[ \t]*\[(netdev|wireguardpeer)\]", _FLAGS), _explain_netdev),
    _Format(
        ".nmconnection", re.compile(r"^[ \t]*\[(connection|wireguard-peer\.)", _FLAGS), _explain_nmconnection
    ),
    _Format(".rsc", re.compile(r"^/?interface[ /]wireguard\b", _FLAGS), _explain_routeros),
    _Format(".xml", re.compile(r"\A\s*<(\?xml|opnsense|pfsense|wireguard)\b", _FLAGS), _explain_firewall_xml),
    _Format("", re.compile(r"^[ \t]*option[ \t]+proto[ \t]+'?wireguard\b", _FLAGS), _explain_openwrt),
)
"""No `wg setconf` accepts a line that one of these patterns matches."""
