"""Which processes hold locks on the files of a store, so that a message can name the right culprit."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_LOCKS = Path("/proc/locks")


def is_locked_by_this_process_alone(path: Path) -> bool:
    """Whether only threads of this process lock a SQLite file now; False where that cannot be found out.

    Does not open the files: closing one again would release SQLite's locks of this process.
    """
    inodes = set()
    for suffix in ("", "-wal", "-shm"):
        with suppress(OSError):
            inodes.add(path.with_name(path.name + suffix).stat().st_ino)
    holders = set()
    with suppress(OSError, ValueError):
        for line in _LOCKS.read_text().splitlines():
            # 1: POSIX ADVISORY WRITE 4711 fe:00:131 120 120 (proc(5)); a waiting process has an arrow.
            fields = line.split()
            is_held = "->" not in fields and fields[3] == "WRITE"
            if is_held and int(fields[5].rpartition(":")[2]) in inodes:
                holders.add(int(fields[4]))
    return holders == {os.getpid()}
