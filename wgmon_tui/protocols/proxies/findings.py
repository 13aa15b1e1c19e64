"""The evidence of a check of a proxy: its kinds, and how to make and read them.

A fetch through the proxy is an `InnerFetch`, as one through a tunnel. All else is a `ProtocolEvidence`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from wgmon_tui.checks.evidence import ProtocolEvidence
from wgmon_tui.checks.fetch_evidence import FetchFault, InnerFetch
from wgmon_tui.net.http_target import HttpTarget
from wgmon_tui.protocols.proxies.link_layers import OUTER_TLS, PAGE_TLS
from wgmon_tui.protocols.proxies.page_fetch import PageFault, PageFetch

CONNECTION: Final = "connection"
"""How the first fetch ended, if no page came: fault, layer, what is wrong with the layer, reason."""

CERTIFICATE: Final = "certificate"
"""The TLS of the proxy: version, ALPN, names, its end in Unix seconds, issuer, OK or UNVERIFIED."""

DIRECT: Final = "direct"
"""A fetch without the proxy: the page, what is wrong with it or OK, its status."""

WRONG_SECRET: Final = "wrong-secret"  # noqa: S105
"""The same fetch with a secret that nobody knows: SAME or OTHER end, and what it was."""

EXIT: Final = "exit"
"""The address from which the proxy sends."""

UDP: Final = "udp"
"""A DNS query through the proxy: name server, OK or what is wrong."""

CLOCK: Final = "clock"
"""By how many seconds this machine's clock is ahead of the Date of a page."""

SERVER_CLOCK: Final = "server-clock"
"""By how many seconds the server's clock is ahead of this machine's, which its response says."""

FOUND: Final = "found"
"""Experiment: a fetch with one thing changed went through. What was changed, and to what."""

WEB_SERVER: Final = "web-server"
"""Experiment: the port answers a plain request of HTTP, and with which status."""

TLS_SERVER: Final = "tls-server"
"""Experiment: the port answers a ClientHello, and the link has no TLS. No values."""

OTHER_NAME: Final = "other-name"
"""What FOUND says was changed, if TLS began with a name that nobody has a reason to block."""

TRIED: Final = "tried"
"""Experiment: a kind of change that did not help, and how many values were tried."""

REPEATED: Final = "repeated"
"""Experiment: how many further connections passed, of how many."""

ELSEWHERE: Final = "elsewhere"
"""The link and the entry differ in host or port. Neither is shown: the link is a secret."""

NO_MLKEM: Final = "no-mlkem"
"""Experiment: the library of this machine cannot make the key share that newer servers of REALITY want."""

NO_MLDSA: Final = "no-mldsa"
"""The link has a key of ML-DSA-65 for REALITY, and a check does not verify that signature. No values."""

NAMES: Final = "names"
"""Experiment: the names in the certificate that was not accepted."""

TIMESTAMPED: Final = "timestamped"
"""The framing of a check whose requests carry the time."""

OK: Final = "ok"
UNVERIFIED: Final = "unverified"
"""Nothing was checked of a certificate, because the link says so."""

SAME: Final = "same"
OTHER: Final = "other"

_FETCH_FAULTS: dict[PageFault, FetchFault] = {
    "unresolved": "unresolved",
    "unreachable": "silent",
    "refused": "refused",
    "silent": "silent",
    "reset": "reset",
    "closed": "closed",
    "no-response": "no-response",
    "stalled": "stalled",
    "slow": "slow",
    "not-http": "not-http",
    "status": "status",
    "text": "text",
}


def to_inner_fetch(page: HttpTarget, found: PageFetch) -> InnerFetch:
    """The evidence of a fetch through the proxy. `connected` is the connection to the proxy itself."""
    opened = dict(found.opened)
    fault = None
    if found.fault:
        is_tls = found.layer in (OUTER_TLS, PAGE_TLS)
        fault = _FETCH_FAULTS.get(found.fault, "tls" if is_tls else "not-http")
    return InnerFetch(
        str(page),
        None,
        fault,
        connected=found.connected,
        encrypted=opened.get(PAGE_TLS),
        responded=found.responded,
        ended=found.ended,
        status=found.status,
        size=found.size,
        rate=found.rate,
        reason=found.reason,
    )


def of_kind(kind: str, evidence: Iterable[object]) -> list[ProtocolEvidence]:
    """The evidence of a kind, in its order."""
    return [each for each in evidence if isinstance(each, ProtocolEvidence) and each.kind == kind]


def first_of(kind: str, evidence: Iterable[object]) -> ProtocolEvidence | None:
    """The first evidence of a kind; None if there is none."""
    return next(iter(of_kind(kind, evidence)), None)
