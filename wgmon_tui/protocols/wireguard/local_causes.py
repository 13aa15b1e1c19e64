"""Possible causes of silence that lie on this machine or show on it. See causes.py."""

from __future__ import annotations

from wgmon_tui.checks.evidence import GatewaySilent
from wgmon_tui.checks.verdict import Cause


def silent_gateway(found: GatewaySilent) -> Cause:
    """For a gateway of this machine that does not answer."""
    return Cause(
        f"the gateway {found.gateway} of this machine is down, or the link to it is",
        f"on {found.interface} nothing answers for its address, so no packet leaves this machine's network",
        f"ip neigh show {found.gateway}; ip link show {found.interface}",
    )
