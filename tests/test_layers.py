"""What holds the house together: imports go downhill, and only the face knows Textual."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import defaultdict
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "wgmon_tui"

EARLIER_MODULE_NAMES = Path(__file__).with_name("earlier_module_names.txt")

AGENT_SHIM = {"service/__init__.py", "service/agent/__init__.py", "service/agent/keeper.py"}
"""During an upgrade, an agent's bridge of an earlier version starts the daemon by this module's name."""

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


def modules() -> dict[str, Path]:
    """Every module of the package, by its path in the package."""
    return {path.relative_to(PACKAGE).as_posix(): path for path in sorted(PACKAGE.rglob("*.py"))}


def test_only_one_module_opens_databases() -> None:
    importers = set()
    for name, path in modules().items():
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Attribute)
                and node.attr == "connect"
                and ast.unparse(node.value) == "sqlite3"
            ):
                importers.add(name)
            if isinstance(node, ast.ImportFrom) and node.module == "sqlite3":
                importers |= {name for each in node.names if each.name in ("connect", "Connection")}
    assert importers == {"store/database.py"}


def test_a_class_name_exists_once() -> None:
    homes: dict[str, list[str]] = defaultdict(list)
    for name, path in modules().items():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                homes[node.name].append(name)
    assert {name: found for name, found in homes.items() if len(found) > 1} == {}


def test_no_module_has_an_earlier_name() -> None:
    lines = EARLIER_MODULE_NAMES.read_text().splitlines()
    earlier = [line for line in lines if line and not line.startswith("#")]
    packages = tuple(name for name in earlier if name.endswith("/"))
    names = modules().keys() - AGENT_SHIM
    assert sorted(name for name in names if name in earlier or name.startswith(packages)) == []
