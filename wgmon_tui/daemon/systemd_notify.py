"""What a service tells systemd: one datagram a message, to the socket that NOTIFY_SOCKET names.

Where systemd did not start us nothing is said.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress

_SEND_TIMEOUT_S = 0.5


class SystemdNotifier:
    """The other end of NOTIFY_SOCKET."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._parse_address = _parse_address(environment.get("NOTIFY_SOCKET", ""))
        self.watchdog_s = _watchdog_seconds(environment) if self._parse_address else None
        """How often we must say that we are well, or be killed; None where nobody waits for it."""

    def ready(self, status: str) -> None:
        """The start, or a reload, is over."""
        self._send(f"READY=1\nSTATUS={_one_line(status)}")

    def reloading(self) -> None:
        """A reload has begun; `ready` ends it."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def status(self, status: str) -> None:
        """The line that `systemctl status` shows."""
        self._send(f"STATUS={_one_line(status)}")

    def ping_watchdog(self) -> None:
        """We are well."""
        self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """The end has begun."""
        self._send("STOPPING=1")

    def _send(self, message: str) -> None:
        if self._parse_address is None:
            return
        # Nothing that fails here may end the checks: systemd then finds us late, and says so itself.
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.settimeout(_SEND_TIMEOUT_S)
            sender.sendto(message.encode(), self._parse_address)


def _parse_address(text: str) -> str | bytes | None:
    if text.startswith("@"):
        return b"\0" + os.fsencode(text[1:])
    return text if text.startswith("/") else None


def _watchdog_seconds(environment: Mapping[str, str]) -> float | None:
    """From WATCHDOG_USEC, unless it was meant for another process, as WATCHDOG_PID says then."""
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    try:
        microseconds = int(environment.get("WATCHDOG_USEC", ""))
    except ValueError:
        return None
    return microseconds / 1e6 if microseconds > 0 else None


def _one_line(text: str) -> str:
    return " ".join(text.split())
