"""Fixtures of the tests of control planes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest


@pytest.fixture
def socket_path() -> Iterator[Path]:
    """A path that is short enough for a socket."""
    with TemporaryDirectory(dir="/tmp") as directory:
        yield Path(directory, "tailscaled.sock")
