"""Tests of the systemd units that `wgmon-tui run --print-unit` prints."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.daemon.harness import Program
from tests.parameters import default_run
from tests.real.prerequisites import require
from wgmon_tui.daemon.systemd_unit import NAME, is_in_home_directory, system_unit, user_unit


def verified(unit: str, directory: Path, *options: str) -> str:
    """The problems that systemd-analyze reports for a unit."""
    require("systemd-analyze")
    (directory / NAME).write_text(unit)
    told = subprocess.run(
        ["systemd-analyze", *options, "verify", str(directory / NAME)],
        capture_output=True,
        text=True,
        timeout=30,
        env={**os.environ, "XDG_RUNTIME_DIR": str(directory)},
    )
    return told.stdout + told.stderr


def test_systemd_finds_no_fault_in_either_unit(tmp_path: Path) -> None:
    program = tmp_path / "a program of 100%"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    ours = user_unit([str(program)], tmp_path / 'con "fig" \\ $HOME', tmp_path / "state")
    assert verified(ours, tmp_path, "--user") == ""
    assert verified(system_unit([str(program)]), tmp_path) == ""


def test_the_system_wide_unit_is_as_closed_as_a_service_that_probes_can_be(tmp_path: Path) -> None:
    require("systemd-analyze")
    (tmp_path / NAME).write_text(system_unit([sys.executable, "-m", "wgmon_tui"]))
    told = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", str(tmp_path / NAME)],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert told.returncode == 0, told.stdout[-200:]


def test_the_system_wide_unit_has_an_account_and_a_directory_for_its_group() -> None:
    lines = system_unit(["/usr/bin/wgmon-tui"]).splitlines()
    assert {
        "User=wgmon-tui",
        "StateDirectory=wgmon-tui",
        "StateDirectoryMode=2750",
        "Type=notify",
        "Restart=on-failure",
        "ExecStart=/usr/bin/wgmon-tui --config /etc/wgmon-tui --state /var/lib/wgmon-tui run",
    } <= set(lines)
    # With PrivateUsers the control socket would see every peer as the user nobody.
    assert not any(line.startswith("PrivateUsers") for line in lines)


@pytest.mark.parametrize("options", default_run([["--system"]], [[], ["--system"]]))
def test_what_is_printed_says_how_to_install_it(options: list[str], tmp_path: Path) -> None:
    code, out, _ = Program("--config", tmp_path, "--state", tmp_path, "run", "--print-unit", *options).end()
    assert code == 0
    first, *rest = out.splitlines()
    assert first == "# To install it, type:"
    assert any("systemctl" in line and "enable --now wgmon-tui" in line for line in rest[:5])
    assert f"ExecStart={sys.executable} -m wgmon_tui --config " in out


def test_the_unit_of_a_runner_with_metrics_has_its_host_names(tmp_path: Path) -> None:
    options = ["--metrics", "192.0.2.1:9586", "--metrics-host", "mon1.example.net", "--metrics-host", "mon1"]
    _, out, _ = Program("--config", tmp_path, "--state", tmp_path, "run", "--print-unit", *options).end()
    assert f"run {' '.join(options)}\n" in out


def test_system_without_print_unit_is_refused() -> None:
    code, _, err = Program("run", "--system").end()
    assert (code, err) == (64, "wgmon-tui: run: --system needs --print-unit\n")


def test_a_program_in_a_home_directory_is_out_of_the_services_sight() -> None:
    assert is_in_home_directory(["/home/alice/.local/bin/wgmon-tui"])
    assert not is_in_home_directory(["/usr/local/bin/wgmon-tui"])
