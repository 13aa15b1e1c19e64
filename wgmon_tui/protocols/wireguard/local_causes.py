"""Possible causes of silence that lie on this machine or show on it. See causes.py."""

from __future__ import annotations

from wgmon_tui.checks.check import ProbedAs
from wgmon_tui.checks.context_evidence import ServerInitiated
from wgmon_tui.checks.evidence import (
    GatewaySilent,
    WitnessProbed,
)
from wgmon_tui.checks.verdict import Cause
from wgmon_tui.config.models import Server
from wgmon_tui.net.platforms import PLATFORM
from wgmon_tui.protocols.wireguard import causes
from wgmon_tui.protocols.wireguard.contradictions import Hypothesis


def silent_gateway(found: GatewaySilent) -> Cause:
    """For a gateway of this machine that does not answer."""
    return Cause(
        f"the gateway {found.gateway} of this machine is down, or the link to it is",
        f"on {found.interface} nothing answers for its address, so no packet leaves this machine's network",
        f"ip neigh show {found.gateway}; ip link show {found.interface}",
    )


def silent_witness(found: WitnessProbed) -> Cause:
    """For a witness that is silent together with the server."""
    return Cause(
        "the uplink or firewall of this machine",
        f"the witness {found.address} is silent, too; it should always answer",
        f"{PLATFORM.commands.route_table}; {PLATFORM.commands.firewall} — then ping your gateway",
    )


def own_uplink() -> Cause:
    """For silence while nothing else is checked from here that could tell."""
    return Cause(
        "this machine's own uplink is down",
        "too few other servers are checked from here that could show whether it works",
        f"{PLATFORM.commands.route_table} — then ping your gateway; "
        'in config.toml, witness = "HOST:PORT" would show whether the uplink works',
        Hypothesis.UPLINK,
    )


def unheard(
    server: Server, probed_as: ProbedAs | None, initiated: ServerInitiated, *, is_heard_there: bool
) -> list[Cause]:
    """For a silent server that initiates to this identity: it is alive, and both keys are right.

    `is_heard_there` if an authentic answer shows that packets of this machine still arrive there.
    """
    times = "once" if initiated.count == 1 else f"{initiated.count} times"
    why = f"the server's own initiations arrive here ({times}), so the way back works"
    clock = causes.clock_ran_ahead(probed_as)
    if is_heard_there:
        return [clock]
    port = server.endpoint.port
    return [
        Cause(
            "this machine's packets do not arrive at the server",
            f"{why}; a firewall, NAT or route on the way there drops them",
            f"on the server: tcpdump -ni any udp port {port}; nft list ruleset | grep -e policy -e {port}",
            Hypothesis.FIREWALL,
        ),
        clock,
    ]
