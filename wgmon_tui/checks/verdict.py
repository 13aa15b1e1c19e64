"""Verdicts, their severities, and the diagnosis of a check."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from wgmon_tui.records import dataclass


class Severity(Enum):
    """How bad a verdict is. Always shown as text, glyph and colour together."""

    UP = ("up", "●", "o")
    DEGRADED = ("degraded", "▲", "^")
    DOWN = ("down", "✖", "X")
    UNKNOWN = ("unknown", "?", "?")
    PAUSED = ("paused", "‖", "=")

    def __init__(self, word: str, glyph: str, ascii_glyph: str) -> None:
        self.word = word
        self.glyph = glyph
        self.ascii_glyph = ascii_glyph

    @property
    def rank(self) -> int:
        """The sort order of a table; 0 is worst."""
        return _WORST_FIRST.index(self)


_WORST_FIRST = [Severity.DOWN, Severity.DEGRADED, Severity.UNKNOWN, Severity.UP, Severity.PAUSED]


class Verdict(Enum):
    """The meaning of a check: a stable slug for scripts, a severity and an explanation."""

    HEALTHY = (
        "healthy",
        Severity.UP,
        "The handshake completed and data came back through the tunnel (not tested with tunnel = false).",
    )
    UNDER_LOAD = (
        "under-load",
        Severity.DEGRADED,
        "The server demanded a cookie before it answered: it is under load, or being flooded.",
    )
    SLOW = (
        "slow",
        Severity.DEGRADED,
        "Answers are authentic, but the handshake or data took longer than this server's limit.",
    )
    LOSSY = (
        "lossy",
        Severity.DEGRADED,
        "Packets are lost: initiations or echoes of the recent checks got no answer.",
    )
    UNPROVEN = (
        "unproven",
        Severity.DEGRADED,
        "The handshake completed, but something that a client needs was not proven. The summary names it.",
    )
    INNER_DEAD = (
        "inner-dead",
        Severity.DEGRADED,
        "The tunnel carries data, but an inner address or service that should answer does not.",
    )
    MTU_BLACKHOLE = (
        "mtu-blackhole",
        Severity.DEGRADED,
        "Small packets pass through the tunnel, large ones are lost. Connections open, then hang.",
    )
    TCP_STALLS = (
        "tcp-stalls",
        Severity.DEGRADED,
        "A TCP connection through the tunnel begins to carry data, then stalls, while other packets pass.",
    )
    FORGOTTEN = (
        "forgotten",
        Severity.DEGRADED,
        "Data reaches the node, but its control plane reports it as offline.",
    )
    TARGET_DOWN = (
        "target-down",
        Severity.DEGRADED,
        "The proxy carries data, but the URL to fetch fails without the proxy too.",
    )
    STUCK_FLOW = (
        "stuck-flow",
        Severity.DEGRADED,
        "The server answers a fresh source port, but not the usual one: a stale entry on the path.",
    )
    ADDRESS_DEAD = (
        "address-dead",
        Severity.DEGRADED,
        "One address of the server's name does not work, while another does: some clients get nothing.",
    )
    DATA_DEAD = (
        "data-dead",
        Severity.DOWN,
        "The handshake completes, but nothing comes back through the tunnel.",
    )
    DIES_AFTER = (
        "dies-after",
        Severity.DOWN,
        "Data passes at first, then the path cuts the flow off. Connections open, then die.",
    )
    WRONG_SERVER_KEY = (
        "wrong-server-key",
        Severity.DOWN,
        "The server's key is not the one in servers.toml. Proven: it answered to another known key.",
    )
    PEER_MISSING = (
        "peer-missing",
        Severity.DOWN,
        "The server answers another identity, but not this one: most likely it does not know the key.",
    )
    WRONG_PARAMETERS = (
        "wrong-parameters",
        Severity.DOWN,
        "The server answers, but not to the parameters in servers.toml. Proven: it answered to others.",
    )
    PSK_MISMATCH = (
        "psk-mismatch",
        Severity.DOWN,
        "The server answers, but the answer does not authenticate with the preshared key configured here.",
    )
    AUTH_FAILED = (
        "auth-failed",
        Severity.DOWN,
        "The server answers, but refuses the credentials of this client.",
    )
    BAD_CERTIFICATE = (
        "bad-certificate",
        Severity.DOWN,
        "A certificate does not verify: its dates, its name or its authority. The summary says which.",
    )
    CIPHER_MISMATCH = (
        "cipher-mismatch",
        Severity.DOWN,
        "The server answers, but accepts none of the ciphers, groups or versions that this client offers.",
    )
    SESSION_REFUSED = (
        "session-refused",
        Severity.DOWN,
        "The server accepts the credentials, but gives this client no session: no address, for example.",
    )
    PROXY_DOWN = (
        "proxy-down",
        Severity.DOWN,
        "The URL answers without the proxy, but not through it.",
    )
    API_FAILED = (
        "api-failed",
        Severity.DOWN,
        "The control plane answers, but its API fails: an error of its own, or no valid answer.",
    )
    BACKEND_DOWN = (
        "backend-down",
        Severity.DOWN,
        "The control plane answers, and reports that a part it needs, such as its database, does not work.",
    )
    SAYS_CONNECTED = (
        "says-connected",
        Severity.DOWN,
        "The control plane reports the node as connected, but no data reaches it.",
    )
    PORT_CLOSED = (
        "port-closed",
        Severity.DOWN,
        "The server itself reports that nothing listens on this port.",
    )
    UNREACHABLE = ("unreachable", Severity.DOWN, "The network reports that the server cannot be reached.")
    SILENT = ("silent", Severity.DOWN, "No answer. Silence alone does not show the cause.")
    REGIONAL = (
        "regional",
        Severity.DOWN,
        "Down from some vantages, but not from others.",
    )
    NOT_WIREGUARD = (
        "not-wireguard",
        Severity.DOWN,
        "Something answers on that port, but it does not speak WireGuard.",
    )
    WRONG_PROTOCOL = (
        "wrong-protocol",
        Severity.DOWN,
        "Something answers on that port, but not with the protocol of this server.",
    )
    DNS_FAILURE = ("dns-failure", Severity.DOWN, "The name of the server does not resolve.")
    LOCAL_FAULT = (
        "local-fault",
        Severity.UNKNOWN,
        "A fault of this machine: the check shows nothing about the server.",
    )
    MISCONFIGURED = (
        "misconfigured",
        Severity.UNKNOWN,
        "The configuration on this machine lacks something that a check needs.",
    )

    def __init__(self, slug: str, severity: Severity, meaning: str) -> None:
        self.slug = slug
        self.severity = severity
        self.meaning = meaning


@dataclass(frozen=True, slots=True)
class Cause:
    """A possible cause: what it is, why it is likely, and what to type to confirm it.

    `hypothesis` is its stable identity, by which evidence can disprove it: see
    protocols/wireguard/contradictions.py.
    """

    cause: str
    why: str
    fix: str
    hypothesis: str = ""
    proven: bool = False


def describe_likelihood(causes: Sequence[Cause], among: int = 0) -> str:
    """Say how sure the first of these causes is: "proven", "likely", or "likely 1 of 3".

    `among` is the number of possible causes where `causes` holds only the first of them.
    """
    if causes[0].proven:
        return "proven"
    number = max(len(causes), among)
    return "likely" if number == 1 else f"likely 1 of {number}"


def causes_heading(causes: Sequence[Cause]) -> str:
    """Return the heading over a list of causes."""
    if causes[0].proven:
        return "Cause, proven" if len(causes) == 1 else "Causes: the first is proven"
    return (
        "Likely cause"
        if len(causes) == 1
        else f"Possible causes, most likely first ({describe_likelihood(causes)})"
    )


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A verdict, its summary sentence, the evidence as text, and the causes, likeliest first.

    `failed_stage` is the name of the stage that failed, "" if none did. It may be a stage that passed in this
    check, where the verdict rests on an earlier one: packet sizes, for example, are tested rarely.
    """

    verdict: Verdict
    summary: str
    evidence: tuple[str, ...] = ()
    causes: tuple[Cause, ...] = ()
    failed_stage: str = ""
