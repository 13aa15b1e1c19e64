"""Parameters of which the default run takes some, and `make thorough` takes the others."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

import pytest


def default_run(
    usual: Collection[object], values: Iterable[object], name: Callable[[object], object] = lambda each: each
) -> list[object]:
    """One parameter for each value. Those whose `name` is not among the usual ones are thorough."""
    return [pytest.param(each, marks=() if name(each) in usual else pytest.mark.thorough) for each in values]
