"""Garbage collection while the program and a large fleet are loaded."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


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
