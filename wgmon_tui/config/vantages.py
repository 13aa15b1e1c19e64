"""The places from which the fleet is checked beside this one, as plain frozen records: `[[vantage]]`."""

from __future__ import annotations

from dataclasses import dataclass

from wgmon_tui.config.models import Server

LOCAL_VANTAGE = "local"
"""What our own place is called wherever vantages are named."""


@dataclass(frozen=True, slots=True)
class Vantage:
    """Another place, and the command that starts `wgmon-tui agent` there. No shell sees its words."""

    name: str
    command: tuple[str, ...]
    tags: tuple[str, ...] = ()

    def covers(self, server: Server) -> bool:
        """Whether a server is checked from there: all are where no tags are named."""
        return not self.tags or any(tag in self.tags for tag in server.tags)


def ssh_command(host: str) -> tuple[str, ...]:
    """The command for an OpenSSH destination.

    It asks nobody anything, and ends within a minute of the line's being cut.
    """
    return (
        *("ssh", "-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10"),
        *("-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=3"),
        *("--", host, "wgmon-tui", "agent"),
    )
