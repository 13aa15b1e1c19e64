"""Interactive edits of servers.toml, entry by entry: add, change, delete, undo a deletion.

A change holds the table as it was when the edit began, and the table as it should be now. Changes that
another program made in between are kept, key by key. If both changed the same key, nothing is written and
the error names the key. Key files are never deleted here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from wgmon_tui.config.error_list import KeyedError
from wgmon_tui.config.imports.wg_quick_parser import WgQuickFile
from wgmon_tui.config.keys import KEY_LENGTH, PresharedKey, PrivateKey
from wgmon_tui.config.models import ConfigurationError, Fleet, Identity, SecretForm, SecretSource, Server
from wgmon_tui.config.protocol_settings import SecretText, own_table
from wgmon_tui.config.secrets.key_files import KeyFileStore, open_key_file_writer
from wgmon_tui.config.secrets.sources import secret_keys
from wgmon_tui.config.servers_file import update
from wgmon_tui.config.servers_toml import read_server, server_entries
from wgmon_tui.config.toml_positions import TomlPath
from wgmon_tui.config.tunnel_targets import find_unaddressed_targets
from wgmon_tui.text import FEW, format_list

Entries = Mapping[str, object]
"""The keys of a table and their values, as TOML has them."""

PRESHARED_KEY_FILE = "preshared_key" + SecretForm.FILE.value

_MISSING = "cannot be empty"

T = TypeVar("T", Server, Identity)


class ConflictError(ConfigurationError):
    """Another program changed the same keys in between, or deleted the entry (`keys` is then empty)."""

    def __init__(self, what: str, keys: Sequence[str]) -> None:
        happened = f"changed its {', '.join(keys)}" if keys else "deleted it"
        super().__init__(f"{what}: another program {happened} meanwhile")
        self.keys = tuple(keys)


@dataclass(frozen=True, slots=True)
class ServerChange:
    """An edit of a server; `before` is None for a new one.

    A `preshared_key` is written to a new file, and so is each of `secrets`: those of the protocol's own
    table, by key. The private key of `conf` also gets a new file, for the identity that `after` names. With
    `overwrite`, this edit wins where another program changed the same key.
    """

    before: Entries | None
    after: Entries
    preshared_key: PresharedKey | None = None
    conf: WgQuickFile | None = None
    overwrite: bool = False
    secrets: Mapping[str, SecretText] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EditedServer:
    """A server as now stored in the file, and lines to print."""

    server: Server
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DeletedServer:
    """Deleted entries with their positions in the file, for undo, and lines to print."""

    servers: tuple[tuple[int, Server], ...] = ()
    identities: tuple[tuple[int, Identity], ...] = ()
    lines: tuple[str, ...] = ()

    @property
    def names(self) -> str:
        """The deleted names, for a message."""
        servers, identities = (
            [each.name for _, each in removed] for removed in (self.servers, self.identities)
        )
        return format_list([*servers, *identities], most=FEW)


def find_problems(entries: Entries, fleet: Fleet, used_names: Collection[str] = ()) -> dict[str, str]:
    """The errors in a server's table, by key; empty if it can be written.

    `used_names` are names that the server must not have.
    """
    remaining = dict(entries)
    problems: dict[str, str] = {}
    while True:
        try:
            server = read_server(fleet, remaining)
        except KeyedError as error:
            name = ".".join(map(str, error.path)) if len(error.path) > 1 else error.key
            if name in problems:
                return problems
            is_missing = error.phrase.startswith("missing;") or (name == error.key and name not in entries)
            problems[name] = _MISSING if is_missing else error.phrase
            _remove(remaining, error.path or (error.key,))
            remaining |= _PLACEHOLDERS.get(error.key, {})
            if error.key == "identity" and fleet.identities:
                remaining["identity"] = fleet.identities[0].name
        else:
            if server.name in used_names and "name" not in problems:
                there = fleet.server(server.name)
                where = f" ({there.endpoint})" if there else ""
                problems["name"] = f"another server has this name{where}"
            if "identity" not in problems:
                for target in find_unaddressed_targets(server, fleet.identity(server.identity)):
                    problems.setdefault(target.key, str(target))
            return problems


def _remove(table: dict[str, object], path: TomlPath) -> None:
    """Remove a key from a table, or from the table of a protocol in it."""
    first = str(path[0])
    inner = table.get(first)
    if len(path) > 1 and isinstance(inner, Mapping):
        table[first] = {key: value for key, value in inner.items() if key != path[1]}
    else:
        table.pop(first, None)


_PLACEHOLDERS: dict[str, Entries] = {
    "name": {"name": "name"},
    "endpoint": {"endpoint": "192.0.2.1:51820"},
    "public_key": {"public_key": str(PrivateKey(bytes(KEY_LENGTH)).public)},
}
"""Valid values for missing keys, so that one missing key does not hide errors in others."""


def save_server(config_dir: Path, change: ServerChange) -> EditedServer:
    """Write a new server, or a change to one. Raises ConflictError, or another ConfigurationError."""
    with open_key_file_writer(config_dir) as files:
        lines: list[str] = []
        saved = update(config_dir, lambda fleet: _saved(fleet, change, files, lines))
    server = saved.fleet.server(str(change.after["name"]))
    if server is None:
        raise AssertionError("the saved server is in the fleet")
    return EditedServer(server, (*lines, *([saved.notice] if saved.notice else [])))


def _saved(fleet: Fleet, change: ServerChange, files: KeyFileStore, lines: list[str]) -> Fleet:
    after = dict(change.after)
    if change.conf:
        fleet = _with_identity(fleet, str(after["identity"]), change.conf, files)
    if change.preshared_key:
        for key in secret_keys("preshared_key"):
            after.pop(key, None)
        after[PRESHARED_KEY_FILE] = files.write(str(after["name"]), ".psk", change.preshared_key)
    name = str(after["name"])
    if change.secrets:
        protocol = str(after["protocol"])
        own = own_table(after, protocol)
        for key, secret in change.secrets.items():
            own[f"{key}{SecretForm.FILE.value}"] = files.write(name, f".{key}", secret)
        after[protocol] = own
    if change.before is None:
        _reject_duplicate_name(fleet.servers, name, "server")
        return replace(fleet, servers=(*fleet.servers, read_server(fleet, after)))
    previous = str(change.before["name"])
    if name != previous:
        _reject_duplicate_name(fleet.servers, name, "server")
    current = fleet.server(previous)
    if current is None:
        if not change.overwrite:
            raise ConflictError(_label("server", previous), ())
        return replace(fleet, servers=(*fleet.servers, read_server(fleet, after)))
    on_disk = server_entries(fleet, current)
    merged, conflicts, kept = _merged(change.before, after, on_disk)
    if conflicts and not change.overwrite:
        raise ConflictError(_label("server", previous), conflicts)
    if kept:
        lines.append(f"{_label('server', previous)}: kept the changes of another program: {', '.join(kept)}")
    server = read_server(fleet, merged)
    return replace(fleet, servers=tuple(server if each is current else each for each in fleet.servers))


def _merged(
    before: Entries, after: Entries, on_disk: Entries
) -> tuple[dict[str, object], list[str], list[str]]:
    """Three-way merge: the merged table, the conflicting keys, and the keys that only the file changed."""
    merged, conflicts, kept = dict(on_disk), [], []
    for key in dict.fromkeys((*before, *after, *on_disk)):
        previous, wanted, stored = (table.get(key) for table in (before, after, on_disk))
        if wanted == previous:
            if stored != previous:
                kept.append(key)
            continue
        if stored not in (previous, wanted):
            conflicts.append(key)
        if key in after:
            merged[key] = wanted
        else:
            merged.pop(key, None)
    return merged, conflicts, kept


def _with_identity(fleet: Fleet, name: str, conf: WgQuickFile, files: KeyFileStore) -> Fleet:
    _reject_duplicate_name(fleet.identities, name, "identity")
    source = SecretSource(SecretForm.FILE, files.write(name, ".key", conf.require_private_key()))
    return replace(fleet, identities=(*fleet.identities, Identity(name, source, conf.addresses)))


def save_identity(config_dir: Path, before: Identity, after: Identity) -> tuple[str, ...]:
    """Change an identity; its name stays. Returns lines to print.

    Raises ConflictError, or another ConfigurationError.
    """

    def change(fleet: Fleet) -> Fleet:
        current = fleet.identity(before.name)
        if current is None:
            raise ConflictError(_label("identity", before.name), ())
        if current not in (before, after):
            raise ConflictError(_label("identity", before.name), ["table"])
        return replace(
            fleet, identities=tuple(after if each is current else each for each in fleet.identities)
        )

    saved = update(config_dir, change)
    return (saved.notice,) if saved.notice else ()


def delete_servers(config_dir: Path, names: Collection[str]) -> DeletedServer:
    """Delete servers from the file; unknown names are ignored. Raises ConfigurationError."""
    removed: list[tuple[int, Server]] = []

    def change(fleet: Fleet) -> Fleet:
        removed[:] = [(position, each) for position, each in enumerate(fleet.servers) if each.name in names]
        return replace(fleet, servers=tuple(each for each in fleet.servers if each.name not in names))

    saved = update(config_dir, change)
    sources = [each.preshared_key for _, each in removed if each.preshared_key]
    return DeletedServer(servers=tuple(removed), lines=_undeleted_key_lines(sources, saved.notice))


def delete_identity(config_dir: Path, name: str) -> DeletedServer:
    """Delete an identity from the file. Raises ConfigurationError, also if it is in use."""
    removed: list[tuple[int, Identity]] = []

    def change(fleet: Fleet) -> Fleet:
        removed[:] = [(position, each) for position, each in enumerate(fleet.identities) if each.name == name]
        reject_if_used(fleet, name)
        return replace(fleet, identities=tuple(each for each in fleet.identities if each.name != name))

    saved = update(config_dir, change)
    return DeletedServer(
        identities=tuple(removed),
        lines=_undeleted_key_lines([each.private_key for _, each in removed], saved.notice),
    )


def reject_if_used(fleet: Fleet, name: str) -> None:
    """Raises ConfigurationError if servers or `[defaults]` use this identity."""
    users = [server.name for server in fleet.servers if server.identity == name]
    if users:
        raise ConfigurationError(
            f"{_label('identity', name)}: used by {format_list(users, most=FEW)}; "
            "choose another identity there first"
        )
    if fleet.defaults.get("identity") == name:
        raise ConfigurationError(f"{_label('identity', name)}: [defaults] uses it; change that first")


def restore(config_dir: Path, deleted: DeletedServer) -> tuple[str, ...]:
    """Restore deleted entries at their old positions. Returns lines to print. Raises ConfigurationError."""

    def change(fleet: Fleet) -> Fleet:
        for _, identity in deleted.identities:
            _reject_duplicate_name(fleet.identities, identity.name, "identity")
        for _, server in deleted.servers:
            _reject_duplicate_name(fleet.servers, server.name, "server")
            if fleet.identity(server.identity) is None:
                raise ConfigurationError(
                    f'{_label("server", server.name)}: its identity "{server.identity}" no longer exists; '
                    "restore that first"
                )
        return replace(
            fleet,
            servers=_put_back(fleet.servers, deleted.servers),
            identities=_put_back(fleet.identities, deleted.identities),
        )

    saved = update(config_dir, change)
    return (saved.notice,) if saved.notice else ()


def _put_back(entries: tuple[T, ...], removed: tuple[tuple[int, T], ...]) -> tuple[T, ...]:
    restored = list(entries)
    for position, entry in removed:
        restored.insert(position, entry)
    return tuple(restored)


def _undeleted_key_lines(sources: Iterable[SecretSource], notice: str | None) -> tuple[str, ...]:
    files = [str(each.value) for each in sources if each.form is SecretForm.FILE]
    kept = format_list(files, most=FEW)
    lines = [f"Not deleted: {kept}, which may be the only copy of a key"] if files else []
    return (*lines, *([notice] if notice else []))


def _reject_duplicate_name(entries: Iterable[Server] | Iterable[Identity], name: str, kind: str) -> None:
    if any(each.name == name for each in entries):
        raise ConfigurationError(f"{_label(kind, name)}: already exists; choose another name")


def _label(kind: str, name: str) -> str:
    return f'servers.toml: {kind} "{name}"'
