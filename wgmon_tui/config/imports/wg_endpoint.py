"""Endpoints as `wg setconf` reads them: every form that it accepts, as the endpoint that it means.

Source: wireguard-tools (src/config.c: parse_endpoint), which gives host and port to getaddrinfo of glibc.
"""

from __future__ import annotations

import re
import socket

from wgmon_tui.config.endpoint_hints import explain_invalid_endpoint
from wgmon_tui.config.value_parsers import WIREGUARD_PORT, InvalidValueError, is_ipv4, is_ipv6, parse_endpoint
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.text import quoted

_IN_BRACKETS = re.compile(r"\[([^\]]*)\]:(.+)", re.DOTALL)
_ALIAS = re.compile(r"(%[\w.-]+):[\w.-]+(?=\]?:[^:\]]+$)")
"""An alias of an interface as a zone, as in `fe80::1%eth0:1`: the kernel takes it for the interface."""

_NUMBER = re.compile(r"\+?[0-9]{1,40}")
_SERVICE = re.compile(r"[a-z][a-z0-9_+.-]{0,30}", re.IGNORECASE)
_IPV4_NUMBERS = re.compile(r"(?:0x[0-9a-f]+|[0-9]+)(?:\.(?:0x[0-9a-f]+|[0-9]+)){0,3}", re.IGNORECASE)


def parse_wg_endpoint(text: str) -> tuple[Endpoint, tuple[str, ...]]:
    """The endpoint of a text without whitespace, and phrases on where it departs from good form.

    Raises InvalidValueError. A `*` is refused: getaddrinfo takes it for any host or port 0.
    """
    text, aliases = _ALIAS.subn(r"\1", text)
    notices = ["a zone is an interface, not an alias of one"] if aliases else []
    if match := _IN_BRACKETS.fullmatch(text):
        host, port_text = match[1], match[2]
        if not is_ipv6(host):
            notices.append("brackets belong only around an IPv6 address")
    else:
        host, colon, port_text = text.rpartition(":")
        if not colon or not host or "[" in host:
            raise InvalidValueError(explain_invalid_endpoint(text, WIREGUARD_PORT))
        if is_ipv6(host):
            notices.append("an IPv6 address belongs in brackets")
    port = _port(port_text, notices)
    if port is None or (":" in host and not is_ipv6(host)) or "/" in host:
        raise InvalidValueError(explain_invalid_endpoint(text, WIREGUARD_PORT))
    endpoint = Endpoint(_host(host, notices), port)
    parsed = parse_endpoint(str(endpoint))
    return parsed, tuple(f"{notice}; write {parsed}" for notice in notices)


def _port(text: str, notices: list[str]) -> int | None:
    if _NUMBER.fullmatch(text):
        # glibc reads an unsigned long into an int; htons keeps the last 16 bits.
        number = int(text)
        if number >> 64 or number >> 31 & 1:
            return None
        port = number & 0xFFFF
        if port == 0:
            raise InvalidValueError(f"expected a port from 1 to 65535, got {quoted(text)}")
        if str(port) != text:
            notices.append(f"wg reads port {text} as {port}")
        return port
    if not _SERVICE.fullmatch(text):
        return None
    try:
        port = socket.getservbyname(text, "udp")
    except OSError:
        return None
    notices.append(f"the port is a number: {text} is {port}")
    return port


def _host(text: str, notices: list[str]) -> str:
    if is_ipv4(text) or is_ipv6(text) or not _IPV4_NUMBERS.fullmatch(text):
        return text
    try:
        address = socket.inet_ntoa(socket.inet_aton(text))
    except OSError:
        return text
    notices.append(f"wg reads {quoted(text)} as {address}")
    return address
