"""Causes that concern one inner target: it refuses, or it cannot be probed."""

from __future__ import annotations

from wgmon_tui.checks.evidence import InnerService
from wgmon_tui.checks.evidence_text import describe_service
from wgmon_tui.checks.verdict import Cause
from wgmon_tui.config.models import Server


def version_of(target: str) -> int:
    """The IP version of an inner target: an address, "ADDRESS:PORT" or "NAME@ADDRESS"."""
    return 6 if target.rpartition("@")[2].count(":") > 1 else 4


def target_unaddressed(server: Server, target: str) -> Cause:
    """For a target of an IP version in which the identity has no tunnel address."""
    version = version_of(target)
    return Cause(
        f'identity "{server.identity}" has no IPv{version} tunnel address in servers.toml',
        f"without one, nothing can be sent to {target}",
        f'in servers.toml, identity "{server.identity}": add its IPv{version} tunnel address to addresses, '
        f'or remove {target} from server "{server.name}"',
    )


def size_untested(server: Server) -> Cause:
    """For a required packet size, where nothing inside the tunnel answers echoes."""
    return Cause(
        "nothing inside the tunnel answers echoes, so no size can be tested",
        f'server "{server.name}" has tunnel_mtu = {server.tunnel_mtu}, which an echo of that size proves',
        f'in servers.toml, server "{server.name}": tunnel_ping = ["INNER-ADDRESS"] — one that answers pings; '
        "or remove tunnel_mtu",
    )


def service_refuses(service: InnerService) -> Cause:
    """For a TCP port that refuses connections, or a name server that answers with an error."""
    name, _, address = service.target.rpartition("@")
    if service.kind == "tcp":
        host, _, port = address.rpartition(":")
        return Cause(
            "nothing listens on this port, or a firewall rejects the connection",
            f"{service.target} answered through the tunnel with a reset",
            f"on {host.strip('[]')}: ss -ltn sport = :{port}",
        )
    question = name or "NS ."
    another = "" if name else f' — to ask for a name instead, set tunnel_dns = ["NAME@{address}"]'
    return Cause(
        "the name server cannot resolve, or is not configured to answer this client",
        describe_service(service),
        f"through the tunnel: dig @{address} {question}{another}",
    )
