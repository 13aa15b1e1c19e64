"""What is wrong with a text that is no endpoint, and what to type instead."""

from __future__ import annotations

import re
from ipaddress import IPv6Address

from wgmon_tui.text import quoted

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)(.*)", re.DOTALL)
_HOST_AND_PATH = re.compile(r"([^/]+:[0-9]{1,5})(/.*)", re.DOTALL)
_BRACKETS = re.compile(r"\[([^\[\]]+)\]:([0-9]{1,5})")
_SEVERAL_PORTS = re.compile(r"([^:]+)(?::[0-9]+){2,}")


def explain_invalid_endpoint(text: str, usual_port: int) -> str:
    """A phrase to put after the file and the key. Only what the text contains is named."""
    if match := _SCHEME.fullmatch(text):
        from wgmon_tui.config.imports.pasted_text import is_share_link  # only after a mistake

        if is_share_link(text):
            return 'expected "host:port", got a share link; type: wgmon-tui import -, then paste it'
        return _without(match[1], match[2].partition("/")[0], usual_port)
    if "," in text or ";" in text:
        return f"expected one endpoint, got several in {quoted(text)}; give each its own server or [Peer]"
    if match := _HOST_AND_PATH.fullmatch(text):
        return _without(match[2], match[1], usual_port)
    if match := _BRACKETS.fullmatch(text):
        if ":" in match[1]:
            return f"expected an IPv6 address in the brackets, got {quoted(match[1])}"
        return f"expected brackets only around an IPv6 address; type {quoted(f'{match[1]}:{match[2]}')}"
    if _is_ipv6(text) and not _is_ipv6_with_port(text):
        return f'expected "[address]:port" such as "[{text}]:{usual_port}", got no port'
    if (match := _SEVERAL_PORTS.fullmatch(text)) and not _is_ipv6_with_port(text):
        return f'expected one port, as in "fra1.example.net:{usual_port}", got {quoted(text)}'
    if text.count(":") > 1 and "[" not in text:
        example = f"[2001:db8::1]:{usual_port}"
        return f'expected brackets around an IPv6 address, as in "{example}", got {quoted(text)}'
    return f'expected "host:port" such as "fra1.example.net:{usual_port}", got {quoted(text)}'


def _without(unwanted: str, wanted: str, usual_port: int) -> str:
    """The unwanted part, and the rest of the text if that is an endpoint or a host."""
    example = wanted if re.fullmatch(r"[\w.\[\]:-]{1,34}", wanted) else "fra1.example.net"
    if not re.search(r":[0-9]{1,5}$", example):
        example += f":{usual_port}"
    return f'expected "host:port" without {quoted(unwanted)}; type {quoted(example)}'


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return "%" not in text


def _is_ipv6_with_port(text: str) -> bool:
    """Whether the text is more likely an address with a port than one without.

    `2001:db8::1:51820` is both. A last group of five digits is no part of an address.
    """
    address, _, port = text.rpartition(":")
    return _is_ipv6(address) and port.isdigit() and (len(port) > 4 or not _is_ipv6(text))
