"""Garbage collection while the program and a large fleet are loaded."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_YOUNG_OBJECTS = 20_000


def collect_rarely() -> None:
    """Collect garbage less often while this process checks.

    The records of a check are no garbage: they go when the next check replaces them. With the thresholds of
    Python, the search costs a tenth of a check.
    """
    gc.set_threshold(_YOUNG_OBJECTS, 20, 50)


@contextmanager
def collection_paused() -> Iterator[None]:
    """Pause the automatic collection while a fleet is loaded.

    A collection over ten thousand servers takes 80 ms, and what was just loaded is no garbage.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@contextmanager
def loaded_without_collection() -> Iterator[None]:
    """Pause the automatic collection while modules are imported, and exempt them from later ones.

    The collections take a tenth of the time of a start, and modules live as long as the program.
    """
    with collection_paused():
        yield
        gc.freeze()
