"""The program as it runs on macOS and FreeBSD: real handshakes, without the names that only Linux has.

`make systems` runs most of the suite this way. The default run does it with what differs between systems.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.parameters import default_run

ROOT = Path(__file__).parents[2]
STARTUP = Path(__file__).parent / "startup"
SYSTEMS = ("freebsd14", "darwin")
LIMIT_S = 1200.0

DIFFERENT = (
    "tests/net/test_udp_socket.py",
    "tests/net/test_naive_port_check.py",
    "tests/store/test_identity_lock.py",
    "tests/control/test_server.py",
    "tests/protocols/wireguard/test_check.py",
    "tests/doctor/test_network.py",
)
"""Sockets, locks, credentials, and handshakes with the lab."""

MOST = (
    *(
        "tests/checks",
        "tests/cli",
        "tests/config",
        "tests/control",
        "tests/daemon",
        "tests/doctor",
        "tests/lab",
    ),
    *("tests/monitor", "tests/net", "tests/output", "tests/protocols", "tests/store", "tests/vantages"),
    *("tests/test_cli.py", "tests/test_library.py", "tests/real/test_verdicts.py"),
)


def run_as(system: str, *arguments: str) -> None:
    """Run tests in a process of another system. Raises AssertionError with their output."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment |= {"TEST_AS_SYSTEM": system, "PYTHONPATH": f"{STARTUP}{os.pathsep}{ROOT}"}
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "no:cacheprovider",
            "-o",
            "faulthandler_timeout=60",
            *arguments,
        ],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LIMIT_S,
    )
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="Linux stands in for the others")
@pytest.mark.parametrize("system", default_run(["freebsd14"], SYSTEMS))
def test_what_differs_between_systems_works_there(system: str) -> None:
    run_as(system, *DIFFERENT)


@pytest.mark.thorough
@pytest.mark.real
@pytest.mark.skipif(sys.platform != "linux", reason="Linux stands in for the others")
@pytest.mark.parametrize("system", default_run(["freebsd14"], SYSTEMS))
def test_wireguard_go_is_checked_there(system: str) -> None:
    run_as(
        system, "tests/real/test_verdicts.py", "-k", "wireguard_go and (configurations and IPv4 or go_under)"
    )


@pytest.mark.thorough
@pytest.mark.skipif(sys.platform != "linux", reason="Linux stands in for the others")
@pytest.mark.parametrize("system", ["freebsd14"])
def test_most_of_the_suite_passes_there(system: str) -> None:
    run_as(system, "-n", "4", "--dist", "worksteal", *MOST)
