"""Reads a list, and applies what differs to servers.toml and to the secret files beside it.

A server of the list has the tag of the subscription. Other servers are never changed. Of a changed server,
only endpoint and secrets are replaced: what people have set stays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from wgmon_tui.config.imports.conf_text import decode_text
from wgmon_tui.config.imports.protocol_import import ProtocolImport, read_of_protocols
from wgmon_tui.config.imports.remarks import Remark
from wgmon_tui.config.imports.unique_names import UniqueNames
from wgmon_tui.config.models import ConfigurationError, Fleet, SecretForm, Server
from wgmon_tui.config.protocol_settings import ImportedConf, secrets_of
from wgmon_tui.config.secrets.key_files import KeyFileWriter, open_key_file_writer
from wgmon_tui.config.secrets.keyring import secret_files, secret_sources
from wgmon_tui.config.secrets.secret_reader import read_text
from wgmon_tui.config.servers_file import read, update
from wgmon_tui.config.subscriptions_toml import ApplyRule, Subscription
from wgmon_tui.config.value_parsers import InvalidValueError, parse_endpoint
from wgmon_tui.subscriptions.difference import ListDifference, Secrets, compare
from wgmon_tui.subscriptions.download import DownloadError, download, ignore_quota
from wgmon_tui.subscriptions.quota import Quota

_NO_WIREGUARD = "WireGuard servers of a list are not followed; import the list once: wgmon-tui import FILE"
_MOST_SERVERS = 5000


class SubscriptionError(Exception):
    """A list could not be fetched, read or applied. The message is one line without its address."""


def fetch_list(
    subscription: Subscription,
    config_dir: Path,
    on_quota: Callable[[Quota | None], None] = ignore_quota,
) -> bytes:
    """Fetch a list. Blocks. `on_quota` is as in `download`. Raises SubscriptionError."""
    try:
        return download(read_text(subscription.url, config_dir), on_quota=on_quota)
    except (DownloadError, ConfigurationError) as error:
        raise SubscriptionError(f'subscription "{subscription.name}": {error}') from None


def compare_list(subscription: Subscription, data: bytes, config_dir: Path) -> ListDifference:
    """Compare the bytes of a list with servers.toml. Blocks. Raises SubscriptionError."""
    try:
        return _compare(subscription, data, config_dir)
    except ConfigurationError as error:
        raise SubscriptionError(f'subscription "{subscription.name}": {error}') from None


def _compare(subscription: Subscription, data: bytes, config_dir: Path) -> ListDifference:
    items: list[ProtocolImport] = []
    unread: list[str] = []
    for found in read_of_protocols(decode_text(data).text, "", subscription.name):
        match found:
            case Remark():
                unread.append(found.text)
            case ImportedConf():
                unread.append(f'"{found.name}": {_NO_WIREGUARD}')
            case _:
                items.append(found)
    if not items:
        raise ConfigurationError("there is no server in the list; the servers of the last good list stay")
    if len(items) > _MOST_SERVERS:
        raise ConfigurationError(f"the list has more than {_MOST_SERVERS:,} servers")
    servers = [each for each in read(config_dir).fleet.servers if subscription.tag in each.tags]
    return compare(items, servers, _secrets(servers, config_dir), unread)


def _secrets(servers: Sequence[Server], config_dir: Path) -> Mapping[str, Secrets]:
    """The texts of the secret files of servers. Other forms are not read: a command may ask."""
    found: dict[str, dict[str, str | None]] = {}
    for server in servers:
        for setting, source in secrets_of(server):
            try:
                text = read_text(source, config_dir) if source.form is SecretForm.FILE else None
            except ConfigurationError:
                text = None
            found.setdefault(server.name, {})[setting.key] = text
    return found


def limit_to(rule: ApplyRule, found: ListDifference) -> ListDifference:
    """What of a difference is applied without a question.

    Nothing is removed while a part of the list cannot be read: it may be the server that seems to be gone.
    """
    match rule:
        case "ask":
            return ListDifference()
        case "add":
            return ListDifference(new=found.new)
        case "all":
            return replace(found, removed=()) if found.unread else found


def apply(subscription: Subscription, found: ListDifference, config_dir: Path) -> Fleet:
    """Write a difference into servers.toml. Blocks. Raises SubscriptionError; then nothing is changed."""
    try:
        with open_key_file_writer(config_dir, in_bulk=True) as files:
            before = read(config_dir).fleet
            saved = update(config_dir, lambda fleet: _change(subscription, found, fleet, files))
    except (ConfigurationError, InvalidValueError) as error:
        raise SubscriptionError(f'subscription "{subscription.name}": {error}') from None
    _delete_unused(before, saved.fleet, found, config_dir)
    return saved.fleet


def _change(subscription: Subscription, found: ListDifference, fleet: Fleet, files: KeyFileWriter) -> Fleet:
    """The fleet after the change. Servers that are gone meanwhile stay gone."""
    removed = {each.name for each in found.removed}
    changed = {each.server.name: each.item for each in found.changed}
    servers: list[Server] = []
    for server in fleet.servers:
        is_of_list = subscription.tag in server.tags
        if is_of_list and server.name in removed:
            continue
        item = changed.get(server.name) if is_of_list else None
        servers.append(_moved(server, item, fleet, files) if item else server)
    names = UniqueNames(each.name for each in servers)
    for item in found.new:
        made = item.make_server(fleet, names.take(item.server.name), files)
        servers.append(replace(made, tags=(subscription.tag, *subscription.tags)))
    files.sync()
    return replace(fleet, servers=tuple(servers))


def _moved(server: Server, item: ProtocolImport, fleet: Fleet, files: KeyFileWriter) -> Server:
    """The server at the endpoint and with the secrets of the list."""
    made = item.make_server(fleet, server.name, files)
    secrets = {setting.attribute: source for setting, source in secrets_of(made)}
    settings = server.protocol_settings
    kept = made.protocol_settings if settings is None else replace(settings, **secrets)
    return replace(server, endpoint=parse_endpoint(item.server.endpoint), protocol_settings=kept)


def _delete_unused(before: Fleet, after: Fleet, found: ListDifference, config_dir: Path) -> None:
    """Delete the secret files that only servers of the list named: the provider has their content, too."""
    touched = {each.name for each in found.removed} | {each.server.name for each in found.changed}
    old = [source for each in before.servers if each.name in touched for _, source in secrets_of(each)]
    used = set(secret_files(secret_sources(after), config_dir))
    for path in secret_files(old, config_dir):
        if path not in used and path.parent == config_dir:
            with suppress(OSError):  # what stays is a file that nobody names
                path.unlink()
