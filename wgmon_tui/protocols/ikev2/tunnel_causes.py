"""Causes of tunnels that are refused, filtered or dead."""

from __future__ import annotations

from wgmon_tui.checks.verdict import Cause
from wgmon_tui.protocols.ikev2.causes import LIST_CONFIGURATION, LOG
from wgmon_tui.protocols.ikev2.iana_numbers import Notify
from wgmon_tui.protocols.ikev2.settings import Ikev2Settings


def full_pool() -> Cause:
    """The server has no address left."""
    return Cause(
        "the pool of addresses is used up, or the connection has none",
        "the server answered INTERNAL_ADDRESS_FAILURE",
        "on the server: swanctl --list-pools --leases",
    )


def child_later() -> Cause:
    """The server obeys RFC 6023 alone: clients ask for a CHILD_SA once the IKE SA is up, a check does not."""
    return Cause(
        "the server makes a CHILD_SA only after IKE_AUTH (childless = force), and a check asks for it there",
        "it accepts IKE_AUTH without a CHILD_SA, and answers one with it INVALID_SYNTAX",
        "In servers.toml, set tunnel = false, and check a machine behind the server by other means.",
        proven=True,
    )


def child_refused(notify: str, settings: Ikev2Settings) -> Cause:
    """The server made no CHILD_SA."""
    own = "those of servers.toml" if settings.esp_proposals else "the ESP algorithms of wgmon-tui"
    reasons = {
        Notify.NO_PROPOSAL_CHOSEN.name: f"esp_proposals of the child on the server and {own} have nothing in "
        "common, or the kernel there lacks them",
        Notify.TS_UNACCEPTABLE.name: "the traffic selectors of the child on the server (local_ts, remote_ts) "
        "do not fit, or its kernel cannot set them",
    }
    return Cause(
        reasons.get(
            notify, "the connection on the server has no child that fits, or its kernel cannot make one"
        ),
        f"the server answered {notify}",
        LIST_CONFIGURATION,
    )


def excluded_targets(targets: str, networks: str) -> Cause:
    """The server lets no packets to an address through."""
    return Cause(
        f"the server lets no packets to {targets} through the tunnel",
        f"its traffic selectors are {networks}",
        "on the server: grep local_ts /etc/swanctl/conf.d/*.conf — set tunnel_ping to an address of these "
        "networks",
        proven=True,
    )


def excluded_address(networks: str) -> Cause:
    """The server assigned an address, and lets no packets from it through."""
    return Cause(
        "the server assigned an inner address that its traffic selectors exclude",
        f"it lets packets from {networks} through",
        "on the server: swanctl --list-conns --list-pools — compare remote_ts of the child with the pool",
        proven=True,
    )


def dead_tunnel(targets: str) -> list[Cause]:
    """Nothing comes back through the CHILD_SA."""
    return [
        Cause(
            "the server does not forward packets of the tunnel, or a firewall there drops them",
            f"no echo of {targets} came back",
            "on the server: sysctl net.ipv4.ip_forward; nft list ruleset; swanctl --list-sas",
        ),
        Cause(
            "the path drops ESP in UDP, and lets IKE pass",
            "both go to port 4500, and differ in their first bytes",
            "on the server: tcpdump -ni any udp port 4500 — do lines with UDP-encap: ESP appear?",
        ),
    ]


def ended_by_server() -> list[Cause]:
    """The server deleted the session while data was tested."""
    why = "it sent DELETE for the session of this check"
    return [
        Cause("another client connected with the identity of this check", f"{why}; see uniqueids", LOG),
        Cause("the IKE daemon was stopped or reloaded during the check", why, LOG),
    ]


def dead_targets(targets: str) -> Cause:
    """Some inner addresses do not answer."""
    return Cause(
        f"{targets} is down, or has no route back to the tunnel",
        "other data came back through the tunnel",
        f"on the server: ping {targets}",
    )
