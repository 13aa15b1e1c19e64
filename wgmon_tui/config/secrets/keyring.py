"""The secrets of a fleet, read from their sources in servers.toml.

They are read before a screen starts, because a command may prompt. No message repeats a secret, or the other
output of a command that prints one.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from wgmon_tui.config.models import ConfigurationError, Fleet, Identity, SecretForm, SecretSource
from wgmon_tui.config.secrets.private_files import PrivateFileError, read_private, shown
from wgmon_tui.protocols.wireguard.keys import (
    NO_PRESHARED_KEY,
    InvalidKeyError,
    PresharedKey,
    PrivateKey,
    decode_key,
)
from wgmon_tui.text import format_limit, printable, quoted

_COMMAND_TIMEOUT_S = 10.0
_MAX_PARALLEL_COMMANDS = 4

NO_COMMAND_OUTPUTS: Mapping[SecretSource, bytes] = MappingProxyType({})


class _UnavailableError(Exception):
    """A secret that cannot be read. The message is a phrase to put after the file and the key."""


@dataclass(frozen=True, slots=True)
class Keyring:
    """All secrets of a fleet, resolved.

    `problems` has a line for each server that cannot be checked, because its own secret or that of its
    identity is unreadable. `identity_problems` has a line for each such identity, in use or not.
    """

    private_keys: Mapping[str, PrivateKey] = field(default_factory=dict)
    preshared_keys: Mapping[str, PresharedKey] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)
    identity_problems: Mapping[str, str] = field(default_factory=dict)

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
    command_outputs: Mapping[SecretSource, bytes] = NO_COMMAND_OUTPUTS,
) -> Keyring:
    """Read every secret of the fleet. Each file is read once and each command is run once.

    A command whose output is in `command_outputs` is not run again. Blocks while the commands run, up to 10 s
    each.
    """
    sources = [identity.private_key for identity in fleet.identities]
    sources += [server.preshared_key for server in fleet.servers if server.preshared_key]
    found = {
        **_read_all((each for each in sources if each not in command_outputs), config_dir),
        **command_outputs,
    }

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
            key = f"preshared_key{server.preshared_key.form.value}"
            problems[server.name] = f'{source}: server "{server.name}": key {key}: {secret}'
    return Keyring(private_keys, preshared_keys, problems, identity_problems)


def read_private_key(identity: Identity, config_dir: Path, source: str = "servers.toml") -> PrivateKey:
    """The private key of one identity. Raises ConfigurationError."""
    try:
        return PrivateKey(_read(identity.private_key, config_dir))
    except _UnavailableError as error:
        raise ConfigurationError(_identity_line(source, identity, error)) from None


def read_text(source: SecretSource, config_dir: Path) -> str:
    """Read a secret that is not a key, without its line end.

    Raises ConfigurationError. Its message is a phrase to put after the file and the key.
    """
    try:
        content, what = _read_raw(source, config_dir)
        text = content.decode().strip()
    except _UnavailableError as error:
        raise ConfigurationError(str(error)) from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{what} is not UTF-8 text") from None
    if not text or not text.isprintable():
        raise ConfigurationError(f"{what} is {'not one line of text' if text else 'empty'}")
    return text


def collect_command_outputs(fleet: Fleet, keyring: Keyring) -> dict[SecretSource, bytes]:
    """The secrets of this fleet that came from commands."""
    command_outputs: dict[SecretSource, bytes] = {}
    for identity in fleet.identities:
        if identity.private_key.form is SecretForm.COMMAND and identity.name in keyring.private_keys:
            command_outputs[identity.private_key] = keyring.private_keys[identity.name].raw
    for server in fleet.servers:
        source = server.preshared_key
        if source and source.form is SecretForm.COMMAND and server.name in keyring.preshared_keys:
            command_outputs[source] = keyring.preshared_keys[server.name].raw
    return command_outputs


def find_unreadable_files(fleet: Fleet, keyring: Keyring, config_dir: Path) -> tuple[Path, ...]:
    """The files whose secrets could not be read."""
    sources = [each.private_key for each in fleet.identities if each.name not in keyring.private_keys]
    sources += [
        each.preshared_key
        for each in fleet.servers
        if each.preshared_key and each.name not in keyring.preshared_keys
    ]
    names = [each.value for each in dict.fromkeys(sources) if each.form is SecretForm.FILE]
    return tuple(_path(name, config_dir) for name in names if isinstance(name, str))


def _identity_line(source: str, identity: Identity, reason: _UnavailableError) -> str:
    return f'{source}: identity "{identity.name}": key private_key{identity.private_key.form.value}: {reason}'


def _read_all(
    sources: Iterable[SecretSource], config_dir: Path
) -> dict[SecretSource, bytes | _UnavailableError]:
    """Read each source, several in parallel: a password store takes about a second per secret."""

    def read(source: SecretSource) -> bytes | _UnavailableError:
        try:
            return _read(source, config_dir)
        except _UnavailableError as error:
            return error

    distinct = list(dict.fromkeys(sources))
    with ThreadPoolExecutor(_MAX_PARALLEL_COMMANDS) as pool:
        return dict(zip(distinct, pool.map(read, distinct), strict=True))


def _read(source: SecretSource, config_dir: Path) -> bytes:
    """The 32 bytes of a key. Raises _UnavailableError."""
    content, what = _read_raw(source, config_dir)
    try:
        return decode_key(content.decode("ascii"))
    except UnicodeDecodeError:
        raise _UnavailableError(f"{what} is not a key: not base64") from None
    except InvalidKeyError as error:
        raise _UnavailableError(f"{what} is not a key: {error}") from None


def _read_raw(source: SecretSource, config_dir: Path) -> tuple[bytes, str]:
    """The raw secret, and a phrase for its source. Raises _UnavailableError."""
    match source.form, source.value:
        case SecretForm.COMMAND, tuple(command) if command:
            return _from_command(command, config_dir), f"the output of {quoted(command[0])}"
        case SecretForm.FILE, str(name):
            return _from_file(_path(name, config_dir))
        case SecretForm.ENV, str(name):
            return _from_environment(name), f"the variable {printable(name)}"
        case SecretForm.CREDENTIAL, str(name):
            return _from_credential(name), f"the credential {printable(name)}"
        case _, str(text):
            return text.encode(), "the value"
    raise _UnavailableError("expected text, or a list of texts for a command")


def _from_file(path: Path) -> tuple[bytes, str]:
    try:
        return read_private(path), shown(path)
    except PrivateFileError as error:
        raise _UnavailableError(str(error)) from None


def _path(name: str, config_dir: Path) -> Path:
    """Resolve a file name. A ~ without a home directory is kept as it is."""
    return config_dir / os.path.expanduser(name)  # noqa: PTH111  expanduser of Path raises


def _from_command(command: tuple[str, ...], config_dir: Path) -> bytes:
    """Run a program and return its stdout. Its stderr is discarded: it may repeat the secret."""
    program = quoted(command[0])
    try:
        completed = subprocess.run(  # noqa: S603  the operator's own command, and no shell
            command,
            cwd=config_dir,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_COMMAND_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _UnavailableError(f"{program} did not end within {format_limit(_COMMAND_TIMEOUT_S)}") from None
    except FileNotFoundError:
        raise _UnavailableError(f"there is no program {program}; install it, or give its path") from None
    except (OSError, ValueError) as error:
        reason = (isinstance(error, OSError) and error.strerror) or "not a command"
        raise _UnavailableError(f"cannot start {program}: {reason}") from None
    if completed.returncode != 0:
        raise _UnavailableError(
            f"{program} ended with {_ending(completed.returncode)}; run it by hand to see why"
        )
    return completed.stdout


def _ending(returncode: int) -> str:
    return f"signal {-returncode}" if returncode < 0 else f"exit code {returncode}"


def _from_environment(name: str) -> bytes:
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
        return path.read_bytes()
    except OSError as error:
        raise _UnavailableError(f"cannot read {shown(path)}: {error.strerror}") from None
