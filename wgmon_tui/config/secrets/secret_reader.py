"""Secrets read from their sources: a file, the output of a command, a variable, a credential, or text.

No message repeats a secret, or the other output of a command that prints one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType

from wgmon_tui.child_processes import OutputLimitError, hide_variables, kill_all, run
from wgmon_tui.config.keys import (
    InvalidKeyError,
    decode_key,
)
from wgmon_tui.config.models import (
    ConfigurationError,
    SecretForm,
    SecretSource,
)
from wgmon_tui.config.regular_files import read_regular
from wgmon_tui.config.secrets.private_files import (
    PrivateFileError,
    read_private,
    read_public,
    shown,
)
from wgmon_tui.config.value_types import KEY_SECRET, SecretDocument, SecretType
from wgmon_tui.text import format_bytes, format_limit, printable, quoted, system_reason

_COMMAND_TIMEOUT_S = 10.0
_MAX_COMMAND_BYTES = 1 << 16
_MAX_PARALLEL_COMMANDS = 4

_MAX_CREDENTIAL_BYTES = 1 << 20
"""The limit of systemd for all credentials of a service."""

_ONLY_KEYS: Mapping[SecretSource, SecretType] = MappingProxyType({})


class UnavailableSecretError(Exception):
    """A secret that cannot be read. The message is a phrase to put after the file and the key."""


def read_secrets(
    sources: Iterable[SecretSource],
    config_dir: Path,
    types: Mapping[SecretSource, SecretType] = _ONLY_KEYS,
) -> dict[SecretSource, bytes | UnavailableSecretError]:
    """Read each source, several commands in parallel: a password store takes about a second per secret.

    Those that are not in `types` are keys.
    """

    def read(source: SecretSource) -> bytes | UnavailableSecretError:
        try:
            return _read_as(types.get(source, KEY_SECRET), source, config_dir)
        except UnavailableSecretError as error:
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
    """Read a secret of this type. Raises UnavailableSecretError."""
    if kind.document is not None:
        return _read_document(kind.document, source, config_dir)
    return read_key(source, config_dir) if kind is KEY_SECRET else _read_text(source, config_dir)


def _read_document(document: SecretDocument, source: SecretSource, config_dir: Path) -> bytes:
    """A secret of several lines. Raises UnavailableSecretError."""
    read = read_public if document.is_public else read_private
    content, what = _read_raw(source, config_dir, partial(read, max_bytes=document.max_bytes))
    if not content.strip():
        raise UnavailableSecretError(f"{what} is empty")
    named = source.value if source.form is SecretForm.FILE else None
    path = resolve_path(named, config_dir) if isinstance(named, str) else None
    try:
        return document.complete(content, path)
    except ConfigurationError as error:
        raise UnavailableSecretError(str(error)) from None


def read_key(source: SecretSource, config_dir: Path) -> bytes:
    """The 32 bytes of a key. Raises UnavailableSecretError."""
    content, what = _read_raw(source, config_dir)
    try:
        return decode_key(content.decode("ascii"))
    except UnicodeDecodeError:
        raise UnavailableSecretError(f"{what} is not a key: not base64") from None
    except InvalidKeyError as error:
        raise UnavailableSecretError(f"{what} is not a key: {error}") from None


def read_text(source: SecretSource, config_dir: Path) -> str:
    """Read a secret that is not a key, without its line end.

    Raises ConfigurationError. Its message is a phrase to put after the file and the key.
    """
    try:
        return _read_text(source, config_dir).decode()
    except UnavailableSecretError as error:
        raise ConfigurationError(str(error)) from None


def _read_text(source: SecretSource, config_dir: Path) -> bytes:
    """A secret that is one line of text. Raises UnavailableSecretError."""
    content, what = _read_raw(source, config_dir)
    try:
        text = content.decode().strip()
    except UnicodeDecodeError:
        raise UnavailableSecretError(f"{what} is not UTF-8 text") from None
    if not text or not text.isprintable():
        raise UnavailableSecretError(f"{what} is {'not one line of text' if text else 'empty'}")
    return text.encode()


def _read_raw(
    source: SecretSource, config_dir: Path, read_file: Callable[[Path], bytes] = read_private
) -> tuple[bytes, str]:
    """The raw secret, and a phrase for its source. Raises UnavailableSecretError."""
    match source.form, source.value:
        case SecretForm.COMMAND, tuple(command) if command:
            return _from_command(command, config_dir), f"the output of {quoted(command[0])}"
        case SecretForm.FILE, str(name):
            return _from_file(resolve_path(name, config_dir), read_file)
        case SecretForm.ENV, str(name):
            return _from_environment(name), f"the variable {printable(name)}"
        case SecretForm.CREDENTIAL, str(name):
            return _from_credential(name), f"the credential {printable(name)}"
        case _, str(text):
            return text.encode(), "the value"
    raise UnavailableSecretError("expected text, or a list of texts for a command")


def _from_file(path: Path, read_file: Callable[[Path], bytes]) -> tuple[bytes, str]:
    try:
        return read_file(path), shown(path)
    except PrivateFileError as error:
        raise UnavailableSecretError(str(error)) from None


def resolve_path(name: str, config_dir: Path) -> Path:
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
        raise UnavailableSecretError(
            f"{program} did not end within {format_limit(_COMMAND_TIMEOUT_S)}"
        ) from None
    except OutputLimitError:
        limit = format_bytes(_MAX_COMMAND_BYTES)
        raise UnavailableSecretError(f"{program} printed more than {limit}; expected one line") from None
    except FileNotFoundError:
        raise UnavailableSecretError(f"there is no program {program}; install it, or give its path") from None
    except (OSError, ValueError) as error:
        reason = system_reason(error, "not a command")
        raise UnavailableSecretError(f"cannot start {program}: {reason}") from None
    if completed.code != 0:
        raise UnavailableSecretError(f"{program} ended with {completed.ending}; run it by hand to see why")
    return completed.output


def _from_environment(name: str) -> bytes:
    hide_variables((name,))
    value = os.environb.get(os.fsencode(name))
    if value is None:
        raise UnavailableSecretError(
            f"the variable {printable(name)} is not set; export it before you start wgmon-tui"
        )
    return value


def _from_credential(name: str) -> bytes:
    """Read a systemd credential. Its mode is not checked: systemd's ACL shows as group bits."""
    directory = os.environ.get("CREDENTIALS_DIRECTORY")
    if directory is None:
        raise UnavailableSecretError(
            f"CREDENTIALS_DIRECTORY is not set; put LoadCredential={printable(name)}:PATH into the unit"
        )
    path = Path(directory, name)
    try:
        return read_regular(path, _MAX_CREDENTIAL_BYTES)[0]
    except OSError as error:
        raise UnavailableSecretError(f"cannot read {shown(path)}: {error.strerror}") from None
