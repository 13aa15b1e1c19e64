"""Lock files: a lock protects a directory only while its file is still there."""

from __future__ import annotations

import os
from pathlib import Path


def is_lock_in_place(descriptor: int, *paths: Path) -> bool:
    """Whether an open lock file is still under one of its paths; True if that cannot be found out now.

    If it was moved or deleted with its directory, another process can take a new lock under the same path.
    """
    locked = os.fstat(descriptor)
    for path in paths:
        try:
            found = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            return True
        if os.path.samestat(found, locked):
            return True
    return False
