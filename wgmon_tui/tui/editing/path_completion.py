"""Path line of the import screen: the files and directories it names, and completions of its last path.

The functions only read the file system.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from wgmon_tui.config.imports.conf_sources import CONF_SUFFIXES, MAX_FILES
from wgmon_tui.config.imports.foreign_formats import SUFFIXES
from wgmon_tui.config.imports.remarks import Remark
from wgmon_tui.config.value_parsers import InvalidValueError
from wgmon_tui.text import printable, system_reason

_SUFFIXES = (*CONF_SUFFIXES, *SUFFIXES)


@dataclass(frozen=True, slots=True)
class ResolvedPaths:
    """What a line names: files and directories that exist, and a fault for each word that names none."""

    paths: tuple[Path, ...] = ()
    faults: tuple[Remark, ...] = ()


def resolve_paths(line: str, base: Path) -> ResolvedPaths:
    """Return what a line of shell words names.

    Raises InvalidValueError if no word names a file, or if the last word is not yet complete.
    """
    try:
        words = shlex.split(line)
    except ValueError:
        raise InvalidValueError("a quote is not closed") from None
    paths: dict[Path, None] = {}
    faults: list[Remark] = []
    for word in words:
        try:
            paths.update(dict.fromkeys(_resolve_word(word, base)))
        except InvalidValueError as error:
            faults.append(Remark(printable(word), str(error)))
            if word == words[-1] and path_completions(line, base):
                raise
    if faults and not paths:
        raise InvalidValueError("; ".join(map(str, faults)))
    return ResolvedPaths(tuple(paths), tuple(faults))


def _resolve_word(word: str, base: Path) -> Iterable[Path]:
    path = base / os.path.expanduser(word)  # noqa: PTH111  Path.expanduser raises if there is no home
    try:
        if any(each in word for each in "*?["):
            found = sorted(each for each in Path(path.anchor).glob(str(path)[1:]) if each.is_file())
            nothing = "no file matches"
        else:
            found = [path] if path.exists() else []
            nothing = "no such file"
    except (OSError, ValueError) as error:
        raise InvalidValueError(system_reason(error, "not a valid path")) from None
    if not found:
        raise InvalidValueError(nothing)
    return found[:MAX_FILES]


def path_completions(line: str, base: Path) -> list[str]:
    """Every completion of the line whose last word becomes a directory or a file to import."""
    word = line.rpartition(" ")[2]
    if any(quote in line for quote in "'\"\\") or not word:
        return []
    directory, _, prefix = word.rpartition("/")
    parent = base / (os.path.expanduser(f"{directory}/") if "/" in word else "")  # noqa: PTH111
    try:
        entries = sorted(parent.iterdir())
    except (OSError, ValueError):
        return []
    stem = line[: len(line) - len(prefix)]
    return [
        stem + each.name + ("/" if each.is_dir() else "")
        for each in entries
        if each.name.startswith(prefix)
        and (prefix or not each.name.startswith("."))
        and shlex.quote(each.name) == each.name
        and (each.is_dir() or each.suffix in _SUFFIXES)
    ]


def complete_path(line: str, base: Path) -> str:
    """The line, extended by the common prefix of its completions."""
    completions = path_completions(line, base)
    # By character: the common prefix may end within a name.
    return os.path.commonprefix(completions) if completions else line  # noqa: RUF071
