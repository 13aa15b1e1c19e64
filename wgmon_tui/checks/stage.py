"""The stages of a check: how far it came, how long each stage took, and why a stage was left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import Enum

from wgmon_tui.records import dataclass

RESOLVE = "resolve"
REACH = "reach"
RESET = "reset"
TLS = "tls"
WEBSOCKET = "websocket"
HANDSHAKE = "handshake"
SA_INIT = "sa-init"
KEY_EXCHANGE = "key-exchange"
AUTHENTICATE = "authenticate"
PUSH_REPLY = "push-reply"
TUNNEL = "tunnel"
FETCH = "fetch"
UDP = "udp"
DIRECT = "direct"
KEEPALIVE = "keepalive"
API = "api"
BACKEND = "backend"
RELAYS = "relays"
DELETE = "delete"

STAGE_NAMES = (
    RESOLVE,
    REACH,
    RESET,
    TLS,
    WEBSOCKET,
    HANDSHAKE,
    SA_INIT,
    KEY_EXCHANGE,
    AUTHENTICATE,
    PUSH_REPLY,
    TUNNEL,
    FETCH,
    UDP,
    DIRECT,
    KEEPALIVE,
    API,
    BACKEND,
    RELAYS,
    DELETE,
)
"""All names of stages, in their order. A protocol has those that apply to it; a new one is added here."""


_FOUND_EARLIER = "found by the last check of all stages"


class StageOutcome(Enum):
    """How a stage ended. Always shown as glyph and name together."""

    PASSED = ("passed", "✓", "ok")
    FAILED = ("failed", "✖", "X")
    NOT_KNOWN = ("not known", "?", "?")
    """Nothing shows whether it passed: silence, for example, does not show whether packets arrive."""
    NOT_RUN = ("not run", "–", "-")
    """An earlier stage failed, the stage is not configured, or it is not needed."""

    def __init__(self, word: str, glyph: str, ascii_glyph: str) -> None:
        self.word = word
        self.glyph = glyph
        self.ascii_glyph = ascii_glyph

    @property
    def slug(self) -> str:
        """The name for scripts: `passed`, `failed`, `not-known` or `not-run`."""
        return self.word.replace(" ", "-")


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of a check.

    `seconds` is the time until the answer of this stage: of a lookup, a handshake, or data in the tunnel.
    It is None if nothing was measured. `detail` is one line: what was found, or why the stage did not run.
    """

    name: str
    outcome: StageOutcome
    seconds: float | None = None
    detail: str = ""


def as_earlier(stages: Sequence[Stage]) -> tuple[Stage, ...]:
    """Stages that an earlier check ran, for one that did not. Their times are of that check, and left out."""
    return tuple(replace(each, seconds=None, detail=each.detail or _FOUND_EARLIER) for each in stages)


def find_failed_stage(stages: Sequence[Stage]) -> Stage | None:
    """Return the stage at which a check failed; None if no stage failed."""
    return next((each for each in stages if each.outcome is StageOutcome.FAILED), None)
