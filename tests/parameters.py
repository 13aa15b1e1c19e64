"""Parameters of which the default run takes some, and `make thorough` takes the others."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

import pytest


def default_run(
    usual: Collection[object], values: Iterable[object], name: Callable[[object], object] = lambda each: each
) -> list[object]:
    """One parameter for each value. Those whose `name` is not among the usual ones are thorough.

    Raises ValueError for a usual one that is missing: it may have another name now.
    """
    named = [(name(each), each) for each in values]
    missing = [each for each in usual if each not in [word for word, _ in named]]
    if missing or not usual:
        raise ValueError(f"the default run has no {missing or 'value'}")
    return [pytest.param(each, marks=() if word in usual else pytest.mark.thorough) for word, each in named]
