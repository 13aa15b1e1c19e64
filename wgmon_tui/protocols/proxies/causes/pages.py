"""Causes behind the proxy: the page, and what the proxy itself can reach."""

from __future__ import annotations

from wgmon_tui.checks.evidence import ProtocolEvidence
from wgmon_tui.checks.verdict import Cause
from wgmon_tui.protocols.proxies.words import describe_own


def of_dead_page(url: str) -> list[Cause]:
    """The page is down, the proxy is not."""
    return [Cause("the page is down, or expects something else", "it fails directly, too", f"curl -si {url}")]


def of_blocked_page(url: str) -> list[Cause]:
    """The proxy brings one page and not the other."""
    return [
        Cause(
            "the proxy may not reach the page: a rule, its DNS or its own network",
            "the page answers without the proxy, and another one comes through it",
            f"on the server: curl -si {url}",
        ),
        Cause(
            "the page refuses the address of the proxy",
            "pages often block the addresses of data centres",
            f"on the server: curl -si {url}",
        ),
    ]


def of_dead_exit() -> list[Cause]:
    """The proxy accepts the secret, but brings nothing."""
    return [
        Cause(
            "the proxy has no connection to the outside: its DNS, its route or its outbound",
            "its answer is authentic, and the pages answer without it",
            "on the server: curl -si http://www.gstatic.com/generate_204",
            proven=True,
        )
    ]


def of_udp(found: ProtocolEvidence) -> list[Cause]:
    """TCP passes and UDP does not."""
    return [
        Cause(
            "the server does not relay UDP, or a firewall drops it",
            describe_own(found),
            "on the server: look for its option of UDP (ss-server -u)",
        ),
        Cause(
            "the name server does not answer the proxy",
            describe_own(found),
            f"on the server: dig @{found.values[0]} .",
        ),
    ]
