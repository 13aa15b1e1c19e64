"""servers.toml on disk: read as a whole, changed under a lock, replaced atomically.

Several programs may change it (the screen, `import`, `keygen`, each in its own terminal). No change is lost,
and no reader sees half a file.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from wgmon_tui.config.models import ConfigurationError, Fleet, SecretForm, write_error
from wgmon_tui.config.ownership import explain_foreign, require_own
from wgmon_tui.config.protocol_settings import runs_commands, secrets_of
from wgmon_tui.config.regular_files import read_regular
from wgmon_tui.config.secrets.private_files import (
    chmod_advice,
    create_private,
    is_open_to_others,
    replace_private,
    shown,
)
from wgmon_tui.config.servers_toml import HEADER, OnServersRead, parse, render
from wgmon_tui.config.trusted_files import require_trusted
from wgmon_tui.records import dataclass

NAME = "servers.toml"

_MAX_BYTES = 16 << 20
"""Fifty thousand servers."""

# A string, of any of TOML's four kinds, or a comment. A # inside a string is not a comment.
_STRING_OR_COMMENT = re.compile(
    r'"""(?:\\.|[^\\])*?"""(?:"{0,2})'
    r"|'''.*?'''(?:'{0,2})"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'"
    r"|#[^\n]*",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class FileStamp:
    """File metadata that identifies a version of the file without reading it."""

    modified_ns: int
    size: int
    inode: int


@dataclass(frozen=True, slots=True)
class LoadedFleet:
    """A fleet and the stamp of its file; the stamp is None without a file."""

    fleet: Fleet
    stamp: FileStamp | None


@dataclass(frozen=True, slots=True)
class SavedFleet:
    """The fleet as now stored in the file, and an optional line to print."""

    fleet: Fleet
    notice: str | None = None


def stamp(config_dir: Path) -> FileStamp | None:
    """The current stamp of servers.toml; None if it cannot be read. Cheap: one stat call."""
    try:
        return _stamp((config_dir / NAME).stat())
    except OSError:
        return None


def read(config_dir: Path, on_read: OnServersRead | None = None) -> LoadedFleet:
    """Read the fleet in `config_dir`; without servers.toml it is empty. Raises ConfigurationError.

    `on_read` gets the servers while the file is read.
    """
    text, status = _read_text(config_dir / NAME)
    if status is None:
        return LoadedFleet(Fleet(), None)
    return LoadedFleet(_parse_stored(config_dir / NAME, text, status, on_read), _stamp(status))


def update(config_dir: Path, change: Callable[[Fleet], Fleet]) -> SavedFleet:
    """Apply `change` to the fleet and write the result, if it differs.

    Comments are lost. If the file had any but the header, the old file is kept as servers.toml.bak and the
    notice names it. If `change` raises, the file is unchanged. Blocks while another program changes the file.
    Raises ConfigurationError, also for a fleet that TOML cannot represent.
    """
    path = config_dir / NAME
    require_own(config_dir)
    try:
        config_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(config_dir):
            text, status = _read_text(path)
            before = Fleet() if status is None else _parse_stored(path, text, status)
            after = change(before)
            if after == before:
                return SavedFleet(before)
            rendered = render(after)
            # Do not write a fleet that reads back differently: data would be lost, or the file refused.
            if parse(rendered) != after:
                raise ConfigurationError(f"{NAME}: cannot store all of this change; nothing was written")
            notice = _back_up_comments(path, text)
            replace_private(path, rendered)
            return SavedFleet(after, notice)
    except OSError as error:
        raise _unwritable(path, error) from None


def read_raw_text(config_dir: Path) -> str:
    """The text of servers.toml, for an editor; without a file, only the header.

    Raises ConfigurationError.
    """
    text, status = _read_text(config_dir / NAME)
    return render(Fleet()) if status is None else text


def replace_raw_text(config_dir: Path, before: str, after: str) -> None:
    """Replace the text that `read_raw_text` returned, with comments kept.

    Raises ConfigurationError if the text is invalid, or if the file has changed since.
    """
    parse(after)
    path = config_dir / NAME
    require_own(config_dir)
    try:
        config_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(config_dir):
            if read_raw_text(config_dir) != before:
                raise ConfigurationError(f"{NAME}: another program changed it meanwhile")
            replace_private(path, after)
    except OSError as error:
        raise _unwritable(path, error) from None


def explain_not_writable(config_dir: Path) -> str | None:
    """One line on why this account cannot change servers.toml; None if it probably can."""
    if line := explain_foreign(config_dir):
        return line
    directory = config_dir
    # Not Path.exists: it raises without permission to look.
    while not os.path.exists(directory) and directory != directory.parent:  # noqa: PTH110
        directory = directory.parent
    lock = config_dir / f"{NAME}.lock"
    if os.access(directory, os.W_OK | os.X_OK) and os.access(lock if lock.exists() else directory, os.W_OK):
        return None
    if is_read_only(directory):
        return f"{NAME} cannot be changed: {shown(directory)} is on a read-only file system"
    return (
        f"{NAME} belongs to {_owner(directory)}: this account can read {shown(config_dir)}, but not change it"
    )


def is_read_only(directory: Path) -> bool:
    """Whether a directory that exists is on a read-only file system, where root cannot write either."""
    try:
        return bool(os.statvfs(directory).f_flag & os.ST_RDONLY)
    except OSError:
        return False


def _owner(directory: Path) -> str:
    try:
        return directory.owner()
    except (KeyError, OSError):
        return "another account"


def _unwritable(path: Path, error: OSError) -> ConfigurationError:
    directory = shown(Path(os.fsdecode(error.filename or path)))
    return write_error(f"{directory}: cannot be written: {error.strerror}", error)


@contextmanager
def _locked(config_dir: Path) -> Iterator[None]:
    """Hold the exclusive lock. It is on a separate file, because servers.toml is replaced."""
    descriptor = os.open(config_dir / f"{NAME}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _read_text(path: Path) -> tuple[str, os.stat_result | None]:
    try:
        content, status = read_regular(path, _MAX_BYTES)
        return content.decode("utf-8-sig"), status
    except FileNotFoundError:
        return "", None
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"{NAME}: expected UTF-8 text; byte {error.start + 1} is not valid"
        ) from None
    except OSError as error:
        raise ConfigurationError(f"{shown(path)}: cannot be read: {error.strerror}") from None


def _parse_stored(
    path: Path, text: str, status: os.stat_result, on_read: OnServersRead | None = None
) -> Fleet:
    fleet = parse(text, on_read=on_read)
    sources = [identity.private_key for identity in fleet.identities]
    sources += [server.preshared_key for server in fleet.servers if server.preshared_key]
    sources += [source for server in fleet.servers for _, source in secrets_of(server)]
    if is_open_to_others(status) and any(source.form is SecretForm.INLINE for source in sources):
        raise ConfigurationError(f"{NAME}: contains a key, and {chmod_advice(path)}")
    if (
        any(source.form is SecretForm.COMMAND for source in sources)
        or any(server.inspect or server.inspect_config for server in fleet.servers)
        or any(map(runs_commands, {server.protocol for server in fleet.servers}))
    ):
        require_trusted(path, status)
    return fleet


def _back_up_comments(path: Path, text: str) -> str | None:
    """Back up the old text if it has comments other than the header. Returns a notice about it."""
    tokens = (match[0] for match in _STRING_OR_COMMENT.finditer(text.replace("\r\n", "\n")))
    if not any(token.startswith("#") and token.strip() != HEADER for token in tokens):
        return None
    number = 1
    while True:
        kept = path.with_name(f"{NAME}.bak" if number == 1 else f"{NAME}.bak.{number}")
        try:
            create_private(kept, text)
        except FileExistsError:
            # An older backup may have other comments.
            number += 1
        else:
            return f'{NAME}: comments were removed and saved in {kept.name}; use note = "…" to keep remarks'


def _stamp(status: os.stat_result) -> FileStamp:
    return FileStamp(status.st_mtime_ns, status.st_size, status.st_ino)
