"""The words for what evidence means: verdicts, their severities, and the diagnosis that carries them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Severity(Enum):
    """How bad it is. Always shown as word, glyph and colour together."""

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
        """0 is worst: the order in which a table shows them."""
        return _WORST_FIRST.index(self)


_WORST_FIRST = [Severity.DOWN, Severity.DEGRADED, Severity.UNKNOWN, Severity.UP, Severity.PAUSED]


class Verdict(Enum):
    """What the evidence of a check means: a slug that others script against, a severity, an explanation."""

    HEALTHY = (
        "healthy",
        Severity.UP,
        "The handshake completed and data came back through the tunnel (not asked for with tunnel = false).",
    )
    UNDER_LOAD = (
        "under-load",
        Severity.DEGRADED,
        "The server demanded a cookie before it answered: it is under load, or being flooded.",
    )
    SLOW = ("slow", Severity.DEGRADED, "The handshake completed, but took longer than this server's limit.")
    LOSSY = ("lossy", Severity.DEGRADED, "The handshake completed, but many of the recent ones were lost.")
    UNPROVEN = (
        "unproven",
        Severity.DEGRADED,
        "The handshake completed, but nothing came back through the tunnel and no inner address is known.",
    )
    INNER_DEAD = (
        "inner-dead",
        Severity.DEGRADED,
        "The tunnel carries data, but an inner address or service that should answer does not.",
    )
    MTU_BLACKHOLE = (
        "mtu-blackhole",
        Severity.DEGRADED,
        "Small packets pass through the tunnel; large ones vanish, and connections hang half-way.",
    )
    STUCK_FLOW = (
        "stuck-flow",
        Severity.DEGRADED,
        "The server answers from a fresh source port, but not from ours: something on the way is stuck.",
    )
    DATA_DEAD = (
        "data-dead",
        Severity.DOWN,
        "The handshake completes, but nothing comes back through the tunnel.",
    )
    WRONG_SERVER_KEY = (
        "wrong-server-key",
        Severity.DOWN,
        "The server holds another key than the one in our file; proven, because that one answered.",
    )
    PEER_MISSING = (
        "peer-missing",
        Severity.DOWN,
        "The server does not know our key; proven, because it answered another identity of ours.",
    )
    PSK_MISMATCH = (
        "psk-mismatch",
        Severity.DOWN,
        "The server knows our key and answers, but its answer does not open with our preshared key.",
    )
    PORT_CLOSED = ("port-closed", Severity.DOWN, "The server itself says that nothing listens on this port.")
    UNREACHABLE = ("unreachable", Severity.DOWN, "The network says that the server cannot be reached.")
    SILENT = ("silent", Severity.DOWN, "Nothing came back. Silence alone does not tell why.")
    REGIONAL = (
        "regional",
        Severity.DOWN,
        "Down from some of the places that we look from, and not from the others.",
    )
    NOT_WIREGUARD = (
        "not-wireguard",
        Severity.DOWN,
        "Something answers there, but it does not speak WireGuard.",
    )
    DNS_FAILURE = ("dns-failure", Severity.DOWN, "The name of the server does not resolve.")
    LOCAL_FAULT = (
        "local-fault",
        Severity.UNKNOWN,
        "Our own side could not send: this says nothing about the server.",
    )
    MISCONFIGURED = ("misconfigured", Severity.UNKNOWN, "Our own file lacks something that a check needs.")

    def __init__(self, slug: str, severity: Severity, meaning: str) -> None:
        self.slug = slug
        self.severity = severity
        self.meaning = meaning


@dataclass(frozen=True, slots=True)
class Cause:
    """A possible cause: what, why we think so, and what to type to settle it."""

    cause: str
    why: str
    fix: str


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A verdict, the sentence for a tired human, the evidence in words, and the causes, likeliest first."""

    verdict: Verdict
    summary: str
    evidence: tuple[str, ...] = ()
    causes: tuple[Cause, ...] = ()
