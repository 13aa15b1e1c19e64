"""Servers of a list as the records that `wgmon-tui import` takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from wgmon_tui.checks.registry import find_protocol
from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.config.protocol_settings import (
    Imported,
    ImportedConf,
    ImportedServer,
    SecretText,
    UnreadServer,
)
from wgmon_tui.protocols.proxies.imports.entry import Found, FoundConf, FoundLink, ListError, UnreadEntry
from wgmon_tui.protocols.proxies.imports.read import read_servers
from wgmon_tui.protocols.proxies.links.link_text import ShareLinkError
from wgmon_tui.protocols.proxies.links.parse import write_link
from wgmon_tui.protocols.proxies.links.records import (
    PROTOCOL_OF,
    PROXY_COMMAND,
    AnyLink,
    CommandLink,
    ProxyLink,
)
from wgmon_tui.protocols.proxies.program_config import LocalPort, make_config
from wgmon_tui.text import quoted

if TYPE_CHECKING:
    from wgmon_tui.protocols.proxies.proxy_protocol import ProxyProtocol


def read_import(text: str, _: str) -> Sequence[Imported]:
    """The servers in a text, whatever the name of its file. Raises ConfigurationError."""
    try:
        found = read_servers(text)
    except ListError as error:
        raise ConfigurationError(str(error)) from None
    return [imported(each) for each in found]


def imported(found: Found) -> Imported:
    """One server. Its share link, without the name, goes into a file of its own."""
    match found:
        case FoundLink(link):
            name, (protocol, problem) = link.name or link.endpoint.host, _protocol_of(link)
            return ImportedServer(
                name,
                str(link.endpoint),
                secrets={"link": SecretText(write_link(replace(link, name="")))},
                notices=(f"{quoted(name)}: {problem}",) if problem else (),
                protocol=protocol,
                is_same_by_secrets=True,
            )
        case FoundConf(name, text):
            return ImportedConf(name, text)
        case UnreadEntry(name, reason):
            return UnreadServer(name, reason)


def _protocol_of(link: AnyLink) -> tuple[str, str]:
    """The protocol for a link, and what it does not support ("" if it supports all).

    If only the user's program supports all of the link, the protocol is `proxy-command`.
    """
    name = PROTOCOL_OF[type(link)]
    if isinstance(link, CommandLink):
        return name, ""
    try:
        protocol = cast("ProxyProtocol[ProxyLink]", find_protocol(name))
        problem = protocol.make_dialect().find_unsupported(link)
    except ImportError:
        return name, ""  # the server says which package is missing
    return (PROXY_COMMAND, "") if problem and _can_write(link) else (name, problem or "")


def _can_write(link: AnyLink) -> bool:
    """Whether the configuration of a program can say all of a link."""
    try:
        make_config("mihomo", link, LocalPort(1, "", ""))
    except ShareLinkError:
        return False
    return True
