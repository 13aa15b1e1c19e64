"""What the dashboard imports before its first row is painted: each module delays it.

A module that the first row does not show belongs behind the first paint: import it where it is used.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.daemon.harness import quick_server, write_config
from tests.perf.terminal import Terminal
from wgmon_tui.config.keys import PrivateKey
from wgmon_tui.net.addresses import Endpoint

_MOST_MODULES = 170
"""A few more than there are. Before this test there were 264."""

_LATER = (
    *("wgmon_tui.checks.evidence", "wgmon_tui.checks.check", "wgmon_tui.checks.protocol"),
    *(
        "wgmon_tui.store.history",
        "wgmon_tui.store.write",
        "wgmon_tui.monitor.engine",
        "wgmon_tui.alerts.sinks",
    ),
    *("wgmon_tui.daemon.writer", "wgmon_tui.doctor", "wgmon_tui.output.json_lines", "wgmon_tui.tui.server"),
    *("wgmon_tui.tui.editing.form_screen", "wgmon_tui.tui.help", "wgmon_tui.tui.fleet.preview_text"),
    *("nacl", "cryptography", "hashlib", "concurrent.futures.thread", "tomli_w", "sqlite3", "_ssl"),
    *("importlib.resources", "platform", "textual.types", "textual.widgets._input", "textual.fuzzy"),
    *("wgmon_tui.config.toml_positions", "wgmon_tui.config.endpoint_hints", "wgmon_tui.config.user_actions"),
    *("wgmon_tui.config.config_sections", "wgmon_tui.config.alerting", "wgmon_tui.net.platforms"),
)
"""Packages and modules whose contents the first row does not need."""

_START = """\
import os, sys
from wgmon_tui.cli import dashboard
from wgmon_tui.cli.main import main
run_app = dashboard._run_app

def run_and_note(*arguments):
    from textual.drivers.linux_driver import LinuxDriver
    write = LinuxDriver.write

    def note_modules(driver, data):
        write(driver, data)
        if "server-0" in data:
            with open(os.environ["MODULES"], "w") as file:
                file.write("\\n".join(sys.modules))
            LinuxDriver.write = write

    LinuxDriver.write = note_modules
    return run_app(*arguments)

dashboard._run_app = run_and_note
main(["--config", os.environ["FLEET"], "--state", os.environ["FLEET"] + "/state"])
"""
_QUIT = b"\x11"
_OPEN_PALETTE = b"\x10"
_PATIENCE_S = 60.0


def _modules_at_first_row(directory: Path) -> set[str]:
    config, modules = directory / "config", directory / "modules.txt"
    write_config(config, quick_server("server-0", Endpoint("127.0.0.1", 9), key=PrivateKey.generate().public))
    environment = {**os.environ, "FLEET": str(config), "MODULES": str(modules)}
    with Terminal([sys.executable, "-c", _START], environment) as terminal:
        deadline = terminal.started + _PATIENCE_S
        for _ in terminal.read_until([b"server-0"], deadline):
            terminal.type(_QUIT)
        terminal.drain(deadline)
    return set(modules.read_text().split("\n"))


def test_the_first_row_is_painted_before_anything_else_is_imported(tmp_path: Path) -> None:
    loaded = _modules_at_first_row(tmp_path)
    early = [name for name in loaded if any(name == each or name.startswith(f"{each}.") for each in _LATER)]
    assert sorted(early) == []
    own = sorted(name for name in loaded if name.startswith("wgmon_tui"))
    assert len(own) <= _MOST_MODULES, own


@pytest.mark.thorough
def test_the_command_palette_opens_although_a_start_does_not_import_it(tmp_path: Path) -> None:
    write_config(
        tmp_path, quick_server("server-0", Endpoint("127.0.0.1", 9), key=PrivateKey.generate().public)
    )
    command = [
        sys.executable,
        "-m",
        "wgmon_tui",
        "--config",
        str(tmp_path),
        "--state",
        str(tmp_path / "state"),
    ]
    with Terminal(command) as terminal:
        deadline = terminal.started + _PATIENCE_S
        for _ in terminal.read_until([b"server-0"], deadline):
            terminal.type(_OPEN_PALETTE)
        assert list(terminal.read_until([b"earch for a comm"], deadline))
