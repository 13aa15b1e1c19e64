"""Tests of the notifications to systemd, on a real socket."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from wgmon_tui.daemon.systemd_notify import SystemdNotifier


def listening(address: str | bytes) -> socket.socket:
    received = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    received.settimeout(30)
    received.bind(address)
    return received


def test_a_start_a_reload_and_an_end_are_told_as_systemd_reads_them(tmp_path: Path) -> None:
    with listening(str(tmp_path / "notify")) as received:
        supervisor = SystemdNotifier({"NOTIFY_SOCKET": str(tmp_path / "notify")})
        supervisor.ready("5 servers")
        assert received.recv(4096) == b"READY=1\nSTATUS=5 servers"
        supervisor.reloading()
        first, second = received.recv(4096).decode().split("\n")
        assert first == "RELOADING=1"
        assert second.startswith("MONOTONIC_USEC=")
        assert int(second.removeprefix("MONOTONIC_USEC=")) > 0
        supervisor.status("two\nlines")
        assert received.recv(4096) == b"STATUS=two lines"
        supervisor.ping_watchdog()
        assert received.recv(4096) == b"WATCHDOG=1"
        supervisor.stopping()
        assert received.recv(4096) == b"STOPPING=1"


def test_an_abstract_socket_is_found_by_its_at_sign() -> None:
    name = f"wgmon-tui-test-{os.getpid()}"
    with listening(f"\0{name}") as received:
        SystemdNotifier({"NOTIFY_SOCKET": f"@{name}"}).ping_watchdog()
        assert received.recv(4096) == b"WATCHDOG=1"


@pytest.mark.parametrize("address", ["", "relative/path", "vsock:2:1234", "/nowhere/at/all"])
def test_where_nobody_listens_nothing_is_said_and_nothing_fails(address: str) -> None:
    SystemdNotifier({"NOTIFY_SOCKET": address}).ready("fine")


@pytest.mark.parametrize(
    ("environment", "seconds"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_ours_only_where_its_pid_is(
    environment: dict[str, str], seconds: float | None
) -> None:
    assert SystemdNotifier({"NOTIFY_SOCKET": "/run/notify", **environment}).watchdog_s == seconds
