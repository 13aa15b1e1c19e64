"""What holds the house together: imports go downhill, and only the face knows Textual."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import fields
from importlib.util import find_spec
from pathlib import Path

import pytest

from wgmon_tui.monitor.server_state import ServerState

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


def test_code_above_the_protocols_names_none_of_them() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    [contract] = [each for each in settings if each.get("forbidden_modules") == ["wgmon_tui.protocols"]]
    assert "ignore_imports" not in contract


def modules() -> dict[str, Path]:
    """Every module of the package, by its path in the package."""
    return {path.relative_to(PACKAGE).as_posix(): path for path in sorted(PACKAGE.rglob("*.py"))}


def test_only_one_module_opens_databases() -> None:
    importers = set()
    texts = {name: path.read_text() for name, path in modules().items()}
    for name, text in texts.items():
        for node in ast.walk(ast.parse(text)) if "sqlite3" in text else ():
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
        # A line of a text that looks like a class costs nothing; to parse every module takes a second.
        for found in re.findall(r"^ *class (\w+)", path.read_text(), re.MULTILINE):
            homes[found].append(name)
    assert {name: found for name, found in homes.items() if len(found) > 1} == {}


def test_no_module_has_an_earlier_name() -> None:
    lines = EARLIER_MODULE_NAMES.read_text().splitlines()
    earlier = [line for line in lines if line and not line.startswith("#")]
    packages = tuple(name for name in earlier if name.endswith("/"))
    names = modules().keys() - AGENT_SHIM
    assert sorted(name for name in names if name in earlier or name.startswith(packages)) == []


STATE_WRITERS = {
    "monitor/fleet_state.py",
    "monitor/known_state.py",
    "monitor/server_state.py",
    "monitor/round_intake.py",
    "monitor/server_states.py",
    "monitor/state_transitions.py",
}
"""`FleetState`, and the functions that only it calls."""

BELOW_THE_MONITOR = ("protocols/", "checks/", "config/", "net/", "lab/")
"""Packages that cannot import the states: see the contracts in pyproject.toml."""

OTHER_RECORDS = {"store/read/fleet_summary.py", "store/write/packet_sampling.py"}
"""Modules with records of their own whose fields have the same names. Neither imports the states."""

STATE_FIELDS = {field.name for field in fields(ServerState)}
CHANGING_METHODS = {"mark_stale", "mark_fresh"}


def test_only_fleet_state_changes_the_state_of_a_server() -> None:
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        if name not in STATE_WRITERS | OTHER_RECORDS and not name.startswith(BELOW_THE_MONITOR):
            assert list(state_changes(ast.parse(path.read_text()))) == [], path


@pytest.mark.parametrize("name", sorted(OTHER_RECORDS))
def test_a_module_that_may_have_such_fields_does_not_know_the_states(name: str) -> None:
    assert "ServerState" not in (PACKAGE / name).read_text()


def test_every_way_to_change_the_state_of_a_server_is_found() -> None:
    for line in (
        "server_state.severity = UP",
        "shown.last, shown.verdict = last, verdict",
        "state.vantage_states['fra'] = new",
        "del state.losses[address]",
        "each.vantage_states |= more",
        "fleet.states['fra1'].samples.add(0.1)",
        "server_state.mark_fresh()",
    ):
        assert list(state_changes(ast.parse(line))), line
    for line in ("self.severity = UP", "last = server_state.last", "server_state.samples.recent(3)"):
        assert not list(state_changes(ast.parse(line))), line


def state_changes(tree: ast.AST) -> Iterator[str]:
    """Yield every assignment to a field of a server's state, and every call that changes one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
            target = node.value if isinstance(node, ast.Subscript) else node
            if isinstance(target, ast.Attribute) and _is_field_of_another(target):
                yield ast.unparse(node)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            called = node.func
            samples = isinstance(called.value, ast.Attribute) and called.value.attr == "samples"
            if called.attr in CHANGING_METHODS or (samples and called.attr in ("add", "replace_all")):
                yield ast.unparse(node)


def _is_field_of_another(target: ast.Attribute) -> bool:
    own = isinstance(target.value, ast.Name) and target.value.id == "self"
    return target.attr in STATE_FIELDS and not own
