"""The secrets of a fleet, read from their sources in servers.toml.

They are read before a screen starts, because a command may prompt. No message repeats a secret.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from pathlib import Path
from types import MappingProxyType

from wgmon_tui.config.control_planes import TABLE, is_control_plane
from wgmon_tui.config.keys import NO_PRESHARED_KEY, PresharedKey, PrivateKey
from wgmon_tui.config.models import ConfigurationError, Fleet, Identity, SecretForm, SecretSource, Server
from wgmon_tui.config.protocol_settings import secrets_of
from wgmon_tui.config.secrets.secret_reader import (
    UnavailableSecretError,
    read_key,
    read_secrets,
    resolve_path,
)
from wgmon_tui.config.setting import Setting
from wgmon_tui.config.value_types import SecretType
from wgmon_tui.records import dataclass

NO_SECRETS: Mapping[SecretSource, bytes] = MappingProxyType({})

_Found = Mapping[SecretSource, bytes | UnavailableSecretError]
"""What became of each secret that the fleet names."""


@dataclass(frozen=True, slots=True)
class Keyring:
    """All secrets of a fleet, resolved.

    `problems` has a line for each server that cannot be checked, because its own secret or that of its
    identity is unreadable. `identity_problems` has a line for each such identity, in use or not. `kept` has a
    line for each secret that cannot be read any more, and stays the last good one. `protocol_secrets` are
    those of `[server.PROTOCOL]`, by server and by attribute of its settings.
    """

    private_keys: Mapping[str, PrivateKey] = field(default_factory=dict)
    preshared_keys: Mapping[str, PresharedKey] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)
    identity_problems: Mapping[str, str] = field(default_factory=dict)
    kept: tuple[str, ...] = field(default=(), compare=False)
    protocol_secrets: Mapping[str, Mapping[str, bytes]] = field(default_factory=dict, repr=False)

    def private_key(self, identity: str) -> PrivateKey:
        """The key of an identity. Raises KeyError if it could not be read."""
        return self.private_keys[identity]

    def preshared_key(self, server: str) -> PresharedKey:
        """The preshared key of a server; all zeros if it has none. Raises KeyError if it could not be read.

        Zeros instead of an unreadable key would show as psk-mismatch and blame the server.
        """
        return self.preshared_keys[server]


def open_keyring(
    fleet: Fleet,
    config_dir: Path,
    source: str = "servers.toml",
    command_outputs: Mapping[SecretSource, bytes] = NO_SECRETS,
    last_good: Mapping[SecretSource, bytes] = NO_SECRETS,
) -> Keyring:
    """Read every secret of the fleet. Each file is read once and each command is run once.

    A command whose output is in `command_outputs` is not run again. A secret that cannot be read now, and is
    in `last_good`, stays. Blocks while the commands run, up to 10 s each.
    """
    named = _secrets_of(fleet)
    unknown = [each for each in named if each not in command_outputs]
    read = read_secrets(unknown, config_dir, _types_of(fleet))
    unread = {each: why for each, why in read.items() if isinstance(why, UnavailableSecretError)}
    kept = {each: why for each, why in unread.items() if each in last_good}
    found = {**read, **command_outputs, **{each: last_good[each] for each in kept}}

    private_keys, identity_problems = _take_private_keys(fleet, found, source)
    preshared_keys, problems = _take_preshared_keys(fleet, found, identity_problems, source)
    of_protocols = {
        each.name: _find_protocol_secrets(each, found, problems, source)
        for each in fleet.servers
        if each.protocol_settings is not None
    }
    lines = tuple(
        f"{source}: {named[each]}: {why}; the last good key stays in use" for each, why in kept.items()
    )
    return Keyring(private_keys, preshared_keys, problems, identity_problems, lines, of_protocols)


def _take_private_keys(
    fleet: Fleet, found: _Found, source: str
) -> tuple[dict[str, PrivateKey], dict[str, str]]:
    """The private key of each identity, and a line for each one without."""
    private_keys: dict[str, PrivateKey] = {}
    problems: dict[str, str] = {}
    for identity in fleet.identities:
        secret = found[identity.private_key]
        if isinstance(secret, bytes):
            private_keys[identity.name] = PrivateKey(secret)
        else:
            problems[identity.name] = _identity_line(source, identity, secret)
    return private_keys, problems


def _take_preshared_keys(
    fleet: Fleet, found: _Found, identity_problems: Mapping[str, str], source: str
) -> tuple[dict[str, PresharedKey], dict[str, str]]:
    """The preshared key of each server, and a line for each server that lacks this or its private key."""
    preshared_keys: dict[str, PresharedKey] = {}
    problems: dict[str, str] = {}
    for server in fleet.servers:
        if server.identity in identity_problems:
            problems[server.name] = identity_problems[server.identity]
        if server.preshared_key is None:
            preshared_keys[server.name] = NO_PRESHARED_KEY
            continue
        secret = found[server.preshared_key]
        if isinstance(secret, bytes):
            preshared_keys[server.name] = PresharedKey(secret)
        else:
            key = _key("preshared", server.preshared_key)
            problems[server.name] = f'{source}: server "{server.name}": {key}: {secret}'
    return preshared_keys, problems


def _types_of(fleet: Fleet) -> dict[SecretSource, SecretType]:
    """The secrets of protocols, with their types. One that is a certificate elsewhere stays a secret."""
    found: dict[SecretSource, SecretType] = {}
    for server in fleet.servers:
        for setting, secret in secrets_of(server):
            if isinstance(setting.type, SecretType) and _is_public(found.get(secret)):
                found[secret] = setting.type
    return found


def _is_public(kind: SecretType | None) -> bool:
    """Whether others may read what has this type, or no type yet."""
    return kind is None or (kind.document is not None and kind.document.is_public)


def _find_protocol_secrets(
    server: Server, found: _Found, problems: dict[str, str], source: str
) -> dict[str, bytes]:
    """The secrets in the table of a server's protocol, by attribute. Adds a problem for an unreadable one."""
    own: dict[str, bytes] = {}
    for setting, named in secrets_of(server):
        secret = found[named]
        if isinstance(secret, bytes):
            own[setting.attribute] = secret
        else:
            problems[server.name] = f"{source}: {_own_key(server, setting, named)}: {secret}"
    return own


