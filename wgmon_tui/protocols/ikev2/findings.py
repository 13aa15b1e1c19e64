"""The evidence of a check of IKEv2, by its kinds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.evidence import Evidence, ProtocolEvidence
from wgmon_tui.checks.evidence_selection import all_of_kind
from wgmon_tui.checks.verdict import Cause, Verdict
from wgmon_tui.config.models import Server
from wgmon_tui.protocols.ikev2.evidence_kinds import EvidenceKind
from wgmon_tui.protocols.ikev2.iana_numbers import ExchangeType
from wgmon_tui.protocols.ikev2.settings import Ikev2Settings
from wgmon_tui.text import printable

_NOTHING = ("",) * 4
_MOST_DIGITS = 11


def read_number(text: str) -> int | None:
    """The number in a value; None if there is none. Values may come from another machine."""
    return int(text) if text.isdecimal() and len(text) <= _MOST_DIGITS else None


@dataclass(frozen=True, slots=True)
class Meaning:
    """What the evidence means. `stage` is the one that failed, "" if none did."""

    verdict: Verdict
    summary: str
    causes: Sequence[Cause] = ()
    stage: str = ""

    @property
    def has_proof(self) -> bool:
        """Whether a cause is proven."""
        return any(each.proven for each in self.causes)


@dataclass(frozen=True, slots=True)
class Findings:
    """A check, its server, and all evidence on it."""

    check: Check
    server: Server
    evidence: tuple[Evidence, ...]

    @property
    def settings(self) -> Ikev2Settings:
        """The settings of the server."""
        settings = self.server.protocol_settings
        return settings if isinstance(settings, Ikev2Settings) else Ikev2Settings()

    @property
    def local_id(self) -> str:
        """The identity of the check, in words."""
        return self.settings.local_id or self.settings.eap_user or "the subject of the certificate"

    def has(self, kind: EvidenceKind) -> bool:
        """Whether there is evidence of a kind."""
        return bool(self._all(kind))

    def values(self, kind: EvidenceKind) -> tuple[str, ...]:
        """The values of the last evidence of a kind, safe to show, and empty ones behind them."""
        found = self.all_values(kind)
        return found[-1] if found else _NOTHING

    def all_values(self, kind: EvidenceKind) -> list[tuple[str, ...]]:
        """The same of all evidence of a kind."""
        return [(*map(printable, each.values), *_NOTHING) for each in self._all(kind)]

    def values_of(self, kind: EvidenceKind, exchange: ExchangeType) -> tuple[str, ...] | None:
        """The values behind the name of an exchange; None without such evidence."""
        for each in self._all(kind):
            if each.values[:1] == (exchange.name,):
                return (*map(printable, each.values[1:]), *_NOTHING)
        return None

    def _all(self, kind: EvidenceKind) -> list[ProtocolEvidence]:
        return [each for each in all_of_kind(ProtocolEvidence, self.evidence) if each.kind == kind]
