"""Files of the state directory that are not what this program wrote: they are set aside, never deleted."""

from __future__ import annotations

import os
import stat
import time
from contextlib import suppress
from pathlib import Path

from wgmon_tui.text import format_local_date


def move_aside(path: Path, log_suffixes: tuple[str, ...] = ()) -> Path:
    """Rename a file with its logs to NAME.damaged-DATE; return the new path. Raises OSError."""
    aside = name_aside(path)
    # The write-ahead log first: if it stayed behind, SQLite would replay it into the new file.
    for suffix in (*log_suffixes, ""):
        with suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
    return aside


def name_aside(path: Path) -> Path:
    """Return a free path NAME.damaged-DATE for a file."""
    day = format_local_date(time.time())
    name, number = f"{path.name}.damaged-{day}", 1
    while os.path.lexists(path.with_name(name)):
        number += 1
        name = f"{path.name}.damaged-{day}-{number}"
    return path.with_name(name)


def is_regular_or_missing(path: Path) -> bool:
    """Return whether a path can be opened as a file: no directory, pipe, socket or device, no broken link.

    To open a pipe waits for its other end. Raises OSError.
    """
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError:
        return not path.is_symlink()


def move_irregular_aside(path: Path) -> Path | None:
    """Move aside what cannot be opened as a file; return its new path, or None. Raises OSError."""
    return None if is_regular_or_missing(path) else move_aside(path)
