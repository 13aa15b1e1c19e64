"""Causes on the way to the proxy: the port, the path, the uplink, and connections that stop."""

from __future__ import annotations

from collections.abc import Sequence

from wgmon_tui.checks.evidence import FlowCut
from wgmon_tui.checks.fetch_evidence import InnerFetch
from wgmon_tui.checks.verdict import Cause
from wgmon_tui.config.models import Server
from wgmon_tui.net.platforms import PLATFORM


def of_closed_port(server: Server) -> list[Cause]:
    """The port refuses connections."""
    return [
        Cause(
            "the proxy is stopped, or listens on another port",
            f"port {server.endpoint.port} refuses connections",
            f"on the server: ss -ltnp | grep {server.endpoint.port}",
        ),
        Cause(
            "a firewall rejects connections from here",
            "a reset from a firewall looks the same",
            "on the server: nft list ruleset",
        ),
    ]


def of_path(server: Server) -> list[Cause]:
    """No connection."""
    endpoint = server.endpoint
    return [
        Cause(
            "the server is down, or its address is wrong",
            "no connection within the timeout",
            f"ping {endpoint.host}",
        ),
        Cause(
            "a firewall on the path drops packets to that port",
            "this looks like a dead server",
            f"traceroute -T -p {endpoint.port} {endpoint.host}",
        ),
    ]


def with_other_endpoint(ranked: Sequence[Cause]) -> Sequence[Cause]:
    """These causes, and that the server moved: the link names another place than the entry."""
    if any(each.proven for each in ranked):
        return ranked
    why = "the link names another host or port than servers.toml"
    return (
        *ranked,
        Cause("the server moved, and the entry has its old endpoint", why, "import the link again"),
    )


def of_uplink() -> list[Cause]:
    """Nothing answers from here."""
    commands = PLATFORM.commands
    why = "the proxy and every page are silent at the same time"
    return [
        Cause("this machine or its uplink", why, f"{commands.route_table}; {commands.firewall}"),
        Cause(
            "the proxy is down, and this machine reaches pages through it only",
            "no page has answered from here",
            "set fetch_second to a page that answers from here, or witness in config.toml",
        ),
    ]


def of_some_connections(server: Server) -> list[Cause]:
    """Some connections pass."""
    return [
        Cause(
            "the path blocks or loses some connections",
            "censors block a share of the connections that look random",
            f"wgmon-tui probe --count 20 {server.name}",
        ),
        Cause(
            "the server is overloaded, or limits connections of one address",
            "some connections pass and some do not",
            "on the server: ss -s; ulimit -n",
        ),
    ]


def of_stall(server: Server, fetch: InnerFetch) -> list[Cause]:
    """A page begins to come, then stops."""
    is_cut = fetch.fault in ("closed", "reset")
    return [
        Cause(
            f"the path {'ends' if is_cut else 'freezes'} connections after some kilobytes",
            f"the page begins to come, then {'the connection ends' if is_cut else 'nothing does'}",
            f"on the server: tcpdump -ni any tcp port {server.endpoint.port}",
        ),
        Cause(
            "the page itself stops in the middle",
            "a page that hangs looks the same",
            "fetch the page without the proxy",
        ),
    ]


def of_cut(server: Server, cut: FlowCut) -> list[Cause]:
    """A soak found that the flow stops."""
    return [
        Cause(
            "the path freezes connections after some kilobytes",
            f"{cut.size} bytes passed, then {cut.unanswered} requests got no answer",
            f"on the server: tcpdump -ni any tcp port {server.endpoint.port}",
        )
    ]


def of_slowness(server: Server) -> list[Cause]:
    """The page came late."""
    return [
        Cause(
            "the proxy, the path to it or the page is slow",
            "the stages say which step took long",
            f"ping {server.endpoint.host}",
        )
    ]
