"""False green: a server that is down, although a port monitor would report it as up."""

from __future__ import annotations

from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.monitor.fleet_state import ServerState
from wgmon_tui.net.naive_port_check import OPEN, OPEN_OR_FILTERED

DEEP_INTERVALS = 3
"""An answer older than this many intervals of deep checks is dropped."""


def port_up(server_state: ServerState) -> bool | None:
    """Whether a port monitor would report the port as up; None where that is unknown.

    The port is probed only now and then, so a newer check overrides an older answer. A completed handshake
    means that the port is open; an answer that nothing listens there means that it is closed.
    """
    if (
        server_state.port_monitor is None
        or server_state.last is None
        or server_state.last.check.address is None
        or server_state.is_stale
    ):
        return None
    if server_state.last.diagnosis.verdict is Verdict.PORT_CLOSED:
        return False
    if server_state.last.check.handshake is not None:
        return True
    at, checked_at = server_state.port_monitor_at, server_state.last.check.started_at
    if at is None or checked_at - at > DEEP_INTERVALS * server_state.server.tunnel_every:
        return None
    # A port that is still closed would have made the last check "port-closed".
    return (
        True if server_state.port_monitor in (OPEN, OPEN_OR_FILTERED) else None if at < checked_at else False
    )


def port_answer_at(server_state: ServerState) -> float | None:
    """The Unix time of the result that `port_up` gives: the last check, if that confirms it."""
    if server_state.last is not None:
        is_closed = server_state.last.diagnosis.verdict is Verdict.PORT_CLOSED
        if is_closed or server_state.last.check.handshake is not None:
            return server_state.last.check.started_at
    return server_state.port_monitor_at


def is_false_green(server_state: ServerState) -> bool:
    """Whether a port monitor would show green for a server that is down."""
    verdict = server_state.last.diagnosis.verdict if server_state.last else server_state.verdict
    return (
        server_state.severity is Severity.DOWN
        and verdict is not None
        and verdict.severity is Severity.DOWN
        and port_up(server_state) is True
    )
