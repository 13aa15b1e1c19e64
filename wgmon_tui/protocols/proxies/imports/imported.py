"""Servers of a list as the records that `wgmon-tui import` takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.config.protocol_settings import (
    Imported,
    ImportedConf,
    ImportedServer,
    SecretText,
    UnreadServer,
)
from wgmon_tui.protocols.proxies.imports.entry import Found, FoundConf, FoundLink, UnreadEntry
from wgmon_tui.protocols.proxies.imports.read import ListError, read_servers
from wgmon_tui.protocols.proxies.links.parse import write_link
from wgmon_tui.protocols.proxies.links.records import PROTOCOL_OF


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
            return ImportedServer(
                link.name or link.endpoint.host,
                str(link.endpoint),
                secrets={"link": SecretText(write_link(replace(link, name="")))},
                protocol=PROTOCOL_OF[type(link)],
                is_same_by_secrets=True,
            )
        case FoundConf(name, text):
            return ImportedConf(name, text)
        case UnreadEntry(name, reason):
            return UnreadServer(name, reason)
