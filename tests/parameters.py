"""Parameters of which the default run takes some, and `make thorough` takes the others."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

import pytest
from hypothesis import settings


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


def default_rows(numbers: Collection[int], rows: Sequence[tuple[object, ...]]) -> list[object]:
    """Rows of several parameters. Those with these numbers, from 0, are in the default run.

    Raises ValueError for a number without a row.
    """
    if not numbers or not all(0 <= each < len(rows) for each in numbers):
        raise ValueError(f"the default run has no rows {numbers}")
    return [
        pytest.param(*row, marks=() if number in numbers else pytest.mark.thorough)
        for number, row in enumerate(rows)
    ]


def examples(many: int) -> settings:
    """This many examples in the thorough run (usually 100), and a tenth of them in the default run."""
    return settings(max_examples=max(1, many * settings().max_examples // 100))
