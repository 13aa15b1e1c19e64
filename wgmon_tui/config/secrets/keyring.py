"""The secrets of a fleet, read from their sources in servers.toml.

They are read before a screen starts, because a command may prompt. No message repeats a secret, or the other
output of a command that prints one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from functools import partial
from pathlib import Path
from types import MappingProxyType

from wgmon_tui.child_processes import OutputLimitError, hide_variables, kill_all, run
from wgmon_tui.config.control_planes import TABLE, is_control_plane
from wgmon_tui.config.keys import (
    NO_PRESHARED_KEY,
    InvalidKeyError,
    PresharedKey,
    PrivateKey,
    decode_key,
)
from wgmon_tui.config.models import (
    ConfigurationError,
    Fleet,
    Identity,
    SecretForm,
    SecretSource,
    Server,
)
from wgmon_tui.config.protocol_settings import secrets_of
from wgmon_tui.config.regular_files import read_regular
from wgmon_tui.config.secrets.private_files import (
    PrivateFileError,
    read_private,
    read_public,
    shown,
)
from wgmon_tui.config.setting import Setting
from wgmon_tui.config.value_types import KEY_SECRET, SecretDocument, SecretType
from wgmon_tui.records import dataclass
from wgmon_tui.text import format_bytes, format_limit, printable, quoted, system_reason

_COMMAND_TIMEOUT_S = 10.0
_MAX_COMMAND_BYTES = 1 << 16
_MAX_PARALLEL_COMMANDS = 4

_MAX_CREDENTIAL_BYTES = 1 << 20
"""The limit of systemd for all credentials of a service."""

NO_SECRETS: Mapping[SecretSource, bytes] = MappingProxyType({})
_ONLY_KEYS: Mapping[SecretSource, SecretType] = MappingProxyType({})


class _UnavailableError(Exception):
    """A secret that cannot be read. The message is a phrase to put after the file and the key."""


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
    read = _read_all(unknown, config_dir, _types_of(fleet))
    unread = {each: why for each, why in read.items() if isinstance(why, _UnavailableError)}
    kept = {each: why for each, why in unread.items() if each in last_good}
    found = {**read, **command_outputs, **{each: last_good[each] for each in kept}}

    private_keys: dict[str, PrivateKey] = {}
    identity_problems: dict[str, str] = {}
    for identity in fleet.identities:
        secret = found[identity.private_key]
        if isinstance(secret, bytes):
            private_keys[identity.name] = PrivateKey(secret)
        else:
            identity_problems[identity.name] = _identity_line(source, identity, secret)

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
    of_protocols = {
        each.name: _find_protocol_secrets(each, found, problems, source)
        for each in fleet.servers
        if each.protocol_settings is not None
    }
    lines = tuple(
        f"{source}: {named[each]}: {why}; the last good key stays in use" for each, why in kept.items()
    )
    return Keyring(private_keys, preshared_keys, problems, identity_problems, lines, of_protocols)


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
    server: Server,
    found: Mapping[SecretSource, bytes | _UnavailableError],
    problems: dict[str, str],
    source: str,
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
        return PrivateKey(_read(identity.private_key, config_dir))
    except _UnavailableError as error:
        raise ConfigurationError(_identity_line("servers.toml", identity, error)) from None


def read_text(source: SecretSource, config_dir: Path) -> str:
    """Read a secret that is not a key, without its line end.

    Raises ConfigurationError. Its message is a phrase to put after the file and the key.
    """
    try:
        return _read_text(source, config_dir).decode()
    except _UnavailableError as error:
        raise ConfigurationError(str(error)) from None


def _read_text(source: SecretSource, config_dir: Path) -> bytes:
    """A secret that is one line of text. Raises _UnavailableError."""
    content, what = _read_raw(source, config_dir)
    try:
        text = content.decode().strip()
    except UnicodeDecodeError:
        raise _UnavailableError(f"{what} is not UTF-8 text") from None
    if not text or not text.isprintable():
        raise _UnavailableError(f"{what} is {'not one line of text' if text else 'empty'}")
    return text.encode()


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
    return tuple(dict.fromkeys(_path(name, config_dir) for name in names if isinstance(name, str)))


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


def _identity_line(source: str, identity: Identity, reason: _UnavailableError) -> str:
    return f'{source}: identity "{identity.name}": {_key("private", identity.private_key)}: {reason}'


def _read_all(
    sources: Iterable[SecretSource],
    config_dir: Path,
    types: Mapping[SecretSource, SecretType] = _ONLY_KEYS,
) -> dict[SecretSource, bytes | _UnavailableError]:
    """Read each source, several commands in parallel: a password store takes about a second per secret.

    Those that are not in `types` are keys.
    """

    def read(source: SecretSource) -> bytes | _UnavailableError:
        try:
            return _read_as(types.get(source, KEY_SECRET), source, config_dir)
        except _UnavailableError as error:
            return error

    distinct = list(dict.fromkeys(sources))
    hide_variables(
        each.value for each in distinct if each.form is SecretForm.ENV and isinstance(each.value, str)
    )
    commands = [each for each in distinct if each.form is SecretForm.COMMAND]
    found = {each: read(each) for each in distinct if each.form is not SecretForm.COMMAND}
    if not commands:
        return found
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(_MAX_PARALLEL_COMMANDS) as pool:
        try:
            return found | dict(zip(commands, pool.map(read, commands), strict=True))
        except BaseException:
            # A signal ends this process, which would wait for the threads, and they for the commands.
            pool.shutdown(wait=False, cancel_futures=True)
            kill_all()
            raise


def _read_as(kind: SecretType, source: SecretSource, config_dir: Path) -> bytes:
    """Read a secret of this type. Raises _UnavailableError."""
    if kind.document is not None:
        return _read_document(kind.document, source, config_dir)
    return _read(source, config_dir) if kind is KEY_SECRET else _read_text(source, config_dir)


def _read_document(document: SecretDocument, source: SecretSource, config_dir: Path) -> bytes:
    """A secret of several lines. Raises _UnavailableError."""
    read = read_public if document.is_public else read_private
    content, what = _read_raw(source, config_dir, partial(read, max_bytes=document.max_bytes))
    if not content.strip():
        raise _UnavailableError(f"{what} is empty")
    named = source.value if source.form is SecretForm.FILE else None
    path = _path(named, config_dir) if isinstance(named, str) else None
    try:
        return document.complete(content, path)
    except ConfigurationError as error:
        raise _UnavailableError(str(error)) from None


def _read(source: SecretSource, config_dir: Path) -> bytes:
    """The 32 bytes of a key. Raises _UnavailableError."""
    content, what = _read_raw(source, config_dir)
    try:
        return decode_key(content.decode("ascii"))
    except UnicodeDecodeError:
        raise _UnavailableError(f"{what} is not a key: not base64") from None
    except InvalidKeyError as error:
        raise _UnavailableError(f"{what} is not a key: {error}") from None


def _read_raw(
    source: SecretSource, config_dir: Path, read_file: Callable[[Path], bytes] = read_private
) -> tuple[bytes, str]:
    """The raw secret, and a phrase for its source. Raises _UnavailableError."""
    match source.form, source.value:
        case SecretForm.COMMAND, tuple(command) if command:
            return _from_command(command, config_dir), f"the output of {quoted(command[0])}"
        case SecretForm.FILE, str(name):
            return _from_file(_path(name, config_dir), read_file)
        case SecretForm.ENV, str(name):
            return _from_environment(name), f"the variable {printable(name)}"
        case SecretForm.CREDENTIAL, str(name):
            return _from_credential(name), f"the credential {printable(name)}"
        case _, str(text):
            return text.encode(), "the value"
    raise _UnavailableError("expected text, or a list of texts for a command")


def _from_file(path: Path, read_file: Callable[[Path], bytes]) -> tuple[bytes, str]:
    try:
        return read_file(path), shown(path)
    except PrivateFileError as error:
        raise _UnavailableError(str(error)) from None


def _path(name: str, config_dir: Path) -> Path:
    """Resolve a file name. A ~ without a home directory is kept as it is."""
    return config_dir / os.path.expanduser(name)  # noqa: PTH111  expanduser of Path raises


def _from_command(command: tuple[str, ...], config_dir: Path) -> bytes:
    """Run a program and return its stdout. Its stderr is discarded: it may repeat the secret."""
    program = quoted(command[0])
    try:
        completed = run(
            command, timeout_s=_COMMAND_TIMEOUT_S, max_bytes=_MAX_COMMAND_BYTES, directory=config_dir
        )
    except TimeoutError:
        raise _UnavailableError(f"{program} did not end within {format_limit(_COMMAND_TIMEOUT_S)}") from None
    except OutputLimitError:
        limit = format_bytes(_MAX_COMMAND_BYTES)
        raise _UnavailableError(f"{program} printed more than {limit}; expected one line") from None
    except FileNotFoundError:
        raise _UnavailableError(f"there is no program {program}; install it, or give its path") from None
    except (OSError, ValueError) as error:
        reason = system_reason(error, "not a command")
        raise _UnavailableError(f"cannot start {program}: {reason}") from None
    if completed.code != 0:
        raise _UnavailableError(f"{program} ended with {completed.ending}; run it by hand to see why")
    return completed.output


def _from_environment(name: str) -> bytes:
    hide_variables((name,))
    value = os.environb.get(os.fsencode(name))
    if value is None:
        raise _UnavailableError(
            f"the variable {printable(name)} is not set; export it before you start wgmon-tui"
        )
    return value


def _from_credential(name: str) -> bytes:
    """Read a systemd credential. Its mode is not checked: systemd's ACL shows as group bits."""
    directory = os.environ.get("CREDENTIALS_DIRECTORY")
    if directory is None:
        raise _UnavailableError(
            f"CREDENTIALS_DIRECTORY is not set; put LoadCredential={printable(name)}:PATH into the unit"
        )
    path = Path(directory, name)
    try:
        return read_regular(path, _MAX_CREDENTIAL_BYTES)[0]
    except OSError as error:
        raise _UnavailableError(f"cannot read {shown(path)}: {error.strerror}") from None
