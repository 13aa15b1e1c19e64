"""Compares a list with the servers that came from it before. Pure: no file is read or written here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from wgmon_tui.config.imports.protocol_import import ProtocolImport
from wgmon_tui.config.models import Server
from wgmon_tui.config.value_parsers import parse_endpoint
from wgmon_tui.text import format_list

Secrets = Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class ChangedServer:
    """A server whose endpoint or secret differs in the list. `what` names the differing keys."""

    server: Server
    item: ProtocolImport
    what: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ListDifference:
    """What a list has that servers.toml has not, and the other way round. `unread` are lines."""

    new: tuple[ProtocolImport, ...] = ()
    changed: tuple[ChangedServer, ...] = ()
    removed: tuple[Server, ...] = ()
    same: int = 0
    unread: tuple[str, ...] = field(default=())

    @property
    def is_empty(self) -> bool:
        """Whether nothing differs."""
        return not (self.new or self.changed or self.removed)

    def lines(self) -> Iterator[str]:
        """One line for each server that differs: + new, ~ changed, - removed. No secret is in it."""
        for item in self.new:
            yield f"+ {item.server.name}  {item.protocol}  {item.server.endpoint}"
        for each in self.changed:
            server, other = each.server, each.item.server.endpoint
            moved = f"{server.endpoint} -> {other}" if str(server.endpoint) != other else str(server.endpoint)
            yield f"~ {server.name}  {server.protocol}  {moved}  ({format_list(each.what)} changed)"
        for gone in self.removed:
            yield f"- {gone.name}  {gone.protocol}  {gone.endpoint}"

    @property
    def summary(self) -> str:
        """The numbers alone: `2 new, 1 removed`."""
        counts = (("new", self.new), ("changed", self.changed), ("removed", self.removed))
        return ", ".join(f"{len(each)} {word}" for word, each in counts if each) or "no difference"


def compare(
    items: Sequence[ProtocolImport],
    servers: Sequence[Server],
    secrets: Mapping[str, Secrets],
    unread: Sequence[str] = (),
) -> ListDifference:
    """Compare the items of a list with its servers. `secrets` has the texts of their secret files, by name.

    First what is the same in all but the name: providers write the traffic that is left into names. Then what
    has the same name. What is left is new or removed.
    """
    by_value = {_value_of(server, secrets.get(server.name, {})): server for server in servers}
    by_name = {(server.protocol, server.name): server for server in servers}
    rest: list[ProtocolImport] = []
    for item in {_value(each): each for each in reversed(items)}.values():
        if server := by_value.get(_value(item)):
            by_name.pop((server.protocol, server.name), None)
        else:
            rest.append(item)
    same = len(servers) - len(by_name)
    new: list[ProtocolImport] = []
    changed: list[ChangedServer] = []
    for item in reversed(rest):
        if found := by_name.pop((item.protocol, item.server.name), None):
            changed.append(ChangedServer(found, item, _what(item, found)))
        else:
            new.append(item)
    return ListDifference(tuple(new), tuple(changed), tuple(by_name.values()), same, tuple(unread))


def _value(item: ProtocolImport) -> object:
    """What a server is but for its name: protocol, endpoint and secrets."""
    texts = {key: secret.text for key, secret in item.server.secrets.items()}
    return item.protocol, parse_endpoint(item.server.endpoint), tuple(sorted(texts.items()))


def _value_of(server: Server, secrets: Secrets) -> object:
    return server.protocol, server.endpoint, tuple(sorted(secrets.items()))


def _what(item: ProtocolImport, server: Server) -> tuple[str, ...]:
    """The keys that differ. Where the endpoint is the same, it is a secret."""
    if parse_endpoint(item.server.endpoint) != server.endpoint:
        return ("endpoint",)
    return tuple(item.server.secrets)
