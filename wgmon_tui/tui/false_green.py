"""False green: a server that is down, although a port monitor would report it as up."""

from __future__ import annotations

from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.monitor.fleet_state import ServerState
from wgmon_tui.net.naive_port_check import OPEN_OR_FILTERED


def port_up(server_state: ServerState) -> bool | None:
    """Whether a port monitor would report the port as up; None where that is unknown.

    The port is probed only now and then, so a newer check overrides an older answer. A completed handshake
    means that the port is open; an answer that nothing listens there means that it is closed.
    """
    if (
        server_state.port_monitor is None
        or server_state.last is None
        or server_state.last.check.address is None
    ):
        return None
    if server_state.last.diagnosis.verdict is Verdict.PORT_CLOSED:
        return False
    return server_state.last.check.handshake is not None or server_state.port_monitor == OPEN_OR_FILTERED


def is_false_green(server_state: ServerState) -> bool:
    """Whether a port monitor would show green for a server that is down."""
    return server_state.severity is Severity.DOWN and port_up(server_state) is True
