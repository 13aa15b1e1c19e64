"""Other machines that check the fleet (`[[vantage]]`), as frozen records."""

from __future__ import annotations

from wgmon_tui.config.models import Server
from wgmon_tui.records import dataclass

LOCAL_VANTAGE = "local"
"""The name of this machine among the vantages."""


@dataclass(frozen=True, slots=True)
class Vantage:
    """Another machine, and the command that starts `wgmon-tui agent` there, run without a shell."""

    name: str
    command: tuple[str, ...]
    tags: tuple[str, ...] = ()

    def covers(self, server: Server) -> bool:
        """Whether the vantage checks a server. Without tags it checks all."""
        return not self.tags or any(tag in self.tags for tag in server.tags)


def ssh_command(host: str) -> tuple[str, ...]:
    """The command for an OpenSSH destination.

    It never prompts, and ends within a minute after the connection is lost.
    """
    return (
        *("ssh", "-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10"),
        *("-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=3"),
        *("--", host, "wgmon-tui", "agent"),
    )
