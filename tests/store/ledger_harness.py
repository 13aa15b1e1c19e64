"""Identities, a clock and stamp files for the tests of the timestamp ledger."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from wgmon_tui.checks import tai64n
from wgmon_tui.config.keys import PrivateKey, PublicKey
from wgmon_tui.store.identity_lock import identity_digest

IDENTITY = PrivateKey(bytes(range(32))).public
OTHER = PrivateKey(bytes(range(1, 33))).public
YEAR_NS = 365 * 86_400 * 10**9


class Clock:
    """The wall clock, which a test sets."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.now_ns = time.time_ns()
        patch.setattr(time, "time_ns", lambda: self.now_ns)


def only_file(state_dir: Path) -> Path:
    [path] = (state_dir / "stamps").iterdir()
    return path


def stamp_file(state_dir: Path, at_ns: int, identity: PublicKey = IDENTITY) -> Path:
    path = state_dir / "stamps" / identity_digest(identity).hex()
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(tai64n.encode(at_ns))
    return path
