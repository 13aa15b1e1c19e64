"""Selection of evidence by type."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

Kind = TypeVar("Kind")


def first_of_kind(kind: type[Kind], evidence: Iterable[object]) -> Kind | None:
    """Return the first evidence of a type, or None."""
    return next((each for each in evidence if isinstance(each, kind)), None)


def all_of_kind(kind: type[Kind], evidence: Iterable[object]) -> list[Kind]:
    """Return all evidence of a type, in its original order."""
    return [each for each in evidence if isinstance(each, kind)]