def read_private_key(identity: Identity, config_dir: Path) -> PrivateKey:
    """The private key of one identity. Raises ConfigurationError."""
    try:
        return PrivateKey(read_key(identity.private_key, config_dir))
    except UnavailableSecretError as error:
        raise ConfigurationError(_identity_line("servers.toml", identity, error)) from None


def secrets_by_source(fleet: Fleet, keyring: Keyring) -> dict[SecretSource, bytes]:
    """The secrets of this fleet that could be read."""
    found = {
        each.private_key: keyring.private_keys[each.name].raw
        for each in fleet.identities
        if each.name in keyring.private_keys
    }
    for server in fleet.servers:
        if server.preshared_key and server.name in keyring.preshared_keys:
            found[server.preshared_key] = keyring.preshared_keys[server.name].raw
        own = keyring.protocol_secrets.get(server.name, {})
        found |= {named: own[each.attribute] for each, named in secrets_of(server) if each.attribute in own}
    return found


def secret_files(sources: Iterable[SecretSource], config_dir: Path) -> tuple[Path, ...]:
    """The files among these sources, each once."""
    names = [each.value for each in sources if each.form is SecretForm.FILE]
    return tuple(dict.fromkeys(resolve_path(name, config_dir) for name in names if isinstance(name, str)))


def secret_sources(fleet: Fleet) -> tuple[SecretSource, ...]:
    """The sources of all secrets of a fleet, each once."""
    return tuple(_secrets_of(fleet))


def _secrets_of(fleet: Fleet) -> dict[SecretSource, str]:
    """The sources of a fleet's secrets, with table and key of the first entry that names each."""
    found: dict[SecretSource, str] = {}
    for identity in fleet.identities:
        found.setdefault(
            identity.private_key, f'identity "{identity.name}": {_key("private", identity.private_key)}'
        )
    for server in fleet.servers:
        if server.preshared_key:
            found.setdefault(
                server.preshared_key, f'server "{server.name}": {_key("preshared", server.preshared_key)}'
            )
        for setting, named in secrets_of(server):
            found.setdefault(named, _own_key(server, setting, named))
    return found


def _own_key(server: Server, setting: Setting, named: SecretSource) -> str:
    """Where the file has a secret of a server's protocol: a control plane has no table of its own for it."""
    key = f"{setting.key}{named.form.value}"
    if is_control_plane(server):
        return f'{TABLE} "{server.name}": key {key}'
    return f'server "{server.name}": key {server.protocol}.{key}'


def _key(kind: str, source: SecretSource) -> str:
    return f"key {kind}_key{source.form.value}"


def _identity_line(source: str, identity: Identity, reason: UnavailableSecretError) -> str:
    return f'{source}: identity "{identity.name}": {_key("private", identity.private_key)}: {reason}'
