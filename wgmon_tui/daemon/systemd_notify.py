"""Client of systemd's notification protocol (sd_notify): one datagram per message to NOTIFY_SOCKET.

Sends nothing when systemd did not start this process.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress

_SEND_TIMEOUT_S = 0.5
_LONGEST_STEP_S = 60.0
"""A start reports at least this often, however many steps it has."""


class SystemdNotifier:
    """Sends service state to systemd through NOTIFY_SOCKET."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._parse_address = _parse_address(environment.get("NOTIFY_SOCKET", ""))
        self.watchdog_s = _watchdog_seconds(environment) if self._parse_address else None
        """The watchdog interval in seconds; systemd kills a service that misses it. None if it is off."""

    def ready(self, status: str) -> None:
        """Report that the start or a reload is complete."""
        self._send(f"READY=1\nSTATUS={_one_line(status)}")

    def still_starting(self, status: str) -> None:
        """Report that the start takes longer. systemd waits for the next report before it gives up."""
        self._send(f"EXTEND_TIMEOUT_USEC={int(_LONGEST_STEP_S * 1e6)}\nSTATUS={_one_line(status)}")

    def reloading(self) -> None:
        """Report that a reload has begun; `ready` ends it."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def status(self, status: str) -> None:
        """Set the line that `systemctl status` shows."""
        self._send(f"STATUS={_one_line(status)}")

    def ping_watchdog(self) -> None:
        """Reset the watchdog timer."""
        self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """Report that the shutdown has begun."""
        self._send("STOPPING=1")

    def _send(self, message: str) -> None:
        if self._parse_address is None:
            return
        # A failure here must not stop the checks. systemd notices a late watchdog by itself.
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.settimeout(_SEND_TIMEOUT_S)
            sender.sendto(message.encode(), self._parse_address)


def _parse_address(text: str) -> str | bytes | None:
    if text.startswith("@"):
        return b"\0" + os.fsencode(text[1:])
    return text if text.startswith("/") else None


def _watchdog_seconds(environment: Mapping[str, str]) -> float | None:
    """WATCHDOG_USEC in seconds; None if WATCHDOG_PID names another process."""
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    try:
        microseconds = int(environment.get("WATCHDOG_USEC", ""))
    except ValueError:
        return None
    return microseconds / 1e6 if microseconds > 0 else None


def _one_line(text: str) -> str:
    return " ".join(text.split())
