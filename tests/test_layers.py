"""What holds the house together: imports go downhill, and only the face knows Textual."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

IMPORT_ALL_BUT_THE_FACE = """
import importlib, pkgutil, sys
import wgmon_tui

def walk(package):
    for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        if module.name in ("wgmon_tui.tui", "wgmon_tui.__main__"):
            continue
        imported = importlib.import_module(module.name)
        print(module.name)
        if module.ispkg:
            walk(imported)

walk(wgmon_tui)
for forbidden in ("textual", "rich", "wgmon_tui.tui"):
    if forbidden in sys.modules:
        print("imported", forbidden)
"""


def test_everything_but_the_face_runs_without_textual() -> None:
    assert find_spec("textual")  # where it is not installed, nothing could import it
    child = subprocess.run(
        [sys.executable, "-W", "error", "-c", IMPORT_ALL_BUT_THE_FACE],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
    )
    assert child.stderr == ""
    names = child.stdout.split("\n")
    assert [line for line in names if line.startswith("imported")] == []
    packages = {name.split(".")[1] for name in names if name}
    assert packages >= {"cli", "protocols", "config", "net", "checks", "monitor", "store", "output", "lab"}


def test_imports_go_downhill_only() -> None:
    pytest.importorskip("importlinter", reason="needs import-linter, from the dev extra")
    child = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
    )
    assert child.returncode == 0, child.stdout
    assert " 0 broken" in child.stdout
