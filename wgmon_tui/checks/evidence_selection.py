"""Picking kinds of evidence out of what a check left."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

Kind = TypeVar("Kind")


def first_of_kind(kind: type[Kind], evidence: Iterable[object]) -> Kind | None:
    """The first piece of evidence of a kind."""
    return next((each for each in evidence if isinstance(each, kind)), None)


def all_of_kind(kind: type[Kind], evidence: Iterable[object]) -> list[Kind]:
    """All pieces of evidence of a kind, in the order in which they came."""
    return [each for each in evidence if isinstance(each, kind)]
