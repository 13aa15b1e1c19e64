"""Core dumps: switched off, because the memory of this process contains private keys."""

from __future__ import annotations

import os
import resource
from contextlib import suppress
from typing import Any

_PR_GET_DUMPABLE, _PR_SET_DUMPABLE = 3, 4
"""prctl(2)"""

_IS_LINUX = os.uname().sysname == "Linux"


def switch_off_core_dumps() -> None:
    """Let no crash of this process write its memory to a file. Never fails; see `explain_core_dumps`."""
    with suppress(OSError, ValueError):
        # The soft limit decides. Without rights, nothing in this process could undo a lower hard limit.
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    # With a limit of 0 Linux still passes the memory to a program in core_pattern, such as systemd-coredump.
    if library := _load_library():
        library.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def explain_core_dumps() -> str | None:
    """Why a crash may still write the memory of this process to a file; None if it cannot."""
    if resource.getrlimit(resource.RLIMIT_CORE)[0] != 0:
        return "the limit of core files cannot be lowered"
    if not _IS_LINUX:
        return None
    library = _load_library()
    if library is None or library.prctl(_PR_GET_DUMPABLE, 0, 0, 0, 0) != 0:
        return "prctl(PR_SET_DUMPABLE) is not available: a program in kernel.core_pattern gets the memory"
    return None


def _load_library() -> Any:
    """The C library; None where there is no prctl, or where its functions cannot be called."""
    if not _IS_LINUX:
        return None
    try:
        # Not at the top: it takes milliseconds, and needs memory that a hardened service may not map.
        import ctypes

        library = ctypes.CDLL(None)
        _ = library.prctl
    except (ImportError, OSError, AttributeError, MemoryError):
        return None
    return library
