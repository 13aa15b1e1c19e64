"""Selection of evidence by type."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from wgmon_tui.checks.context_evidence import (
    ForeignSession,
    IdentityOnInterface,
    IdentityUsedElsewhere,
    NeighboursFailed,
    OtherVantagesAnswered,
    WorkedUntil,
)
from wgmon_tui.checks.evidence import (
    Evidence,
    MachineStarved,
    NameMoved,
    OnlyServerWatched,
    Silence,
    WitnessProbed,
)

Kind = TypeVar("Kind")


def first_of_kind(kind: type[Kind], evidence: Iterable[object]) -> Kind | None:
    """Return the first evidence of a type, or None."""
    for each in evidence:
        if isinstance(each, kind):
            return each
    return None


def all_of_kind(kind: type[Kind], evidence: Iterable[object]) -> list[Kind]:
    """Return all evidence of a type, in its original order."""
    return [each for each in evidence if isinstance(each, kind)]


_CONTEXT = (
    ForeignSession,
    IdentityOnInterface,
    IdentityUsedElsewhere,
    MachineStarved,
    NameMoved,
    NeighboursFailed,
    OnlyServerWatched,
    OtherVantagesAnswered,
    WitnessProbed,
    WorkedUntil,
)
"""Evidence that is no answer to the check itself."""


def is_only_silence(evidence: Iterable[Evidence]) -> bool:
    """Whether a check found nothing but silence, beside what is known from elsewhere."""
    return {type(each) for each in evidence if not isinstance(each, _CONTEXT)} == {Silence}
