"""Files that may contain commands: only root and this account can change what they say.

Whoever can write such a file, or replace it in one of its directories, could run programs as this account.
The rules are those of sshd's StrictModes. A sticky directory such as /tmp is fine: there, only the owner of a
file can replace it.
"""

from __future__ import annotations

import os
import pwd
import shlex
import stat
from collections.abc import Iterator
from pathlib import Path

from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.config.ownership import command_as, owner_advice
from wgmon_tui.config.secrets.private_files import shown
from wgmon_tui.records import dataclass

_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_MAX_LINKS = 40


@dataclass(frozen=True, slots=True)
class TrustProblem:
    """Who else can change a file, and what to type."""

    fact: str
    advice: str

    def __str__(self) -> str:
        return f"{self.fact}; {self.advice}"


def require_trusted(path: Path, status: os.stat_result) -> None:
    """Refuse a file with commands that others can change. `status` is that of the opened file.

    Raises ConfigurationError.
    """
    if problem := find_problem(path, status):
        raise ConfigurationError(f"{path.name}: no command is run from it: {problem}")


def find_problem(path: Path, status: os.stat_result | None = None) -> TrustProblem | None:
    """Who else can change a file; None if nobody can.

    Without a `status` the file may be missing: then its directories count. Raises OSError.
    """
    if status is None and path.exists():
        status = path.stat()
    if status and not _is_ours(status.st_uid):
        return TrustProblem(f"{shown(path)} belongs to another user", owner_advice(path, status.st_uid))
    if status and status.st_mode & _WRITABLE_BY_OTHERS:
        return _writable(path, status)
    for directory, entry in reversed(_lookups(path)):
        found = directory.stat()
        if not _is_ours(found.st_uid):
            return TrustProblem(
                f"{shown(directory)} belongs to another user", f"type: {command_as(found.st_uid)}"
            )
        # In a sticky directory, only the owner of an entry can replace it.
        is_kept = found.st_mode & stat.S_ISVTX and _is_ours(_owner(entry))
        if found.st_mode & _WRITABLE_BY_OTHERS and not is_kept:
            return _writable(directory, found)
    return None


def _is_ours(owner: int | None) -> bool:
    """Whether root or this account owns it, or nobody because it is missing."""
    return owner in (None, 0, os.geteuid())


def _writable(path: Path, status: os.stat_result) -> TrustProblem:
    sudo = "" if os.geteuid() in (0, status.st_uid) else "sudo "
    return TrustProblem(
        f"others can write {shown(path)}", f"type: {sudo}chmod go-w {shlex.quote(shown(path))}"
    )


def _owner(path: Path) -> int | None:
    """The owner of an entry, of a link itself; None if it does not exist."""
    try:
        return path.lstat().st_uid
    except OSError:
        return None


def _lookups(path: Path) -> list[tuple[Path, Path]]:
    """Every directory in which the kernel looks something up to reach a file, with the entry that it takes.

    Like sshd, it leaves out the directories above the home of this account.
    """
    lookups = list(_walk(path))
    home = _home()
    if home and Path(os.path.realpath(path)).is_relative_to(home):
        return [each for each in lookups if not home.is_relative_to(each[0]) or each[0] == home]
    return lookups


def _walk(path: Path) -> Iterator[tuple[Path, Path]]:
    here, links = Path("/"), 0
    parts = list(reversed(path.absolute().parts[1:]))
    while parts:
        entry = here / parts.pop()
        if not here.is_dir():
            return
        yield here, entry
        if entry.is_symlink() and links < _MAX_LINKS:
            links += 1
            target = entry.readlink()
            parts.extend(reversed(target.parts[1:] if target.is_absolute() else target.parts))
            here = Path("/") if target.is_absolute() else here
        else:
            here = Path(os.path.normpath(entry))


def _home() -> Path | None:
    try:
        return Path(pwd.getpwuid(os.geteuid()).pw_dir).resolve()
    except (KeyError, OSError):
        return None
